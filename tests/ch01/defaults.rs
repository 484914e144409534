//! The defaults and types of this chapter's configuration against those of Apache Kafka.

use std::collections::BTreeMap;

use ch00_wire::config::{Config, Key, WireConfig};
use ch01_log::config::{BrokerConfig, TopicConfig};

/// Kafka's keys of a scope (`broker`, `topic`): type, default, and the broker's keys that a topic's key overrides.
fn kafkas_keys(scope: &str) -> BTreeMap<&'static str, (&'static str, &'static str, &'static str)> {
    let lines = include_str!("../golden/wire/configs.tsv").lines().skip(1);
    let columns = lines.map(|line| line.split('\t').collect::<Vec<_>>());
    columns.filter(|c| c[0] == scope).map(|c| (c[1], (c[2], c[3], c[6]))).collect()
}

/// Compares keys with Kafka's. Those in `differ` have another default here.
fn compare(ours: &[Key], scope: &str, differ: &[&str]) {
    let kafkas = kafkas_keys(scope);
    for key in ours {
        let (kind, default, _) = kafkas.get(&*key.name).unwrap_or_else(|| panic!("Kafka has no {}", key.name));
        assert_eq!(key.kind.replace("STRING", "LIST"), kind.replace("STRING", "LIST"), "{}", key.name);
        let default = if matches!(*default, "<null>" | "<empty>") { "" } else { default };
        assert_eq!(key.default == default, !differ.contains(&&*key.name), "{}: {default} in Kafka", key.name);
    }
}

#[test]
fn a_brokers_keys_have_kafkas_types_and_defaults() {
    let wire: Vec<_> = WireConfig::keys().into_iter().map(|key| key.name).collect();
    let ours: Vec<_> = BrokerConfig::keys().into_iter().filter(|key| !wire.contains(&key.name)).collect();
    assert!(ours.len() > 25, "{} keys", ours.len());
    // A restart of the machine empties Kafka's `/tmp/kafka-logs`.
    compare(&ours, "broker", &["log.dir"]);
}

#[test]
fn a_topics_keys_have_kafkas_types_and_defaults() {
    compare(&TopicConfig::keys(), "topic", &[]);
}

/// What is not said of a topic is what its broker's keys say, under the names that Kafka gives them.
#[test]
fn a_topics_defaults_are_those_of_its_broker() {
    let broker: BTreeMap<_, _> = BrokerConfig::keys().into_iter().map(|key| (key.name.clone(), key)).collect();
    for key in TopicConfig::keys() {
        let (_, _, overrides) = kafkas_keys("topic")[&*key.name];
        let same = overrides.split(',').filter_map(|name| broker.get(name)).find(|other| !other.default.is_empty());
        // Hours in the broker's key, milliseconds in the topic's.
        if let Some(other) = same.filter(|other| other.name != "log.roll.hours") {
            assert_eq!(key.default, other.default, "{} and {}", key.name, other.name);
        }
    }
    assert_eq!(TopicConfig::default().segment_ms, i64::from(BrokerConfig::default().log_roll_hours) * 3_600_000);
}
