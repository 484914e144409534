//! The tests of chapter 4: through the public API only, with nothing but what the chapter itself uses, so that an
//! exercise can be run against them.

#[path = "../ch01/support/mod.rs"]
mod ch01;
mod controller;
mod controller_golden;
mod controller_metrics;
mod controller_support;
mod difference;
mod election;
mod formation;
mod golden;
mod image;
mod isr;
mod metadata_log;
mod moves;
mod placement;
mod quorum;
mod quorum_commit;
mod quorum_vote;
mod records;
mod replica_roles;
mod replication_quotas;
mod sessions;
mod takeover;
