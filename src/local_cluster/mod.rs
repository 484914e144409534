//! A cluster of several brokers on one machine, as `mini-kafka cluster` runs it: the part of it that is decided and shown
//! without processes, sockets and files.
//!
//! ```text
//! plan: who has which ports and settings --> processes --> member: what runs, and what may be done to it
//!                                                |                            |
//!                             Metadata, DescribeQuorum, ListOffsets           |
//!                                                v                            v
//!                                     view: who leads, who follows, how far everyone is
//!                                                |
//!                                      table, or changes: a line for each
//! ```

pub mod changes;
pub mod member;
pub mod plan;
pub mod table;
pub mod view;
