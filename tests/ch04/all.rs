//! Chapter 4.

#[path = "../ch01/support/mod.rs"]
mod ch01;
mod difference;
mod golden;
mod image;
mod metadata_log;
mod quorum_node;
mod records;
