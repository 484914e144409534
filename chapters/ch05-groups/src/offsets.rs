//! Committed offsets: how far each group has read in each partition.
//!
//! ```text
//! commit:   (group, topic, partition)  ->  (offset, leader epoch, metadata, when)      a record; the newest one counts
//! expiry:   (group, topic, partition)  ->  nothing                                     a tombstone
//! ```
//!
//! The committed offset is that of the next record to be processed: one more than the last that was. It is read when a
//! partition gets a new owner, and never in between.

use std::collections::BTreeMap;

use ch01_log::batch::{Epoch, Offset, Timestamp};

use crate::records::{GroupRecord, OffsetCommitKey, OffsetCommitValue};

/// What was committed for one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// The offset of the next record to be processed.
    pub offset: Offset,
    /// The leader epoch of the last record that was, -1 if the member does not say.
    pub leader_epoch: Epoch,
    /// What the member has written beside it.
    pub metadata: String,
    /// When, in milliseconds.
    pub at: Timestamp,
    /// When it expires, whatever the group does; old clients could say so.
    pub expires: Option<Timestamp>,
}

type OfTopics = BTreeMap<String, BTreeMap<i32, Committed>>;

/// The committed offsets of all groups of a shard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Offsets {
    groups: BTreeMap<String, OfTopics>,
}

impl Offsets {
    // ANCHOR: replay
    /// Takes in a record; without a value it is a tombstone.
    pub fn replay(&mut self, key: &OffsetCommitKey, value: Option<&OffsetCommitValue>) {
        if let Some(value) = value {
            let committed = Committed {
                offset: value.offset,
                leader_epoch: value.leader_epoch,
                metadata: value.metadata.clone(),
                at: value.commit_timestamp,
                expires: Some(value.expire_timestamp).filter(|&expires| expires >= 0),
            };
            let topics = self.groups.entry(key.group.clone()).or_default();
            topics.entry(key.topic.clone()).or_default().insert(key.partition, committed);
            return;
        }
        let Some(topics) = self.groups.get_mut(&key.group) else { return };
        if let Some(partitions) = topics.get_mut(&key.topic) {
            partitions.remove(&key.partition);
            topics.retain(|_, partitions| !partitions.is_empty());
        }
        if topics.is_empty() {
            self.groups.remove(&key.group);
        }
    }
    // ANCHOR_END: replay

    /// What was committed for a partition.
    pub fn get(&self, group: &str, topic: &str, partition: i32) -> Option<&Committed> {
        self.groups.get(group)?.get(topic)?.get(&partition)
    }

    /// All that a group has committed.
    pub fn of_group(&self, group: &str) -> impl Iterator<Item = (&str, i32, &Committed)> {
        self.groups.get(group).into_iter().flatten().flat_map(|(topic, partitions)| {
            partitions.iter().map(move |(&partition, committed)| (topic.as_str(), partition, committed))
        })
    }

    /// Whether a group has committed anything.
    pub fn has(&self, group: &str) -> bool {
        self.groups.contains_key(group)
    }

    /// The groups that have committed something.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str)
    }

    // ANCHOR: expired
    /// What is to be forgotten of a group. `unused_since`: when the group stopped to use a topic; `None`: it is still in use.
    pub fn expired(
        &self,
        group: &str,
        now: Timestamp,
        retention_ms: i64,
        unused_since: impl Fn(&str, &Committed) -> Option<Timestamp>,
    ) -> Vec<GroupRecord> {
        let is_over = |topic: &str, committed: &Committed| match (unused_since(topic, committed), committed.expires) {
            (None, _) => false,
            (Some(_), Some(expires)) => expires <= now,
            (Some(since), None) => since.saturating_add(retention_ms) <= now,
        };
        let expired = self.of_group(group).filter(|(topic, _, committed)| is_over(topic, committed));
        expired.map(|(topic, partition, _)| tombstone(group, topic, partition)).collect()
    }
    // ANCHOR_END: expired
}

/// The record that makes a commit be forgotten.
pub fn tombstone(group: &str, topic: &str, partition: i32) -> GroupRecord {
    let key = OffsetCommitKey { group: group.to_owned(), topic: topic.to_owned(), partition };
    GroupRecord::OffsetCommit(key, None)
}
