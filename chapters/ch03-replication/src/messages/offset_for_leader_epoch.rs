//! OffsetForLeaderEpoch (23): where does an epoch end in the leader's log?
//!
//! Followers asked it before Fetch told them by itself; consumers still do, to find out whether what they have read is
//! in the log of a new leader.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    OffsetForLeaderEpoch = 23: OffsetForLeaderEpochRequest -> OffsetForLeaderEpochResponse, versions 2-4, flexible 4+;

    /// Epochs in question.
    OffsetForLeaderEpochRequest {
        /// The broker id of a replica that asks; -1 for a consumer, -2 for one who looks for faults.
        3+        replica_id: i32 = -2,
        /// The topics.
        0+        topics: Vec<OffsetForLeaderTopic>,
    }

    /// A topic in question.
    OffsetForLeaderTopic {
        /// Its name.
        0+        topic: String,
        /// Its partitions.
        0+        partitions: Vec<OffsetForLeaderPartition>,
    }

    /// A partition in question.
    OffsetForLeaderPartition {
        /// Its index, from 0.
        0+        partition: i32,
        /// The leader epoch that the requester knows; -1 if it knows none.
        2+        current_leader_epoch: i32 = -1,
        /// The epoch whose end is wanted.
        0+        leader_epoch: i32,
    }

    /// Where the epochs end.
    OffsetForLeaderEpochResponse {
        /// Milliseconds that the client is asked to pause.
        2+        throttle_time_ms: i32,
        /// One entry for each topic of the request.
        0+        topics: Vec<OffsetForLeaderTopicResult>,
    }

    /// Answers about one topic.
    OffsetForLeaderTopicResult {
        /// Its name.
        0+        topic: String,
        /// One entry for each of its partitions in the request.
        0+        partitions: Vec<EpochEndOffset>,
    }

    /// Where an epoch ends.
    EpochEndOffset {
        /// Why there is no answer, or NONE.
        0+        error_code: ErrorCode,
        /// The partition's index.
        0+        partition: i32,
        /// The last epoch at or before the one asked for that the leader knows; -1 for none.
        1+        leader_epoch: i32 = -1,
        /// The first offset after that epoch; -1 for none.
        0+        end_offset: i64 = -1,
    }
}
