//! The target: what each member is to have.

use std::sync::Arc;

use ch01_log::batch::Timestamp;

use super::draft::Draft;
use super::{ConsumerGroup, ConsumerGroupSettings, ConsumerMember, GroupTopics};
use crate::assignor::{Assignor, AssignorMember, Partitions};
use crate::records::*;

// ANCHOR: update
/// A new target if the group has a newer epoch, unless the last one is too new to be replaced already.
pub fn update(draft: &mut Draft<'_>, topics: &GroupTopics, settings: &ConsumerGroupSettings, now: Timestamp) {
    let group = &draft.group;
    let rest = group.target_timestamp + Timestamp::from(settings.assignment_interval_ms) - now;
    if group.target_epoch >= group.epoch || (group.target_timestamp != 0 && rest > 0) {
        return;
    }
    let member = |(id, member): (&String, &Arc<ConsumerMember>)| {
        let target = group.target.get(id).map_or_else(Partitions::new, |target| Partitions::clone(target));
        let instance_id = member.metadata.instance_id.clone();
        (id.clone(), AssignorMember { instance_id, topics: group.topic_ids(member, topics), target })
    };
    let members = group.members.iter().map(member).collect();
    let assignor = group.assignor(settings);
    for (id, partitions) in assignor.assign(&members, &topics.sizes().collect()) {
        if draft.group.target.get(&id).is_none_or(|target| **target != partitions) {
            draft.target(&id, Some(&partitions));
        }
    }
    let assignment_epoch = draft.group.epoch;
    draft.target_metadata(Some(ConsumerGroupTargetAssignmentMetadataValue {
        assignment_epoch,
        assignment_timestamp: now,
    }));
}
// ANCHOR_END: update

impl ConsumerGroup {
    // ANCHOR: assignor
    /// The assignor that most members ask for; of equals, and where nobody asks, the one that is configured first.
    pub(super) fn assignor(&self, settings: &ConsumerGroupSettings) -> Assignor {
        let votes = |assignor: &Assignor| {
            let asked = self.members.values().filter_map(|member| member.metadata.server_assignor.as_deref());
            asked.filter(|name| *name == assignor.name()).count()
        };
        // The last of equals is the largest: in reverse it is the first.
        settings.assignors.iter().rev().copied().max_by_key(votes).unwrap_or_default()
    }
    // ANCHOR_END: assignor
}

/// What a record says.
pub fn from_record(value: &ConsumerGroupTargetAssignmentMemberValue) -> Partitions {
    let topics = value.topic_partitions.iter().filter(|topic| !topic.partitions.is_empty());
    topics.map(|topic| (topic.topic_id, topic.partitions.iter().copied().collect())).collect()
}

/// The record that says it.
pub fn to_record(partitions: &Partitions) -> ConsumerGroupTargetAssignmentMemberValue {
    let topic = |(topic_id, partitions): (&_, &std::collections::BTreeSet<i32>)| TargetTopicPartitions {
        topic_id: *topic_id,
        partitions: partitions.iter().copied().collect(),
    };
    ConsumerGroupTargetAssignmentMemberValue { topic_partitions: partitions.iter().map(topic).collect() }
}
