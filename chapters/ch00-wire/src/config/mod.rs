//! Configuration: Kafka's own keys, from server.properties and from `--override key=value`.
//!
//! Each chapter declares its keys in one table (`config!`), which gives a struct with a field for each key, the
//! defaults, and a description that the book's appendix and, later, the answers to administrators are made from. A
//! chapter's struct holds the earlier chapter's, and keys find their way down.
//!
//! Caveat: Apache Kafka ignores keys it does not know. Here a misspelt key is a refusal to start, because a setting that
//! is silently ignored is worse; keys that Apache Kafka knows and this broker does not use are accepted with a warning.

mod known;
mod table;
mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use known::{Verdict, judge};
pub use table::{Config, Key};
pub use value::{Listener, SecurityProtocol, Value};
#[doc(hidden)]
pub use value::{is_named, legal, parse_checked};

use crate::config;
use crate::properties;

config! {
    /// What chapter 0 reads: where to listen, and what a connection may cost.
    pub struct WireConfig {
        /// This broker's number in the cluster, 0 or more; `node.id` is another name for it.
        broker_id: i32 = "1", in 0..=i64::from(i32::MAX), alias "node.id";
        /// Where to listen, as `NAME://HOST:PORT`, separated by commas. Port 0 takes a free port. Apache Kafka's default is `PLAINTEXT://:9092`, all interfaces; this broker keeps to loopback unless told otherwise.
        listeners: Vec<Listener> = "PLAINTEXT://127.0.0.1:9092";
        /// What clients are told to connect to, by listener; empty: the same as `listeners`.
        advertised_listeners: Vec<Listener> = "";
        /// Which security protocol a listener's name stands for. This broker serves PLAINTEXT only.
        listener_security_protocol_map: Vec<SecurityProtocol> = "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT";
        /// The listener over which brokers talk to each other; empty: the first one.
        inter_broker_listener_name: String = "";
        /// Names of the listeners that belong to the controller.
        controller_listener_names: Vec<String> = "";
        /// Threads for the network. A runtime that waits for all sockets at once has no use for the number; it is accepted and ignored.
        num_network_threads: i32 = "3", in 1..=i64::from(i32::MAX);
        /// Worker threads that handle requests: at most this many, and at most one for each processor.
        num_io_threads: i32 = "8", in 1..=i64::from(i32::MAX);
        /// SO_SNDBUF of connections, in bytes; -1 leaves it to the operating system.
        socket_send_buffer_bytes: i32 = "102400", in -1..=i64::from(i32::MAX);
        /// SO_RCVBUF of connections, in bytes; -1 leaves it to the operating system.
        socket_receive_buffer_bytes: i32 = "102400", in -1..=i64::from(i32::MAX);
        /// The largest request, in bytes.
        socket_request_max_bytes: i32 = "104857600", in 1..=i64::from(i32::MAX);
        /// A connection without a request for this long, in milliseconds, is closed.
        connections_max_idle_ms: i64 = "600000", in 1..=i64::MAX;
        /// Connections that may be open at once.
        max_connections: i32 = "2147483647", in 0..=i64::from(i32::MAX);
        /// Connections that may be open at once from one address.
        max_connections_per_ip: i32 = "2147483647", in 0..=i64::from(i32::MAX);
    }
}

impl WireConfig {
    /// The listeners that clients may use, each with the address they are told, or why the configuration is wrong.
    pub fn client_listeners(&self) -> Result<Vec<(Listener, Option<Listener>)>, String> {
        let mut clients = Vec::new();
        for listener in &self.listeners {
            if self.controller_listener_names.contains(&listener.name) {
                continue;
            }
            let protocol = self.listener_security_protocol_map.iter().find(|p| p.listener == listener.name);
            match protocol.map(|p| p.protocol.as_str()) {
                Some("PLAINTEXT") => {}
                Some(other) => {
                    return Err(format!("listeners: {listener} uses {other}; this broker serves PLAINTEXT only"));
                }
                None => {
                    let name = &listener.name;
                    return Err(format!(
                        "listeners: {name} is not in listener.security.protocol.map; add `{name}:PLAINTEXT` there"
                    ));
                }
            }
            let advertised = self.advertised_listeners.iter().find(|a| a.name == listener.name).cloned();
            if advertised.is_none() && matches!(listener.host.as_str(), "0.0.0.0" | "::") {
                return Err(format!(
                    "listeners: {listener} listens on every interface, and clients cannot connect to {}: \
                     say in advertised.listeners which address they should use",
                    listener.host
                ));
            }
            clients.push((listener.clone(), advertised));
        }
        if clients.is_empty() {
            return Err("listeners: no listener is left for clients".to_string());
        }
        if let Some(stray) = self.advertised_listeners.iter().find(|a| self.listeners.iter().all(|l| l.name != a.name))
        {
            return Err(format!("advertised.listeners: {stray} has no listener of that name in listeners"));
        }
        Ok(clients)
    }
}

/// Why the configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("{file}: {error}")]
    File {
        /// The properties file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A key or value was refused.
    #[error("{place}: {key}: {problem}")]
    Key {
        /// File and line, or the option.
        place: String,
        /// The key.
        key: String,
        /// What is wrong and what is legal.
        problem: String,
    },
    /// An override that is not `key=value`.
    #[error("--override {0}: expected key=value")]
    Override(String),
    /// Settings that do not go together.
    #[error("{0}")]
    Together(String),
}

/// A configuration and what the operator should know about it.
#[derive(Clone, Debug, Default)]
pub struct Loaded<C> {
    /// The configuration.
    pub config: C,
    /// The keys that were set, each with the value that counts, as it was written.
    pub given: BTreeMap<String, String>,
    /// Keys that were accepted but do nothing.
    pub warnings: Vec<String>,
}

/// Reads a properties file, if there is one, then the overrides: the last value of a key counts.
pub fn load<C: Config>(file: Option<&Path>, overrides: &[String]) -> Result<Loaded<C>, ConfigError> {
    let mut settings = Vec::new();
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).map_err(|error| ConfigError::File { file: file.to_owned(), error })?;
        for p in properties::parse(&text) {
            settings.push((format!("{}:{}", file.display(), p.line), p.key, p.value));
        }
    }
    for text in overrides {
        let (key, value) = text.split_once('=').ok_or_else(|| ConfigError::Override(text.clone()))?;
        settings.push(("--override".to_string(), key.trim().to_string(), value.trim().to_string()));
    }
    let mut loaded = Loaded { config: C::default(), given: BTreeMap::new(), warnings: Vec::new() };
    for (place, key, value) in settings {
        let refuse = |problem| ConfigError::Key { place: place.clone(), key: key.clone(), problem };
        match loaded.config.set(&key, value.trim_end()) {
            Some(result) => result.map_err(|problem| refuse(format!("`{value}` {problem}")))?,
            None => match judge(&key, &C::keys()) {
                Verdict::Unused(warning) => loaded.warnings.push(format!("{place}: {key}: {warning}")),
                Verdict::Unknown(problem) => return Err(refuse(problem)),
            },
        }
        loaded.given.insert(key, value.trim_end().to_string());
    }
    Ok(loaded)
}
