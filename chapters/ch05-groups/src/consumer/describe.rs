//! What a group is like, for people.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ch00_wire::uuid::Uuid;

use super::{ConsumerGroup, ConsumerGroupSettings, ConsumerGroupState, ConsumerMember, GroupTopics};
use crate::assignor::Partitions;
use crate::messages::*;

impl fmt::Display for ConsumerGroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConsumerGroupState::Empty => "Empty",
            ConsumerGroupState::Assigning => "Assigning",
            ConsumerGroupState::Reconciling => "Reconciling",
            ConsumerGroupState::Stable => "Stable",
        })
    }
}

impl ConsumerGroup {
    /// The group in an answer to ConsumerGroupDescribe.
    pub fn describe(&self, topics: &GroupTopics, settings: &ConsumerGroupSettings) -> DescribedConsumerGroup {
        DescribedConsumerGroup {
            group_id: self.group_id.clone(),
            group_state: self.state().to_string(),
            group_epoch: self.epoch,
            assignment_epoch: self.target_epoch,
            assignor_name: self.assignor(settings).name().to_string(),
            members: self.members.iter().map(|(id, member)| self.describe_member(id, member, topics)).collect(),
            ..DescribedConsumerGroup::default()
        }
    }

    fn describe_member(&self, id: &str, member: &ConsumerMember, topics: &GroupTopics) -> DescribedConsumerGroupMember {
        let metadata = member.metadata.clone();
        let mut held = Partitions::new();
        member.held().for_each(|(topic, partition)| {
            held.entry(topic).or_default().insert(partition);
        });
        DescribedConsumerGroupMember {
            member_id: id.to_string(),
            instance_id: metadata.instance_id,
            rack_id: metadata.rack_id,
            member_epoch: member.epoch,
            client_id: metadata.client_id,
            client_host: metadata.client_host,
            subscribed_topic_names: metadata.subscribed_topic_names,
            subscribed_topic_regex: metadata.subscribed_topic_regex,
            assignment: describe_partitions(&held, topics),
            target_assignment: describe_partitions(
                self.target.get(id).map_or(&BTreeMap::new(), |target| target),
                topics,
            ),
            member_type: if member.is_classic() { 0 } else { 1 },
        }
    }
}

/// Partitions of topics that exist.
fn describe_partitions(partitions: &Partitions, topics: &GroupTopics) -> DescribedAssignment {
    let topic = |(&topic_id, partitions): (&Uuid, &BTreeSet<i32>)| {
        let topic_name = topics.name(topic_id)?.to_string();
        Some(DescribedTopicPartitions { topic_id, topic_name, partitions: partitions.iter().copied().collect() })
    };
    DescribedAssignment { topic_partitions: partitions.iter().filter_map(topic).collect() }
}
