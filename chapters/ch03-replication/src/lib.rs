//! Chapter 3: several brokers keep copies of a partition, and what all in-sync copies have is safe.
//!
//! What a leader and a follower do is decided by two machines without disk, network or clock: `leader` (how far everyone
//! has come, who is in sync, what consumers may see) and `follower` (fetch, truncate, begin anew). `isr` is the set of
//! in-sync replicas while it changes, `epoch_end` how two logs find the point where they part.
//!
//! `replica` is where they meet a log (`replica_serving`, `replica_follower`: what each role does), `replica_manager` has all
//! of a broker's. `fetcher` copies, as fast as `copy_limits` says; `catch_up` and `lost_disk` ask before a broker leads. `peers` knows what the other
//! brokers say of themselves, `topic_copy` follows the one that decides about topics.

pub mod broker;
pub mod catch_up;
pub mod cluster;
pub mod config;
pub mod copy_limits;
pub mod epoch_end;
pub mod fetcher;
pub mod follower;
pub mod handlers;
pub mod isr;
pub mod leader;
pub mod leader_store;
pub mod lost_disk;
pub mod messages;
pub mod metrics;
pub mod peers;
pub mod replica;
pub mod replica_context;
pub mod replica_follower;
pub mod replica_manager;
pub mod replica_roles;
pub mod replica_serving;
pub mod topic_copy;
