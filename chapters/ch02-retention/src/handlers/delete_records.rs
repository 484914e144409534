//! DeleteRecords: everything before an offset goes.
//!
//! The log's start moves up, and readers see nothing below it from then on. It is on the disk before the client is
//! answered: a restart must not bring back what someone was told is gone. The bytes go later, with the segments they are
//! in, when the next look at old segments comes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch01_log::batch::Offset;
use ch01_log::log_dir::LogDir;
use ch01_log::partition::PartitionError;
use ch01_log::text_checkpoint::TopicPartition;
use tracing::error;

use crate::broker::State;
use crate::deletion;
use crate::messages::{
    DeleteRecordsPartition, DeleteRecordsPartitionResult, DeleteRecordsRequest, DeleteRecordsResponse,
    DeleteRecordsTopicResult,
};

/// Deletes records, each partition for itself.
pub async fn handle(
    state: Arc<State>,
    _context: Context,
    request: DeleteRecordsRequest,
) -> Reply<DeleteRecordsResponse> {
    let tasks = state.log.tasks.clone();
    tasks.blocking(move || answer(&state, request)).await.into()
}

// ANCHOR: answer
fn answer(state: &State, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let mut touched: BTreeMap<PathBuf, Arc<LogDir>> = BTreeMap::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let mut delete = |wanted: DeleteRecordsPartition| {
            let name = TopicPartition::new(&topic.name, wanted.partition_index);
            match delete_records(state, &name, wanted.offset) {
                Ok((low_watermark, dir)) => {
                    touched.insert(dir.path().to_owned(), dir);
                    result(wanted.partition_index, low_watermark, ErrorCode::NONE)
                }
                Err(e) => result(wanted.partition_index, -1, e.code),
            }
        };
        let partitions = topic.partitions.into_iter().map(&mut delete).collect();
        topics.push(DeleteRecordsTopicResult { name: topic.name.clone(), partitions });
    }
    for dir in touched.values() {
        if let Err(e) = state.log.logs.checkpoint_dir(dir) {
            error!("log directory {}: the new starts of logs could not be stored: {e}", dir.path().display());
            let done = topics.iter_mut().flat_map(|topic| &mut topic.partitions).filter(|p| !p.error_code.is_error());
            done.for_each(|partition| {
                *partition = result(partition.partition_index, -1, ErrorCode::KAFKA_STORAGE_ERROR)
            });
        }
    }
    DeleteRecordsResponse { topics, ..Default::default() }
}
// ANCHOR_END: answer

fn result(partition_index: i32, low_watermark: Offset, error_code: ErrorCode) -> DeleteRecordsPartitionResult {
    DeleteRecordsPartitionResult { partition_index, low_watermark, error_code }
}

fn delete_records(
    state: &State,
    name: &TopicPartition,
    offset: Offset,
) -> Result<(Offset, Arc<LogDir>), PartitionError> {
    let partition = state.log.partition(&name.topic, name.partition)?;
    partition.check_changeable()?;
    let readable_end = partition.progress()?.borrow().readable_end;
    let image = state.log.image();
    let topic = image.topic(&name.topic).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    if !state.config.cleanup_of(topic).delete {
        // In a compacted log a missing record means a missing key, not an old one.
        return Err(ErrorCode::POLICY_VIOLATION.into());
    }
    let log = state.log.logs.get(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    if log.dir().is_failed() {
        return Err(ErrorCode::KAFKA_STORAGE_ERROR.into());
    }
    let low_watermark = deletion::delete_records(&mut log.log(), offset, readable_end);
    Ok((low_watermark.ok_or(ErrorCode::OFFSET_OUT_OF_RANGE)?, log.dir().clone()))
}
