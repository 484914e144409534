//! Fetch: read what is there; if it is less than the client wants, wait for more.
//!
//! The wait is what makes a consumer both quick and cheap: it asks once and is answered when there is something (or when
//! `max_wait_ms` is over). What is there is answered at once.
//!
//! Sessions (KIP-227) are answered without one: every request carries all its partitions, as a client does when a broker
//! has no room for its session.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ch00_wire::codec::Chunk;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch00_wire::trace;
use tokio::time::Instant;

use crate::broker::State;
use crate::messages::{
    FetchAbortedTransaction, FetchEpochEndOffset, FetchPartition, FetchPartitionResponse, FetchRequest, FetchResponse,
    FetchTopicResponse,
};
use crate::partition::{
    Partition, PartitionError, ProgressReceiver, ReadAnswer, ReadRequest, Reader, Waited, wait_for_any,
};

/// Isolation level 1 reads committed records only.
const READ_COMMITTED: i8 = 1;
/// The version from which on a client says where it stands, and can be sent to another broker (KIP-392).
const RACKS_SINCE: i16 = 11;
/// The most bytes of records in one answer to whoever: answers are frames, and frames have a 31-bit length.
const LARGEST: usize = 1 << 30;

// ANCHOR: handle
/// Reads now, and again each time one of the partitions has moved, until there is enough.
pub async fn handle(state: Arc<State>, context: Context, request: FetchRequest) -> Reply<FetchResponse> {
    if request.session_id != 0 {
        // No session was ever given out.
        return FetchResponse { error_code: ErrorCode::FETCH_SESSION_ID_NOT_FOUND, ..Default::default() }.into();
    }
    let max_wait_ms = request.max_wait_ms.max(0);
    let deadline = Instant::now() + Duration::from_millis(max_wait_ms as u64);
    let wanted = Wanted::new(&state, &context, request);
    // The watches are taken before the look: what comes in between is then not missed.
    let mut watched = wanted.watches();
    let answer = wanted.read();
    if answer.is_enough(wanted.min_bytes) || Instant::now() >= deadline {
        return answer.response.into();
    }
    let (min_bytes, has, partitions) = (wanted.min_bytes, answer.bytes, watched.len());
    trace::waiting(
        &context,
        format_args!("up to {max_wait_ms} ms for {min_bytes} bytes (has {has}) from {partitions} partitions"),
    );
    Reply::Later(Box::pin(async move {
        loop {
            let waited = wait_for_any(&mut watched, deadline).await;
            let answer = wanted.read();
            if waited != Waited::Passed || answer.is_enough(wanted.min_bytes) {
                return answer.response;
            }
        }
    }))
}
// ANCHOR_END: handle

/// What a request asks for, with the partitions looked up.
struct Wanted {
    reader: Reader,
    rack: Option<String>,
    min_bytes: usize,
    max_bytes: usize,
    topics: Vec<WantedTopic>,
}

/// The partition that was asked for, or why there is none.
type FoundPartition = Result<Arc<dyn Partition>, ErrorCode>;

struct WantedTopic {
    response: FetchTopicResponse,
    partitions: Vec<(FetchPartition, FoundPartition)>,
}

/// An answer, and whether it may be given already.
struct Answer {
    response: FetchResponse,
    bytes: usize,
    /// Whether a partition has something to say that cannot wait: an error, or that the reader has to go back.
    is_urgent: bool,
}

impl Answer {
    fn is_enough(&self, min_bytes: usize) -> bool {
        self.is_urgent || self.bytes >= min_bytes
    }
}

impl Wanted {
    fn new(state: &State, context: &Context, request: FetchRequest) -> Wanted {
        let (id, epoch) = match context.version {
            15.. => (request.replica_state.replica_id, request.replica_state.replica_epoch),
            _ => (request.replica_id, -1),
        };
        let reader = match id {
            0.. => Reader::Replica { id, epoch },
            _ => Reader::Consumer { committed: request.isolation_level == READ_COMMITTED },
        };
        let image = state.image();
        let mut seen = HashSet::new();
        let topics = request.topics.into_iter().map(|topic| {
            let name = match context.version {
                13.. => image.topic_by_id(topic.topic_id).map(|t| t.name.clone()).ok_or(ErrorCode::UNKNOWN_TOPIC_ID),
                _ => Ok(topic.topic.clone()),
            };
            let partition = |index| name.as_ref().map_err(|&code| code).and_then(|name| state.partition(name, index));
            let key = |index| (topic.topic.clone(), topic.topic_id, index);
            let partitions = topic.partitions.into_iter().filter(|p| seen.insert(key(p.partition)));
            WantedTopic {
                partitions: partitions.map(|p| (p.clone(), partition(p.partition))).collect(),
                response: FetchTopicResponse { topic: topic.topic, topic_id: topic.topic_id, ..Default::default() },
            }
        });
        Wanted {
            reader,
            rack: (context.version >= RACKS_SINCE).then_some(request.rack_id),
            min_bytes: request.min_bytes.max(0) as usize,
            max_bytes: request.max_bytes.clamp(0, state.config.fetch_max_bytes) as usize,
            topics: topics.collect(),
        }
    }

    fn watches(&self) -> Vec<ProgressReceiver> {
        let partitions = self.topics.iter().flat_map(|topic| &topic.partitions);
        partitions.filter_map(|(_, partition)| partition.as_ref().ok()?.progress().ok()).collect()
    }

    // ANCHOR: read
    fn read(&self) -> Answer {
        let mut answer = Answer { response: FetchResponse::default(), bytes: 0, is_urgent: false };
        for topic in &self.topics {
            let mut response = topic.response.clone();
            for (wanted, partition) in &topic.partitions {
                let left = self.max_bytes.saturating_sub(answer.bytes);
                // The first records of an answer are given even if they are more than the client wanted.
                let request = self.read_request(wanted, left, answer.bytes == 0);
                let result = match partition {
                    Ok(partition) => partition.read(&request),
                    Err(code) => Err((*code).into()),
                };
                answer.is_urgent |= result.as_ref().is_ok_and(|read| request.has_news(&read.progress));
                let response_of_partition = answer_partition(wanted.partition, result);
                answer.bytes += response_of_partition.records.as_ref().map_or(0, Chunk::len);
                answer.is_urgent |= response_of_partition.error_code.is_error()
                    || response_of_partition.diverging_epoch != FetchEpochEndOffset::default()
                    || response_of_partition.preferred_read_replica >= 0;
                response.partitions.push(response_of_partition);
            }
            answer.response.responses.push(response);
        }
        answer
    }
    // ANCHOR_END: read

    fn read_request(&self, wanted: &FetchPartition, left: usize, at_least_one: bool) -> ReadRequest {
        ReadRequest {
            reader: self.reader,
            rack: self.rack.clone(),
            current_leader_epoch: wanted.current_leader_epoch,
            offset: wanted.fetch_offset,
            last_fetched_epoch: wanted.last_fetched_epoch,
            log_start_offset: wanted.log_start_offset,
            known_readable_end: wanted.high_watermark,
            max_bytes: (wanted.partition_max_bytes.max(0) as usize).min(left).min(LARGEST),
            at_least_one,
        }
    }
}

fn answer_partition(partition_index: i32, result: Result<ReadAnswer, PartitionError>) -> FetchPartitionResponse {
    let answer = match result {
        Ok(answer) => answer,
        Err(e) => {
            let records = Some(Chunk::Bytes(Bytes::new()));
            let error_code = e.code;
            return FetchPartitionResponse {
                partition_index,
                error_code,
                high_watermark: -1,
                records,
                ..Default::default()
            };
        }
    };
    let aborted = answer.aborted.map(|aborted| {
        let entry = |t: crate::txn_index::AbortedTransaction| FetchAbortedTransaction {
            producer_id: t.producer_id,
            first_offset: t.first_offset,
        };
        aborted.into_iter().map(entry).collect()
    });
    let diverging = answer.diverging.map(|d| FetchEpochEndOffset { epoch: d.epoch, end_offset: d.end_offset });
    FetchPartitionResponse {
        partition_index,
        high_watermark: answer.progress.readable_end,
        last_stable_offset: answer.progress.last_stable_offset,
        log_start_offset: answer.log_start_offset,
        diverging_epoch: diverging.unwrap_or_default(),
        aborted_transactions: aborted,
        preferred_read_replica: answer.preferred_read_replica,
        records: Some(answer.records),
        ..Default::default()
    }
}
