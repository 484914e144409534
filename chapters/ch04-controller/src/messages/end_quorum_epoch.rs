//! EndQuorumEpoch (54): a leader of the quorum that stops says so, so that nobody has to wait until it is missed.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

use super::{LeaderEndpoint, QuorumNodeEndpoint};

api! {
    EndQuorumEpoch = 54: EndQuorumEpochRequest -> EndQuorumEpochResponse, versions 0-1, flexible 1+;

    /// Who leads no longer.
    EndQuorumEpochRequest {
        /// The cluster's id, or null if unknown.
        0+        cluster_id: Option<String>,
        /// The log: `__cluster_metadata`.
        0+        topics: Vec<EndQuorumEpochTopic>,
        /// Where the leader listens.
        1+        leader_endpoints: Vec<LeaderEndpoint>,
    }

    /// A log. Kafka's schema calls this `TopicData`.
    EndQuorumEpochTopic {
        /// Its name.
        0+        topic_name: String,
        /// Its partitions.
        0+        partitions: Vec<EndQuorumEpochPartition>,
    }

    /// The leader, and who should come after it. Kafka's schema calls this `PartitionData`.
    EndQuorumEpochPartition {
        /// The partition's index: 0.
        0+        partition_index: i32,
        /// The leader's id.
        0+        leader_id: i32,
        /// Its epoch.
        0+        leader_epoch: i32,
        /// Voters, those that have most of the log first.
        0-0       preferred_successors: Vec<i32>,
        /// The same with their directories.
        1+        preferred_candidates: Vec<PreferredCandidate>,
    }

    /// A voter. Kafka's schema calls this `ReplicaInfo`.
    PreferredCandidate {
        /// Its id.
        1+        candidate_id: i32,
        /// The id of the directory that its log is in.
        1+        candidate_directory_id: Uuid,
    }

    /// What the voter makes of it.
    EndQuorumEpochResponse {
        /// What is wrong with the whole request, or NONE.
        0+        error_code: ErrorCode,
        /// The log of the request.
        0+        topics: Vec<EndQuorumEpochTopicResponse>,
        /// How to reach the leader that is named.
        1+   @0   node_endpoints: Vec<QuorumNodeEndpoint>,
    }

    /// A log. Kafka's schema calls this `TopicData`.
    EndQuorumEpochTopicResponse {
        /// Its name.
        0+        topic_name: String,
        /// Its partitions.
        0+        partitions: Vec<EndQuorumEpochPartitionResponse>,
    }

    /// Whom the voter follows. Kafka's schema calls this `PartitionData`.
    EndQuorumEpochPartitionResponse {
        /// The partition's index: 0.
        0+        partition_index: i32,
        /// Why the voter takes no notice, or NONE.
        0+        error_code: ErrorCode,
        /// The leader that the voter knows; -1 if none.
        0+        leader_id: i32,
        /// The voter's epoch.
        0+        leader_epoch: i32,
    }
}
