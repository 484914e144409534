//! Chapter 2: what goes from a log, and when: whole segments by age and size, and records that newer ones of the same key
//! have taken the place of.
//!
//! What is to be done is decided purely (`retention`, `cleanable`, `dedupe_map`, `transactions`, `clean_batch`); doing it
//! is apart (`deletion`, `cleaner`).

pub mod clean_batch;
pub mod cleanable;
pub mod cleaner;
pub mod cleaner_checkpoint;
pub mod cleanup;
pub mod dedupe_map;
pub mod deletion;
pub mod retention;
pub mod transactions;
