//! Chapter 3: several brokers keep copies of a partition, and what all in-sync copies have is safe.
//!
//! What a leader and a follower do is decided by two machines without disk, network or clock: `leader` (how far everyone
//! has come, who is in sync, what consumers may see) and `follower` (fetch, truncate, begin anew). `isr` is the set of
//! in-sync replicas while it changes, `epoch_end` how two logs find the point where they part.

// Yours:
pub mod epoch_end;
// Yours:
pub mod follower;
// Yours:
pub mod isr;
// Yours:
pub mod leader;
