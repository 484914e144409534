//! What is kept of a group: one record, written when a rebalance has finished, when a static member has been replaced, and
//! when the last member has gone.

use std::collections::BTreeMap;

use super::{ClassicGroup, Client, Member, Phase, Waiting};
use crate::messages::JoinGroupRequestProtocol;
use crate::records::{GroupMetadataKey, GroupMetadataValue, GroupRecord, MemberMetadata};

impl ClassicGroup {
    /// The group as it is now.
    pub(super) fn value(&self) -> GroupMetadataValue {
        todo!("exercise group-record")
    }

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

    /// Takes in a record of the group: its own, just appended, or one that is read back.
    pub fn replay(&mut self, value: &GroupMetadataValue) {
        todo!("exercise group-record")
    }
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
