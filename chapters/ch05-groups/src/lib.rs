//! Chapter 5: consumers share the partitions of a topic, and come back to where they were.
//!
//! Machines without disk, network or clock: `shard` is one partition of `__consumer_offsets`, with its groups (`classic`) and
//! what they have committed (`offsets`). Around them `coordinator` has a task for each shard that this broker leads
//! (`shard_task`), which reads it back first (`load`).
//!
//! `records` are what stands in `__consumer_offsets`, the log of all groups; `consumer_protocol` is what consumers tell each
//! other by way of the broker. `consumer` is a group of the protocol in which the broker assigns partitions, `assignor` how
//! it does.

pub mod assignor;
pub mod broker;
pub mod classic;
pub mod config;
pub mod consumer;
pub mod consumer_protocol;
pub mod coordinator;
pub mod handlers;
pub mod load;
pub mod messages;
pub mod offsets;
pub mod records;
pub mod settings;
pub mod shard;
mod shard_task;
pub mod step;
