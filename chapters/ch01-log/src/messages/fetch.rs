//! Fetch (1): read record batches from partitions, waiting for new ones if there are too few.
//!
//! Consumers send it, and so do brokers that copy a partition. From version 7 on a client may open a *session*: the
//! broker remembers the partitions, and both sides send only what has changed since the request before.

use bytes::Bytes;
use ch00_wire::api;
use ch00_wire::codec::Chunk;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

use super::{LeaderIdAndEpoch, NodeEndpoint};

api! {
    Fetch = 1: FetchRequest -> FetchResponse, versions 4-18, flexible 12+;

    /// Where to read, how much, and how long to wait for it.
    FetchRequest {
        /// The cluster the requester belongs to, or null. Chapter 4 gives it meaning.
        12+  @0   cluster_id: Option<String>,
        /// The broker id of a replica that copies; -1 for a consumer. Chapter 3 gives it meaning.
        0-14      replica_id: i32 = -1,
        /// The same, with the replica's epoch. Chapter 3 gives it meaning.
        15+  @1   replica_state: FetchReplicaState,
        /// Milliseconds to wait for `min_bytes`.
        0+        max_wait_ms: i32,
        /// The fewest bytes of records worth an answer before the wait is over.
        0+        min_bytes: i32,
        /// The most bytes of records in the answer; a first batch larger than that is sent nevertheless.
        3+        max_bytes: i32 = i32::MAX,
        /// 0: all records; 1: none of open transactions, and a list of the aborted ones.
        4+        isolation_level: i8,
        /// The session, or 0 for none yet.
        7+        session_id: i32,
        /// The request's number within its session; 0 opens one, -1 closes it or does without.
        7+        session_epoch: i32 = -1,
        /// What to read; in a session, what has been added or changed.
        0+        topics: Vec<FetchTopic>,
        /// What to drop from the session.
        7+        forgotten_topics_data: Vec<FetchForgottenTopic>,
        /// The consumer's rack, or empty. Chapter 3 gives it meaning.
        11+       rack_id: String,
    }

    /// Which replica asks. Kafka's schema calls this `ReplicaState`.
    FetchReplicaState {
        /// Its broker id; -1 for a consumer.
        15+       replica_id: i32 = -1,
        /// Its broker's epoch; -1 if unknown. Chapter 4 gives it meaning.
        15+       replica_epoch: i64 = -1,
    }

    /// What to read of one topic.
    FetchTopic {
        /// The topic's name.
        0-12      topic: String,
        /// The topic's id.
        13+       topic_id: Uuid,
        /// The topic's partitions.
        0+        partitions: Vec<FetchPartition>,
    }

    /// What to read of one partition.
    FetchPartition {
        /// The partition's index, from 0.
        0+        partition: i32,
        /// The leader epoch that the requester knows; -1 if it knows none. Chapter 3 gives it meaning.
        9+        current_leader_epoch: i32 = -1,
        /// The offset to read from.
        0+        fetch_offset: i64,
        /// The epoch of a replica's last record; -1 if it has none. Chapter 3 gives it meaning.
        12+       last_fetched_epoch: i32 = -1,
        /// A replica's first offset; -1 from a consumer. Chapter 3 gives it meaning.
        5+        log_start_offset: i64 = -1,
        /// The most bytes of this partition; a first batch larger than that is sent nevertheless.
        0+        partition_max_bytes: i32,
        /// The log directory of the replica that asks. Chapter 4 gives it meaning.
        17+  @0   replica_directory_id: Uuid,
        /// The high watermark that a replica knows; -1 if none. Chapter 3 gives it meaning.
        18+  @1   high_watermark: i64 = i64::MAX,
    }

    /// Partitions of one topic to drop from the session. Kafka's schema calls this `ForgottenTopic`.
    FetchForgottenTopic {
        /// The topic's name.
        7-12      topic: String,
        /// The topic's id.
        13+       topic_id: Uuid,
        /// Indexes of its partitions.
        7+        partitions: Vec<i32>,
    }

    /// Record batches, by topic and partition.
    FetchResponse {
        /// Milliseconds that the client is asked to pause.
        1+        throttle_time_ms: i32,
        /// What is wrong with the whole request (its session, say), or NONE.
        7+        error_code: ErrorCode,
        /// The session, or 0 for none.
        7+        session_id: i32,
        /// One entry for each topic; in a session, only those that have something new to say.
        0+        responses: Vec<FetchTopicResponse>,
        /// How to reach the leaders that `current_leader` names.
        16+  @0   node_endpoints: Vec<NodeEndpoint>,
    }

    /// What was read of one topic. Kafka's schema calls this `FetchableTopicResponse`.
    FetchTopicResponse {
        /// The topic's name.
        0-12      topic: String,
        /// The topic's id.
        13+       topic_id: Uuid,
        /// Its partitions.
        0+        partitions: Vec<FetchPartitionResponse>,
    }

    /// What was read of one partition. Kafka's schema calls this `PartitionData`.
    FetchPartitionResponse {
        /// The partition's index.
        0+        partition_index: i32,
        /// Why nothing was read, or NONE.
        0+        error_code: ErrorCode,
        /// The offset up to which records may be read; -1 after an error. Chapter 3 gives it its name's meaning.
        0+        high_watermark: i64,
        /// The offset before which every transaction has ended; -1 after an error.
        4+        last_stable_offset: i64 = -1,
        /// The partition's first offset; -1 after an error.
        5+        log_start_offset: i64 = -1,
        /// Where a replica's records part from the leader's. Chapter 3 gives it meaning.
        12+  @0   diverging_epoch: FetchEpochEndOffset,
        /// Where the leader is, if not here.
        12+  @1   current_leader: LeaderIdAndEpoch,
        /// The snapshot to fetch instead of records that are gone. Chapter 4 gives it meaning.
        12+  @2   snapshot_id: FetchSnapshotId,
        /// Aborted transactions among the records, for readers that skip them; null for readers that do not ask.
        4+        aborted_transactions: Option<Vec<FetchAbortedTransaction>>,
        /// A broker nearer to the consumer; -1 for none. Chapter 3 gives it meaning.
        11+       preferred_read_replica: i32 = -1,
        /// Record batches, the last perhaps cut short. The schema allows null, but clients do not expect it.
        0+        records: Option<Chunk> = Chunk::Bytes(Bytes::new()),
    }

    /// Where an epoch ends. Kafka's schema calls this `EpochEndOffset`.
    FetchEpochEndOffset {
        /// The epoch; -1 for none.
        12+       epoch: i32 = -1,
        /// The first offset after it; -1 for none.
        12+       end_offset: i64 = -1,
    }

    /// A snapshot's name. Kafka's schema calls this `SnapshotId`.
    FetchSnapshotId {
        /// The first offset that is not in it; -1 for none.
        0+        end_offset: i64 = -1,
        /// The epoch of the last record in it; -1 for none.
        0+        epoch: i32 = -1,
    }

    /// A transaction that was aborted. Kafka's schema calls this `AbortedTransaction`.
    FetchAbortedTransaction {
        /// The id of its producer.
        4+        producer_id: i64,
        /// The offset of its first record.
        4+        first_offset: i64,
    }
}
