//! Chapter 4: leaders move. A quorum keeps the cluster's metadata as a log, and the leader of the quorum, the controller,
//! decides by writing to it.
//!
//! `quorum` agrees on a log; `records` are what stands in it, `image` what they add up to; `controller` decides what is
//! written next. All four are without disk, network or clock, and each can be read without the others. `zookeeper` is how
//! it was before.
//!
//! Around the quorum: `metadata_log` and `quorum_state` are its disk, `quorum_links` and `quorum_wire` its network,
//! `quorum_node` and `quorum_driver` run it, `quorum_listener` lets others ask. `formation`: which cluster is this? `format`
//! says so beforehand; `earlier_folder` has what brokers of earlier chapters left.
//!
//! Around the controller: `active_controller` runs it where the quorum leads, `controller_channel` finds it,
//! `controller_metrics` shows what operators watch.
//!
//! `node_start` and `broker_start` put it together. Around a broker: `broker_lifecycle` registers it, `metadata_publisher`
//! acts on the image, `assigned_partitions` has its partitions, `fetchers` copy, `replication_quotas` (with `rate_meter`) says how fast, `isr_changes`, `directory_assignments` and
//! `producer_ids` tell or ask the controller.

#[path = "../../../chapters/ch04-controller/src/active_controller.rs"]
pub mod active_controller;
#[path = "../../../chapters/ch04-controller/src/assigned_partitions.rs"]
pub mod assigned_partitions;
#[path = "../../../chapters/ch04-controller/src/broker.rs"]
pub mod broker;
#[path = "../../../chapters/ch04-controller/src/broker_lifecycle.rs"]
pub mod broker_lifecycle;
#[path = "../../../chapters/ch04-controller/src/broker_start.rs"]
mod broker_start;
#[path = "../../../chapters/ch04-controller/src/config.rs"]
pub mod config;
#[path = "../../../chapters/ch04-controller/src/config_rules.rs"]
pub mod config_rules;
// Some of it is yours:
pub mod controller;
#[path = "../../../chapters/ch04-controller/src/controller_channel.rs"]
pub mod controller_channel;
#[path = "../../../chapters/ch04-controller/src/controller_listener.rs"]
pub mod controller_listener;
#[path = "../../../chapters/ch04-controller/src/controller_metrics.rs"]
pub mod controller_metrics;
#[path = "../../../chapters/ch04-controller/src/decided.rs"]
pub mod decided;
#[path = "../../../chapters/ch04-controller/src/directory_assignments.rs"]
pub mod directory_assignments;
#[path = "../../../chapters/ch04-controller/src/earlier_folder.rs"]
pub mod earlier_folder;
#[path = "../../../chapters/ch04-controller/src/features.rs"]
pub mod features;
#[path = "../../../chapters/ch04-controller/src/fetchers.rs"]
pub mod fetchers;
#[path = "../../../chapters/ch04-controller/src/format.rs"]
pub mod format;
#[path = "../../../chapters/ch04-controller/src/formation.rs"]
pub mod formation;
#[path = "../../../chapters/ch04-controller/src/handlers/mod.rs"]
pub mod handlers;
// Some of it is yours:
pub mod image;
#[path = "../../../chapters/ch04-controller/src/isolation.rs"]
pub mod isolation;
#[path = "../../../chapters/ch04-controller/src/isr_changes.rs"]
pub mod isr_changes;
#[path = "../../../chapters/ch04-controller/src/messages/mod.rs"]
pub mod messages;
#[path = "../../../chapters/ch04-controller/src/metadata_log.rs"]
pub mod metadata_log;
#[path = "../../../chapters/ch04-controller/src/metadata_publisher.rs"]
pub mod metadata_publisher;
#[path = "../../../chapters/ch04-controller/src/node_start.rs"]
mod node_start;
#[path = "../../../chapters/ch04-controller/src/outside.rs"]
pub mod outside;
#[path = "../../../chapters/ch04-controller/src/producer_ids.rs"]
pub mod producer_ids;
// Some of it is yours:
pub mod quorum;
#[path = "../../../chapters/ch04-controller/src/quorum_driver.rs"]
mod quorum_driver;
#[path = "../../../chapters/ch04-controller/src/quorum_links.rs"]
pub mod quorum_links;
#[path = "../../../chapters/ch04-controller/src/quorum_listener.rs"]
pub mod quorum_listener;
#[path = "../../../chapters/ch04-controller/src/quorum_node.rs"]
pub mod quorum_node;
#[path = "../../../chapters/ch04-controller/src/quorum_state.rs"]
pub mod quorum_state;
#[path = "../../../chapters/ch04-controller/src/quorum_wire.rs"]
pub mod quorum_wire;
#[path = "../../../chapters/ch04-controller/src/rate_meter.rs"]
pub mod rate_meter;
#[path = "../../../chapters/ch04-controller/src/records/mod.rs"]
pub mod records;
#[path = "../../../chapters/ch04-controller/src/replication_quotas.rs"]
pub mod replication_quotas;
#[path = "../../../chapters/ch04-controller/src/zookeeper.rs"]
pub mod zookeeper;
// Yours:
pub mod why;
