//! ElectLeaders (43): move leaders back to where they belong, or to whoever is left.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    ElectLeaders = 43: ElectLeadersRequest -> ElectLeadersResponse, versions 0-2, flexible 2+;

    /// Partitions that want a leader.
    ElectLeadersRequest {
        /// 0: the preferred replica, the first in the list; 1: any that lives, if none in sync does.
        1+        election_type: i8,
        /// The partitions; null for all.
        0+        topic_partitions: Option<Vec<ElectLeadersTopic>> = Vec::<ElectLeadersTopic>::new(),
        /// Milliseconds that the client waits.
        0+        timeout_ms: i32 = 60_000,
    }

    /// Partitions of one topic. Kafka's schema calls this `TopicPartitions`.
    ElectLeadersTopic {
        /// The topic's name.
        0+        topic: String,
        /// Indexes of its partitions.
        0+        partitions: Vec<i32>,
    }

    /// What became of the elections.
    ElectLeadersResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// What is wrong with the whole request, or NONE.
        1+        error_code: ErrorCode,
        /// One entry for each topic; none if all were asked for and the client may not.
        0+        replica_election_results: Vec<ReplicaElectionResult>,
    }

    /// Elections of one topic.
    ReplicaElectionResult {
        /// The topic's name.
        0+        topic: String,
        /// One entry for each of its partitions.
        0+        partition_result: Vec<PartitionElectionResult>,
    }

    /// One election. Kafka's schema calls this `PartitionResult`.
    PartitionElectionResult {
        /// The partition's index.
        0+        partition_id: i32,
        /// Why there is no new leader, or NONE. ELECTION_NOT_NEEDED: the one there is is right.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        0+        error_message: Option<String>,
    }
}
