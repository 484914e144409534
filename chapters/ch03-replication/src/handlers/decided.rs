//! Requests about which the first broker decides: there they are handled as in the chapters before, and any other broker
//! sends them on, in the version they came in, and gives back what it is told.
//!
//! Caveat: while the first broker is down nobody decides. Clients are told NOT_CONTROLLER and try again until they lose
//! patience.

use std::sync::Arc;

use ch00_wire::client::{Client, ClientError};
use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch00_wire::table::Request;
use ch01_log::handlers as log_handlers;
use ch01_log::messages::{
    CreatableTopicResult, CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopicResult,
    CreateTopicsRequest, CreateTopicsResponse, DeletableTopicResult, DeleteTopicsRequest, DeleteTopicsResponse,
};
use ch02_retention::config_admin::BROKER;
use ch02_retention::handlers as retention_handlers;
use ch02_retention::messages::{
    AlterConfigsRequest, AlterConfigsResourceResponse, AlterConfigsResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};
use tokio::time::{Duration, timeout};
use tracing::warn;

use crate::broker::State;

/// How long the first broker may take.
const PATIENCE: Duration = Duration::from_secs(30);

// ANCHOR: forward
/// Sends a request on to the first broker; when its answer is here, so is what it has decided.
pub async fn forward<R: Request>(state: &State, context: &Context, request: &R) -> Result<R::Response, ClientError> {
    let first = state.manager.cluster.first();
    let address = state.manager.cluster.address_of(first).unwrap_or_default();
    let call = async {
        let mut client = Client::connect(address, context.client_id.as_deref().unwrap_or_default()).await?;
        client.set_timeout(PATIENCE);
        client.call_version(context.version, request).await
    };
    let too_long = ClientError::Timeout { api: R::NAME, after: PATIENCE };
    let answer = if state.peers.is_alive(first) {
        timeout(PATIENCE, call).await.unwrap_or(Err(too_long))
    } else {
        Err(ClientError::Closed)
    };
    match &answer {
        Ok(_) => state.peers.ask(first).await,
        Err(e) => warn!("{} was not sent on: broker {first}, which decides about it: {e}", R::NAME),
    }
    answer
}
// ANCHOR_END: forward

const NOBODY_DECIDES: &str = "the broker that decides about topics does not answer";

fn nobody_decides() -> (ErrorCode, Option<String>) {
    (ErrorCode::NOT_CONTROLLER, Some(NOBODY_DECIDES.to_string()))
}

/// CreateTopics.
pub async fn create_topics(
    state: Arc<State>,
    context: Context,
    request: CreateTopicsRequest,
) -> Reply<CreateTopicsResponse> {
    if state.decides() {
        return log_handlers::create_topics::handle(state.log.clone(), context, request).await;
    }
    let refused = |topic: &ch01_log::messages::CreatableTopic| {
        let (error_code, error_message) = nobody_decides();
        CreatableTopicResult { name: topic.name.clone(), error_code, error_message, ..Default::default() }
    };
    let answer = forward(&state, &context, &request).await;
    let topics = || request.topics.iter().map(refused).collect();
    answer.unwrap_or_else(|_| CreateTopicsResponse { topics: topics(), ..Default::default() }).into()
}

/// DeleteTopics.
pub async fn delete_topics(
    state: Arc<State>,
    context: Context,
    request: DeleteTopicsRequest,
) -> Reply<DeleteTopicsResponse> {
    if state.decides() {
        return log_handlers::delete_topics::handle(state.log.clone(), context, request).await;
    }
    let answer = forward(&state, &context, &request).await;
    let refused = |name: Option<String>, topic_id| {
        let (error_code, error_message) = nobody_decides();
        DeletableTopicResult { name, topic_id, error_code, error_message }
    };
    let responses = || {
        let by_name = request.topic_names.iter().map(|name| refused(Some(name.clone()), Default::default()));
        by_name.chain(request.topics.iter().map(|topic| refused(topic.name.clone(), topic.topic_id))).collect()
    };
    answer.unwrap_or_else(|_| DeleteTopicsResponse { responses: responses(), ..Default::default() }).into()
}

/// CreatePartitions.
pub async fn create_partitions(
    state: Arc<State>,
    context: Context,
    request: CreatePartitionsRequest,
) -> Reply<CreatePartitionsResponse> {
    if state.decides() {
        return log_handlers::create_partitions::handle(state.log.clone(), context, request).await;
    }
    let answer = forward(&state, &context, &request).await;
    let refused = |topic: &ch01_log::messages::CreatePartitionsTopic| {
        let (error_code, error_message) = nobody_decides();
        CreatePartitionsTopicResult { name: topic.name.clone(), error_code, error_message }
    };
    let results = || request.topics.iter().map(refused).collect();
    answer.unwrap_or_else(|_| CreatePartitionsResponse { results: results(), ..Default::default() }).into()
}

/// Whether settings are this broker's own: those of topics and of all brokers are not.
fn are_own(mut resources: impl Iterator<Item = (i8, bool)>) -> bool {
    resources.any(|(kind, is_named)| kind == BROKER && is_named)
}

fn refused_resource(resource_type: i8, resource_name: &str) -> AlterConfigsResourceResponse {
    let (error_code, error_message) = nobody_decides();
    AlterConfigsResourceResponse { error_code, error_message, resource_type, resource_name: resource_name.to_owned() }
}

/// IncrementalAlterConfigs.
pub async fn incremental_alter_configs(
    state: Arc<State>,
    context: Context,
    request: IncrementalAlterConfigsRequest,
) -> Reply<IncrementalAlterConfigsResponse> {
    if state.decides() || are_own(request.resources.iter().map(|r| (r.resource_type, !r.resource_name.is_empty()))) {
        let retention = state.retention.clone();
        return retention_handlers::incremental_alter_configs::handle(retention, context, request).await;
    }
    let answer = forward(&state, &context, &request).await;
    let responses = || request.resources.iter().map(|r| refused_resource(r.resource_type, &r.resource_name)).collect();
    answer.unwrap_or_else(|_| IncrementalAlterConfigsResponse { responses: responses(), ..Default::default() }).into()
}

/// AlterConfigs.
pub async fn alter_configs(
    state: Arc<State>,
    context: Context,
    request: AlterConfigsRequest,
) -> Reply<AlterConfigsResponse> {
    if state.decides() || are_own(request.resources.iter().map(|r| (r.resource_type, !r.resource_name.is_empty()))) {
        return retention_handlers::alter_configs::handle(state.retention.clone(), context, request).await;
    }
    let answer = forward(&state, &context, &request).await;
    let responses = || request.resources.iter().map(|r| refused_resource(r.resource_type, &r.resource_name)).collect();
    answer.unwrap_or_else(|_| AlterConfigsResponse { responses: responses(), ..Default::default() }).into()
}
