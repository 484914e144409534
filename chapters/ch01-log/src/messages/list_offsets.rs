//! ListOffsets (2): which offset belongs to a time, or to the beginning or end of a partition?
//!
//! Negative timestamps are questions of their own: -1 the end, -2 the start, -3 the record with the largest timestamp;
//! -4, -5 and -6 concern tiered storage.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    ListOffsets = 2: ListOffsetsRequest -> ListOffsetsResponse, versions 1-11, flexible 6+;

    /// One question for each partition.
    ListOffsetsRequest {
        /// The broker id of a replica that asks; -1 for a consumer. Chapter 3 gives it meaning.
        0+        replica_id: i32,
        /// What the end is: 0 behind the last readable record, 1 the last stable offset.
        2+        isolation_level: i8,
        /// The questions.
        0+        topics: Vec<ListOffsetsTopic>,
        /// Milliseconds to wait for answers from remote storage, which this broker has none of.
        10+       timeout_ms: i32,
    }

    /// Questions about one topic.
    ListOffsetsTopic {
        /// The topic's name.
        0+        name: String,
        /// The topic's partitions.
        0+        partitions: Vec<ListOffsetsPartition>,
    }

    /// A question about one partition.
    ListOffsetsPartition {
        /// The partition's index, from 0.
        0+        partition_index: i32,
        /// The leader epoch that the requester knows; -1 if it knows none. Chapter 3 gives it meaning.
        4+        current_leader_epoch: i32 = -1,
        /// Milliseconds since 1970, or one of the negative numbers above.
        0+        timestamp: i64,
    }

    /// One answer for each partition.
    ListOffsetsResponse {
        /// Milliseconds that the client is asked to pause.
        2+        throttle_time_ms: i32,
        /// The answers.
        0+        topics: Vec<ListOffsetsTopicResponse>,
    }

    /// Answers about one topic.
    ListOffsetsTopicResponse {
        /// The topic's name.
        0+        name: String,
        /// Its partitions.
        0+        partitions: Vec<ListOffsetsPartitionResponse>,
    }

    /// The answer about one partition.
    ListOffsetsPartitionResponse {
        /// The partition's index.
        0+        partition_index: i32,
        /// Why there is no answer, or NONE.
        0+        error_code: ErrorCode,
        /// The timestamp of the record found, in milliseconds since 1970; -1 for none.
        1+        timestamp: i64 = -1,
        /// The offset found: the first record's whose timestamp is not smaller; -1 for none.
        1+        offset: i64 = -1,
        /// The leader epoch of the record found; -1 for none. Chapter 3 gives it meaning.
        4+        leader_epoch: i32 = -1,
    }
}
