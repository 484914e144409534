//! Chapter 2: what goes from a log, and when: whole segments by age and size, and records that newer ones of the same key
//! have taken the place of.
//!
//! What is to be done is decided purely (`retention`, `cleanable`, `clean_batch`, `transactions`, `dedupe_map`); doing it
//! is apart (`deletion`, `cleaner`).

pub mod cleanup;
pub mod retention;
