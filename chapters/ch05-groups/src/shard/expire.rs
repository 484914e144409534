//! What is forgotten by and by: offsets that nobody has used for long, and groups without members and offsets.

use std::collections::{BTreeMap, BTreeSet};

use ch01_log::batch::Timestamp;

use crate::classic::ClassicGroup;
use crate::offsets::{Committed, Offsets, tombstone};
use crate::records::{GroupMetadataKey, GroupRecord};

// ANCHOR: expired
/// Tombstones for all that is to be forgotten now.
pub(super) fn expired(
    groups: &BTreeMap<String, ClassicGroup>,
    offsets: &Offsets,
    now: Timestamp,
    retention_ms: i64,
) -> Vec<GroupRecord> {
    let mut records = Vec::new();
    for id in offsets.groups() {
        let group = groups.get(id);
        let subscribed = group.and_then(ClassicGroup::subscribed_topics);
        records.extend(offsets.expired(id, now, retention_ms, |topic, committed| {
            unused_since(group, subscribed.as_ref(), topic, committed)
        }));
    }
    let forgotten: BTreeMap<&str, usize> = records.iter().fold(BTreeMap::new(), |mut counts, record| {
        if let GroupRecord::OffsetCommit(key, _) = record {
            *counts.entry(key.group.as_str()).or_default() += 1;
        }
        counts
    });
    let is_over = |group: &&ClassicGroup| {
        let left = offsets.of_group(group.id()).count() - forgotten.get(group.id()).unwrap_or(&0);
        group.is_empty() && group.generation() > 0 && left == 0
    };
    let over: Vec<_> = groups.values().filter(is_over).map(|group| forget(group.id())).collect();
    records.extend(over);
    records
}

/// Since when a group does not use a topic; `None`: it does.
fn unused_since(
    group: Option<&ClassicGroup>,
    subscribed: Option<&BTreeSet<String>>,
    topic: &str,
    committed: &Committed,
) -> Option<Timestamp> {
    match group {
        // Nobody was ever a member: whoever commits was assigned its partitions by hand.
        None => Some(committed.at),
        Some(group) if group.is_empty() => Some(group.since().max(committed.at)),
        Some(_) => subscribed.filter(|subscribed| !subscribed.contains(topic)).map(|_| committed.at),
    }
}
// ANCHOR_END: expired

/// Tombstones for all that was committed for topics that are gone.
pub(super) fn of_topics(offsets: &Offsets, topics: &BTreeSet<String>) -> Vec<GroupRecord> {
    let mut records = Vec::new();
    for group in offsets.groups() {
        let gone = offsets.of_group(group).filter(|(topic, _, _)| topics.contains(*topic));
        records.extend(gone.map(|(topic, partition, _)| tombstone(group, topic, partition)));
    }
    records
}

/// The record that makes a group be forgotten.
pub(super) fn forget(group: &str) -> GroupRecord {
    GroupRecord::GroupMetadata(GroupMetadataKey { group: group.to_owned() }, None)
}
