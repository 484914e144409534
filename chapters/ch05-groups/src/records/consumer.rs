//! The records of a group of the consumer protocol (KIP-848): each thing that changes by itself has one of its own.
//!
//! ```text
//! metadata                      the group's epoch               one
//! member metadata               who a member is                 one for each member
//! regular expression            the topics that one matches     one for each expression
//! target assignment metadata    the target's epoch              one
//! target assignment member      what a member is to have        one for each member
//! current member assignment     what it has, and its epoch      one for each member
//! ```
//!
//! Partition metadata, the topics with their numbers of partitions, was written before Kafka 4.1; a hash has taken its
//! place.

use bytes::Bytes;
use ch00_wire::codec::{Decoded, Reader, Version, Wire, Writer};
use ch00_wire::structs;
use ch00_wire::uuid::Uuid;

/// What is known besides of a member that speaks the classic protocol, or null for all others.
///
/// A struct that may be null begins with 0 or 1 where it is a tagged field, not with -1 or 1 as elsewhere. And what a record
/// without this field means is an empty struct, so null has to be said.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(transparent)]
pub struct ClassicMember(pub Option<ClassicMemberMetadata>);

impl Default for ClassicMember {
    fn default() -> ClassicMember {
        ClassicMember(Some(ClassicMemberMetadata::default()))
    }
}

impl Wire for ClassicMember {
    fn decode(r: &mut Reader, v: Version) -> Decoded<ClassicMember> {
        let present = r.unsigned_varint()? > 0;
        Ok(ClassicMember(present.then(|| ClassicMemberMetadata::decode(r, v)).transpose()?))
    }

    fn encode(&self, w: &mut Writer, v: Version) {
        w.unsigned_varint(u32::from(self.0.is_some()));
        self.0.iter().for_each(|metadata| metadata.encode(w, v));
    }
}

structs! {
    /// Which group it is.
    ConsumerGroupMetadataKey {
        /// The group's id.
        0+        group_id: String,
    }

    /// A group.
    ConsumerGroupMetadataValue {
        /// Its epoch: raised by every change of members, subscriptions or topics.
        0+        epoch: i32,
        /// A hash over all topics that members subscribe to; 0 before any was taken.
        0+   @0   metadata_hash: i64,
    }

    /// Which group it is.
    ConsumerGroupPartitionMetadataKey {
        /// The group's id.
        0+        group_id: String,
    }

    /// The topics of a group.
    ConsumerGroupPartitionMetadataValue {
        /// The topics.
        0+        topics: Vec<TopicMetadata>,
    }

    /// A topic.
    TopicMetadata {
        /// Its id.
        0+        topic_id: Uuid,
        /// Its name.
        0+        topic_name: String,
        /// How many partitions it has.
        0+        num_partitions: i32,
        /// Where they are; not used since Kafka 4.0.
        0+        partition_metadata: Vec<PartitionMetadata>,
    }

    /// Where a partition is.
    PartitionMetadata {
        /// Its index.
        0+        partition: i32,
        /// The racks that have a copy.
        0+        racks: Vec<String>,
    }

    /// Which member it is.
    ConsumerGroupMemberMetadataKey {
        /// The group's id.
        0+        group_id: String,
        /// The member's id.
        0+        member_id: String,
    }

    /// A member, as it described itself.
    ConsumerGroupMemberMetadataValue {
        /// The id of a static member, or null.
        0+        instance_id: Option<String>,
        /// Where it is, or null.
        0+        rack_id: Option<String>,
        /// The client id of its requests.
        0+        client_id: String,
        /// Its address, with a slash in front.
        0+        client_host: String,
        /// The topics that it wants.
        0+        subscribed_topic_names: Vec<String>,
        /// A regular expression for topics that it wants; null or empty for none.
        0+        subscribed_topic_regex: Option<String>,
        /// Milliseconds that it may take to give partitions back.
        0+        rebalance_timeout_ms: i32 = -1,
        /// The assignor that it would like, or null.
        0+        server_assignor: Option<String>,
        /// What is known besides of a member that speaks the classic protocol.
        0+   @0   classic_member_metadata: ClassicMember,
    }

    /// What is known besides of a member that speaks the classic protocol.
    ClassicMemberMetadata {
        /// Milliseconds without a heartbeat after which it is taken for dead.
        0+        session_timeout_ms: i32,
        /// The assignors that it knows.
        0+        supported_protocols: Vec<ClassicProtocol>,
    }

    /// An assignor that a member knows.
    ClassicProtocol {
        /// Its name.
        0+        name: String,
        /// What it has to know of the member.
        0+        metadata: Bytes,
    }

    /// Which group it is.
    ConsumerGroupTargetAssignmentMetadataKey {
        /// The group's id.
        0+        group_id: String,
    }

    /// A target assignment.
    ConsumerGroupTargetAssignmentMetadataValue {
        /// The group epoch that it was made for.
        0+        assignment_epoch: i32,
        /// When it was made, in milliseconds since 1970; 0 if unknown.
        0+   @0   assignment_timestamp: i64,
    }

    /// Which member it is.
    ConsumerGroupTargetAssignmentMemberKey {
        /// The group's id.
        0+        group_id: String,
        /// The member's id.
        0+        member_id: String,
    }

    /// What a member is to have.
    ConsumerGroupTargetAssignmentMemberValue {
        /// The topics.
        0+        topic_partitions: Vec<TargetTopicPartitions>,
    }

    /// Partitions of one topic. Kafka's schema calls this `TopicPartition`.
    TargetTopicPartitions {
        /// The topic's id.
        0+        topic_id: Uuid,
        /// Their indexes.
        0+        partitions: Vec<i32>,
    }

    /// Which member it is.
    ConsumerGroupCurrentMemberAssignmentKey {
        /// The group's id.
        0+        group_id: String,
        /// The member's id.
        0+        member_id: String,
    }

    /// What a member has.
    ConsumerGroupCurrentMemberAssignmentValue {
        /// Its epoch.
        0+        member_epoch: i32,
        /// The epoch that it had before: it may not have heard of the new one.
        0+        previous_member_epoch: i32,
        /// 0 stable, 1 it has partitions to give back, 2 it waits for partitions that others have.
        0+        state: i8,
        /// What it may use.
        0+        assigned_partitions: Vec<CurrentTopicPartitions>,
        /// What it has to give back.
        0+        partitions_pending_revocation: Vec<CurrentTopicPartitions>,
    }

    /// Partitions of one topic. Kafka's schema calls this `TopicPartitions`.
    CurrentTopicPartitions {
        /// The topic's id.
        0+        topic_id: Uuid,
        /// Their indexes.
        0+        partitions: Vec<i32>,
        /// The member's epoch when it got each of them: with an older one it cannot commit. Null if unknown.
        0+   @0   assignment_epochs: Option<Vec<i32>>,
    }

    /// Which expression it is.
    ConsumerGroupRegularExpressionKey {
        /// The group's id.
        0+        group_id: String,
        /// The expression.
        0+        regular_expression: String,
    }

    /// What an expression matches.
    ConsumerGroupRegularExpressionValue {
        /// The names of the topics.
        0+        topics: Vec<String>,
        /// The version of the cluster's metadata that they are from: an offset in its log.
        0+        version: i64,
        /// When they were looked for, in milliseconds since 1970.
        0+        timestamp: i64,
    }
}
