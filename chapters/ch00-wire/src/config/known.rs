//! Keys that this broker does not use: which of them are Kafka's, which were, and which nobody knows.
//!
//! People bring the server.properties they have. So a key of Apache Kafka's is accepted, with a warning that it does
//! nothing here; a key that Kafka has given up is accepted with a word on what took its place; and a key that no Kafka
//! ever had is refused with the nearest one that it has.

use super::table::Key;

/// What to do about a key that no chapter so far reads.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Accept it and print this.
    Unused(String),
    /// Refuse to start and print this.
    Unknown(String),
}

/// Every broker key of Apache Kafka 4.3, one a line.
const KAFKA_KEYS: &str = include_str!("kafka_keys.txt");

/// Keys of older Kafkas, and what took their place.
const GONE: &[(&str, &str)] = &[
    (
        "zookeeper.",
        "ZooKeeper is gone since Kafka 4.0; a quorum of controllers took its place (controller.quorum.voters)",
    ),
    ("inter.broker.protocol.version", "gone since Kafka 4.0; the metadata.version feature took its place"),
    ("log.message.format.version", "gone since Kafka 4.0; every record has format 2"),
    (
        "log.message.timestamp.difference.max.ms",
        "gone since Kafka 4.0; use log.message.timestamp.before.max.ms and log.message.timestamp.after.max.ms",
    ),
    ("log.cleaner.enable", "deprecated since Kafka 4.1; the cleaner always runs"),
    ("broker.id.generation.enable", "gone with ZooKeeper; give each broker its broker.id"),
    ("control.plane.listener.name", "gone with ZooKeeper"),
    ("delegation.token.master.key", "renamed delegation.token.secret.key; delegation tokens are not served here"),
    ("host.name", "gone since Kafka 3.0; use listeners"),
    ("port", "gone since Kafka 3.0; use listeners"),
    ("advertised.host.name", "gone since Kafka 3.0; use advertised.listeners"),
    ("advertised.port", "gone since Kafka 3.0; use advertised.listeners"),
    ("listener.name.", "security settings of one listener are not used: only PLAINTEXT is served"),
];

/// Names people write for others, and what they mean.
const MISTAKEN: &[(&str, &str)] = &[
    ("log.segment.ms", "a topic's key is `segment.ms`, the broker's is `log.roll.ms`"),
    ("segment.ms", "that is a topic's key; the broker's is `log.roll.ms`"),
    ("segment.bytes", "that is a topic's key; the broker's is `log.segment.bytes`"),
    ("retention.ms", "that is a topic's key; the broker's is `log.retention.ms`"),
    ("retention.bytes", "that is a topic's key; the broker's is `log.retention.bytes`"),
    ("cleanup.policy", "that is a topic's key; the broker's is `log.cleanup.policy`"),
    ("max.message.bytes", "that is a topic's key; the broker's is `message.max.bytes`"),
    ("message.max.size", "the broker's key is `message.max.bytes`"),
    ("replication.factor", "the broker's key is `default.replication.factor`"),
    ("data.dir", "the broker's key is `log.dirs`"),
    ("data.dirs", "the broker's key is `log.dirs`"),
    ("bootstrap.servers", "that is a client's key; the broker's is `listeners`"),
];

/// Judges a key that is none of `ours`.
pub fn judge(key: &str, ours: &[Key]) -> Verdict {
    if let Some((_, instead)) =
        GONE.iter().find(|(gone, _)| key == *gone || gone.ends_with('.') && key.starts_with(gone))
    {
        return Verdict::Unused(format!("ignored: {instead}"));
    }
    if KAFKA_KEYS.lines().any(|known| known == key) {
        return Verdict::Unused("Kafka has this key, this broker does not use it".to_string());
    }
    if let Some((_, meant)) = MISTAKEN.iter().find(|(wrong, _)| key == *wrong) {
        return Verdict::Unknown(format!("no such key: {meant}"));
    }
    let known = KAFKA_KEYS.lines().chain(ours.iter().map(|k| k.name.as_str()));
    let nearest = known.min_by_key(|k| strsim::damerau_levenshtein(k, key)).unwrap_or_default();
    Verdict::Unknown(format!("no such key; the nearest that exists is `{nearest}`"))
}
