//! What is forgotten by and by: offsets that nobody has used for long, and groups without members and offsets.

use std::collections::{BTreeMap, BTreeSet};

use ch01_log::batch::Timestamp;

use super::Group;
use crate::offsets::{Offsets, tombstone};
use crate::records::GroupRecord;

// ANCHOR: expired
/// Tombstones for all that is to be forgotten now.
pub(super) fn expired(
    groups: &BTreeMap<String, Group>,
    offsets: &Offsets,
    now: Timestamp,
    retention_ms: i64,
) -> Vec<GroupRecord> {
    let mut records = Vec::new();
    for id in offsets.groups() {
        let group = groups.get(id);
        let subscribed = group.and_then(Group::subscribed_topics);
        records.extend(offsets.expired(id, now, retention_ms, |topic, committed| {
            match group {
                // Nobody was ever a member: whoever commits was assigned its partitions by hand.
                None => Some(committed.at),
                Some(group) => group.unused_since(subscribed.as_ref(), topic, committed),
            }
        }));
    }
    let forgotten: BTreeMap<&str, usize> = records.iter().fold(BTreeMap::new(), |mut counts, record| {
        if let GroupRecord::OffsetCommit(key, _) = record {
            *counts.entry(key.group.as_str()).or_default() += 1;
        }
        counts
    });
    let is_over = |(id, group): &(&String, &Group)| {
        let left = offsets.of_group(id).count() - forgotten.get(id.as_str()).unwrap_or(&0);
        let is_coming = group.classic().is_some_and(|group| group.generation() == 0);
        group.is_empty() && !is_coming && left == 0
    };
    let over: Vec<_> = groups.iter().filter(is_over).flat_map(|(_, group)| group.forget()).collect();
    records.extend(over);
    records
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
