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

pub mod active_controller;
pub mod assigned_partitions;
pub mod broker;
pub mod broker_lifecycle;
mod broker_start;
pub mod config;
pub mod config_rules;
pub mod controller;
pub mod controller_channel;
pub mod controller_listener;
pub mod controller_metrics;
pub mod decided;
pub mod directory_assignments;
pub mod earlier_folder;
pub mod features;
pub mod fetchers;
pub mod format;
pub mod formation;
pub mod handlers;
pub mod image;
pub mod isolation;
pub mod isr_changes;
pub mod messages;
pub mod metadata_log;
pub mod metadata_publisher;
mod node_start;
pub mod outside;
pub mod producer_ids;
pub mod quorum;
mod quorum_driver;
pub mod quorum_links;
pub mod quorum_listener;
pub mod quorum_node;
pub mod quorum_state;
pub mod quorum_wire;
pub mod rate_meter;
pub mod records;
pub mod replication_quotas;
pub mod zookeeper;
