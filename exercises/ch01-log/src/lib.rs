//! Chapter 1: the log, and a single-node broker that clients produce to and consume from.

// Yours:
pub mod batch;
#[path = "../../../chapters/ch01-log/src/broker.rs"]
pub mod broker;
#[path = "../../../chapters/ch01-log/src/builder.rs"]
pub mod builder;
#[path = "../../../chapters/ch01-log/src/clock.rs"]
pub mod clock;
#[path = "../../../chapters/ch01-log/src/compression.rs"]
pub mod compression;
#[path = "../../../chapters/ch01-log/src/config.rs"]
pub mod config;
#[path = "../../../chapters/ch01-log/src/disk.rs"]
pub mod disk;
#[path = "../../../chapters/ch01-log/src/handlers/mod.rs"]
pub mod handlers;
#[path = "../../../chapters/ch01-log/src/index_file.rs"]
pub mod index_file;
#[path = "../../../chapters/ch01-log/src/leader_epochs.rs"]
pub mod leader_epochs;
#[path = "../../../chapters/ch01-log/src/local_partition.rs"]
pub mod local_partition;
#[path = "../../../chapters/ch01-log/src/log.rs"]
pub mod log;
#[path = "../../../chapters/ch01-log/src/log_copy.rs"]
pub mod log_copy;
#[path = "../../../chapters/ch01-log/src/log_dir.rs"]
pub mod log_dir;
#[path = "../../../chapters/ch01-log/src/log_housekeeping.rs"]
pub mod log_housekeeping;
#[path = "../../../chapters/ch01-log/src/log_manager.rs"]
pub mod log_manager;
#[path = "../../../chapters/ch01-log/src/log_search.rs"]
pub mod log_search;
// Yours:
pub mod log_upkeep;
#[path = "../../../chapters/ch01-log/src/messages/mod.rs"]
pub mod messages;
#[path = "../../../chapters/ch01-log/src/metadata.rs"]
pub mod metadata;
// Yours:
pub mod offset_index;
#[path = "../../../chapters/ch01-log/src/partition.rs"]
pub mod partition;
#[path = "../../../chapters/ch01-log/src/producer_ids.rs"]
pub mod producer_ids;
// Yours:
pub mod producer_state;
#[path = "../../../chapters/ch01-log/src/record.rs"]
pub mod record;
// Yours:
pub mod recovery;
#[path = "../../../chapters/ch01-log/src/refusals.rs"]
pub mod refusals;
#[path = "../../../chapters/ch01-log/src/replicas.rs"]
pub mod replicas;
#[path = "../../../chapters/ch01-log/src/scan.rs"]
pub mod scan;
// Yours:
pub mod segment;
#[path = "../../../chapters/ch01-log/src/segment_info.rs"]
pub mod segment_info;
// Yours:
pub mod segment_read;
#[path = "../../../chapters/ch01-log/src/segment_repair.rs"]
pub mod segment_repair;
#[path = "../../../chapters/ch01-log/src/segment_swap.rs"]
pub mod segment_swap;
#[path = "../../../chapters/ch01-log/src/text_checkpoint.rs"]
pub mod text_checkpoint;
// Yours:
pub mod time_index;
#[path = "../../../chapters/ch01-log/src/topic_install.rs"]
pub mod topic_install;
#[path = "../../../chapters/ch01-log/src/topic_settings.rs"]
pub mod topic_settings;
#[path = "../../../chapters/ch01-log/src/topic_store.rs"]
pub mod topic_store;
#[path = "../../../chapters/ch01-log/src/topics.rs"]
pub mod topics;
#[path = "../../../chapters/ch01-log/src/txn_index.rs"]
pub mod txn_index;
// Yours:
pub mod validate;
// Yours:
pub mod follow;
