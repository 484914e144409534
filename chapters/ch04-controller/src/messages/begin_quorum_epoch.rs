//! BeginQuorumEpoch (53): a new leader of the quorum makes itself known to the voters, so that they fetch from it.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

use super::{LeaderEndpoint, QuorumNodeEndpoint};

api! {
    BeginQuorumEpoch = 53: BeginQuorumEpochRequest -> BeginQuorumEpochResponse, versions 0-1, flexible 1+;

    /// Who leads.
    BeginQuorumEpochRequest {
        /// The cluster's id, or null if unknown.
        0+        cluster_id: Option<String>,
        /// The voter that is told; -1 if unknown.
        1+        voter_id: i32 = -1,
        /// The log: `__cluster_metadata`.
        0+        topics: Vec<BeginQuorumEpochTopic>,
        /// Where the leader listens.
        1+        leader_endpoints: Vec<LeaderEndpoint>,
    }

    /// A log. Kafka's schema calls this `TopicData`.
    BeginQuorumEpochTopic {
        /// Its name.
        0+        topic_name: String,
        /// Its partitions.
        0+        partitions: Vec<BeginQuorumEpochPartition>,
    }

    /// The leader. Kafka's schema calls this `PartitionData`.
    BeginQuorumEpochPartition {
        /// The partition's index: 0.
        0+        partition_index: i32,
        /// The directory of the voter that is told; zeros if unknown.
        1+        voter_directory_id: Uuid,
        /// The leader's id.
        0+        leader_id: i32,
        /// Its epoch.
        0+        leader_epoch: i32,
    }

    /// What the voter makes of it.
    BeginQuorumEpochResponse {
        /// What is wrong with the whole request, or NONE.
        0+        error_code: ErrorCode,
        /// The log of the request.
        0+        topics: Vec<BeginQuorumEpochTopicResponse>,
        /// How to reach the leader that is named.
        1+   @0   node_endpoints: Vec<QuorumNodeEndpoint>,
    }

    /// A log. Kafka's schema calls this `TopicData`.
    BeginQuorumEpochTopicResponse {
        /// Its name.
        0+        topic_name: String,
        /// Its partitions.
        0+        partitions: Vec<BeginQuorumEpochPartitionResponse>,
    }

    /// Whom the voter follows. Kafka's schema calls this `PartitionData`.
    BeginQuorumEpochPartitionResponse {
        /// The partition's index: 0.
        0+        partition_index: i32,
        /// Why it does not follow the one who asks, or NONE.
        0+        error_code: ErrorCode,
        /// The leader that the voter knows; -1 if none.
        0+        leader_id: i32,
        /// The voter's epoch.
        0+        leader_epoch: i32,
    }
}
