//! OffsetFetch (9): where should a group go on?
//!
//! Until version 7 a request is about one group, from version 8 on about several: the same fields, one level deeper.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

api! {
    OffsetFetch = 9: OffsetFetchRequest -> OffsetFetchResponse, versions 1-10, flexible 6+;

    /// Whose offsets are wanted.
    OffsetFetchRequest {
        /// The group's id.
        0-7       group_id: String,
        /// The topics, or null for all that the group has committed.
        0-7  ?2   topics: Option<Vec<OffsetFetchRequestTopic>> = Vec::new(),
        /// The groups.
        8+        groups: Vec<OffsetFetchRequestGroup>,
        /// Whether offsets that a transaction is about to change are refused.
        7+        require_stable: bool,
    }

    /// A topic whose offsets are wanted.
    OffsetFetchRequestTopic {
        /// Its name.
        0-7       name: String,
        /// Its partitions.
        0-7       partition_indexes: Vec<i32>,
    }

    /// A group whose offsets are wanted.
    OffsetFetchRequestGroup {
        /// Its id.
        8+        group_id: String,
        /// The id of the member that asks; null from who is none.
        9+        member_id: Option<String>,
        /// Its epoch in the consumer protocol; -1 if it has none.
        9+        member_epoch: i32 = -1,
        /// The topics, or null for all that the group has committed.
        8+        topics: Option<Vec<OffsetFetchRequestTopics>>,
    }

    /// A topic whose offsets are wanted.
    OffsetFetchRequestTopics {
        /// Its name.
        8-9       name: String,
        /// Its id.
        10+       topic_id: Uuid,
        /// Its partitions.
        8+        partition_indexes: Vec<i32>,
    }

    /// Committed offsets.
    OffsetFetchResponse {
        /// Milliseconds that the client is asked to pause.
        3+        throttle_time_ms: i32,
        /// The topics.
        0-7       topics: Vec<OffsetFetchResponseTopic>,
        /// What is wrong with the whole request, or NONE.
        2-7       error_code: ErrorCode,
        /// One entry for each group of the request.
        8+        groups: Vec<OffsetFetchResponseGroup>,
    }

    /// Offsets of one topic.
    OffsetFetchResponseTopic {
        /// Its name.
        0-7       name: String,
        /// Its partitions.
        0-7       partitions: Vec<OffsetFetchResponsePartition>,
    }

    /// The offset of one partition.
    OffsetFetchResponsePartition {
        /// The partition's index.
        0-7       partition_index: i32,
        /// The offset; -1 if none was committed.
        0-7       committed_offset: i64,
        /// The leader epoch that was committed with it; -1 if none was.
        5-7       committed_leader_epoch: i32 = -1,
        /// The client's note.
        0-7       metadata: Option<String>,
        /// Why there is no offset, or NONE.
        0-7       error_code: ErrorCode,
    }

    /// Offsets of one group.
    OffsetFetchResponseGroup {
        /// Its id.
        8+        group_id: String,
        /// The topics.
        8+        topics: Vec<OffsetFetchResponseTopics>,
        /// What is wrong with the whole group, or NONE.
        8+        error_code: ErrorCode,
    }

    /// Offsets of one topic.
    OffsetFetchResponseTopics {
        /// Its name.
        8-9       name: String,
        /// Its id.
        10+       topic_id: Uuid,
        /// Its partitions.
        8+        partitions: Vec<OffsetFetchResponsePartitions>,
    }

    /// The offset of one partition.
    OffsetFetchResponsePartitions {
        /// The partition's index.
        8+        partition_index: i32,
        /// The offset; -1 if none was committed.
        8+        committed_offset: i64,
        /// The leader epoch that was committed with it; -1 if none was.
        8+        committed_leader_epoch: i32 = -1,
        /// The client's note.
        8+        metadata: Option<String>,
        /// Why there is no offset, or NONE.
        8+        error_code: ErrorCode,
    }
}
