//! Chapter 5: consumers share the partitions of a topic, and come back to where they were.
//!
//! Machines without disk, network or clock: `shard` is one partition of `__consumer_offsets`, with its groups (`classic`) and
//! what they have committed (`offsets`). Around them `coordinator` has a task for each shard that this broker leads
//! (`shard_task`), which reads it back first (`load`).
//!
//! `records` are what stands in `__consumer_offsets`, the log of all groups; `consumer_protocol` is what consumers tell each
//! other by way of the broker. `consumer` is a group of the protocol in which the broker assigns partitions, `assignor` how
//! it does.

// Some of it is yours:
pub mod assignor;
#[path = "../../../chapters/ch05-groups/src/broker.rs"]
pub mod broker;
// Some of it is yours:
pub mod classic;
#[path = "../../../chapters/ch05-groups/src/config.rs"]
pub mod config;
#[path = "../../../chapters/ch05-groups/src/consumer/mod.rs"]
pub mod consumer;
#[path = "../../../chapters/ch05-groups/src/consumer_protocol.rs"]
pub mod consumer_protocol;
#[path = "../../../chapters/ch05-groups/src/coordinator.rs"]
pub mod coordinator;
#[path = "../../../chapters/ch05-groups/src/handlers/mod.rs"]
pub mod handlers;
#[path = "../../../chapters/ch05-groups/src/load.rs"]
pub mod load;
#[path = "../../../chapters/ch05-groups/src/messages/mod.rs"]
pub mod messages;
// Yours:
pub mod offsets;
#[path = "../../../chapters/ch05-groups/src/records/mod.rs"]
pub mod records;
#[path = "../../../chapters/ch05-groups/src/settings.rs"]
pub mod settings;
#[path = "../../../chapters/ch05-groups/src/shard/mod.rs"]
pub mod shard;
#[path = "../../../chapters/ch05-groups/src/shard_task.rs"]
mod shard_task;
#[path = "../../../chapters/ch05-groups/src/step.rs"]
pub mod step;
// Yours:
pub mod lag;
