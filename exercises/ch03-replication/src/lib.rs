//! Chapter 3: several brokers keep copies of a partition, and what all in-sync copies have is safe.
//!
//! What a leader and a follower do is decided by two machines without disk, network or clock: `leader` (how far everyone
//! has come, who is in sync, what consumers may see) and `follower` (fetch, truncate, begin anew). `isr` is the set of
//! in-sync replicas while it changes, `epoch_end` how two logs find the point where they part.
//!
//! `replica` is where they meet a log (`replica_serving`, `replica_follower`: what each role does), `replica_manager` has all
//! of a broker's. `fetcher` copies, as fast as `copy_limits` says; `catch_up` and `lost_disk` ask before a broker leads. `peers` knows what the other
//! brokers say of themselves, `topic_copy` follows the one that decides about topics.

#[path = "../../../chapters/ch03-replication/src/broker.rs"]
pub mod broker;
#[path = "../../../chapters/ch03-replication/src/catch_up.rs"]
pub mod catch_up;
#[path = "../../../chapters/ch03-replication/src/cluster.rs"]
pub mod cluster;
#[path = "../../../chapters/ch03-replication/src/config.rs"]
pub mod config;
#[path = "../../../chapters/ch03-replication/src/copy_limits.rs"]
pub mod copy_limits;
// Yours:
pub mod epoch_end;
#[path = "../../../chapters/ch03-replication/src/fetcher.rs"]
pub mod fetcher;
// Yours:
pub mod follower;
#[path = "../../../chapters/ch03-replication/src/handlers/mod.rs"]
pub mod handlers;
// Yours:
pub mod isr;
// Yours:
pub mod leader;
#[path = "../../../chapters/ch03-replication/src/leader_store.rs"]
pub mod leader_store;
#[path = "../../../chapters/ch03-replication/src/lost_disk.rs"]
pub mod lost_disk;
#[path = "../../../chapters/ch03-replication/src/messages/mod.rs"]
pub mod messages;
#[path = "../../../chapters/ch03-replication/src/metrics.rs"]
pub mod metrics;
#[path = "../../../chapters/ch03-replication/src/peers.rs"]
pub mod peers;
#[path = "../../../chapters/ch03-replication/src/replica.rs"]
pub mod replica;
#[path = "../../../chapters/ch03-replication/src/replica_context.rs"]
pub mod replica_context;
#[path = "../../../chapters/ch03-replication/src/replica_follower.rs"]
pub mod replica_follower;
#[path = "../../../chapters/ch03-replication/src/replica_manager.rs"]
pub mod replica_manager;
#[path = "../../../chapters/ch03-replication/src/replica_roles.rs"]
pub mod replica_roles;
// Yours:
pub mod replica_serving;
#[path = "../../../chapters/ch03-replication/src/topic_copy.rs"]
pub mod topic_copy;
// Yours:
pub mod quota;
