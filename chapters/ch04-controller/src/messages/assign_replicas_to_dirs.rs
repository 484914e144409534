//! AssignReplicasToDirs (73): a broker with several log directories says which of them its copies are in.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

api! {
    AssignReplicasToDirs = 73: AssignReplicasToDirsRequest -> AssignReplicasToDirsResponse, versions 0-0, flexible 0+;

    /// Which copy is where.
    AssignReplicasToDirsRequest {
        /// The broker's id.
        0+        broker_id: i32,
        /// Its broker epoch.
        0+        broker_epoch: i64 = -1,
        /// Its directories.
        0+        directories: Vec<AssignedDirectory>,
    }

    /// A directory. Kafka's schema calls this `DirectoryData`.
    AssignedDirectory {
        /// Its id.
        0+        id: Uuid,
        /// The topics that have copies in it.
        0+        topics: Vec<AssignedTopic>,
    }

    /// A topic. Kafka's schema calls this `TopicData`.
    AssignedTopic {
        /// Its id.
        0+        topic_id: Uuid,
        /// Its partitions that have a copy in the directory.
        0+        partitions: Vec<AssignedPartition>,
    }

    /// A partition. Kafka's schema calls this `PartitionData`.
    AssignedPartition {
        /// Its index.
        0+        partition_index: i32,
    }

    /// What the controller makes of it.
    AssignReplicasToDirsResponse {
        /// Milliseconds that the broker is asked to pause.
        0+        throttle_time_ms: i32,
        /// What is wrong with the whole request, or NONE.
        0+        error_code: ErrorCode,
        /// One entry for each directory of the request.
        0+        directories: Vec<AssignedDirectoryResponse>,
    }

    /// A directory. Kafka's schema calls this `DirectoryData`.
    AssignedDirectoryResponse {
        /// Its id.
        0+        id: Uuid,
        /// One entry for each of its topics in the request.
        0+        topics: Vec<AssignedTopicResponse>,
    }

    /// A topic. Kafka's schema calls this `TopicData`.
    AssignedTopicResponse {
        /// Its id.
        0+        topic_id: Uuid,
        /// One entry for each of its partitions in the request.
        0+        partitions: Vec<AssignedPartitionResponse>,
    }

    /// A partition. Kafka's schema calls this `PartitionData`.
    AssignedPartitionResponse {
        /// Its index.
        0+        partition_index: i32,
        /// Why it is not noted, or NONE.
        0+        error_code: ErrorCode,
    }
}
