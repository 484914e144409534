//! The tests of chapter 4: through the public API only, with nothing but what the chapter itself uses, so that an
//! exercise can be run against them.

#[path = "../ch01/support/mod.rs"]
mod ch01;
mod controller_support;
mod difference;
mod golden;
mod image;
mod metadata_log;
mod quorum;
mod quorum_commit;
mod quorum_node;
mod quorum_vote;
mod records;
