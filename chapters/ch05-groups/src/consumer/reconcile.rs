//! Reconciliation: one step of a member towards the target.
//!
//! First it gives back what it is not to have any more, and keeps its epoch until it has. Then it comes to the target's
//! epoch, and gets what is free of what it is to have; for the rest it waits.

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

use super::draft::Refusal;
use super::{ConsumerMember, EpochPartitions, MemberState};
use crate::assignor::Partitions;
use crate::messages::HeartbeatTopicPartitions;

/// What a step depends on.
pub struct Step<'a> {
    /// The target's epoch.
    pub target_epoch: i32,
    /// What the member is to have.
    pub target: &'a Partitions,
    /// The topics that it wants. That may have changed since the target was made.
    pub topics: &'a BTreeSet<Uuid>,
    /// Whether it has changed with this heartbeat.
    pub subscription_changed: bool,
    /// What the member says it has; `None` if it does not say.
    pub owned: Option<&'a [HeartbeatTopicPartitions]>,
    /// Whether nobody else has a partition.
    pub is_free: &'a dyn Fn(Uuid, i32) -> bool,
}

impl Step<'_> {
    // ANCHOR: reconcile
    /// The member after the step.
    pub fn take(&self, member: &ConsumerMember) -> Result<ConsumerMember, Refusal> {
        let behind = member.epoch != self.target_epoch;
        Ok(match member.state {
            MemberState::Stable if behind => self.next(member, member.epoch),
            MemberState::UnrevokedPartitions if !self.owns_any(&member.revoking) => self.next(member, member.epoch),
            MemberState::Stable | MemberState::UnrevokedPartitions if self.subscription_changed => {
                self.without_unwanted(member)
            }
            MemberState::Stable | MemberState::UnrevokedPartitions => member.clone(),
            MemberState::UnreleasedPartitions => self.next(member, member.epoch),
            MemberState::Unknown if self.owned.is_some_and(<[_]>::is_empty) => self.next(member, self.target_epoch),
            MemberState::Unknown => {
                let text = "The consumer group member is in a unknown state. The member must abandon all its partitions \
                            and rejoin.";
                return Err((ErrorCode::FENCED_MEMBER_EPOCH, text.to_string()));
            }
        })
    }

    /// Gives back what it is not to have; or else, takes what is free of the target.
    fn next(&self, member: &ConsumerMember, epoch: i32) -> ConsumerMember {
        let is_target = |topic: Uuid, partition: i32| {
            self.topics.contains(&topic) && self.target.get(&topic).is_some_and(|target| target.contains(&partition))
        };
        let (mut assigned, revoking) = split(&member.assigned, is_target);
        if self.owns_any(&revoking) {
            let state = MemberState::UnrevokedPartitions;
            return ConsumerMember { epoch, previous_epoch: member.epoch, state, assigned, revoking, ..member.clone() };
        }
        let mut state = MemberState::Stable;
        for (&topic, partitions) in self.target.iter().filter(|(topic, _)| self.topics.contains(*topic)) {
            for &partition in partitions {
                if member.assigned.get(&topic).is_some_and(|has| has.contains_key(&partition)) {
                    continue;
                }
                if (self.is_free)(topic, partition) {
                    assigned.entry(topic).or_default().insert(partition, self.target_epoch);
                } else {
                    state = MemberState::UnreleasedPartitions;
                }
            }
        }
        let (epoch, revoking) = (self.target_epoch, EpochPartitions::new());
        ConsumerMember { epoch, previous_epoch: member.epoch, state, assigned, revoking, ..member.clone() }
    }
    // ANCHOR_END: reconcile

    /// Gives back what it does not want any more, without waiting for a target that knows.
    fn without_unwanted(&self, member: &ConsumerMember) -> ConsumerMember {
        let (assigned, unwanted) = split(&member.assigned, |topic, _| self.topics.contains(&topic));
        if unwanted.is_empty() {
            return member.clone();
        }
        let mut revoking = member.revoking.clone();
        for (topic, partitions) in unwanted {
            revoking.entry(topic).or_default().extend(partitions);
        }
        let after = ConsumerMember { previous_epoch: member.epoch, assigned, ..member.clone() };
        match self.owns_any(&revoking) {
            true => ConsumerMember { state: MemberState::UnrevokedPartitions, revoking, ..after },
            false => after,
        }
    }

    /// Whether the member still has some of these partitions; if it does not say, it has.
    fn owns_any(&self, partitions: &EpochPartitions) -> bool {
        let owns = |topic: &HeartbeatTopicPartitions| {
            let of_topic = partitions.get(&topic.topic_id);
            of_topic.is_some_and(|of_topic| topic.partitions.iter().any(|partition| of_topic.contains_key(partition)))
        };
        !partitions.is_empty() && self.owned.is_none_or(|owned| owned.iter().any(owns))
    }
}

/// The partitions of which something holds, and the others.
fn split(partitions: &EpochPartitions, holds: impl Fn(Uuid, i32) -> bool) -> (EpochPartitions, EpochPartitions) {
    let part = |wanted: bool| -> EpochPartitions {
        let of_topic = |(&topic, of_topic): (&Uuid, &BTreeMap<i32, i32>)| {
            let chosen = of_topic.iter().filter(|(partition, _)| holds(topic, **partition) == wanted);
            (topic, chosen.map(|(partition, epoch)| (*partition, *epoch)).collect::<BTreeMap<_, _>>())
        };
        partitions.iter().map(of_topic).filter(|(_, chosen)| !chosen.is_empty()).collect()
    };
    (part(true), part(false))
}
