//! Real brokers, as processes of their own, driven by a real client (librdkafka) and by bytes no client would send.
//!
//! Every test runs against its own chapter's broker and against the newest. `MINI_KAFKA_BROKER` names another program to
//! test in their place, such as a reader's own.

#[path = "broker/configs.rs"]
mod configs;
#[path = "broker/errors.rs"]
mod errors;
#[path = "broker/failover.rs"]
mod failover;
#[path = "broker/fencing.rs"]
mod fencing;
#[path = "broker/first_broker.rs"]
mod first_broker;
#[path = "broker/groups.rs"]
mod groups;
#[path = "broker/harness.rs"]
mod harness;
#[path = "broker/kill.rs"]
mod kill;
#[path = "broker/lifecycle.rs"]
mod lifecycle;
#[path = "broker/lost_records.rs"]
mod lost_records;
#[path = "broker/metadata.rs"]
mod metadata;
#[path = "broker/metrics.rs"]
mod metrics;
#[path = "broker/offsets.rs"]
mod offsets;
#[path = "broker/partitions.rs"]
mod partitions;
#[path = "broker/replication.rs"]
mod replication;
#[path = "broker/retention.rs"]
mod retention;
#[path = "broker/round_trip.rs"]
mod round_trip;
#[path = "broker/scale_out.rs"]
mod scale_out;
#[path = "broker/takeover.rs"]
mod takeover;
#[path = "broker/waiting.rs"]
mod waiting;
