//! The tests of chapter 5: through the public API only, with nothing but what the chapter itself uses, so that an
//! exercise can be run against them.

mod assignors;
mod consumer;
mod consumer_golden;
mod consumer_support;
mod records;
