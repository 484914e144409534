//! Chapter 0: bytes on a socket.
//!
//! Everything that Kafka's clients and brokers say to each other is a frame: a length, a header, a message. This crate
//! reads and writes them, hands requests to handlers and sends what they return. Its broker knows a single answer, the
//! one to ApiVersions; later chapters add the others.
//!
//! Reading order: [`frame`], [`reader`], [`writer`], [`codec`], [`header`], [`table`] and [`messages`], [`router`], [`connection`], [`server`].

pub mod broker;
pub mod cli;
pub mod client;
pub mod codec;
pub mod config;
pub mod connection;
pub mod error_code;
pub mod frame;
pub mod header;
pub mod messages;
pub mod properties;
pub mod reader;
pub mod router;
pub mod server;
pub mod table;
pub mod tasks;
pub mod trace;
pub mod transfer;
pub mod uuid;
pub mod writer;
