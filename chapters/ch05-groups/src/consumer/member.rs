//! A member: who it is, and what it has.
//!
//! ```text
//!               the target takes something away
//!     STABLE  -----------------------------------> UNREVOKED_PARTITIONS
//!       |  ^                                             |        the member has given it back
//!       |  |    everything was free                      |
//!       |  +---------------------------------------------+
//!       |  ^                                             |    somebody still has what it is to get
//!       |  |  it has been given back                     v
//!       +--+---------------------------------> UNRELEASED_PARTITIONS
//!            somebody still has what it is to get
//! ```
//!
//! Its epoch is the target's that it has come to. It stays behind while the member still has to give something back.

use std::collections::BTreeMap;

use ch00_wire::uuid::Uuid;

use crate::records::*;

/// Partitions by topic, and for each the member's epoch when it got it. No map is empty.
pub type EpochPartitions = BTreeMap<Uuid, BTreeMap<i32, i32>>;

/// Where a member is on its way to the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemberState {
    /// It has what it was to have at its epoch.
    #[default]
    Stable,
    /// It has partitions to give back.
    UnrevokedPartitions,
    /// It waits for partitions that others have.
    UnreleasedPartitions,
    /// A state that a newer Kafka has written.
    Unknown,
}

impl MemberState {
    fn from_number(number: i8) -> MemberState {
        match number {
            0 => MemberState::Stable,
            1 => MemberState::UnrevokedPartitions,
            2 => MemberState::UnreleasedPartitions,
            _ => MemberState::Unknown,
        }
    }

    fn number(self) -> i8 {
        match self {
            MemberState::Stable => 0,
            MemberState::UnrevokedPartitions => 1,
            MemberState::UnreleasedPartitions => 2,
            MemberState::Unknown => 127,
        }
    }
}

/// A member.
#[derive(Debug, Clone, PartialEq)]
pub struct ConsumerMember {
    /// How it described itself.
    pub metadata: ConsumerGroupMemberMetadataValue,
    /// Its epoch; 0 while it joins, -1 when it is gone, -2 for a static one that will be back.
    pub epoch: i32,
    /// The epoch that it had before; -1 if none.
    pub previous_epoch: i32,
    /// Where it is on its way to the target.
    pub state: MemberState,
    /// What it may use.
    pub assigned: EpochPartitions,
    /// What it has to give back.
    pub revoking: EpochPartitions,
}

impl Default for ConsumerMember {
    /// One that has said nothing yet.
    fn default() -> ConsumerMember {
        let metadata = ConsumerGroupMemberMetadataValue {
            subscribed_topic_regex: Some(String::new()),
            classic_member_metadata: ClassicMember(None),
            ..ConsumerGroupMemberMetadataValue::default()
        };
        ConsumerMember {
            metadata,
            epoch: 0,
            previous_epoch: -1,
            state: MemberState::Stable,
            assigned: EpochPartitions::new(),
            revoking: EpochPartitions::new(),
        }
    }
}

impl ConsumerMember {
    /// Whether it has what a target of this epoch gives it.
    pub fn is_reconciled_to(&self, target_epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == target_epoch
    }

    /// The regular expression for topics that it wants.
    pub fn pattern(&self) -> Option<&str> {
        self.metadata.subscribed_topic_regex.as_deref().filter(|pattern| !pattern.is_empty())
    }

    /// Whether it speaks the classic protocol.
    pub fn is_classic(&self) -> bool {
        self.metadata.classic_member_metadata.0.is_some()
    }

    /// The session that it has asked for, in milliseconds, if it speaks the classic protocol.
    pub fn classic_session_timeout_ms(&self) -> Option<i32> {
        self.metadata.classic_member_metadata.0.as_ref().map(|classic| classic.session_timeout_ms)
    }

    /// The partitions that nobody else may have: those it may use, and those it has not given back.
    pub fn held(&self) -> impl Iterator<Item = (Uuid, i32)> {
        let topics = self.assigned.iter().chain(&self.revoking);
        topics.flat_map(|(topic, partitions)| partitions.keys().map(|partition| (*topic, *partition)))
    }

    /// The epoch in which it got a partition that it has.
    pub fn epoch_of(&self, topic: Uuid, partition: i32) -> Option<i32> {
        let of = |partitions: &EpochPartitions| partitions.get(&topic)?.get(&partition).copied();
        of(&self.assigned).or_else(|| of(&self.revoking))
    }

    /// What it has, as a record. (The key and who it is are others.)
    pub(super) fn current(&self) -> ConsumerGroupCurrentMemberAssignmentValue {
        ConsumerGroupCurrentMemberAssignmentValue {
            member_epoch: self.epoch,
            previous_member_epoch: self.previous_epoch,
            state: self.state.number(),
            assigned_partitions: to_record(&self.assigned),
            partitions_pending_revocation: to_record(&self.revoking),
        }
    }

    /// It has what a record says; without one it is about to go.
    pub(super) fn set_current(&mut self, value: Option<&ConsumerGroupCurrentMemberAssignmentValue>) {
        let Some(value) = value else {
            *self = ConsumerMember { metadata: self.metadata.clone(), epoch: -1, ..ConsumerMember::default() };
            return;
        };
        self.epoch = value.member_epoch;
        self.previous_epoch = value.previous_member_epoch;
        self.state = MemberState::from_number(value.state);
        self.assigned = from_record(&value.assigned_partitions, value.member_epoch);
        self.revoking = from_record(&value.partitions_pending_revocation, value.member_epoch);
    }
}

fn to_record(partitions: &EpochPartitions) -> Vec<CurrentTopicPartitions> {
    let topic = |(topic_id, partitions): (&Uuid, &BTreeMap<i32, i32>)| CurrentTopicPartitions {
        topic_id: *topic_id,
        partitions: partitions.keys().copied().collect(),
        assignment_epochs: Some(partitions.values().copied().collect()),
    };
    partitions.iter().map(topic).collect()
}

/// Before Kafka 4.2 there were no epochs of partitions: then the member's counts.
fn from_record(topics: &[CurrentTopicPartitions], member_epoch: i32) -> EpochPartitions {
    let topic = |topic: &CurrentTopicPartitions| {
        let epochs = topic.assignment_epochs.as_ref().filter(|epochs| epochs.len() == topic.partitions.len());
        let epoch = |i: usize| epochs.map_or(member_epoch.max(0), |epochs| epochs[i]);
        (topic.topic_id, topic.partitions.iter().enumerate().map(|(i, partition)| (*partition, epoch(i))).collect())
    };
    topics.iter().filter(|topic| !topic.partitions.is_empty()).map(topic).collect()
}
