//! DeleteTopics: topics go by name, and from version 6 on by id too.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch00_wire::uuid::Uuid;

use crate::broker::State;
use crate::messages::{DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse};
use crate::partition::PartitionError;

/// Deletes topics.
pub async fn handle(state: Arc<State>, context: Context, request: DeleteTopicsRequest) -> Reply<DeleteTopicsResponse> {
    let by_name = |name| DeleteTopicState { name: Some(name), topic_id: Uuid::ZERO };
    let wanted = match context.version {
        6.. => request.topics,
        _ => request.topic_names.into_iter().map(by_name).collect(),
    };
    let (asked, version) = (state.clone(), context.version);
    let delete = move || wanted.into_iter().map(|topic| delete_one(&asked, topic, version)).collect();
    DeleteTopicsResponse { responses: state.tasks.blocking(delete).await, ..Default::default() }.into()
}

fn delete_one(state: &State, wanted: DeleteTopicState, version: i16) -> DeletableTopicResult {
    let image = state.image();
    let found = match &wanted.name {
        Some(_) if !wanted.topic_id.is_zero() => Err(ErrorCode::INVALID_REQUEST),
        Some(name) => image.topic(name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        None => image.topic_by_id(wanted.topic_id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID),
    };
    let deleted = match found {
        Ok(topic) => state.topics.lock().unwrap().delete(&topic.name),
        Err(code) => Err(code.into()),
    };
    let PartitionError { code, message } = deleted.err().unwrap_or(ErrorCode::NONE.into());
    let name = found.map(|topic| topic.name.clone()).ok().or(wanted.name);
    DeletableTopicResult {
        // Before version 6 a name is never null.
        name: if version < 6 { Some(name.unwrap_or_default()) } else { name },
        topic_id: found.map_or(wanted.topic_id, |topic| topic.id),
        error_code: code,
        error_message: message,
    }
}
