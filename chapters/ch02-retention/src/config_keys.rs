//! The keys of topics and brokers: which there are, what stands behind a topic's key at the broker, and which of the
//! broker's can change while it runs.
//!
//! ```text
//! topic           broker              coarser keys, where that one says nothing
//! retention.ms    log.retention.ms    log.retention.minutes, log.retention.hours
//! ```
//!
//! Caveat: Apache Kafka can change a few more keys of a running broker, such as numbers of threads. Here these keys are
//! read once, and a change is refused rather than stored without effect.

use ch00_wire::config::{Config, Key};
use ch01_log::config::TopicConfig;

use crate::config::{BrokerConfig, CleanupTopicConfig};
use crate::whole_config::WholeConfig;

/// The broker's keys behind each topic key, the one that counts first.
const BEHIND: &[(&str, &[&str])] = &[
    ("cleanup.policy", &["log.cleanup.policy"]),
    ("compression.type", &["compression.type"]),
    ("delete.retention.ms", &["log.cleaner.delete.retention.ms"]),
    ("file.delete.delay.ms", &["log.segment.delete.delay.ms"]),
    ("flush.messages", &["log.flush.interval.messages"]),
    ("flush.ms", &["log.flush.interval.ms", "log.flush.scheduler.interval.ms"]),
    ("index.interval.bytes", &["log.index.interval.bytes"]),
    ("max.compaction.lag.ms", &["log.cleaner.max.compaction.lag.ms"]),
    ("max.message.bytes", &["message.max.bytes"]),
    ("message.timestamp.after.max.ms", &["log.message.timestamp.after.max.ms"]),
    ("message.timestamp.before.max.ms", &["log.message.timestamp.before.max.ms"]),
    ("message.timestamp.type", &["log.message.timestamp.type"]),
    ("min.cleanable.dirty.ratio", &["log.cleaner.min.cleanable.ratio"]),
    ("min.compaction.lag.ms", &["log.cleaner.min.compaction.lag.ms"]),
    ("preallocate", &["log.preallocate"]),
    ("retention.bytes", &["log.retention.bytes"]),
    ("retention.ms", &["log.retention.ms", "log.retention.minutes", "log.retention.hours"]),
    ("segment.bytes", &["log.segment.bytes"]),
    ("segment.index.bytes", &["log.index.size.max.bytes"]),
    ("segment.ms", &["log.roll.ms", "log.roll.hours"]),
];

/// Keys that stand behind no topic key and can change while the broker runs, too: the cleaner reads them anew for each
/// pass.
const CHANGEABLE_TOO: &[&str] =
    &["log.cleaner.backoff.ms", "log.cleaner.dedupe.buffer.size", "log.cleaner.io.max.bytes.per.second"];

/// How topic keys end that are lists and that this broker does not use.
const OTHER_LISTS: &str = ".replication.throttled.replicas";

/// The broker's keys, this chapter's and those of the chapters before.
pub fn broker_keys() -> Vec<Key> {
    BrokerConfig::keys()
}

/// A topic's keys, this chapter's and those of the chapters before.
pub fn topic_keys() -> Vec<Key> {
    [CleanupTopicConfig::keys(), TopicConfig::topic_keys()].concat()
}

/// The broker's keys behind a topic key, the one that counts first.
pub fn behind(topic_key: &str) -> &'static [&'static str] {
    BEHIND.iter().find(|(key, _)| *key == topic_key).map_or(&[], |(_, keys)| *keys)
}

/// Whether a broker's key can change while it runs. Of several keys behind a topic key, that goes for the first.
pub fn is_changeable(broker_key: &str) -> bool {
    CHANGEABLE_TOO.contains(&broker_key) || BEHIND.iter().any(|(_, keys)| keys[0] == broker_key)
}

/// Whether a topic's key is a list, whether this broker uses it or not.
pub fn is_topic_list(config: &dyn WholeConfig, topic_key: &str) -> bool {
    topic_key.ends_with(OTHER_LISTS) || is_list(&config.topic_keys(), topic_key)
}

/// Whether a broker's key is a list.
pub fn is_broker_list(config: &dyn WholeConfig, broker_key: &str) -> bool {
    is_list(&config.broker_keys(), broker_key)
}

fn is_list(keys: &[Key], name: &str) -> bool {
    keys.iter().any(|key| key.name == name && key.kind == "LIST")
}

/// What a topic has that says nothing itself.
pub fn topic_default(config: &BrokerConfig, topic_key: &str) -> Option<String> {
    config.cleanup_defaults().get(topic_key).or_else(|| config.log.topic_defaults().get(topic_key))
}
