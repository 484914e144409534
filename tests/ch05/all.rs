//! The tests of chapter 5: through the public API only, with nothing but what the chapter itself uses, so that an
//! exercise can be run against them.

mod assignors;
mod barrier;
mod consumer;
mod consumer_golden;
mod consumer_support;
mod fence;
mod group_record;
mod offsets;
mod records;
mod silence;
mod support;
mod vote;
