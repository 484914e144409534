//! The tests of chapter 2: through the public API only, with nothing but what the chapter itself uses, so that an
//! exercise can be run against them.

#[path = "../ch01/support/mod.rs"]
mod ch01;
mod clean_batch;
mod cleanable;
mod cleaner;
mod config;
mod config_change;
mod config_entries;
mod dedupe_map;
mod deletion;
mod retention;
mod stage;
mod support;
mod swap_recovery;
mod throttle;
mod transactions;
