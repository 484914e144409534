//! OffsetDelete (47): a group's offsets of some partitions go.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    OffsetDelete = 47: OffsetDeleteRequest -> OffsetDeleteResponse, versions 0-0;

    /// Which offsets are to go.
    OffsetDeleteRequest {
        /// The group's id.
        0+        group_id: String,
        /// The topics.
        0+        topics: Vec<OffsetDeleteRequestTopic>,
    }

    /// A topic whose offsets are to go.
    OffsetDeleteRequestTopic {
        /// Its name.
        0+        name: String,
        /// Its partitions.
        0+        partitions: Vec<OffsetDeleteRequestPartition>,
    }

    /// A partition whose offset is to go.
    OffsetDeleteRequestPartition {
        /// Its index.
        0+        partition_index: i32,
    }

    /// Which offsets are gone.
    OffsetDeleteResponse {
        /// What is wrong with the whole request, or NONE.
        0+        error_code: ErrorCode,
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// One entry for each topic of the request.
        0+        topics: Vec<OffsetDeleteResponseTopic>,
    }

    /// What became of one topic's offsets.
    OffsetDeleteResponseTopic {
        /// Its name.
        0+        name: String,
        /// One entry for each of its partitions in the request.
        0+        partitions: Vec<OffsetDeleteResponsePartition>,
    }

    /// What became of one offset.
    OffsetDeleteResponsePartition {
        /// The partition's index.
        0+        partition_index: i32,
        /// Why it is still there, or NONE.
        0+        error_code: ErrorCode,
    }
}
