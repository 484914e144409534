//! A group of one protocol becomes one of the other, while its members go on.
//!
//! ```text
//! classic --- the first member of the consumer protocol joins ------->  consumer
//! classic  <-- the last member of the consumer protocol has gone -----  consumer
//! ```
//!
//! Either way everybody keeps what it has: classic members take their generation along as their epoch, and their assignment
//! as their target.

use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::Timestamp;

use super::classic_members::CONSUMER_PROTOCOL_TYPE;
use super::draft::{Draft, Refusal};
use super::translate::{self, ClassicIdentity, by_id, describe, since};
use super::{ConsumerGroup, ConsumerGroupState, ConsumerMember, GroupTopics};
use crate::classic::{ClassicGroup, Client, Member, Waiting};
use crate::consumer_protocol::{ConsumerProtocolAssignment, decode_consumer_protocol};
use crate::messages::JoinGroupRequestProtocol;
use crate::records::{ClassicProtocol, ConsumerGroupTargetAssignmentMetadataValue, GroupRecord};

/// Which groups may become which (`group.consumer.migration.policy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MigrationPolicy {
    /// Classic ones with members stay what they are, and so do the others.
    Disabled,
    /// Classic ones may become consumer groups.
    Upgrade,
    /// Consumer groups may become classic ones.
    Downgrade,
    /// Both.
    #[default]
    Bidirectional,
}

impl FromStr for MigrationPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<MigrationPolicy, String> {
        match text.to_ascii_lowercase().as_str() {
            "disabled" => Ok(MigrationPolicy::Disabled),
            "upgrade" => Ok(MigrationPolicy::Upgrade),
            "downgrade" => Ok(MigrationPolicy::Downgrade),
            "bidirectional" => Ok(MigrationPolicy::Bidirectional),
            _ => Err("legal are disabled, upgrade, downgrade and bidirectional".to_owned()),
        }
    }
}

impl MigrationPolicy {
    /// Whether a classic group may become a consumer group.
    pub fn upgrades(self) -> bool {
        matches!(self, MigrationPolicy::Upgrade | MigrationPolicy::Bidirectional)
    }

    /// Whether a consumer group may become a classic group.
    pub fn downgrades(self) -> bool {
        matches!(self, MigrationPolicy::Downgrade | MigrationPolicy::Bidirectional)
    }
}

impl ConsumerGroup {
    // ANCHOR: upgrade
    /// The group that a classic one becomes, and the records that say so, the first of which are to take back the old one.
    pub fn from_classic(
        old: &ClassicGroup,
        topics: &GroupTopics,
        max_size: usize,
    ) -> Result<(ConsumerGroup, Vec<GroupRecord>), Refusal> {
        let refuse = |why: &str| {
            let text = format!("Group {} is a classic group, and cannot become a consumer group: {why}.", old.id());
            (ErrorCode::GROUP_ID_NOT_FOUND, text)
        };
        if old.protocol_type() != Some(CONSUMER_PROTOCOL_TYPE) {
            return Err(refuse("its members are no consumers"));
        }
        if old.members().count() > max_size {
            return Err(refuse("it has too many members"));
        }
        let group = ConsumerGroup::new(old.id());
        let mut draft = Draft::new(&group);
        draft.epoch(old.generation(), 0);
        for member in old.members() {
            let subscription =
                translate::subscription(&member.protocols).map_err(|_| refuse("a subscription is no subscription"))?;
            let assignment = assignment(member).map_err(refuse)?;
            let target = by_id(&assignment.assigned_partitions, topics);
            let who = ClassicIdentity {
                instance_id: member.instance_id.as_deref(),
                client: &member.client,
                session_timeout_ms: member.session_timeout_ms,
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                protocols: &member.protocols,
            };
            let (epoch, assigned) = (old.generation(), since(old.generation(), &target));
            let current = ConsumerMember { epoch, previous_epoch: epoch, assigned, ..ConsumerMember::default() };
            draft.member_metadata(&member.id, Some(describe(&who, subscription)));
            draft.target(&member.id, Some(&target));
            draft.current(&member.id, Some(current.current()));
        }
        draft.target_metadata(Some(ConsumerGroupTargetAssignmentMetadataValue {
            assignment_epoch: old.generation(),
            assignment_timestamp: 0,
        }));
        let Draft { group, records } = draft;
        Ok((group.into_owned(), old.forget().into_iter().chain(records).collect()))
    }
    // ANCHOR_END: upgrade

    // ANCHOR: downgrade
    /// The classic group that this one becomes, if only members of the classic protocol are left. It is stable if nothing was
    /// under way; else all have to join again.
    pub fn to_classic(&self, topics: &GroupTopics, max_size: usize, now: Timestamp) -> Option<(ClassicGroup, bool)> {
        let is_classic = self.members.values().all(|member| member.is_classic());
        if self.members.is_empty() || !is_classic || self.members.len() > max_size {
            return None;
        }
        let nothing = Default::default();
        let member = |(id, member): (&String, &Arc<ConsumerMember>)| {
            let target = self.target.get(id).unwrap_or(&nothing);
            let assignment = translate::assignment(member, target, topics);
            as_classic(id, member, assignment, now)
        };
        let members = self.members.iter().map(member).collect();
        let group = ClassicGroup::with_members(&self.group_id, CONSUMER_PROTOCOL_TYPE, self.target_epoch, members, now);
        Some((group, self.state() == ConsumerGroupState::Stable))
    }
    // ANCHOR_END: downgrade

    /// The records that take back all that was written of the group, with its members.
    pub fn forget(&self) -> Vec<GroupRecord> {
        let mut draft = Draft::new(self);
        self.members.keys().for_each(|id| draft.remove_member(id));
        let Draft { group, mut records } = draft;
        records.extend(group.delete());
        records
    }
}

/// What a classic member has. Before its first generation it is nothing.
fn assignment(member: &Member) -> Result<ConsumerProtocolAssignment, &'static str> {
    if member.assignment.is_empty() {
        return Ok(ConsumerProtocolAssignment::default());
    }
    let assignment: ConsumerProtocolAssignment =
        decode_consumer_protocol(member.assignment.clone()).map_err(|_| "an assignment is no assignment")?;
    match &assignment.user_data {
        Some(data) if !data.is_empty() => Err("its assignor keeps data of its own, which would be lost"),
        _ => Ok(assignment),
    }
}

fn as_classic(id: &str, member: &ConsumerMember, assignment: Bytes, now: Timestamp) -> Member {
    let metadata = &member.metadata;
    let classic = metadata.classic_member_metadata.0.as_ref().expect("only classic members are left");
    let protocol = |known: &ClassicProtocol| JoinGroupRequestProtocol {
        name: known.name.clone(),
        metadata: known.metadata.clone(),
    };
    let mut member = Member {
        id: id.to_owned(),
        instance_id: metadata.instance_id.clone(),
        client: Client { id: metadata.client_id.clone(), host: metadata.client_host.clone() },
        rebalance_timeout_ms: metadata.rebalance_timeout_ms,
        session_timeout_ms: classic.session_timeout_ms,
        protocols: classic.supported_protocols.iter().map(protocol).collect(),
        assignment,
        waiting: Waiting::Nothing,
        session_end: now,
        is_new: false,
    };
    member.hear(now);
    member
}
