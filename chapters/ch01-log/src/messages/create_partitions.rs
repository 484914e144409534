//! CreatePartitions (37): give topics more partitions. There is no way back: fewer would lose records.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    CreatePartitions = 37: CreatePartitionsRequest -> CreatePartitionsResponse, versions 0-3, flexible 2+;

    /// Topics that are to grow.
    CreatePartitionsRequest {
        /// The topics.
        0+        topics: Vec<CreatePartitionsTopic>,
        /// Milliseconds to wait for the partitions to be there.
        0+        timeout_ms: i32,
        /// Whether to check only, and create nothing.
        0+        validate_only: bool,
    }

    /// A topic that is to grow.
    CreatePartitionsTopic {
        /// Its name.
        0+        name: String,
        /// How many partitions it is to have, the old ones included.
        0+        count: i32,
        /// Which brokers keep the new partitions, in their order; null to leave that to the broker.
        0+        assignments: Option<Vec<CreatePartitionsAssignment>>,
    }

    /// Which brokers keep a new partition.
    CreatePartitionsAssignment {
        /// Broker ids, the preferred leader first.
        0+        broker_ids: Vec<i32>,
    }

    /// What became of the topics.
    CreatePartitionsResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// One entry for each topic of the request.
        0+        results: Vec<CreatePartitionsTopicResult>,
    }

    /// What became of one topic.
    CreatePartitionsTopicResult {
        /// Its name.
        0+        name: String,
        /// Why it did not grow, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        0+        error_message: Option<String>,
    }
}
