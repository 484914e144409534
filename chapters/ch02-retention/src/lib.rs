//! Chapter 2: what goes from a log, and when: whole segments by age and size, and records that newer ones of the same key
//! have taken the place of.
//!
//! What is to be done is decided purely (`retention`, `cleanable`, `dedupe_map`, `transactions`, `clean_batch`); doing it
//! is apart (`deletion`, `cleaner`), and so is who does it when (`maintenance`). What is configured can be looked at
//! (`config_entries`) and changed (`config_change`) while the broker runs (`config_admin`).

pub mod broker;
pub mod clean_batch;
pub mod cleanable;
pub mod cleaner;
pub mod cleaner_checkpoint;
pub mod cleanup;
pub mod config;
pub mod config_admin;
pub mod config_change;
pub mod config_entries;
pub mod config_keys;
pub mod dedupe_map;
pub mod deletion;
pub mod handlers;
pub mod live_config;
pub mod maintenance;
pub mod messages;
pub mod retention;
pub mod swap_recovery;
pub mod throttle;
pub mod transactions;
pub mod volume;
pub mod whole_config;
