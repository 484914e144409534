//! DescribeTopicPartitions (75): topics and their partitions, in pages.
//!
//! Metadata answers about everything in one frame; this API ends after a number of partitions and says where to go on.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

api! {
    DescribeTopicPartitions = 75: DescribeTopicPartitionsRequest -> DescribeTopicPartitionsResponse,
        versions 0-0, flexible 0+;

    /// Asks for a page.
    DescribeTopicPartitionsRequest {
        /// The topics in question; none to ask about all.
        0+        topics: Vec<DescribeTopicPartitionsRequestTopic>,
        /// The most partitions in the answer.
        0+        response_partition_limit: i32 = 2000,
        /// Where the page begins; null for the beginning.
        0+        cursor: Option<DescribeTopicPartitionsCursor>,
    }

    /// A topic in question. Kafka's schema calls this `TopicRequest`.
    DescribeTopicPartitionsRequestTopic {
        /// Its name.
        0+        name: String,
    }

    /// Where a page begins: topics go by name, partitions by index. Kafka's schema calls this `Cursor`.
    DescribeTopicPartitionsCursor {
        /// The first topic.
        0+        topic_name: String,
        /// Its first partition.
        0+        partition_index: i32,
    }

    /// A page.
    DescribeTopicPartitionsResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// The topics on this page.
        0+        topics: Vec<DescribeTopicPartitionsResponseTopic>,
        /// Where the next page begins; null after the last.
        0+        next_cursor: Option<DescribeTopicPartitionsCursor>,
    }

    /// A topic.
    DescribeTopicPartitionsResponseTopic {
        /// Why the topic cannot be described, or NONE.
        0+        error_code: ErrorCode,
        /// Its name.
        0+        name: Option<String>,
        /// Its id; zero if there is none.
        0+        topic_id: Uuid,
        /// Whether it is one of Kafka's own topics.
        0+        is_internal: bool,
        /// Its partitions on this page.
        0+        partitions: Vec<DescribeTopicPartitionsResponsePartition>,
        /// What the client may do to the topic, a bit for each operation; the smallest number if unknown.
        0+        topic_authorized_operations: i32 = i32::MIN,
    }

    /// A partition.
    DescribeTopicPartitionsResponsePartition {
        /// LEADER_NOT_AVAILABLE if nobody leads it, or NONE.
        0+        error_code: ErrorCode,
        /// Its index, from 0.
        0+        partition_index: i32,
        /// The broker id of its leader; -1 for none.
        0+        leader_id: i32,
        /// The leader's epoch; -1 if unknown. Chapter 3 gives it meaning.
        0+        leader_epoch: i32 = -1,
        /// Broker ids of all who keep it, the preferred leader first.
        0+        replica_nodes: Vec<i32>,
        /// Broker ids of those who have all of it. Chapter 3 gives it meaning.
        0+        isr_nodes: Vec<i32>,
        /// Broker ids of others who may lead it without loss; null if unknown. Chapter 4 gives it meaning.
        0+        eligible_leader_replicas: Option<Vec<i32>>,
        /// Broker ids of the last who could have led it without loss; null if unknown. Chapter 4 gives it meaning.
        0+        last_known_elr: Option<Vec<i32>>,
        /// Broker ids of those who cannot be reached or have lost their disk.
        0+        offline_replicas: Vec<i32>,
    }
}
