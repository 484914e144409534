//! What brokers of the chapters before have kept about topics becomes records of the metadata log.
//!
//! ```text
//! mini-kafka.topics.json     topics, settings of brokers, producer ids    -->  TopicRecord, PartitionRecord, ConfigRecord,
//! mini-kafka.leaders.json    the epochs in which they were led                 ProducerIdsRecord
//! ```
//!
//! Who was in sync only each leader knew, and the others' files are not here. So where a partition has several copies, none
//! counts as in sync: the logs themselves are compared, as after an unclean stop of all (`log_ends`), and the one that has
//! most leads.

use std::collections::BTreeMap;

use ch00_wire::uuid::Uuid;
use ch01_log::batch::Epoch;

use super::draft::UNASSIGNED;
use crate::image::{BROKER_RESOURCE, ClusterImage, ConfigResource, Settings};
use crate::records::{ConfigRecord, MetadataRecord, NO_LEADER, PartitionRecord, ProducerIdsRecord, TopicRecord};

/// What an earlier chapter's broker knew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlierTopics {
    /// Topics by name.
    pub topics: BTreeMap<String, EarlierTopic>,
    /// Settings of brokers by number; those under the empty name are for all.
    pub brokers: BTreeMap<String, Settings>,
    /// Producer ids below this one may have been given out.
    pub next_producer_id: i64,
}

/// A topic of an earlier chapter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlierTopic {
    /// Its id.
    pub id: Uuid,
    /// Its own settings.
    pub settings: Settings,
    /// Its partitions, by index.
    pub partitions: Vec<EarlierPartition>,
}

/// A partition of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EarlierPartition {
    /// The brokers that have a copy.
    pub replicas: Vec<i32>,
    /// No leader had a later epoch.
    pub epoch: Epoch,
}

// ANCHOR: taken_over
/// The records of what the log does not know yet. What it does know counts.
pub fn taken_over(earlier: &EarlierTopics, image: &ClusterImage) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    let is_new =
        |(name, topic): &(&String, &EarlierTopic)| image.topics.by_name(name).or(image.topics.get(topic.id)).is_none();
    for (name, topic) in earlier.topics.iter().filter(is_new) {
        records.push(TopicRecord { name: name.clone(), topic_id: topic.id }.into());
        let partitions = (0..).zip(&topic.partitions);
        records.extend(partitions.map(|(index, partition)| partition.record(topic.id, index).into()));
        records.extend(config_records(image, &ConfigResource::topic(name), &topic.settings));
    }
    for (name, settings) in &earlier.brokers {
        let resource = ConfigResource { resource_type: BROKER_RESOURCE, name: name.clone() };
        records.extend(config_records(image, &resource, settings));
    }
    if earlier.next_producer_id > image.next_producer_id {
        let next_producer_id = earlier.next_producer_id;
        records.push(ProducerIdsRecord { broker_id: -1, broker_epoch: -1, next_producer_id }.into());
    }
    records
}
// ANCHOR_END: taken_over

impl EarlierPartition {
    fn record(&self, topic_id: Uuid, partition_id: i32) -> PartitionRecord {
        let EarlierPartition { replicas, epoch } = self.clone();
        PartitionRecord {
            partition_id,
            topic_id,
            isr: if replicas.len() == 1 { replicas.clone() } else { Vec::new() },
            directories: vec![UNASSIGNED; replicas.len()],
            replicas,
            leader: NO_LEADER,
            leader_epoch: epoch,
            partition_epoch: 0,
            ..Default::default()
        }
    }
}

fn config_records<'a>(
    image: &'a ClusterImage,
    resource: &'a ConfigResource,
    settings: &'a Settings,
) -> impl Iterator<Item = MetadataRecord> + 'a {
    let is_known = |key: &String| image.configs.of(resource).is_some_and(|known| known.contains_key(key));
    settings.iter().filter(move |(key, _)| !is_known(key)).map(|(name, value)| {
        let (resource_name, name, value) = (resource.name.clone(), name.clone(), Some(value.clone()));
        ConfigRecord { resource_type: resource.resource_type, resource_name, name, value }.into()
    })
}
