//! A group of the consumer protocol (KIP-848): a heartbeat goes in, records and an answer come out.
//!
//! ```text
//! members, subscriptions, topics  --raise-->  group epoch
//!                                                  |  an assignor
//!                                                  v
//!                                          target assignment
//!                                                  |  reconciliation, each member at its own pace
//!                                                  v
//!                                   what each member has, and its epoch
//! ```
//!
//! Nobody waits for anybody else, except for a partition: who has it gives it back first, and says so with a heartbeat; then
//! who is to have it gets it.
//!
//! What a decision changes is only in its records, and [`ConsumerGroup::replay`] is the only one to take them in: so what
//! is in the log is all there is to know. When a member was last heard of is not: [`ConsumerSessions`] stands beside it, and
//! begins anew with the next coordinator, in favour of the members.
//!
//! `heartbeat` is the decision; what it is made of stands apart: `check` (is the request one?), `membership` (who is it?),
//! `subscription` (what is wanted?), `target`, `reconcile`, `leave`. `classic_members` are those that speak the older protocol
//! yet, `migrate` makes a group of one protocol one of the other.

mod check;
mod classic_members;
mod commit;
mod describe;
mod draft;
mod heartbeat;
mod leave;
mod member;
mod membership;
mod migrate;
mod pattern;
mod reconcile;
mod sessions;
mod settings;
mod subscription;
mod target;
mod topics;
mod translate;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ch00_wire::uuid::Uuid;
use ch01_log::batch::Timestamp;

use crate::assignor::Partitions;
use crate::records::*;

pub use classic_members::CONSUMER_PROTOCOL_TYPE;
pub use heartbeat::HeartbeatContext;
pub use member::{ConsumerMember, EpochPartitions, MemberState};
pub use migrate::MigrationPolicy;
pub use pattern::TopicPattern;
pub use sessions::ConsumerSessions;
pub use settings::ConsumerGroupSettings;
pub use topics::{GroupTopic, GroupTopics, topic_hash};

/// The epoch of a group before anything was written of it: its first records have the next.
const FIRST_EPOCH: i32 = 1;

/// A group, as its records say.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerGroup {
    group_id: String,
    /// Raised by every change of members, subscriptions or topics.
    epoch: i32,
    /// A hash over the topics that members want, as they were when the epoch was raised.
    metadata_hash: i64,
    /// The members by id. Shared, so that a copy of the group is cheap: each decision that writes makes one.
    members: BTreeMap<String, Arc<ConsumerMember>>,
    /// The group epoch that the target was made for; below the group's while there is no newer one.
    target_epoch: i32,
    /// When it was made, in milliseconds since 1970; 0 before the first.
    target_timestamp: Timestamp,
    /// What each member is to have.
    target: BTreeMap<String, Arc<Partitions>>,
    /// What regular expressions of members match.
    patterns: BTreeMap<String, ConsumerGroupRegularExpressionValue>,
    /// Who has a partition, or has not given it back yet. Follows from `members`.
    owners: BTreeMap<(Uuid, i32), Arc<str>>,
    /// Whether the log has a record of the kind that a hash has taken the place of.
    has_partition_metadata: bool,
}

/// How a group is, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsumerGroupState {
    /// It has no members.
    Empty,
    /// There is no target for its epoch yet.
    Assigning,
    /// Not every member has what it is to have.
    Reconciling,
    /// Every member has.
    Stable,
}

impl ConsumerGroup {
    /// A group that nothing was written of.
    pub fn new(group_id: &str) -> ConsumerGroup {
        ConsumerGroup {
            group_id: group_id.to_string(),
            epoch: FIRST_EPOCH,
            metadata_hash: 0,
            members: BTreeMap::new(),
            target_epoch: 0,
            target_timestamp: 0,
            target: BTreeMap::new(),
            patterns: BTreeMap::new(),
            owners: BTreeMap::new(),
            has_partition_metadata: false,
        }
    }

    /// Its epoch.
    pub fn epoch(&self) -> i32 {
        self.epoch
    }

    /// Its members by id.
    pub fn members(&self) -> &BTreeMap<String, Arc<ConsumerMember>> {
        &self.members
    }

    /// What each member is to have.
    pub fn target(&self) -> &BTreeMap<String, Arc<Partitions>> {
        &self.target
    }

    /// How it is.
    pub fn state(&self) -> ConsumerGroupState {
        let reconciled = |member: &Arc<ConsumerMember>| member.is_reconciled_to(self.target_epoch);
        match () {
            _ if self.members.is_empty() => ConsumerGroupState::Empty,
            _ if self.epoch > self.target_epoch => ConsumerGroupState::Assigning,
            _ if self.members.values().all(reconciled) => ConsumerGroupState::Stable,
            _ => ConsumerGroupState::Reconciling,
        }
    }

    /// The names of the topics that its members want.
    pub fn subscribed_topics(&self) -> BTreeSet<&str> {
        self.members.values().flat_map(|member| self.topic_names(member)).collect()
    }

    /// Takes in a record of this group. One that takes back the group's epoch means that the group is gone.
    pub fn replay(&mut self, record: &GroupRecord) {
        match record {
            GroupRecord::ConsumerGroupMetadata(_, Some(value)) => {
                self.epoch = value.epoch;
                self.metadata_hash = value.metadata_hash;
            }
            GroupRecord::ConsumerGroupMetadata(_, None) => *self = ConsumerGroup::new(&self.group_id),
            GroupRecord::ConsumerGroupPartitionMetadata(_, value) => self.has_partition_metadata = value.is_some(),
            GroupRecord::ConsumerGroupMemberMetadata(key, Some(value)) => {
                let member = self.members.entry(key.member_id.clone()).or_default();
                Arc::make_mut(member).metadata = value.clone();
            }
            GroupRecord::ConsumerGroupMemberMetadata(key, None) => {
                self.set_current(&key.member_id, None);
                self.members.remove(&key.member_id);
            }
            GroupRecord::ConsumerGroupTargetAssignmentMetadata(_, value) => {
                let (epoch, timestamp) =
                    value.as_ref().map_or((-1, 0), |v| (v.assignment_epoch, v.assignment_timestamp));
                (self.target_epoch, self.target_timestamp) = (epoch, timestamp);
            }
            GroupRecord::ConsumerGroupTargetAssignmentMember(key, Some(value)) => {
                self.target.insert(key.member_id.clone(), Arc::new(target::from_record(value)));
            }
            GroupRecord::ConsumerGroupTargetAssignmentMember(key, None) => {
                self.target.remove(&key.member_id);
            }
            GroupRecord::ConsumerGroupCurrentMemberAssignment(key, value) => {
                self.set_current(&key.member_id, value.as_ref())
            }
            GroupRecord::ConsumerGroupRegularExpression(key, Some(value)) => {
                self.patterns.insert(key.regular_expression.clone(), value.clone());
            }
            GroupRecord::ConsumerGroupRegularExpression(key, None) => {
                self.patterns.remove(&key.regular_expression);
            }
            GroupRecord::OffsetCommit(..) | GroupRecord::GroupMetadata(..) => {}
        }
    }

    /// A member has what a record says, or nothing.
    fn set_current(&mut self, member_id: &str, value: Option<&ConsumerGroupCurrentMemberAssignmentValue>) {
        let Some(member) = (match value {
            Some(_) => Some(self.members.entry(member_id.to_string()).or_default()),
            None => self.members.get_mut(member_id),
        }) else {
            return;
        };
        for partition in member.held() {
            if self.owners.get(&partition).is_some_and(|owner| **owner == *member_id) {
                self.owners.remove(&partition);
            }
        }
        Arc::make_mut(member).set_current(value);
        let owner: Arc<str> = member_id.into();
        self.owners.extend(member.held().map(|partition| (partition, owner.clone())));
    }

    /// The id of the member that has an instance id.
    fn static_member(&self, instance_id: &str) -> Option<&str> {
        let mut members = self.members.iter();
        members
            .find(|(_, member)| member.metadata.instance_id.as_deref() == Some(instance_id))
            .map(|(id, _)| id.as_str())
    }

    /// The names of the topics that a member wants: those that it names, and those that its expression matches.
    fn topic_names<'a>(&'a self, member: &'a ConsumerMember) -> impl Iterator<Item = &'a str> {
        let matched = member.pattern().and_then(|pattern| self.patterns.get(pattern)).map(|value| &value.topics);
        member.metadata.subscribed_topic_names.iter().chain(matched.into_iter().flatten()).map(String::as_str)
    }

    /// The ids of those of these topics that exist.
    fn topic_ids(&self, member: &ConsumerMember, topics: &GroupTopics) -> BTreeSet<Uuid> {
        self.topic_names(member).filter_map(|name| topics.get(name)).map(|topic| topic.id).collect()
    }
}
