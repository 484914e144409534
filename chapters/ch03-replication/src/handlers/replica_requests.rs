//! Fetch and ListOffsets, as brokers send them who copy: refused on listeners that are not between brokers.
//!
//! Where one listener serves brokers and clients alike, anyone can call himself a replica. He has to name one that there
//! is, and the leader's epoch; that keeps out mistakes, not malice. Only authentication does that, which this broker does
//! not have: so give brokers a listener of their own, on a network of their own.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch01_log::handlers::{fetch, list_offsets};
use ch01_log::messages::{
    FetchRequest, FetchResponse, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};

use crate::broker::ReplicaState;

// ANCHOR: fetch
/// Fetch.
pub async fn handle_fetch(state: Arc<ReplicaState>, context: Context, request: FetchRequest) -> Reply<FetchResponse> {
    let replica = if context.version >= 15 { request.replica_state.replica_id } else { request.replica_id };
    if replica >= 0 && !state.serves_replicas(&context) {
        let error_code = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
        return FetchResponse { error_code, ..Default::default() }.into();
    }
    fetch::handle(state.log.clone(), context, request).await
}
// ANCHOR_END: fetch

/// ListOffsets.
pub async fn handle_list_offsets(
    state: Arc<ReplicaState>,
    context: Context,
    request: ListOffsetsRequest,
) -> Reply<ListOffsetsResponse> {
    if request.replica_id < 0 || state.serves_replicas(&context) {
        return list_offsets::handle(state.log.clone(), context, request).await;
    }
    let topics = request.topics.into_iter().map(|topic| ListOffsetsTopicResponse {
        name: topic.name,
        partitions: topic
            .partitions
            .into_iter()
            .map(|partition| ListOffsetsPartitionResponse {
                partition_index: partition.partition_index,
                error_code: ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
                ..Default::default()
            })
            .collect(),
    });
    ListOffsetsResponse { topics: topics.collect(), ..Default::default() }.into()
}
