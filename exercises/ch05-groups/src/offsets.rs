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
    /// Takes in a record; without a value it is a tombstone.
    pub fn replay(&mut self, key: &OffsetCommitKey, value: Option<&OffsetCommitValue>) {
        todo!("exercise offset-replay")
    }

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

    /// What is to be forgotten of a group. `unused_since`: when the group stopped to use a topic; `None`: it is still in use.
    pub fn expired(
        &self,
        group: &str,
        now: Timestamp,
        retention_ms: i64,
        unused_since: impl Fn(&str, &Committed) -> Option<Timestamp>,
    ) -> Vec<GroupRecord> {
        todo!("exercise offset-expiry")
    }
}

/// The record that makes a commit be forgotten.
pub fn tombstone(group: &str, topic: &str, partition: i32) -> GroupRecord {
    let key = OffsetCommitKey { group: group.to_owned(), topic: topic.to_owned(), partition };
    GroupRecord::OffsetCommit(key, None)
}
