//! Produce (0): append record batches to partitions.
//!
//! Topics are named up to version 12 and go by id from 13 on. With `acks` 0 the client wants no answer at all.

use bytes::Bytes;
use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

use super::{LeaderIdAndEpoch, NodeEndpoint};

api! {
    Produce = 0: ProduceRequest -> ProduceResponse, versions 3-13, flexible 9+;

    /// Batches to append, by topic and partition.
    ProduceRequest {
        /// The producer's transactional id, or null outside transactions.
        3+        transactional_id: Option<String>,
        /// Who has to have the records before the answer: 0 nobody (and no answer), 1 the leader, -1 all in sync.
        0+        acks: i16,
        /// Milliseconds that the broker may wait for others to have the records.
        0+        timeout_ms: i32,
        /// The batches.
        0+        topic_data: Vec<ProduceTopicData>,
    }

    /// Batches for one topic.
    ProduceTopicData {
        /// The topic's name.
        0-12      name: String,
        /// The topic's id.
        13+       topic_id: Uuid,
        /// The topic's partitions.
        0+        partition_data: Vec<ProducePartitionData>,
    }

    /// Batches for one partition.
    ProducePartitionData {
        /// The partition's index, from 0.
        0+        index: i32,
        /// Record batches, one after the other; a slice of the frame.
        0+        records: Option<Bytes>,
    }

    /// Where the batches have gone.
    ProduceResponse {
        /// One entry for each topic of the request.
        0+        responses: Vec<ProduceTopicResponse>,
        /// Milliseconds that the client is asked to pause.
        1+        throttle_time_ms: i32,
        /// How to reach the leaders that `current_leader` names.
        10+  @0   node_endpoints: Vec<NodeEndpoint>,
    }

    /// What became of one topic's batches.
    ProduceTopicResponse {
        /// The topic's name.
        0-12      name: String,
        /// The topic's id.
        13+       topic_id: Uuid,
        /// One entry for each partition of the request.
        0+        partition_responses: Vec<ProducePartitionResponse>,
    }

    /// What became of one partition's batches: all were appended, or none.
    ProducePartitionResponse {
        /// The partition's index.
        0+        index: i32,
        /// Why nothing was appended, or NONE.
        0+        error_code: ErrorCode,
        /// The first record's offset; -1 after an error.
        0+        base_offset: i64,
        /// The broker's time of the append, in milliseconds since 1970, if the topic's records take that; else -1.
        2+        log_append_time_ms: i64 = -1,
        /// The partition's first offset; -1 if unknown.
        5+        log_start_offset: i64 = -1,
        /// Which records were refused, if the error is about single records.
        8+        record_errors: Vec<ProduceRecordError>,
        /// The error in words, or null.
        8+        error_message: Option<String>,
        /// Where the leader is, if not here.
        10+  @0   current_leader: LeaderIdAndEpoch,
    }

    /// A record that was refused, and its batch with it. Kafka's schema calls this `BatchIndexAndErrorMessage`.
    ProduceRecordError {
        /// The record's place in its batch, from 0.
        8+        batch_index: i32,
        /// What is wrong with it, or null.
        8+        batch_index_error_message: Option<String>,
    }
}
