//! Chapter 2: what goes from a log, and when: whole segments by age and size, and records that newer ones of the same key
//! have taken the place of.
//!
//! What is to be done is decided purely (`retention`, `cleanable`, `dedupe_map`, `transactions`, `clean_batch`); doing it
//! is apart (`deletion`, `cleaner`), and so is who does it when (`maintenance`).

pub mod broker;
pub mod clean_batch;
pub mod cleanable;
pub mod cleaner;
pub mod cleaner_checkpoint;
pub mod cleanup;
pub mod config;
pub mod dedupe_map;
pub mod deletion;
pub mod handlers;
pub mod live_config;
pub mod maintenance;
pub mod messages;
pub mod retention;
pub mod throttle;
pub mod transactions;
