//! Fetch of the metadata log: by voters, whose fetches count, and by everybody else who follows it.

use std::sync::Arc;

use ch00_wire::router::{Context, Reply};
use ch01_log::messages::{FetchRequest, FetchResponse};

use crate::quorum_listener::QuorumState;
use crate::quorum_wire;

/// Gives the fetch to the quorum's machine, which may let it wait.
pub async fn handle(state: Arc<QuorumState>, _: Context, request: FetchRequest) -> Reply<FetchResponse> {
    let refused = |error_code| FetchResponse { error_code, ..Default::default() };
    if let Err(error_code) = state.check_cluster(request.cluster_id.as_deref()) {
        return refused(error_code).into();
    }
    let node = match state.node() {
        Ok(node) => node.clone(),
        Err(error_code) => return refused(error_code).into(),
    };
    let (request, max_bytes) = match quorum_wire::read_fetch(request) {
        Ok(read) => read,
        Err(error_code) => return refused(error_code).into(),
    };
    Reply::Later(Box::pin(async move {
        match node.request(request, max_bytes).await {
            Some(answer) => {
                let mut response =
                    quorum_wire::fetch_response(&answer.response, answer.log_start_offset, answer.records);
                response.node_endpoints = state.endpoint_of(answer.response.leader);
                response
            }
            None => FetchResponse { responses: Vec::new(), ..Default::default() },
        }
    }))
}
