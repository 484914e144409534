//! What is kept of a group: one record, written when a rebalance has finished, when a static member has been replaced, and
//! when the last member has gone.

use std::collections::BTreeMap;

use super::{ClassicGroup, Client, Member, Phase, Waiting};
use crate::messages::JoinGroupRequestProtocol;
use crate::records::{GroupMetadataKey, GroupMetadataValue, GroupRecord, MemberMetadata};

impl ClassicGroup {
    // ANCHOR: record
    // ANCHOR: value
    /// The group as it is now.
    pub(super) fn value(&self) -> GroupMetadataValue {
        let protocol = self.protocol.clone().unwrap_or_default();
        let as_kept = |member: &Member| MemberMetadata {
            member_id: member.id.clone(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client.id.clone(),
            client_host: member.client.host.clone(),
            rebalance_timeout: member.rebalance_timeout_ms,
            session_timeout: member.session_timeout_ms,
            subscription: member.metadata(&protocol),
            assignment: member.assignment.clone(),
        };
        GroupMetadataValue {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone().filter(|_| self.protocol.is_some()),
            current_state_timestamp: self.since,
            members: self.members.values().map(as_kept).collect(),
        }
    }
    // ANCHOR_END: value

    /// What is to be written for the group to be known as it is now.
    pub fn as_record(&self) -> GroupRecord {
        self.record(self.value())
    }

    /// The record that makes the group be forgotten.
    pub fn forget(&self) -> Vec<GroupRecord> {
        vec![GroupRecord::GroupMetadata(GroupMetadataKey { group: self.id.clone() }, None)]
    }

    pub(super) fn record(&self, value: GroupMetadataValue) -> GroupRecord {
        GroupRecord::GroupMetadata(GroupMetadataKey { group: self.id.clone() }, Some(value))
    }
    // ANCHOR_END: record

    // ANCHOR: replay
    /// Takes in a record of the group: its own, just appended, or one that is read back.
    pub fn replay(&mut self, value: &GroupMetadataValue) {
        let mut before = std::mem::take(&mut self.members);
        for kept in &value.members {
            let known = before.remove(&kept.member_id).unwrap_or_else(|| read_back(kept, value.protocol.as_deref()));
            self.members.insert(kept.member_id.clone(), Member { assignment: kept.assignment.clone(), ..known });
        }
        let instance = |member: &Member| Some((member.instance_id.clone()?, member.id.clone()));
        self.instances = self.members.values().filter_map(instance).collect::<BTreeMap<_, _>>();
        self.protocol_type = Some(value.protocol_type.clone()).filter(|protocol_type| !protocol_type.is_empty());
        self.generation = value.generation;
        self.protocol = value.protocol.clone();
        self.leader = value.leader.clone().filter(|leader| self.members.contains_key(leader));
        self.since = value.current_state_timestamp;
        self.phase = match self.phase {
            _ if self.members.is_empty() => Phase::Empty,
            // It begins while the record is written that makes the group a classic one.
            Phase::PreparingRebalance { .. } => return,
            Phase::Empty | Phase::CompletingRebalance { .. } | Phase::Stable => Phase::Stable,
        };
    }
    // ANCHOR_END: replay
}

/// A member, of which only the record is known.
fn read_back(kept: &MemberMetadata, protocol: Option<&str>) -> Member {
    let name = protocol.unwrap_or_default().to_owned();
    Member {
        id: kept.member_id.clone(),
        instance_id: kept.group_instance_id.clone(),
        client: Client { id: kept.client_id.clone(), host: kept.client_host.clone() },
        rebalance_timeout_ms: kept.rebalance_timeout,
        session_timeout_ms: kept.session_timeout,
        protocols: vec![JoinGroupRequestProtocol { name, metadata: kept.subscription.clone() }],
        assignment: kept.assignment.clone(),
        waiting: Waiting::Nothing,
        session_end: i64::MAX,
        is_new: false,
    }
}
