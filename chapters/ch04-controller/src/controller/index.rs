//! Which partitions a broker matters to: those that it leads, is in sync with, or could lead when nobody in sync is left.
//!
//! Without it, each broker that comes or goes would cost a walk through all partitions of all topics.

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::uuid::Uuid;

use crate::image::{ClusterImage, PartitionRegistration};
use crate::records::{MetadataRecord, NO_LEADER};

/// A partition by its topic's id and its index.
type PartitionKey = (Uuid, i32);

/// Partitions by broker; under [`NO_LEADER`] those that nobody leads.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Index(BTreeMap<i32, BTreeSet<PartitionKey>>);

/// What a record is about to change.
pub(super) enum Touched {
    Nothing,
    /// Partitions, and whom they mattered to before.
    Partitions(Vec<(PartitionKey, BTreeSet<i32>)>),
    /// Too much to look at one by one.
    Everything,
}

impl Index {
    pub(super) fn of(image: &ClusterImage) -> Index {
        let mut index = Index::default();
        for partition in image.topics.partitions() {
            index.add((partition.topic_id, partition.partition_id), &brokers_of(partition));
        }
        index
    }

    /// The partitions that a broker leads, is in sync with, or could lead.
    pub(super) fn of_broker(&self, broker: i32) -> impl Iterator<Item = PartitionKey> {
        self.0.get(&broker).into_iter().flatten().copied()
    }

    /// The partitions that nobody leads.
    pub(super) fn leaderless(&self) -> impl Iterator<Item = PartitionKey> {
        self.of_broker(NO_LEADER)
    }

    /// To be called before a record is replayed, so that [`Index::update`] can be called after.
    pub(super) fn note(&self, image: &ClusterImage, record: &MetadataRecord) -> Touched {
        let brokers = |(id, partition): PartitionKey| {
            let brokers = image.topics.partition(id, partition).map(brokers_of).unwrap_or_default();
            ((id, partition), brokers)
        };
        match record {
            // A transaction's records wait for its end.
            MetadataRecord::EndTransaction(_) | MetadataRecord::ClearElr(_) => Touched::Everything,
            _ if image.in_transaction() => Touched::Nothing,
            MetadataRecord::Partition(r) => Touched::Partitions(vec![brokers((r.topic_id, r.partition_id))]),
            MetadataRecord::PartitionChange(r) => Touched::Partitions(vec![brokers((r.topic_id, r.partition_id))]),
            MetadataRecord::RemoveTopic(r) => {
                let partitions = image.topics.get(r.topic_id).into_iter().flat_map(|topic| topic.partitions.keys());
                Touched::Partitions(partitions.map(|&index| brokers((r.topic_id, index))).collect())
            }
            _ => Touched::Nothing,
        }
    }

    /// To be called after the record is replayed.
    pub(super) fn update(&mut self, image: &ClusterImage, touched: Touched) {
        match touched {
            Touched::Nothing => {}
            Touched::Everything => *self = Index::of(image),
            Touched::Partitions(partitions) => {
                for (key, before) in partitions {
                    for broker in before {
                        self.remove(key, broker);
                    }
                    if let Some(partition) = image.topics.partition(key.0, key.1) {
                        self.add(key, &brokers_of(partition));
                    }
                }
            }
        }
    }

    fn add(&mut self, key: PartitionKey, brokers: &BTreeSet<i32>) {
        for &broker in brokers {
            self.0.entry(broker).or_default().insert(key);
        }
    }

    fn remove(&mut self, key: PartitionKey, broker: i32) {
        let partitions = self.0.get_mut(&broker).expect("what was added");
        partitions.remove(&key);
        if partitions.is_empty() {
            self.0.remove(&broker);
        }
    }
}

fn brokers_of(partition: &PartitionRegistration) -> BTreeSet<i32> {
    let known = partition.last_known_elr.as_deref().unwrap_or_default();
    [&partition.isr, partition.elr(), known, &[partition.leader]].concat().into_iter().collect()
}
