//! DescribeCluster: the brokers, for administrators' tools.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};

use crate::broker::{State, endpoint_for};
use crate::handlers::{ALL_CLUSTER_OPERATIONS, operations};
use crate::messages::{DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse};

/// The endpoints that are brokers'.
const BROKERS: i8 = 1;

/// Answers from the image.
pub async fn handle(
    state: Arc<State>,
    context: Context,
    request: DescribeClusterRequest,
) -> Reply<DescribeClusterResponse> {
    if request.endpoint_type != BROKERS {
        let error_code = ErrorCode::MISMATCHED_ENDPOINT_TYPE;
        let error_message = Some("this listener answers for brokers only (endpoint type 1)".to_string());
        return DescribeClusterResponse { error_code, error_message, ..Default::default() }.into();
    }
    let image = state.image();
    let broker = |broker| {
        let endpoint = endpoint_for(broker, &context)?;
        let (host, port) = (endpoint.host.clone(), i32::from(endpoint.port));
        Some(DescribeClusterBroker { broker_id: broker.id, host, port, rack: broker.rack.clone(), is_fenced: false })
    };
    DescribeClusterResponse {
        cluster_id: image.cluster_id.clone(),
        controller_id: image.controller_id,
        brokers: image.brokers.values().filter_map(broker).collect(),
        cluster_authorized_operations: operations(
            request.include_cluster_authorized_operations,
            ALL_CLUSTER_OPERATIONS,
        ),
        ..Default::default()
    }
    .into()
}
