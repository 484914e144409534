//! CreateTopics (19): create topics, or only check whether they could be.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

api! {
    CreateTopics = 19: CreateTopicsRequest -> CreateTopicsResponse, versions 2-7, flexible 5+;

    /// Topics to create.
    CreateTopicsRequest {
        /// The topics.
        0+        topics: Vec<CreatableTopic>,
        /// Milliseconds to wait for the topics to be there.
        0+        timeout_ms: i32 = 60000,
        /// Whether to check only, and create nothing.
        1+        validate_only: bool,
    }

    /// A topic to create.
    CreatableTopic {
        /// Its name.
        0+        name: String,
        /// How many partitions; -1 for the broker's default, and with `assignments`.
        0+        num_partitions: i32,
        /// How many copies of each partition; -1 for the broker's default, and with `assignments`.
        0+        replication_factor: i16,
        /// Which brokers keep which partition; empty to leave that to the broker.
        0+        assignments: Vec<CreatableReplicaAssignment>,
        /// Configuration that differs from the broker's.
        0+        configs: Vec<CreatableTopicConfig>,
    }

    /// Which brokers keep a partition.
    CreatableReplicaAssignment {
        /// The partition's index, from 0.
        0+        partition_index: i32,
        /// Broker ids, the preferred leader first.
        0+        broker_ids: Vec<i32>,
    }

    /// One key of a topic's configuration.
    CreatableTopicConfig {
        /// The key, such as `retention.ms`.
        0+        name: String,
        /// The value; null for the default.
        0+        value: Option<String>,
    }

    /// What became of the topics.
    CreateTopicsResponse {
        /// Milliseconds that the client is asked to pause.
        2+        throttle_time_ms: i32,
        /// One entry for each topic of the request.
        0+        topics: Vec<CreatableTopicResult>,
    }

    /// What became of one topic.
    CreatableTopicResult {
        /// Its name.
        0+        name: String,
        /// Its id; zero if there is none.
        7+        topic_id: Uuid,
        /// Why it was not created, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        1+        error_message: Option<String>,
        /// Why the fields that follow are missing, or NONE.
        5+   @0   topic_config_error_code: ErrorCode,
        /// How many partitions it has; -1 if unknown.
        5+        num_partitions: i32 = -1,
        /// How many copies each partition has; -1 if unknown.
        5+        replication_factor: i16 = -1i16,
        /// Its whole configuration, or null.
        5+        configs: Option<Vec<CreatableTopicConfigs>>,
    }

    /// One key of a new topic's configuration, with its source.
    CreatableTopicConfigs {
        /// The key.
        5+        name: String,
        /// The value; null if it has none or is sensitive.
        5+        value: Option<String>,
        /// Whether it cannot be changed.
        5+        read_only: bool,
        /// Where the value comes from: 1 the topic, 4 the broker's file, 5 the default; -1 unknown.
        5+        config_source: i8 = -1i8,
        /// Whether the value is a secret.
        5+        is_sensitive: bool,
    }
}
