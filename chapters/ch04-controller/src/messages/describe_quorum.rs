//! DescribeQuorum (55): who leads the quorum, and how far has everybody come?

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

api! {
    DescribeQuorum = 55: DescribeQuorumRequest -> DescribeQuorumResponse, versions 0-2, flexible 0+;

    /// The logs in question: there is only one.
    DescribeQuorumRequest {
        /// `__cluster_metadata`.
        0+        topics: Vec<DescribeQuorumTopic>,
    }

    /// A log in question. Kafka's schema calls this `TopicData`.
    DescribeQuorumTopic {
        /// Its name.
        0+        topic_name: String,
        /// Its partitions.
        0+        partitions: Vec<DescribeQuorumPartition>,
    }

    /// A partition in question. Kafka's schema calls this `PartitionData`.
    DescribeQuorumPartition {
        /// Its index: 0.
        0+        partition_index: i32,
    }

    /// The quorum.
    DescribeQuorumResponse {
        /// What is wrong with the whole request, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        2+        error_message: Option<String>,
        /// The log of the request.
        0+        topics: Vec<DescribeQuorumTopicResponse>,
        /// How to reach the voters.
        2+        nodes: Vec<DescribeQuorumNode>,
    }

    /// A log. Kafka's schema calls this `TopicData`.
    DescribeQuorumTopicResponse {
        /// Its name.
        0+        topic_name: String,
        /// Its partitions.
        0+        partitions: Vec<DescribeQuorumPartitionResponse>,
    }

    /// The state of a log. Kafka's schema calls this `PartitionData`.
    DescribeQuorumPartitionResponse {
        /// Its index: 0.
        0+        partition_index: i32,
        /// Why the rest is empty, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        2+        error_message: Option<String>,
        /// The leader's id; -1 if unknown.
        0+        leader_id: i32,
        /// The quorum's epoch.
        0+        leader_epoch: i32,
        /// Everything below is committed.
        0+        high_watermark: i64,
        /// Those who vote, the leader among them.
        0+        current_voters: Vec<QuorumReplicaState>,
        /// Those who only copy the log: brokers.
        0+        observers: Vec<QuorumReplicaState>,
    }

    /// How far a node has come. Kafka's schema calls this `ReplicaState`.
    QuorumReplicaState {
        /// The node's id.
        0+        replica_id: i32,
        /// The id of the directory that its log is in; zeros if unknown.
        2+        replica_directory_id: Uuid,
        /// Where its log ends; -1 if unknown.
        0+        log_end_offset: i64,
        /// When it last fetched, in milliseconds by the leader's clock; -1 if unknown, and for the leader.
        1+        last_fetch_timestamp: i64 = -1,
        /// When the leader's log ended where the node's does now; -1 if unknown, for the leader the present.
        1+        last_caught_up_timestamp: i64 = -1,
    }

    /// A voter. Kafka's schema calls this `Node`.
    DescribeQuorumNode {
        /// Its id.
        2+        node_id: i32,
        /// Where it listens.
        2+        listeners: Vec<DescribeQuorumListener>,
    }

    /// Where a voter listens. Kafka's schema calls this `Listener`.
    DescribeQuorumListener {
        /// The listener's name.
        2+        name: String,
        /// Host name or address.
        2+        host: String,
        /// The port.
        2+        port: u16,
    }
}
