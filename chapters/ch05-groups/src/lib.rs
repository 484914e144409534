//! Chapter 5: consumers share the partitions of a topic, and come back to where they were.
//!
//! `records` are what stands in `__consumer_offsets`, the log of all groups; `consumer_protocol` is what consumers tell each
//! other by way of the broker.

pub mod consumer_protocol;
pub mod messages;
pub mod records;
