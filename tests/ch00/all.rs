//! The tests of chapter 0, one module for each module taught; `cargo test -p ch00-wire codec` runs one of them.
//!
//! They use the public API only, so that they also run against a reader's own version of the chapter.

mod by_hand;
mod client;
mod codec;
mod config;
mod connection;
mod frame;
mod golden;
mod header;
mod hostile;
mod limits;
mod properties;
mod router;
mod small;
mod stop;
mod support;
mod table;
