//! The metadata image: what the cluster looks like, as one value.
//!
//! Handlers answer from an image and never ask anyone else; whoever changes the cluster publishes a new image. In this
//! chapter there is one broker in it, which leads every partition.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ch00_wire::uuid::Uuid;

use crate::batch::Epoch;
use crate::config::TopicSettings;

/// Where clients reach a broker through one listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address, as advertised.
    pub host: String,
    /// The port, as advertised.
    pub port: u16,
}

/// A broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerImage {
    /// Its number.
    pub id: i32,
    /// Where it stands, if it says so.
    pub rack: Option<String>,
    /// Its endpoints by listener name.
    pub endpoints: BTreeMap<String, Endpoint>,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionImage {
    /// The broker that leads it, -1 for none.
    pub leader: i32,
    /// The leader's term.
    pub leader_epoch: Epoch,
    /// The brokers that have a copy.
    pub replicas: Vec<i32>,
    /// Those of them whose copy is up to date.
    pub isr: Vec<i32>,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicImage {
    /// Its name.
    pub name: String,
    /// Its id, which no later topic of the same name has.
    pub id: Uuid,
    /// Its partitions, from number 0.
    pub partitions: Vec<PartitionImage>,
    /// Its own settings.
    pub settings: TopicSettings,
    /// Whether it came with a folder from elsewhere: what settings it had there is not known.
    pub adopted: bool,
}

// ANCHOR: image
/// The cluster. Topics are behind pointers of their own, so that a new image of ten thousand topics is cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataImage {
    /// The cluster's id.
    pub cluster_id: String,
    /// The broker that clients send administrative requests to.
    pub controller_id: i32,
    /// Brokers by number.
    pub brokers: BTreeMap<i32, BrokerImage>,
    topics: BTreeMap<String, Arc<TopicImage>>,
    names: HashMap<Uuid, String>,
}
// ANCHOR_END: image

impl MetadataImage {
    /// A cluster without topics.
    pub fn new(cluster_id: &str, controller_id: i32, brokers: Vec<BrokerImage>) -> MetadataImage {
        let brokers = brokers.into_iter().map(|broker| (broker.id, broker)).collect();
        MetadataImage { cluster_id: cluster_id.to_owned(), controller_id, brokers, ..MetadataImage::default() }
    }

    /// The topic of a name.
    pub fn topic(&self, name: &str) -> Option<&Arc<TopicImage>> {
        self.topics.get(name)
    }

    /// The topic of an id.
    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<TopicImage>> {
        self.topic(self.names.get(&id)?)
    }

    /// All topics, sorted by name.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.topics.values()
    }

    /// All topics from a name on, sorted.
    pub fn topics_from(&self, name: &str) -> impl Iterator<Item = &Arc<TopicImage>> {
        self.topics.range(name.to_owned()..).map(|(_, topic)| topic)
    }

    /// Adds a topic or replaces it.
    pub fn put_topic(&mut self, topic: TopicImage) {
        self.names.insert(topic.id, topic.name.clone());
        let before = self.topics.insert(topic.name.clone(), Arc::new(topic));
        if let Some(before) = before.filter(|before| self.topics[&before.name].id != before.id) {
            self.names.remove(&before.id);
        }
    }

    /// Removes a topic.
    pub fn remove_topic(&mut self, name: &str) {
        if let Some(topic) = self.topics.remove(name) {
            self.names.remove(&topic.id);
        }
    }
}

/// Kafka's own topics, which clients may read and not write.
pub fn is_internal(topic: &str) -> bool {
    matches!(topic, "__consumer_offsets" | "__transaction_state" | "__share_group_state")
}

// ANCHOR: topic_name
/// Whether a topic may have this name, and if not, why.
pub fn check_topic_name(name: &str) -> Result<(), String> {
    const LONGEST: usize = 249;
    let is_legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    match name {
        "" => Err("a topic's name must not be empty".to_string()),
        "." | ".." => Err(format!("a topic cannot be named `{name}`: that is a folder of its own")),
        _ if name.len() > LONGEST => {
            Err(format!("a topic's name has at most {LONGEST} characters, this has {}", name.len()))
        }
        _ if !name.bytes().all(is_legal) => {
            Err(format!("topic {name:?}: legal are ASCII letters, digits, `.`, `_` and `-`"))
        }
        _ => Ok(()),
    }
}

/// What a name is called where metrics are named: there `.` and `_` are the same.
pub fn metric_name(topic: &str) -> String {
    topic.replace('.', "_")
}
// ANCHOR_END: topic_name
