//! What is configured, and where it comes from.

use std::collections::BTreeMap;

use ch00_wire::config::{Config, Key};
use ch01_log::config::TopicSettings;
use ch02_retention::config::BrokerConfig;
use ch02_retention::config_entries::{Entry, Layers, Source, broker_entries, default_entries, topic_entries};
use ch02_retention::config_keys::{behind, broker_keys, topic_keys};

fn settings(pairs: &[(&str, &str)]) -> TopicSettings {
    pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// The settings of all places.
#[derive(Default)]
struct Places {
    topic: TopicSettings,
    own: TopicSettings,
    for_all: TopicSettings,
    file: BTreeMap<String, String>,
}

impl Places {
    fn layers(&self) -> Layers<'_> {
        Layers { own: &self.own, for_all: &self.for_all, file: &self.file }
    }

    fn config(&self) -> BrokerConfig {
        let mut config = BrokerConfig::default();
        for (key, value) in self.file.iter().chain(&self.for_all).chain(&self.own) {
            if let Some(set) = config.set(key, value) {
                set.unwrap();
            }
        }
        config
    }

    fn topic(&self) -> Vec<Entry> {
        topic_entries(&self.topic, self.layers(), &self.config())
    }

    fn broker(&self) -> Vec<Entry> {
        broker_entries(self.layers(), &self.config())
    }
}

fn find<'a>(entries: &'a [Entry], name: &str) -> &'a Entry {
    entries.iter().find(|entry| entry.name == name).unwrap_or_else(|| panic!("{name} is not listed"))
}

/// Value and places in one line: `5 = 1 retention.ms 5, 5 log.retention.hours 168`.
fn line(entries: &[Entry], name: &str) -> String {
    let entry = find(entries, name);
    let synonyms = entry.synonyms.iter().map(|s| format!("{} {} {}", s.source as i8, s.name, s.value));
    format!("{} = {}", entry.value.as_deref().unwrap_or("null"), synonyms.collect::<Vec<_>>().join(", "))
}

#[test]
fn the_first_place_that_says_something_counts() {
    let mut places = Places::default();
    let name = "retention.ms";
    assert_eq!(line(&places.topic(), name), "604800000 = 5 log.retention.hours 168");
    places.file = settings(&[("log.retention.minutes", "2")]);
    assert_eq!(line(&places.topic(), name), "120000 = 4 log.retention.minutes 2, 5 log.retention.hours 168");
    assert_eq!(find(&places.topic(), name).source(), Source::StaticBroker);
    places.for_all = settings(&[("log.retention.ms", "60000")]);
    let below = "3 log.retention.ms 60000, 4 log.retention.minutes 2, 5 log.retention.hours 168";
    assert_eq!(line(&places.topic(), name), format!("60000 = {below}"));
    places.own = settings(&[("log.retention.ms", "50000")]);
    assert_eq!(line(&places.topic(), name), format!("50000 = 2 log.retention.ms 50000, {below}"));
    places.topic = settings(&[("retention.ms", "7")]);
    let all = format!("7 = 1 retention.ms 7, 2 log.retention.ms 50000, {below}");
    assert_eq!(line(&places.topic(), name), all);
    assert_eq!(find(&places.topic(), name).source(), Source::DynamicTopic);
}

#[test]
fn a_brokers_finer_keys_do_not_speak_for_coarser_ones() {
    let places = Places {
        own: settings(&[("log.retention.ms", "5")]),
        file: settings(&[("log.retention.hours", "2"), ("node.id", "3")]),
        ..Places::default()
    };
    let entries = places.broker();
    let hours = "4 log.retention.hours 2, 5 log.retention.hours 168";
    assert_eq!(line(&entries, "log.retention.ms"), format!("5 = 2 log.retention.ms 5, {hours}"));
    assert_eq!(line(&entries, "log.retention.minutes"), "null = ");
    assert_eq!(line(&entries, "log.retention.hours"), format!("2 = {hours}"));
    assert_eq!(line(&entries, "broker.id"), "3 = 4 broker.id 3, 5 broker.id 1");
    let entries = Places::default().broker();
    assert_eq!(line(&entries, "log.retention.ms"), "null = ");
    assert_eq!(line(&entries, "advertised.listeners"), "null = ");
    assert!(!find(&entries, "log.retention.ms").read_only && find(&entries, "log.retention.hours").read_only);
}

#[test]
fn keys_that_are_not_used_here_are_listed_where_they_are_set() {
    let places = Places {
        topic: settings(&[("min.insync.replicas", "2"), ("internal.segment.bytes", "100"), ("preallocate", "TRUE")]),
        file: settings(&[("ssl.keystore.password", "hush")]),
        ..Places::default()
    };
    let entries = places.topic();
    assert_eq!(line(&entries, "min.insync.replicas"), "2 = 1 min.insync.replicas 2");
    assert_eq!(line(&entries, "internal.segment.bytes"), "100 = 1 internal.segment.bytes 100");
    assert_eq!(find(&entries, "preallocate").value.as_deref(), Some("true"));
    assert!(Places::default().topic().iter().all(|entry| !entry.name.starts_with("internal.")));
    let brokers = places.broker();
    let secret = find(&brokers, "ssl.keystore.password");
    assert_eq!((&secret.value, secret.is_sensitive, secret.synonyms.len()), (&None, true, 0));
    assert!(!format!("{brokers:?}").contains("hush"));
}

#[test]
fn lists_keep_their_order() {
    let places = Places { for_all: settings(&[("log.cleanup.policy", "delete,compact")]), ..Places::default() };
    let both = "delete,compact = 3 log.cleanup.policy delete,compact, 5 log.cleanup.policy delete";
    assert_eq!(line(&places.topic(), "cleanup.policy"), both);
    assert_eq!(line(&places.broker(), "log.cleanup.policy"), both);
    let none = Places { topic: settings(&[("cleanup.policy", "")]), ..Places::default() };
    assert_eq!(line(&none.topic(), "cleanup.policy"), " = 1 cleanup.policy , 5 log.cleanup.policy delete");
}

#[test]
fn defaults_of_all_brokers_are_what_was_set() {
    assert_eq!(default_entries(&settings(&[]), &BrokerConfig::default()), []);
    let made = default_entries(&settings(&[("log.retention.ms", "5")]), &BrokerConfig::default());
    assert_eq!((made.len(), line(&made, "log.retention.ms").as_str()), (1, "5 = 3 log.retention.ms 5"));
}

/// A line of Kafka's table: type, default, and the broker's keys behind a topic's key.
fn in_kafka(scope: &str, key: &str) -> [&'static str; 3] {
    let is_it = |line: &&str| line.starts_with(&format!("{scope}\t{key}\t"));
    let line = include_str!("../golden/wire/configs.tsv").lines().find(is_it).unwrap_or_else(|| panic!("no {key}"));
    let columns: Vec<_> = line.split('\t').collect();
    [columns[2], columns[3], columns[6]]
}

#[test]
fn keys_are_kafkas() {
    // Where this broker's default is another one, and says so; and where one of the two has a list and the other a text.
    let others = ["broker.id", "listeners", "log.dir", "listener.security.protocol.map"];
    let check = |scope: &str, Key { name, kind, default, .. }: &Key| {
        let [kafkas_kind, kafkas_default, synonyms] = in_kafka(scope, name);
        if !others.contains(&name.as_str()) {
            let kafkas_default = if kafkas_default.starts_with('<') { "" } else { kafkas_default };
            assert_eq!((*kind, *default), (kafkas_kind, kafkas_default), "{scope} {name}");
        }
        synonyms
    };
    for key in broker_keys() {
        check("broker", &key);
    }
    for key in topic_keys() {
        let synonyms = check("topic", &key);
        let expected: Vec<_> = synonyms.split(',').filter(|synonym| *synonym != "-").collect();
        assert_eq!(behind(&key.name), expected, "{}", key.name);
    }
}

#[test]
fn what_a_topic_has_by_default_is_what_its_table_says() {
    let entries = Places::default().topic();
    for key in topic_keys().iter().filter(|key| !key.name.starts_with("internal.")) {
        assert_eq!(find(&entries, &key.name).value.as_deref(), Some(key.default), "{}", key.name);
    }
}
