//! DescribeLogDirs (35): which logs lie in which log directory, how large they are, and how much room is left.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    DescribeLogDirs = 35: DescribeLogDirsRequest -> DescribeLogDirsResponse, versions 1-5, flexible 2+;

    /// Asks about log directories.
    DescribeLogDirsRequest {
        /// The topics in question; null for all.
        0+        topics: Option<Vec<DescribableLogDirTopic>> = Vec::new(),
    }

    /// A topic in question.
    DescribableLogDirTopic {
        /// Its name.
        0+        topic: String,
        /// Its partitions.
        0+        partitions: Vec<i32>,
    }

    /// Log directories.
    DescribeLogDirsResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// Why nothing can be listed, or NONE.
        3+        error_code: ErrorCode,
        /// The directories.
        0+        results: Vec<DescribeLogDirsResult>,
    }

    /// A log directory.
    DescribeLogDirsResult {
        /// KAFKA_STORAGE_ERROR if it has failed, or NONE.
        0+        error_code: ErrorCode,
        /// Its absolute path.
        0+        log_dir: String,
        /// The topics in it.
        0+        topics: Vec<DescribeLogDirsTopic>,
        /// Bytes of the volume it is on; -1 if unknown.
        4+        total_bytes: i64 = -1,
        /// Bytes that are left there for the broker; -1 if unknown.
        4+        usable_bytes: i64 = -1,
        /// Whether it takes no new partitions. No chapter gives it meaning.
        5+        is_cordoned: bool,
    }

    /// A topic.
    DescribeLogDirsTopic {
        /// Its name.
        0+        name: String,
        /// Its partitions in this directory.
        0+        partitions: Vec<DescribeLogDirsPartition>,
    }

    /// A partition.
    DescribeLogDirsPartition {
        /// Its index.
        0+        partition_index: i32,
        /// Bytes of its segments.
        0+        partition_size: i64,
        /// Records it has to catch up with. Chapter 3 gives it meaning.
        0+        offset_lag: i64,
        /// Whether it is on its way here from another directory. No chapter gives it meaning.
        0+        is_future_key: bool,
    }
}
