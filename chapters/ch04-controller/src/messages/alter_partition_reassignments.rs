//! AlterPartitionReassignments (45): put the copies of partitions on other brokers.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    AlterPartitionReassignments = 45: AlterPartitionReassignmentsRequest -> AlterPartitionReassignmentsResponse, versions 0-1, flexible 0+;

    /// Where copies should be.
    AlterPartitionReassignmentsRequest {
        /// Milliseconds that the client waits; for the decision, not for the copying.
        0+        timeout_ms: i32 = 60_000,
        /// Whether a partition may get more or fewer copies than it has.
        1+        allow_replication_factor_change: bool = true,
        /// The topics.
        0+        topics: Vec<ReassignableTopic>,
    }

    /// Where the copies of one topic should be.
    ReassignableTopic {
        /// The topic's name.
        0+        name: String,
        /// Its partitions.
        0+        partitions: Vec<ReassignablePartition>,
    }

    /// Where the copies of one partition should be.
    ReassignablePartition {
        /// The partition's index.
        0+        partition_index: i32,
        /// The brokers, the preferred leader first; null gives up a move that is under way.
        0+        replicas: Option<Vec<i32>>,
    }

    /// Which moves have begun.
    AlterPartitionReassignmentsResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// As in the request.
        1+        allow_replication_factor_change: bool = true,
        /// What is wrong with the whole request, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        0+        error_message: Option<String>,
        /// One entry for each topic of the request.
        0+        responses: Vec<ReassignableTopicResponse>,
    }

    /// What became of one topic.
    ReassignableTopicResponse {
        /// The topic's name.
        0+        name: String,
        /// One entry for each of its partitions in the request.
        0+        partitions: Vec<ReassignablePartitionResponse>,
    }

    /// What became of one partition.
    ReassignablePartitionResponse {
        /// The partition's index.
        0+        partition_index: i32,
        /// Why nothing moves, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        0+        error_message: Option<String>,
    }
}
