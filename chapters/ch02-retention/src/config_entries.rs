//! What is configured, and where it comes from: the entries that DescribeConfigs lists.
//!
//! ```text
//! retention.ms = 5000       1 the topic            retention.ms            5000    this one counts
//!                           3 all brokers          log.retention.ms       60000
//!                           5 the default          log.retention.hours      168
//! ```
//!
//! Pure: from settings to entries. Caveat: where only a coarser key says something, Apache Kafka lists no places at all
//! and calls the value a default, even if it stands in server.properties. Here the place it comes from is named.

use std::collections::BTreeMap;

use ch00_wire::config::Key;
use ch01_log::config::TopicSettings;

use crate::config_keys::behind;
use crate::whole_config::WholeConfig;

/// A place that a value can come from, by Kafka's numbers; the smaller number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The topic's own settings.
    DynamicTopic = 1,
    /// The settings of this broker that were made while it ran.
    DynamicBroker = 2,
    /// The settings of all brokers that were made while they ran.
    DynamicDefaultBroker = 3,
    /// server.properties, or an option of the command.
    StaticBroker = 4,
    /// The default.
    Default = 5,
}

/// A value in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synonym {
    /// Where.
    pub source: Source,
    /// What the key is called there.
    pub name: String,
    /// Its value there, as it was written.
    pub value: String,
}

/// A key, its value, and where that comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub name: String,
    /// Its value; `None` if it has none or might be a secret.
    pub value: Option<String>,
    /// Kafka's name for its type; empty if this broker does not know the key.
    pub kind: &'static str,
    /// What it does; empty if this broker does not know the key.
    pub doc: String,
    /// Whether it cannot change while the broker runs.
    pub read_only: bool,
    /// Whether it might be a secret.
    pub is_sensitive: bool,
    /// All places that say something, the one that counts first.
    pub synonyms: Vec<Synonym>,
}

impl Entry {
    /// Where its value comes from.
    pub fn source(&self) -> Source {
        self.synonyms.first().map_or(Source::Default, |synonym| synonym.source)
    }
}

/// The broker's settings, by the places they are in.
#[derive(Clone, Copy, Debug)]
pub struct Layers<'a> {
    /// Made for this broker while it ran.
    pub own: &'a TopicSettings,
    /// Made for all brokers while they ran.
    pub for_all: &'a TopicSettings,
    /// From server.properties.
    pub file: &'a BTreeMap<String, String>,
}

// ANCHOR: synonyms
impl Layers<'_> {
    /// Where the broker has one of these keys: by place, and within a place in the order of `names`.
    fn synonyms(&self, names: &[&str], keys: &[Key]) -> Vec<Synonym> {
        let in_place = |source, find: &dyn Fn(&str) -> Option<String>| {
            let found = names.iter().filter_map(|name| Some((name.to_string(), find(name)?)));
            found.map(|(name, value)| Synonym { source, name, value }).collect::<Vec<_>>()
        };
        let key = |name: &str| keys.iter().find(|key| key.name == name);
        let in_file = |name: &str| {
            let alias = key(name).and_then(|key| key.alias).and_then(|alias| self.file.get(alias));
            self.file.get(name).or(alias).cloned()
        };
        // An empty default says nothing, and leaves the word to the next key.
        let default = |name: &str| key(name).map(|key| key.default.to_owned()).filter(|value| !value.is_empty());
        [
            in_place(Source::DynamicBroker, &|name| self.own.get(name).cloned()),
            in_place(Source::DynamicDefaultBroker, &|name| self.for_all.get(name).cloned()),
            in_place(Source::StaticBroker, &in_file),
            in_place(Source::Default, &default),
        ]
        .concat()
    }
}
// ANCHOR_END: synonyms

/// A topic's entries: every key this broker uses, and those it does not use that the topic has nevertheless.
pub fn topic_entries(settings: &TopicSettings, layers: Layers<'_>, config: &dyn WholeConfig) -> Vec<Entry> {
    let (keys, broker_keys) = (config.topic_keys(), config.broker_keys());
    let own = |name: &str| settings.get(name).cloned();
    // Kafka's undocumented keys are listed where they are set.
    let listed = keys.iter().filter(|key| !key.name.starts_with("internal.") || settings.contains_key(&key.name));
    let ours = listed.map(|key| {
        let name = &key.name;
        let topic = own(name).map(|value| Synonym { source: Source::DynamicTopic, name: name.clone(), value });
        let mut synonyms: Vec<Synonym> = topic.into_iter().collect();
        synonyms.extend(layers.synonyms(config.behind(name), &broker_keys));
        let first = synonyms.first();
        // A coarser key's value has another unit, and is counted over.
        let same_unit = first.filter(|s| s.name == *name || Some(&s.name.as_str()) == config.behind(name).first());
        let value = same_unit.map(|s| shown(key, &s.value)).or_else(|| config.topic_default(name));
        Entry { value, synonyms, read_only: false, ..entry(config, key) }
    });
    let unused = settings.iter().filter(|(name, _)| keys.iter().all(|key| key.name != **name));
    let unused = unused.map(|(name, value)| {
        let value = value.clone();
        let synonyms = vec![Synonym { source: Source::DynamicTopic, name: name.clone(), value: value.clone() }];
        Entry { value: Some(value), synonyms, read_only: false, is_sensitive: false, ..unknown(name) }
    });
    ours.chain(unused).collect()
}

/// A broker's entries: every key it uses, and those it does not use that were set nevertheless.
pub fn broker_entries(layers: Layers<'_>, config: &dyn WholeConfig) -> Vec<Entry> {
    let keys = config.broker_keys();
    let ours = keys.iter().map(|key| {
        let synonyms = layers.synonyms(&with_coarser(&key.name), &keys);
        // Finer keys do not speak for coarser ones.
        let synonyms: Vec<_> = synonyms.into_iter().skip_while(|synonym| synonym.name != key.name).collect();
        let effective = || config.get(&key.name).filter(|value| !value.is_empty());
        let value = synonyms.first().map(|synonym| shown(key, &synonym.value)).or_else(effective);
        Entry { value, synonyms, ..entry(config, key) }
    });
    let is_unused = |name: &&String| keys.iter().all(|key| key.name != **name && key.alias != Some(name));
    let mut unused: Vec<_> = layers.file.keys().chain(layers.for_all.keys()).chain(layers.own.keys()).collect();
    unused.sort();
    unused.dedup();
    ours.chain(unused.into_iter().filter(is_unused).map(|name| unknown(name))).collect()
}

/// The entries that administrators have made for all brokers.
pub fn default_entries(for_all: &TopicSettings, config: &dyn WholeConfig) -> Vec<Entry> {
    let keys = config.broker_keys();
    let made = for_all.iter().map(|(name, value)| {
        let Some(key) = keys.iter().find(|key| key.name == *name) else { return unknown(name) };
        let source = Source::DynamicDefaultBroker;
        let synonyms = vec![Synonym { source, name: name.clone(), value: value.clone() }];
        Entry { value: Some(shown(key, value)), synonyms, ..entry(config, key) }
    });
    made.collect()
}

/// A broker's key and the coarser keys that speak where it says nothing.
fn with_coarser(name: &str) -> Vec<&str> {
    let topic_keys = ["flush.ms", "retention.ms", "segment.ms"];
    let group = topic_keys.into_iter().map(behind).find(|group| group.contains(&name));
    group.map_or_else(|| vec![name], <[&str]>::to_vec)
}

/// A value as Kafka shows it. Lists keep the order they were written in.
fn shown(key: &Key, value: &str) -> String {
    if key.kind == "BOOLEAN" { value.to_ascii_lowercase() } else { value.to_owned() }
}

fn entry(config: &dyn WholeConfig, key: &Key) -> Entry {
    Entry {
        name: key.name.clone(),
        value: None,
        kind: key.kind,
        doc: key.doc.clone(),
        read_only: !config.is_changeable(&key.name),
        is_sensitive: false,
        synonyms: Vec::new(),
    }
}

/// A key that this broker does not use. What it means is not known here, so it may be a password.
fn unknown(name: &str) -> Entry {
    let (name, doc) = (name.to_owned(), String::new());
    Entry { name, value: None, kind: "", doc, read_only: true, is_sensitive: true, synonyms: Vec::new() }
}
