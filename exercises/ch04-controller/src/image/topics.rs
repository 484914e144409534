//! Topics and their partitions, each partition as the record that would describe it now.

use std::collections::BTreeMap;
use std::sync::Arc;

use ch00_wire::uuid::Uuid;

use super::ReplayError;
use crate::records::{
    MetadataRecord, NO_LEADER_CHANGE, NO_RECOVERY_CHANGE, PartitionChangeRecord, PartitionRecord, TopicRecord,
};

/// A replica's directory is not known: its broker has not said so, or is older than directories with ids. The other
/// reserved ids are 1, for a replica that no directory was chosen for yet, and 2, for one whose directory has failed.
pub const DIRECTORY_MIGRATING: Uuid = Uuid::ZERO;

/// A partition as it is: the record of its creation, with what has changed since.
pub type PartitionRegistration = PartitionRecord;

/// A topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its id, which no later topic of the same name has.
    pub id: Uuid,
    /// Its partitions by index.
    pub partitions: BTreeMap<i32, PartitionRegistration>,
}

/// Topics by name and by id. Each is behind a pointer of its own, so that a new image of ten thousand is cheap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topics {
    by_id: BTreeMap<Uuid, Arc<Topic>>,
    ids: BTreeMap<Arc<str>, Uuid>,
}

impl Topics {
    /// The topic of an id.
    pub fn get(&self, id: Uuid) -> Option<&Arc<Topic>> {
        self.by_id.get(&id)
    }

    /// The topic of a name.
    pub fn by_name(&self, name: &str) -> Option<&Arc<Topic>> {
        self.get(*self.ids.get(name)?)
    }

    /// All topics, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.ids.values().map(|id| &self.by_id[id])
    }

    /// All partitions of all topics.
    pub fn partitions(&self) -> impl Iterator<Item = &PartitionRegistration> {
        self.iter().flat_map(|topic| topic.partitions.values())
    }

    /// A partition of a topic.
    pub fn partition(&self, id: Uuid, partition: i32) -> Option<&PartitionRegistration> {
        self.get(id)?.partitions.get(&partition)
    }

    pub(super) fn create(&mut self, record: &TopicRecord) -> Result<(), ReplayError> {
        let TopicRecord { name, topic_id: id } = record.clone();
        if self.ids.contains_key(&*name) || self.by_id.contains_key(&id) {
            return Err(ReplayError::TopicExists { name, id });
        }
        self.ids.insert(name.as_str().into(), id);
        self.by_id.insert(id, Arc::new(Topic { name, id, partitions: BTreeMap::new() }));
        Ok(())
    }

    /// Removes a topic; the result is its name.
    pub(super) fn remove(&mut self, id: Uuid) -> Result<String, ReplayError> {
        let topic = self.by_id.remove(&id).ok_or(ReplayError::NoTopic(id))?;
        self.ids.remove(&*topic.name);
        assert_eq!(self.ids.len(), self.by_id.len(), "every topic has one name and one id");
        Ok(topic.name.clone())
    }

    pub(super) fn put_partition(&mut self, record: &PartitionRecord) -> Result<(), ReplayError> {
        let partition = normal(record.clone())?;
        self.topic_mut(record.topic_id)?.partitions.insert(record.partition_id, partition);
        Ok(())
    }

    pub(super) fn change_partition(&mut self, change: &PartitionChangeRecord) -> Result<(), ReplayError> {
        let topic = self.topic_mut(change.topic_id)?;
        let no_partition = ReplayError::NoPartition { topic: topic.name.clone(), partition: change.partition_id };
        let partition = topic.partitions.get_mut(&change.partition_id).ok_or(no_partition)?;
        *partition = normal(merge(partition, change))?;
        Ok(())
    }

    /// Forgets eligible leader replicas, of one topic or of all (`name` is empty).
    pub(super) fn clear_elr(&mut self, name: &str) -> Result<(), ReplayError> {
        let ids: Vec<Uuid> = match name {
            "" => self.by_id.keys().copied().collect(),
            _ => vec![*self.ids.get(name).ok_or_else(|| ReplayError::NoTopicNamed(name.to_owned()))?],
        };
        for topic_id in ids {
            let partitions = self.by_id[&topic_id].partitions.values();
            let with_elr = partitions.filter(|p| p.eligible_leader_replicas.is_some() || p.last_known_elr.is_some());
            for partition_id in with_elr.map(|p| p.partition_id).collect::<Vec<_>>() {
                self.change_partition(&PartitionChangeRecord {
                    partition_id,
                    topic_id,
                    eligible_leader_replicas: Some(Vec::new()),
                    last_known_elr: Some(Vec::new()),
                    ..Default::default()
                })?;
            }
        }
        Ok(())
    }

    fn topic_mut(&mut self, id: Uuid) -> Result<&mut Topic, ReplayError> {
        self.by_id.get_mut(&id).map(Arc::make_mut).ok_or(ReplayError::NoTopic(id))
    }

    pub(super) fn to_records(&self) -> impl Iterator<Item = MetadataRecord> {
        self.by_id.values().flat_map(|topic| {
            let record = TopicRecord { name: topic.name.clone(), topic_id: topic.id };
            std::iter::once(record.into()).chain(topic.partitions.values().cloned().map(MetadataRecord::from))
        })
    }
}

impl PartitionRecord {
    /// Replicas out of sync that nevertheless have everything that was acknowledged.
    pub fn elr(&self) -> &[i32] {
        self.eligible_leader_replicas.as_deref().unwrap_or_default()
    }

    /// The directory of a broker's copy, if it has one.
    pub fn directory(&self, broker: i32) -> Option<Uuid> {
        let at = self.replicas.iter().position(|&replica| replica == broker)?;
        self.directories.get(at).copied()
    }
}

/// A partition after a change. Whatever has changed, its epoch is one higher; and where the change names a leader, so is
/// the leader epoch, even if it is the leader there was.
fn merge(partition: &PartitionRegistration, change: &PartitionChangeRecord) -> PartitionRegistration {
    todo!("exercise partition-change")
}

/// The one form in which a partition stands in an image: nobody eligible is null, and every replica has a directory.
fn normal(mut partition: PartitionRegistration) -> Result<PartitionRegistration, ReplayError> {
    for elr in [&mut partition.eligible_leader_replicas, &mut partition.last_known_elr] {
        elr.take_if(|replicas| replicas.is_empty());
    }
    if partition.directories.iter().all(|&directory| directory == DIRECTORY_MIGRATING) {
        partition.directories = vec![DIRECTORY_MIGRATING; partition.replicas.len()];
    }
    match partition.directories.len() == partition.replicas.len() {
        true => Ok(partition),
        false => Err(ReplayError::Directories { id: partition.topic_id, partition: partition.partition_id }),
    }
}
