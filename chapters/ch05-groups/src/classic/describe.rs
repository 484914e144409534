//! What administrators are told of a group.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::{ClassicGroup, Member, Phase};
use crate::consumer_protocol::{ConsumerProtocolSubscription, decode_consumer_protocol};
use crate::messages::{DescribedGroup, DescribedGroupMember, ListedGroup};
use ch00_wire::error_code::ErrorCode;

impl ClassicGroup {
    /// The phase's name.
    pub fn state(&self) -> &'static str {
        match self.phase {
            Phase::Empty => "Empty",
            Phase::PreparingRebalance { .. } => "PreparingRebalance",
            Phase::CompletingRebalance { .. } => "CompletingRebalance",
            Phase::Stable => "Stable",
        }
    }

    /// One line of a list.
    pub fn list(&self) -> ListedGroup {
        ListedGroup {
            group_id: self.id.clone(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            group_state: self.state().to_owned(),
            group_type: "classic".to_owned(),
        }
    }

    /// All of it. What members say and have been assigned only while it stands.
    pub fn describe(&self) -> DescribedGroup {
        let is_stable = self.phase == Phase::Stable;
        let protocol = self.protocol.clone().filter(|_| is_stable).unwrap_or_default();
        let shown = |bytes: Bytes| if is_stable { bytes } else { Bytes::new() };
        let as_told = |member: &Member| DescribedGroupMember {
            member_id: member.id.clone(),
            group_instance_id: member.instance_id.clone(),
            client_id: member.client.id.clone(),
            client_host: member.client.host.clone(),
            member_metadata: shown(member.metadata(&protocol)),
            member_assignment: shown(member.assignment.clone()),
        };
        DescribedGroup {
            error_code: ErrorCode::NONE,
            error_message: None,
            group_id: self.id.clone(),
            group_state: self.state().to_owned(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            members: self.members.values().map(as_told).collect(),
            protocol_data: protocol,
            authorized_operations: i32::MIN,
        }
    }

    /// The topics that members want, if they are consumers and can be understood.
    pub fn subscribed_topics(&self) -> Option<BTreeSet<String>> {
        if self.protocol_type.as_deref() != Some("consumer") {
            return None;
        }
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            let chosen = self.protocol.as_ref().or(member.protocols.first().map(|first| &first.name))?;
            let said: ConsumerProtocolSubscription = decode_consumer_protocol(member.metadata(chosen)).ok()?;
            topics.extend(said.topics);
        }
        Some(topics)
    }
}
