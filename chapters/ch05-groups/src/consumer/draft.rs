//! A decision in the making: its records so far, and the group as it is with them.

use std::borrow::Cow;

use ch00_wire::error_code::ErrorCode;

use super::ConsumerGroup;
use crate::assignor::Partitions;
use crate::records::*;

/// Why a request is refused: the code, and a text for people.
pub type Refusal = (ErrorCode, String);

/// A decision. The group is copied only if there is something to write: most heartbeats change nothing.
pub struct Draft<'a> {
    pub group: Cow<'a, ConsumerGroup>,
    pub records: Vec<GroupRecord>,
}

impl<'a> Draft<'a> {
    pub fn new(group: &'a ConsumerGroup) -> Draft<'a> {
        Draft { group: Cow::Borrowed(group), records: Vec::new() }
    }

    fn write(&mut self, record: GroupRecord) {
        self.group.to_mut().replay(&record);
        self.records.push(record);
    }

    fn group_id(&self) -> String {
        self.group.group_id.clone()
    }

    /// The group's epoch rises, for topics with this hash.
    pub fn raise_epoch(&mut self, metadata_hash: i64) {
        self.epoch(self.group.epoch + 1, metadata_hash);
    }

    pub fn epoch(&mut self, epoch: i32, metadata_hash: i64) {
        let key = ConsumerGroupMetadataKey { group_id: self.group_id() };
        let value = ConsumerGroupMetadataValue { epoch, metadata_hash };
        self.write(GroupRecord::ConsumerGroupMetadata(key, Some(value)));
    }

    /// The group is gone.
    pub fn delete_group(&mut self) {
        let key = ConsumerGroupMetadataKey { group_id: self.group_id() };
        self.write(GroupRecord::ConsumerGroupMetadata(key, None));
    }

    pub fn delete_partition_metadata(&mut self) {
        let key = ConsumerGroupPartitionMetadataKey { group_id: self.group_id() };
        self.write(GroupRecord::ConsumerGroupPartitionMetadata(key, None));
    }

    pub fn member_metadata(&mut self, member_id: &str, value: Option<ConsumerGroupMemberMetadataValue>) {
        let key = ConsumerGroupMemberMetadataKey { group_id: self.group_id(), member_id: member_id.to_string() };
        self.write(GroupRecord::ConsumerGroupMemberMetadata(key, value));
    }

    pub fn target_metadata(&mut self, value: Option<ConsumerGroupTargetAssignmentMetadataValue>) {
        let key = ConsumerGroupTargetAssignmentMetadataKey { group_id: self.group_id() };
        self.write(GroupRecord::ConsumerGroupTargetAssignmentMetadata(key, value));
    }

    pub fn target(&mut self, member_id: &str, partitions: Option<&Partitions>) {
        let key =
            ConsumerGroupTargetAssignmentMemberKey { group_id: self.group_id(), member_id: member_id.to_string() };
        let value = partitions.map(super::target::to_record);
        self.write(GroupRecord::ConsumerGroupTargetAssignmentMember(key, value));
    }

    pub fn current(&mut self, member_id: &str, value: Option<ConsumerGroupCurrentMemberAssignmentValue>) {
        let key =
            ConsumerGroupCurrentMemberAssignmentKey { group_id: self.group_id(), member_id: member_id.to_string() };
        self.write(GroupRecord::ConsumerGroupCurrentMemberAssignment(key, value));
    }

    pub fn pattern(&mut self, pattern: &str, value: Option<ConsumerGroupRegularExpressionValue>) {
        let key =
            ConsumerGroupRegularExpressionKey { group_id: self.group_id(), regular_expression: pattern.to_string() };
        self.write(GroupRecord::ConsumerGroupRegularExpression(key, value));
    }

    /// A member is gone. In this order: what it has goes before who it is.
    pub fn remove_member(&mut self, member_id: &str) {
        self.current(member_id, None);
        self.target(member_id, None);
        self.member_metadata(member_id, None);
    }
}
