//! Chapter 0: bytes on a socket.
//!
//! Everything that Kafka's clients and brokers say to each other is a frame: a length, a header, a message. This crate
//! reads and writes them, hands requests to handlers and sends what they return. Its broker knows a single answer, the
//! one to ApiVersions; later chapters add the others.
//!
//! Reading order: [`frame`], [`reader`], [`writer`], [`codec`], [`header`], [`table`] and [`messages`], [`router`], [`connection`], [`server`].

#[path = "../../../chapters/ch00-wire/src/broker.rs"]
pub mod broker;
#[path = "../../../chapters/ch00-wire/src/cli.rs"]
pub mod cli;
#[path = "../../../chapters/ch00-wire/src/client.rs"]
pub mod client;
// Yours:
pub mod codec;
#[path = "../../../chapters/ch00-wire/src/config/mod.rs"]
pub mod config;
// Yours:
pub mod connection;
#[path = "../../../chapters/ch00-wire/src/error_code.rs"]
pub mod error_code;
// Yours:
pub mod frame;
#[path = "../../../chapters/ch00-wire/src/header.rs"]
pub mod header;
#[path = "../../../chapters/ch00-wire/src/messages/mod.rs"]
pub mod messages;
#[path = "../../../chapters/ch00-wire/src/properties.rs"]
pub mod properties;
// Yours:
pub mod reader;
#[path = "../../../chapters/ch00-wire/src/router.rs"]
pub mod router;
#[path = "../../../chapters/ch00-wire/src/server.rs"]
pub mod server;
#[path = "../../../chapters/ch00-wire/src/table.rs"]
pub mod table;
#[path = "../../../chapters/ch00-wire/src/tasks.rs"]
pub mod tasks;
#[path = "../../../chapters/ch00-wire/src/trace.rs"]
pub mod trace;
#[path = "../../../chapters/ch00-wire/src/transfer.rs"]
pub mod transfer;
#[path = "../../../chapters/ch00-wire/src/uuid.rs"]
pub mod uuid;
#[path = "../../../chapters/ch00-wire/src/writer.rs"]
pub mod writer;
