//! The appendix on configuration is what the configuration tables say.

use std::fmt::Write;
use std::fs;

use ch00_wire::config::{Config, Key, WireConfig};
use ch01_log::config::{BrokerConfig, TopicConfig};
use ch02_retention::config::{BrokerConfig as RetentionConfig, CleanupTopicConfig};

use ch03_replication::config::{BrokerConfig as ReplicationConfig, ReplicationTopicConfig};
use ch04_controller::config::{BrokerConfig as ControllerConfig, ThrottleTopicConfig};
use ch05_groups::config::BrokerConfig as GroupConfig;

use crate::pages::root;

/// The keys that one chapter adds.
fn added<C: Config, Earlier: Config>() -> Vec<Key> {
    let earlier = Earlier::keys();
    C::keys().into_iter().filter(|key| !earlier.iter().any(|e| e.name == key.name)).collect()
}

fn table(title: &str, keys: Vec<Key>) -> String {
    let mut text = format!("## {title}\n\n| key | type | default | legal | what it does |\n|---|---|---|---|---|\n");
    for Key { name, alias, kind, default, legal, doc } in keys {
        let alias = alias.map_or(String::new(), |alias| format!(", `{alias}`"));
        let default = if default.is_empty() { "*empty*".to_owned() } else { format!("`{default}`") };
        let doc = doc.trim().replace('|', "\\|");
        let _ = writeln!(text, "| `{name}`{alias} | {kind} | {default} | {legal} | {doc} |");
    }
    text
}

#[test]
fn the_appendix_is_what_the_tables_say() {
    let mut text = "# Configuration\n\nEvery key that the brokers of this book use. They stand in `server.properties` or \
        in `--override key=value`; a topic's keys in `mini-kafka topic create --config key=value`, or, from chapter 2 on, in `mini-kafka topic config NAME --set key=value`. A key of Apache Kafka \
        that is not listed here is accepted with a warning; a key that no Kafka knows is refused, with the nearest one \
        that there is.\n\nThis page is made from the tables in the chapters' `config` modules, and a test compares it \
        with them.\n\n"
        .to_owned();
    let chapters = [
        table("Chapter 0: the wire", WireConfig::keys()),
        table("Chapter 1: the log", added::<BrokerConfig, WireConfig>()),
        table("Chapter 2: retention and compaction", added::<RetentionConfig, BrokerConfig>()),
        table("Chapter 3: replication", added::<ReplicationConfig, RetentionConfig>()),
        table("Chapter 4: the controller", added::<ControllerConfig, ReplicationConfig>()),
        table("Chapter 5: groups", added::<GroupConfig, ControllerConfig>()),
        table("Topics", TopicConfig::keys()),
        table("Topics, from chapter 2 on", CleanupTopicConfig::keys()),
        table("Topics, from chapter 3 on", ReplicationTopicConfig::keys()),
        table("Topics, from chapter 4 on", ThrottleTopicConfig::keys()),
    ];
    text += &chapters.join("\n");
    let path = root().join("book/src/appendix/configuration.md");
    if std::env::var_os("MINI_KAFKA_WRITE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap_or_default();
    assert!(page == text, "the page is not what the tables say; MINI_KAFKA_WRITE=1 writes it anew");
}
