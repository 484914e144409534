//! The topics of the cluster, as groups see them: one value, which whoever knows about topics makes anew when they change.

use std::collections::BTreeMap;

use ch00_wire::uuid::Uuid;
use twox_hash::XxHash3_64;

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupTopic {
    /// Its id.
    pub id: Uuid,
    /// How many partitions it has.
    pub partitions: i32,
    /// Its [`topic_hash`].
    pub hash: i64,
}

/// All topics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupTopics {
    version: i64,
    by_name: BTreeMap<String, GroupTopic>,
    names: BTreeMap<Uuid, String>,
}

impl GroupTopics {
    /// These topics, by name. The version is another, and larger, whenever they are others: the offset of the last record of
    /// the metadata log that is about topics.
    pub fn new(version: i64, topics: impl IntoIterator<Item = (String, GroupTopic)>) -> GroupTopics {
        let by_name: BTreeMap<_, _> = topics.into_iter().collect();
        let names = by_name.iter().map(|(name, topic)| (topic.id, name.clone())).collect();
        GroupTopics { version, by_name, names }
    }

    /// The version.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The topic of a name.
    pub fn get(&self, name: &str) -> Option<&GroupTopic> {
        self.by_name.get(name)
    }

    /// The name of the topic of an id.
    pub fn name(&self, id: Uuid) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }

    /// The names of all topics.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// How many partitions each topic has.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (Uuid, i32)> {
        self.by_name.values().map(|topic| (topic.id, topic.partitions))
    }

    /// A hash over those of these topics that exist; 0 if none does. Names come in order and once each.
    pub(super) fn hash<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> i64 {
        let topics = names.into_iter().filter_map(|name| self.get(name));
        let hashes: Vec<u8> = topics.flat_map(|topic| topic.hash.to_le_bytes()).collect();
        if hashes.is_empty() { 0 } else { XxHash3_64::oneshot(&hashes) as i64 }
    }
}

/// A hash over what matters to groups about a topic: its id, its name, and the racks of each of its partitions' copies. It
/// is Kafka's, so that a group stays as it is when a broker of the other kind takes over.
pub fn topic_hash(name: &str, id: Uuid, racks: &[Vec<String>]) -> i64 {
    // A version, then fields in Java's order: numbers the least byte first, text in UTF-16 with its length behind it.
    let mut bytes = vec![0];
    let length = |text: &str| text.encode_utf16().count() as i32;
    let string = |bytes: &mut Vec<u8>, text: &str| {
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        bytes.extend(length(text).to_le_bytes());
    };
    id.0.chunks_exact(8).for_each(|half| bytes.extend(half.iter().rev()));
    string(&mut bytes, name);
    bytes.extend((racks.len() as i32).to_le_bytes());
    for (partition, racks) in racks.iter().enumerate() {
        bytes.extend((partition as i32).to_le_bytes());
        let mut racks: Vec<_> = racks.iter().collect();
        racks.sort();
        for rack in racks {
            bytes.extend(length(rack).to_le_bytes());
            string(&mut bytes, rack);
        }
    }
    XxHash3_64::oneshot(&bytes) as i64
}
