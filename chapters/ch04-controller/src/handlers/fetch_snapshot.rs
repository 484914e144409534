//! FetchSnapshot: a part of a snapshot's file, from a position on.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use ch00_wire::codec::Chunk;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch00_wire::transfer::FileRegion;

use crate::messages::*;
use crate::quorum::ReplicaKey;
use crate::quorum::vote::OffsetAndEpoch;
use crate::quorum_listener::QuorumState;
use crate::quorum_wire::TOPIC;

/// The most bytes in an answer.
const MAX_BYTES: i32 = 8 << 20;

/// Answers for the one partition that there is.
pub async fn handle(
    state: Arc<QuorumState>,
    _: Context,
    request: FetchSnapshotRequest,
) -> Reply<FetchSnapshotResponse> {
    if let Err(error_code) = state.check_cluster(request.cluster_id.as_deref()) {
        return FetchSnapshotResponse { error_code, ..Default::default() }.into();
    }
    let (replica, max_bytes) = (request.replica_id, request.max_bytes.clamp(0, MAX_BYTES));
    let mut topics = Vec::new();
    for topic in request.topics.into_iter().take(1) {
        let mut partitions = Vec::new();
        for wanted in topic.partitions.into_iter().take(1) {
            let read = match topic.name == TOPIC && wanted.partition == 0 {
                true => read_part(&state, replica, &wanted, max_bytes).await,
                false => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            };
            let leadership = state.node.get().map(|node| *node.leadership().borrow()).unwrap_or_default();
            let partition = FetchSnapshotPartitionResponse {
                index: wanted.partition,
                snapshot_id: wanted.snapshot_id,
                current_leader: SnapshotLeader {
                    leader_id: leadership.leader.unwrap_or(-1),
                    leader_epoch: leadership.epoch,
                },
                position: wanted.position,
                ..Default::default()
            };
            partitions.push(match read {
                Ok((size, part)) => {
                    FetchSnapshotPartitionResponse { size, unaligned_records: Chunk::File(part), ..partition }
                }
                Err(error_code) => FetchSnapshotPartitionResponse { error_code, ..partition },
            });
        }
        topics.push(FetchSnapshotTopicResponse { name: topic.name, partitions });
    }
    FetchSnapshotResponse { topics, ..Default::default() }.into()
}

async fn read_part(
    state: &QuorumState,
    replica: i32,
    wanted: &FetchSnapshotPartition,
    max_bytes: i32,
) -> Result<(i64, FileRegion), ErrorCode> {
    let node = state.node()?;
    let leadership = *node.leadership().borrow();
    match wanted.current_leader_epoch {
        epoch if epoch < leadership.epoch => return Err(ErrorCode::FENCED_LEADER_EPOCH),
        epoch if epoch > leadership.epoch => return Err(ErrorCode::UNKNOWN_LEADER_EPOCH),
        _ if leadership.leader != Some(node.id()) => return Err(ErrorCode::NOT_LEADER_OR_FOLLOWER),
        _ => {}
    }
    let id = OffsetAndEpoch { epoch: wanted.snapshot_id.epoch, offset: wanted.snapshot_id.end_offset };
    let key = ReplicaKey { id: replica, directory_id: wanted.replica_directory_id };
    let file = node.snapshot(key, leadership.epoch, id).await.ok_or(ErrorCode::SNAPSHOT_NOT_FOUND)?;
    part_of(&file, wanted.position, max_bytes)
}

fn part_of(path: &Path, position: i64, max_bytes: i32) -> Result<(i64, FileRegion), ErrorCode> {
    // It may have been removed meanwhile: there is a later one.
    let file = File::open(path).map_err(|_| ErrorCode::SNAPSHOT_NOT_FOUND)?;
    let size = file.metadata().map_err(|_| ErrorCode::KAFKA_STORAGE_ERROR)?.len() as i64;
    if position < 0 || position >= size {
        return Err(ErrorCode::POSITION_OUT_OF_RANGE);
    }
    let len = (size - position).min(max_bytes.into()) as usize;
    Ok((size, FileRegion { file: Arc::new(file), offset: position as u64, len }))
}
