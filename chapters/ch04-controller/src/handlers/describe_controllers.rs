//! DescribeCluster, on the controller listener: which controllers are there, and of which cluster? An empty id means that
//! this node has not been in one yet.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch01_log::messages::{DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse};

use crate::quorum_listener::QuorumState;

/// The kind of nodes that this listener knows about.
const CONTROLLERS: i8 = 2;

/// Answers with the voters.
pub async fn handle(
    state: Arc<QuorumState>,
    _: Context,
    request: DescribeClusterRequest,
) -> Reply<DescribeClusterResponse> {
    if request.endpoint_type != CONTROLLERS {
        let error_message = Some("this is a controller listener: ask it about controllers".to_string());
        let error_code = ErrorCode::MISMATCHED_ENDPOINT_TYPE;
        return DescribeClusterResponse { error_code, error_message, ..Default::default() }.into();
    }
    let node = state.voter_endpoints().into_iter().filter_map(|node| {
        let listener = node.listeners.into_iter().next()?;
        let (host, port) = (listener.host, listener.port.into());
        Some(DescribeClusterBroker { broker_id: node.node_id, host, port, ..Default::default() })
    });
    DescribeClusterResponse {
        endpoint_type: CONTROLLERS,
        cluster_id: state.cluster_id.get().cloned().unwrap_or_default(),
        controller_id: state.leader().unwrap_or(-1),
        brokers: node.collect(),
        ..Default::default()
    }
    .into()
}
