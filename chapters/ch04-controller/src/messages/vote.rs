//! Vote (52): a node asks the voters whether it may lead the quorum.
//!
//! From version 2 on it may first ask whether they *would* (KIP-996): a pre-vote binds nobody and changes no epoch.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

use super::QuorumNodeEndpoint;

api! {
    Vote = 52: VoteRequest -> VoteResponse, versions 0-2, flexible 0+;

    /// A request for a vote.
    VoteRequest {
        /// The cluster's id, or null if unknown.
        0+        cluster_id: Option<String>,
        /// The voter that is asked; -1 if unknown.
        1+        voter_id: i32 = -1,
        /// The log: `__cluster_metadata`.
        0+        topics: Vec<VoteTopic>,
    }

    /// A log. Kafka's schema calls this `TopicData`.
    VoteTopic {
        /// Its name.
        0+        topic_name: String,
        /// Its partitions.
        0+        partitions: Vec<VotePartition>,
    }

    /// Who wants to lead, and what it has. Kafka's schema calls this `PartitionData`.
    VotePartition {
        /// The partition's index: 0.
        0+        partition_index: i32,
        /// The epoch in which it wants to lead; in a pre-vote, the one it is in.
        0+        replica_epoch: i32,
        /// Its id.
        0+        replica_id: i32,
        /// The id of the directory that its log is in; zeros if unknown.
        1+        replica_directory_id: Uuid,
        /// The directory of the voter that is asked; zeros if unknown.
        1+        voter_directory_id: Uuid,
        /// The epoch of its log's last record.
        0+        last_offset_epoch: i32,
        /// Where its log ends.
        0+        last_offset: i64,
        /// Whether it only asks.
        2+        pre_vote: bool,
    }

    /// A vote.
    VoteResponse {
        /// What is wrong with the whole request, or NONE.
        0+        error_code: ErrorCode,
        /// The log of the request.
        0+        topics: Vec<VoteTopicResponse>,
        /// How to reach the leader that is named.
        1+   @0   node_endpoints: Vec<QuorumNodeEndpoint>,
    }

    /// A log. Kafka's schema calls this `TopicData`.
    VoteTopicResponse {
        /// Its name.
        0+        topic_name: String,
        /// Its partitions.
        0+        partitions: Vec<VotePartitionResponse>,
    }

    /// The vote. Kafka's schema calls this `PartitionData`.
    VotePartitionResponse {
        /// The partition's index: 0.
        0+        partition_index: i32,
        /// Why the question makes no sense, or NONE.
        0+        error_code: ErrorCode,
        /// The leader that the voter knows; -1 if none.
        0+        leader_id: i32,
        /// The voter's epoch.
        0+        leader_epoch: i32,
        /// Whether it votes for the one who asks.
        0+        vote_granted: bool,
    }
}
