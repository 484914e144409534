//! AlterPartition (56): a partition's leader asks the controller to confirm a change of the in-sync replicas.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

api! {
    AlterPartition = 56: AlterPartitionRequest -> AlterPartitionResponse, versions 2-3, flexible 2+;

    /// Changes that a leader proposes.
    AlterPartitionRequest {
        /// The leader's broker id.
        0+        broker_id: i32,
        /// Its broker epoch.
        0+        broker_epoch: i64 = -1,
        /// The topics.
        0+        topics: Vec<AlterPartitionTopic>,
    }

    /// Changes of one topic. Kafka's schema calls this `TopicData`.
    AlterPartitionTopic {
        /// The topic's id.
        2+        topic_id: Uuid,
        /// Its partitions.
        0+        partitions: Vec<AlterPartitionPartition>,
    }

    /// The change of one partition. Kafka's schema calls this `PartitionData`.
    AlterPartitionPartition {
        /// The partition's index.
        0+        partition_index: i32,
        /// The leader epoch in which it is led.
        0+        leader_epoch: i32,
        /// The in-sync replicas as they should be.
        0-2       new_isr: Vec<i32>,
        /// The same, with the epochs that the leader knows of them.
        3+        new_isr_with_epochs: Vec<BrokerState>,
        /// 1 while the leader recovers from an unclean election, else 0.
        1+        leader_recovery_state: i8,
        /// The partition epoch that the change is meant for.
        0+        partition_epoch: i32,
    }

    /// An in-sync replica.
    BrokerState {
        /// Its broker id.
        3+        broker_id: i32,
        /// Its broker epoch, so that one that has restarted and lost its log does not join by mistake; -1 if unknown.
        3+        broker_epoch: i64 = -1,
    }

    /// What the controller has decided.
    AlterPartitionResponse {
        /// Milliseconds that the broker is asked to pause.
        0+        throttle_time_ms: i32,
        /// What is wrong with the whole request, or NONE.
        0+        error_code: ErrorCode,
        /// One entry for each topic of the request.
        0+        topics: Vec<AlterPartitionTopicResponse>,
    }

    /// What has been decided of one topic. Kafka's schema calls this `TopicData`.
    AlterPartitionTopicResponse {
        /// The topic's id.
        2+        topic_id: Uuid,
        /// One entry for each of its partitions in the request.
        0+        partitions: Vec<AlterPartitionPartitionResponse>,
    }

    /// The partition as it is now. Kafka's schema calls this `PartitionData`.
    AlterPartitionPartitionResponse {
        /// The partition's index.
        0+        partition_index: i32,
        /// Why it was not changed, or NONE.
        0+        error_code: ErrorCode,
        /// The leader's broker id.
        0+        leader_id: i32,
        /// The leader epoch.
        0+        leader_epoch: i32,
        /// The in-sync replicas.
        0+        isr: Vec<i32>,
        /// As in the request.
        1+        leader_recovery_state: i8,
        /// The partition epoch after the change.
        0+        partition_epoch: i32,
    }
}
