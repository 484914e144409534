//! ListPartitionReassignments (46): which copies are on their way to other brokers?

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    ListPartitionReassignments = 46: ListPartitionReassignmentsRequest -> ListPartitionReassignmentsResponse, versions 0-0, flexible 0+;

    /// Partitions in question.
    ListPartitionReassignmentsRequest {
        /// Milliseconds that the client waits.
        0+        timeout_ms: i32 = 60_000,
        /// The topics; null for all.
        0+        topics: Option<Vec<ListPartitionReassignmentsTopics>>,
    }

    /// Partitions of one topic.
    ListPartitionReassignmentsTopics {
        /// The topic's name.
        0+        name: String,
        /// Indexes of its partitions.
        0+        partition_indexes: Vec<i32>,
    }

    /// What is under way.
    ListPartitionReassignmentsResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// What is wrong with the request, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        0+        error_message: Option<String>,
        /// Topics of which something moves.
        0+        topics: Vec<OngoingTopicReassignment>,
    }

    /// What moves of one topic.
    OngoingTopicReassignment {
        /// The topic's name.
        0+        name: String,
        /// Its partitions of which something moves.
        0+        partitions: Vec<OngoingPartitionReassignment>,
    }

    /// What moves of one partition.
    OngoingPartitionReassignment {
        /// The partition's index.
        0+        partition_index: i32,
        /// All brokers that have a copy now, or are about to.
        0+        replicas: Vec<i32>,
        /// Those of them that do not have everything yet.
        0+        adding_replicas: Vec<i32>,
        /// Those of them that will have no copy any more.
        0+        removing_replicas: Vec<i32>,
    }
}
