//! OffsetCommit (8): how far a group has come.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

api! {
    OffsetCommit = 8: OffsetCommitRequest -> OffsetCommitResponse, versions 2-10, flexible 8+;

    /// Offsets to keep.
    OffsetCommitRequest {
        /// The group's id.
        0+        group_id: String,
        /// The generation of a classic group, or the member's epoch in the consumer protocol; -1 from who is no member.
        1+        generation_id_or_member_epoch: i32 = -1,
        /// The member's id; empty from who is no member.
        1+        member_id: String,
        /// The id of a static member, or null.
        7+        group_instance_id: Option<String>,
        /// Milliseconds that the offsets are to be kept; -1: as long as the broker keeps any.
        2-4       retention_time_ms: i64 = -1,
        /// The topics.
        0+        topics: Vec<OffsetCommitRequestTopic>,
    }

    /// Offsets of one topic.
    OffsetCommitRequestTopic {
        /// The topic's name.
        0-9       name: String,
        /// The topic's id.
        10+       topic_id: Uuid,
        /// Its partitions.
        0+        partitions: Vec<OffsetCommitRequestPartition>,
    }

    /// The offset of one partition.
    OffsetCommitRequestPartition {
        /// The partition's index, from 0.
        0+        partition_index: i32,
        /// The offset of the first record that is not done yet.
        0+        committed_offset: i64,
        /// The leader epoch of the last record that is done; -1 if unknown.
        6+        committed_leader_epoch: i32 = -1,
        /// A note of the client's own.
        0+        committed_metadata: Option<String>,
    }

    /// What has been kept.
    OffsetCommitResponse {
        /// Milliseconds that the client is asked to pause.
        3+        throttle_time_ms: i32,
        /// One entry for each topic of the request.
        0+        topics: Vec<OffsetCommitResponseTopic>,
    }

    /// What has been kept of one topic.
    OffsetCommitResponseTopic {
        /// The topic's name.
        0-9       name: String,
        /// The topic's id.
        10+       topic_id: Uuid,
        /// One entry for each of its partitions in the request.
        0+        partitions: Vec<OffsetCommitResponsePartition>,
    }

    /// What became of one offset.
    OffsetCommitResponsePartition {
        /// The partition's index.
        0+        partition_index: i32,
        /// Why it was not kept, or NONE.
        0+        error_code: ErrorCode,
    }
}
