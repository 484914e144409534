//! FetchSnapshot (59): copy a snapshot of the metadata log, piece by piece, where Fetch has said that the records which
//! it stands for are gone.

use bytes::Bytes;
use ch00_wire::api;
use ch00_wire::codec::Chunk;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

use super::QuorumNodeEndpoint;

api! {
    FetchSnapshot = 59: FetchSnapshotRequest -> FetchSnapshotResponse, versions 0-1, flexible 0+;

    /// Which piece.
    FetchSnapshotRequest {
        /// The cluster's id, or null if unknown.
        0+   @0   cluster_id: Option<String>,
        /// The id of the node that copies.
        0+        replica_id: i32 = -1,
        /// The most bytes of the answer.
        0+        max_bytes: i32 = i32::MAX,
        /// The log: `__cluster_metadata`.
        0+        topics: Vec<FetchSnapshotTopic>,
    }

    /// A log. Kafka's schema calls this `TopicSnapshot`.
    FetchSnapshotTopic {
        /// Its name.
        0+        name: String,
        /// Its partitions.
        0+        partitions: Vec<FetchSnapshotPartition>,
    }

    /// Which piece of which snapshot. Kafka's schema calls this `PartitionSnapshot`.
    FetchSnapshotPartition {
        /// The partition's index: 0.
        0+        partition: i32,
        /// The epoch that the node knows.
        0+        current_leader_epoch: i32,
        /// The snapshot.
        0+        snapshot_id: SnapshotId,
        /// Where in the file the piece begins, in bytes.
        0+        position: i64,
        /// The id of the directory that the node's log is in.
        1+   @0   replica_directory_id: Uuid,
    }

    /// A snapshot's name.
    SnapshotId {
        /// The first offset that is not in it.
        0+        end_offset: i64,
        /// The epoch of the last record in it.
        0+        epoch: i32,
    }

    /// A piece.
    FetchSnapshotResponse {
        /// Milliseconds that the node is asked to pause.
        0+        throttle_time_ms: i32,
        /// What is wrong with the whole request, or NONE.
        0+        error_code: ErrorCode,
        /// The log of the request.
        0+        topics: Vec<FetchSnapshotTopicResponse>,
        /// How to reach the leader that is named.
        1+   @0   node_endpoints: Vec<QuorumNodeEndpoint>,
    }

    /// A log. Kafka's schema calls this `TopicSnapshot`.
    FetchSnapshotTopicResponse {
        /// Its name.
        0+        name: String,
        /// Its partitions.
        0+        partitions: Vec<FetchSnapshotPartitionResponse>,
    }

    /// A piece of a snapshot. Kafka's schema calls this `PartitionSnapshot`.
    FetchSnapshotPartitionResponse {
        /// The partition's index: 0.
        0+        index: i32,
        /// Why there is nothing, or NONE. SNAPSHOT_NOT_FOUND: there is a newer one, or none.
        0+        error_code: ErrorCode,
        /// The snapshot.
        0+        snapshot_id: SnapshotId,
        /// Who leads, if not the one that answers.
        0+   @0   current_leader: SnapshotLeader,
        /// Bytes of the whole file.
        0+        size: i64,
        /// Where in the file the piece begins, in bytes.
        0+        position: i64,
        /// The piece: it may begin and end within a batch.
        0+        unaligned_records: Chunk = Chunk::Bytes(Bytes::new()),
    }

    /// Who leads. Kafka's schema calls this `LeaderIdAndEpoch`.
    SnapshotLeader {
        /// The leader's id; -1 if unknown.
        0+        leader_id: i32,
        /// The quorum's epoch.
        0+        leader_epoch: i32,
    }
}
