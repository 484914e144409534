//! Produce: validate each partition's batch, append it, and answer when as many copies exist as the producer wants.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch00_wire::uuid::Uuid;
use tokio::time::Instant;
use tracing::debug;

use crate::batch::{BatchHeader, Offset};
use crate::broker::State;
use crate::compression::Compression;
use crate::messages::{
    ProducePartitionData, ProducePartitionResponse, ProduceRequest, ProduceResponse, ProduceTopicResponse,
};
use crate::metadata::is_internal;
use crate::partition::{Accepted, Partition, PartitionError, RequiredAcks, Waited, wait_until};
use crate::refusals::Writer;

/// A partition's answer, and what has to happen before it may be given.
struct Pending {
    answer: ProducePartitionResponse,
    accepted: Option<(Accepted, Arc<dyn Partition>)>,
}

// ANCHOR: handle
/// Appends everything, then answers at once or when `acks` is satisfied.
pub async fn handle(state: Arc<State>, context: Context, request: ProduceRequest) -> Reply<ProduceResponse> {
    let acks = match request.acks {
        0 => Ok(RequiredAcks::None),
        1 => Ok(RequiredAcks::Leader),
        -1 => Ok(RequiredAcks::All),
        _ => Err(ErrorCode::INVALID_REQUIRED_ACKS),
    };
    let acks = acks.and_then(|acks| match request.transactional_id {
        None => Ok(acks),
        Some(_) => Err(ErrorCode::INVALID_REQUEST),
    });
    let deadline = Instant::now() + Duration::from_millis(request.timeout_ms.max(0) as u64);
    let mut topics = Vec::with_capacity(request.topic_data.len());
    for topic in request.topic_data {
        // From version 13 on topics go by id only.
        let name = match context.version {
            13.. => {
                state.image().topic_by_id(topic.topic_id).map(|t| t.name.clone()).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)
            }
            _ => Ok(topic.name.clone()),
        };
        let mut partitions = Vec::with_capacity(topic.partition_data.len());
        for data in topic.partition_data {
            let index = data.index;
            let sent = Sent::new(topic.topic_id, &topic.name, &data);
            let result = match (&acks, &name) {
                (Ok(acks), Ok(name)) => append(&state, context.version, name, data, *acks, sent.as_ref()),
                (Err(code), _) | (_, Err(code)) => Err((*code).into()),
            };
            if let (Some(sent), Err(e)) = (sent, &result) {
                state.refusals.note(sent.writer, sent.base_sequence, e.code, sent.at);
            }
            partitions
                .push(result.map_or_else(|e| Pending::refused(index, e), |accepted| Pending::new(index, accepted)));
        }
        topics.push((topic.name, topic.topic_id, partitions));
    }
    let refused = topics.iter().flat_map(|(_, _, partitions)| partitions).any(|p| p.answer.error_code.is_error());
    match acks {
        // Nobody waits for an answer. A closed connection is the only way to say that something went wrong.
        Ok(RequiredAcks::None) if refused => return Reply::Close,
        Ok(RequiredAcks::None) => return Reply::None,
        _ => {}
    }
    let must_wait = |pending: &Pending| pending.must_wait(acks == Ok(RequiredAcks::All));
    let waits = topics.iter().flat_map(|(_, _, partitions)| partitions).any(must_wait);
    let answer = async move {
        let mut responses = Vec::with_capacity(topics.len());
        for (name, topic_id, partitions) in topics {
            let mut partition_responses = Vec::with_capacity(partitions.len());
            for pending in partitions {
                partition_responses.push(pending.settle(&state, acks == Ok(RequiredAcks::All), deadline).await);
            }
            responses.push(ProduceTopicResponse { name, topic_id, partition_responses });
        }
        ProduceResponse { responses, ..Default::default() }
    };
    if waits { Reply::Later(Box::pin(answer)) } else { Reply::Now(answer.await) }
}
// ANCHOR_END: handle

fn append(
    state: &State,
    version: i16,
    topic: &str,
    data: ProducePartitionData,
    acks: RequiredAcks,
    sent: Option<&Sent>,
) -> Result<(Accepted, Arc<dyn Partition>), PartitionError> {
    if is_internal(topic) {
        let message = Some("internal topics are written by brokers only".to_string());
        return Err(PartitionError { code: ErrorCode::INVALID_TOPIC_EXCEPTION, message });
    }
    let partition = state.partition(topic, data.index)?;
    let records = data.records.unwrap_or_default();
    if let Ok(header) = BatchHeader::parse(&records) {
        check_features(&header, version)?;
    }
    let accepted = match sent {
        Some(sent) => sent.append_in_order(state, &*partition, records, acks)?,
        None => partition.append(records, acks)?,
    };
    Ok((accepted, partition))
}

/// A batch of an idempotent producer.
struct Sent {
    writer: Writer,
    base_sequence: i32,
    at: std::time::Instant,
}

impl Sent {
    fn new(topic_id: Uuid, topic: &str, data: &ProducePartitionData) -> Option<Sent> {
        let header = BatchHeader::parse(data.records.as_deref()?).ok().filter(BatchHeader::has_producer)?;
        let (topic, partition) = (topic.to_owned(), data.index);
        let writer = Writer { producer_id: header.producer_id, topic_id, topic, partition };
        Some(Sent { writer, base_sequence: header.base_sequence, at: std::time::Instant::now() })
    }

    /// Appends. A gap that the producer may not have made is refused in such a way that it tries again.
    fn append_in_order(
        &self,
        state: &State,
        partition: &dyn Partition,
        records: Bytes,
        acks: RequiredAcks,
    ) -> Result<Accepted, PartitionError> {
        let moved = partition.has_moved();
        let Some(code) = state.refusals.explain(&self.writer, self.base_sequence, moved, self.at) else {
            return partition.append(records, acks);
        };
        // A producer that the log does not know may begin anywhere, but not now.
        if self.base_sequence != 0 && !partition.has_producer(self.writer.producer_id) {
            return Err(code.into());
        }
        let is_gap = |e: &PartitionError| e.code == ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
        partition.append(records, acks).map_err(|e| if is_gap(&e) { code.into() } else { e })
    }
}

/// What a batch may use in this version of Produce, on this broker.
fn check_features(header: &BatchHeader, version: i16) -> Result<(), PartitionError> {
    let refuse = |code, message: &str| Err(PartitionError { code, message: Some(message.to_string()) });
    if version < 7 && header.attributes.codec() == Compression::Zstd.codec() {
        return refuse(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, "zstd needs Produce version 7 or later");
    }
    if header.attributes.is_transactional() {
        return refuse(ErrorCode::INVALID_REQUEST, "transactions are not served by this broker");
    }
    Ok(())
}

impl Pending {
    fn new(index: i32, (accepted, partition): (Accepted, Arc<dyn Partition>)) -> Pending {
        let answer = ProducePartitionResponse {
            index,
            base_offset: accepted.base_offset,
            log_append_time_ms: accepted.log_append_time,
            log_start_offset: accepted.log_start_offset,
            ..Default::default()
        };
        Pending { answer, accepted: Some((accepted, partition)) }
    }

    fn refused(index: i32, error: PartitionError) -> Pending {
        debug!("produce refused: {} {}", error.code, error.message.as_deref().unwrap_or_default());
        let (error_code, error_message) = (error.code, error.message);
        Pending {
            answer: ProducePartitionResponse {
                index,
                error_code,
                error_message,
                base_offset: -1,
                ..Default::default()
            },
            accepted: None,
        }
    }

    fn must_wait(&self, all: bool) -> bool {
        let Some((accepted, _)) = &self.accepted else { return false };
        accepted.must_flush || all && !is_readable(accepted.progress.borrow().readable_end, accepted.last_offset)
    }

    // ANCHOR: settle
    /// Waits for what the acknowledgement stands for: the disk where the topic wants that, all in-sync copies where the
    /// producer does.
    async fn settle(self, state: &State, all: bool, deadline: Instant) -> ProducePartitionResponse {
        let Pending { mut answer, accepted } = self;
        let Some((mut accepted, partition)) = accepted else { return answer };
        if accepted.must_flush
            && let Err(e) = state.tasks.blocking(move || partition.flush()).await
        {
            answer.error_code = e.code;
        }
        if all && !answer.error_code.is_error() {
            let last_offset = accepted.last_offset;
            let waited =
                wait_until(&mut accepted.progress, deadline, |p| is_readable(p.readable_end, last_offset)).await;
            answer.error_code = match waited {
                Waited::Passed if accepted.progress.borrow().enough_replicas => ErrorCode::NONE,
                Waited::Passed => ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
                Waited::TimedOut => ErrorCode::REQUEST_TIMED_OUT,
                Waited::NoLonger => ErrorCode::NOT_LEADER_OR_FOLLOWER,
            };
        }
        if answer.error_code.is_error() {
            answer.base_offset = -1;
        }
        answer
    }
    // ANCHOR_END: settle
}

/// Whether consumers may read a record: then all in-sync replicas have it.
fn is_readable(readable_end: Offset, last_offset: Offset) -> bool {
    readable_end > last_offset
}
