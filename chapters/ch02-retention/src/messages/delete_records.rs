//! DeleteRecords (21): give up the oldest records of partitions, up to an offset.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    DeleteRecords = 21: DeleteRecordsRequest -> DeleteRecordsResponse, versions 0-2, flexible 2+;

    /// Where partitions are to begin.
    DeleteRecordsRequest {
        /// The topics.
        0+        topics: Vec<DeleteRecordsTopic>,
        /// Milliseconds to wait for the records to be gone.
        0+        timeout_ms: i32,
    }

    /// A topic that gives up records.
    DeleteRecordsTopic {
        /// Its name.
        0+        name: String,
        /// Its partitions.
        0+        partitions: Vec<DeleteRecordsPartition>,
    }

    /// A partition that gives up records.
    DeleteRecordsPartition {
        /// Its index, from 0.
        0+        partition_index: i32,
        /// The first offset to keep; -1 to keep nothing that consumers can read now.
        0+        offset: i64,
    }

    /// What became of the partitions.
    DeleteRecordsResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// One entry for each topic of the request.
        0+        topics: Vec<DeleteRecordsTopicResult>,
    }

    /// What became of one topic.
    DeleteRecordsTopicResult {
        /// Its name.
        0+        name: String,
        /// One entry for each of its partitions in the request.
        0+        partitions: Vec<DeleteRecordsPartitionResult>,
    }

    /// What became of one partition.
    DeleteRecordsPartitionResult {
        /// Its index.
        0+        partition_index: i32,
        /// The smallest log start offset of its copies; -1 if there is an error.
        0+        low_watermark: i64,
        /// Why nothing was deleted, or NONE.
        0+        error_code: ErrorCode,
    }
}
