//! ListOffsets: where does a partition begin or end, and which record was the first at or after a time?
//!
//! A search by time reads the log, so it goes to a thread where blocking is allowed.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};

use crate::batch::Epoch;
use crate::broker::State;
use crate::log_search::FoundTimestamp;
use crate::messages::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};
use crate::partition::{OffsetQuery, PartitionError, Reader};

/// Questions that are no timestamps. The last two are about tiered storage, which this broker does not have: it answers
/// as Apache Kafka does without it.
const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// The isolation level that ends at the last stable offset.
const READ_COMMITTED: i8 = 1;

/// Answers for each partition.
pub async fn handle(state: Arc<State>, context: Context, request: ListOffsetsRequest) -> Reply<ListOffsetsResponse> {
    let reader = match request.replica_id {
        id @ 0.. => Reader::Replica { id, epoch: -1 },
        _ => Reader::Consumer { committed: request.isolation_level == READ_COMMITTED },
    };
    let asks_for_time = |p: &ListOffsetsPartition| p.timestamp >= 0 || p.timestamp == MAX_TIMESTAMP;
    let reads = request.topics.iter().flat_map(|topic| &topic.partitions).any(asks_for_time);
    let version = context.version;
    if reads {
        let tasks = state.tasks.clone();
        tasks.blocking(move || answer(&state, request, reader, version)).await.into()
    } else {
        answer(&state, request, reader, version).into()
    }
}

fn answer(state: &State, request: ListOffsetsRequest, reader: Reader, version: i16) -> ListOffsetsResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partition = |wanted: ListOffsetsPartition| {
            let found = find(state, &topic.name, &wanted, reader, version);
            answer_partition(wanted.partition_index, found)
        };
        let partitions = topic.partitions.into_iter().map(partition).collect();
        ListOffsetsTopicResponse { name: topic.name.clone(), partitions }
    });
    ListOffsetsResponse { topics: topics.collect(), ..Default::default() }
}

fn find(
    state: &State,
    topic: &str,
    wanted: &ListOffsetsPartition,
    reader: Reader,
    version: i16,
) -> Result<Option<FoundTimestamp>, PartitionError> {
    let partition = state.partition(topic, wanted.partition_index)?;
    // Each of these questions came with a version of its own.
    let query = match (wanted.timestamp, version) {
        (LATEST, _) => OffsetQuery::Latest,
        (EARLIEST, _) => OffsetQuery::Earliest,
        (MAX_TIMESTAMP, 7..) => OffsetQuery::MaxTimestamp,
        (EARLIEST_LOCAL, 8..) => OffsetQuery::Earliest,
        (LATEST_TIERED, 9..) | (EARLIEST_PENDING_UPLOAD, 11..) => return Ok(None),
        (timestamp @ 0.., _) => OffsetQuery::Timestamp(timestamp),
        _ => return Err(ErrorCode::UNSUPPORTED_VERSION.into()),
    };
    partition.find_offset(query, reader, wanted.current_leader_epoch)
}

fn answer_partition(
    partition_index: i32,
    found: Result<Option<FoundTimestamp>, PartitionError>,
) -> ListOffsetsPartitionResponse {
    const UNKNOWN_EPOCH: Epoch = -1;
    let nothing = FoundTimestamp { timestamp: -1, offset: -1, leader_epoch: UNKNOWN_EPOCH };
    let (error_code, found) = match found {
        Ok(found) => (ErrorCode::NONE, found.unwrap_or(nothing)),
        Err(e) => (e.code, nothing),
    };
    let FoundTimestamp { timestamp, offset, leader_epoch } = found;
    ListOffsetsPartitionResponse { partition_index, error_code, timestamp, offset, leader_epoch }
}
