//! What the nodes of a quorum, brokers and tools ask.

pub mod broker_heartbeat;
pub mod decided;
pub mod describe_controllers;
pub mod describe_quorum;
pub mod fetch_snapshot;
pub mod init_producer_id;
pub mod list_config_resources;
pub mod metadata;
pub mod metadata_fetch;
pub mod new_leader;
pub mod quorum;
