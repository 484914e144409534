//! Metadata (3): which brokers are there, which topics, and who leads their partitions?
//!
//! Topics go by name, and from version 12 on by id too. No list of topics asks for all of them: an empty list in
//! version 0, null in the later ones, where an empty list asks for none.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

api! {
    Metadata = 3: MetadataRequest -> MetadataResponse, versions 0-13, flexible 9+;

    /// Asks about topics.
    MetadataRequest {
        /// The topics in question.
        0+   ?1   topics: Option<Vec<MetadataRequestTopic>> = Vec::new(),
        /// Whether topics that do not exist may be created, if the broker is configured to do so.
        4+        allow_auto_topic_creation: bool = true,
        /// Whether to say what the client may do to the cluster.
        8-10      include_cluster_authorized_operations: bool,
        /// Whether to say what the client may do to each topic.
        8+        include_topic_authorized_operations: bool,
    }

    /// A topic in question.
    MetadataRequestTopic {
        /// Its id, or zero if it goes by name.
        10+       topic_id: Uuid,
        /// Its name, or null if it goes by id.
        0+   ?10  name: Option<String> = String::new(),
    }

    /// The cluster, as far as the client asked.
    MetadataResponse {
        /// Milliseconds that the client is asked to pause.
        3+        throttle_time_ms: i32,
        /// The brokers that are alive, each with the address of the listener that was asked.
        0+        brokers: Vec<MetadataResponseBroker>,
        /// The cluster's id.
        2+        cluster_id: Option<String>,
        /// A broker that takes administrative requests; -1 for none.
        1+        controller_id: i32 = -1,
        /// One entry for each topic in question.
        0+        topics: Vec<MetadataResponseTopic>,
        /// What the client may do to the cluster, a bit for each operation; the smallest number if it did not ask.
        8-10      cluster_authorized_operations: i32 = i32::MIN,
        /// What is wrong with the whole request, or NONE.
        13+       error_code: ErrorCode,
    }

    /// A broker.
    MetadataResponseBroker {
        /// Its id.
        0+        node_id: i32,
        /// Its host name or address.
        0+        host: String,
        /// Its port: 0 to 65535, although four bytes wide here.
        0+        port: i32,
        /// Its rack, or null if it has none. Chapter 3 gives it meaning.
        1+        rack: Option<String>,
    }

    /// A topic.
    MetadataResponseTopic {
        /// Why the topic cannot be described, or NONE.
        0+        error_code: ErrorCode,
        /// Its name; null if the client asked for an id that nothing has.
        0+   ?12  name: Option<String> = String::new(),
        /// Its id; zero if the client asked for a name that nothing has.
        10+       topic_id: Uuid,
        /// Whether it is one of Kafka's own topics.
        1+        is_internal: bool,
        /// Its partitions.
        0+        partitions: Vec<MetadataResponsePartition>,
        /// What the client may do to the topic, a bit for each operation; the smallest number if it did not ask.
        8+        topic_authorized_operations: i32 = i32::MIN,
    }

    /// A partition.
    MetadataResponsePartition {
        /// LEADER_NOT_AVAILABLE if nobody leads it, or NONE.
        0+        error_code: ErrorCode,
        /// Its index, from 0.
        0+        partition_index: i32,
        /// The broker id of its leader; -1 for none.
        0+        leader_id: i32,
        /// The leader's epoch; -1 if unknown. Chapter 3 gives it meaning.
        7+        leader_epoch: i32 = -1,
        /// Broker ids of all who keep it, the preferred leader first.
        0+        replica_nodes: Vec<i32>,
        /// Broker ids of those who have all of it. Chapter 3 gives it meaning.
        0+        isr_nodes: Vec<i32>,
        /// Broker ids of those who cannot be reached or have lost their disk.
        5+        offline_replicas: Vec<i32>,
    }
}
