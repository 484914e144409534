//! Chapter 2: what goes from a log, and when: whole segments by age and size, and records that newer ones of the same key
//! have taken the place of.
//!
//! What is to be done is decided purely (`retention`, `cleanable`, `dedupe_map`, `transactions`, `clean_batch`); doing it
//! is apart (`deletion`, `cleaner`), and so is who does it when (`maintenance`). What is configured can be looked at
//! (`config_entries`) and changed (`config_change`) while the broker runs (`config_admin`).

#[path = "../../../chapters/ch02-retention/src/broker.rs"]
pub mod broker;
// Yours:
pub mod clean_batch;
// Yours:
pub mod cleanable;
#[path = "../../../chapters/ch02-retention/src/cleaner.rs"]
pub mod cleaner;
#[path = "../../../chapters/ch02-retention/src/cleaner_checkpoint.rs"]
pub mod cleaner_checkpoint;
#[path = "../../../chapters/ch02-retention/src/cleanup.rs"]
pub mod cleanup;
#[path = "../../../chapters/ch02-retention/src/config.rs"]
pub mod config;
#[path = "../../../chapters/ch02-retention/src/config_admin.rs"]
pub mod config_admin;
#[path = "../../../chapters/ch02-retention/src/config_change.rs"]
pub mod config_change;
#[path = "../../../chapters/ch02-retention/src/config_entries.rs"]
pub mod config_entries;
#[path = "../../../chapters/ch02-retention/src/config_keys.rs"]
pub mod config_keys;
// Yours:
pub mod dedupe_map;
#[path = "../../../chapters/ch02-retention/src/deletion.rs"]
pub mod deletion;
#[path = "../../../chapters/ch02-retention/src/handlers/mod.rs"]
pub mod handlers;
#[path = "../../../chapters/ch02-retention/src/live_config.rs"]
pub mod live_config;
#[path = "../../../chapters/ch02-retention/src/maintenance.rs"]
pub mod maintenance;
#[path = "../../../chapters/ch02-retention/src/messages/mod.rs"]
pub mod messages;
// Yours:
pub mod retention;
// Yours:
pub mod swap_recovery;
// Yours:
pub mod throttle;
#[path = "../../../chapters/ch02-retention/src/transactions.rs"]
pub mod transactions;
#[path = "../../../chapters/ch02-retention/src/volume.rs"]
pub mod volume;
#[path = "../../../chapters/ch02-retention/src/whole_config.rs"]
pub mod whole_config;
// Yours:
pub mod table;
