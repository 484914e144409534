//! Vote, BeginQuorumEpoch, EndQuorumEpoch: read, given to the quorum's machine, answered with what it says.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};

use crate::messages::*;
use crate::quorum::message::{Request, Response};
use crate::quorum_listener::QuorumState;
use crate::quorum_wire;

/// Asks the machine about a request that could be read.
async fn ask(
    state: &QuorumState,
    cluster_id: Option<&str>,
    read: Result<Request, ErrorCode>,
) -> Result<Response, ErrorCode> {
    state.check_cluster(cluster_id)?;
    let answer = state.node()?.request(read?, 0).await;
    Ok(answer.ok_or(ErrorCode::BROKER_NOT_AVAILABLE)?.response)
}

/// Vote.
pub async fn vote(state: Arc<QuorumState>, _: Context, request: VoteRequest) -> Reply<VoteResponse> {
    let cluster_id = request.cluster_id.clone();
    match ask(&state, cluster_id.as_deref(), quorum_wire::read_vote(request)).await {
        Ok(response) => quorum_wire::vote_response(&response).into(),
        Err(error_code) => VoteResponse { error_code, ..Default::default() }.into(),
    }
}

/// BeginQuorumEpoch.
pub async fn begin(
    state: Arc<QuorumState>,
    _: Context,
    request: BeginQuorumEpochRequest,
) -> Reply<BeginQuorumEpochResponse> {
    let cluster_id = request.cluster_id.clone();
    match ask(&state, cluster_id.as_deref(), quorum_wire::read_begin(request)).await {
        Ok(response) => quorum_wire::begin_response(&response).into(),
        Err(error_code) => BeginQuorumEpochResponse { error_code, ..Default::default() }.into(),
    }
}

/// EndQuorumEpoch.
pub async fn end(state: Arc<QuorumState>, _: Context, request: EndQuorumEpochRequest) -> Reply<EndQuorumEpochResponse> {
    let cluster_id = request.cluster_id.clone();
    match ask(&state, cluster_id.as_deref(), quorum_wire::read_end(request)).await {
        Ok(response) => quorum_wire::end_response(&response).into(),
        Err(error_code) => EndQuorumEpochResponse { error_code, ..Default::default() }.into(),
    }
}
