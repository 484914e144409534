//! CreatePartitions: more partitions for a topic. Keys then go to other partitions than before, and their order is lost.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};

use crate::broker::State;
use crate::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult,
};
use crate::partition::PartitionError;

/// Grows topics.
pub async fn handle(
    state: Arc<State>,
    _context: Context,
    request: CreatePartitionsRequest,
) -> Reply<CreatePartitionsResponse> {
    let (topics, validate_only) = (state.topics.clone(), request.validate_only);
    let grow = move |topic: CreatePartitionsTopic| {
        let assignments: Option<Vec<_>> = topic.assignments.map(|all| all.into_iter().map(|a| a.broker_ids).collect());
        let grown = topics.lock().unwrap().grow(&topic.name, topic.count, assignments.as_deref(), validate_only);
        let PartitionError { code, message } = grown.err().unwrap_or(ErrorCode::NONE.into());
        CreatePartitionsTopicResult { name: topic.name, error_code: code, error_message: message }
    };
    let results = state.tasks.blocking(move || request.topics.into_iter().map(grow).collect()).await;
    CreatePartitionsResponse { results, ..Default::default() }.into()
}
