//! What the nodes of a quorum, brokers and tools ask.

pub mod describe_controllers;
pub mod describe_quorum;
pub mod fetch_snapshot;
pub mod metadata_fetch;
pub mod quorum;
