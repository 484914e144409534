//! Produce and Fetch: as before, but who comes to a broker that does not lead any more is told who does (KIP-951). So
//! clients need not ask around, and cannot be told something older.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch00_wire::uuid::Uuid;
use ch01_log::broker::endpoint_for;
use ch01_log::handlers::produce;
use ch01_log::messages::{
    FetchRequest, FetchResponse, LeaderIdAndEpoch, NodeEndpoint, ProduceRequest, ProduceResponse,
};
use ch03_replication::handlers::replica_requests::handle_fetch;

use crate::broker::State;

/// Appends, as chapter 1 does.
pub async fn produce(state: Arc<State>, context: Context, request: ProduceRequest) -> Reply<ProduceResponse> {
    let reply = produce::handle(state.log.clone(), context.clone(), request).await;
    with(reply, move |response: &mut ProduceResponse| {
        let mut leaders = Leaders::new(&state, &context);
        for topic in &mut response.responses {
            for partition in topic.partition_responses.iter_mut().filter(|partition| is_moved(partition.error_code)) {
                partition.current_leader = leaders.of(topic.topic_id, &topic.name, partition.index);
            }
        }
        response.node_endpoints = leaders.endpoints;
    })
}

/// Reads, as chapter 3 does.
pub async fn fetch(state: Arc<State>, context: Context, request: FetchRequest) -> Reply<FetchResponse> {
    let reply = handle_fetch(state.replicas.clone(), context.clone(), request).await;
    with(reply, move |response: &mut FetchResponse| {
        let mut leaders = Leaders::new(&state, &context);
        for topic in &mut response.responses {
            for partition in topic.partitions.iter_mut().filter(|partition| is_moved(partition.error_code)) {
                partition.current_leader = leaders.of(topic.topic_id, &topic.topic, partition.partition_index);
            }
        }
        response.node_endpoints = leaders.endpoints;
    })
}

/// A reply to which something is done when it is there.
fn with<R: Send + 'static>(reply: Reply<R>, change: impl FnOnce(&mut R) + Send + 'static) -> Reply<R> {
    match reply {
        Reply::Now(mut response) => {
            change(&mut response);
            Reply::Now(response)
        }
        Reply::Later(response) => Reply::Later(Box::pin(async move {
            let mut response = response.await;
            change(&mut response);
            response
        })),
        other => other,
    }
}

fn is_moved(error: ErrorCode) -> bool {
    matches!(error, ErrorCode::NOT_LEADER_OR_FOLLOWER | ErrorCode::FENCED_LEADER_EPOCH)
}

/// Leaders that were asked for, and where they are.
struct Leaders<'a> {
    state: &'a State,
    context: &'a Context,
    endpoints: Vec<NodeEndpoint>,
}

impl Leaders<'_> {
    fn new<'a>(state: &'a State, context: &'a Context) -> Leaders<'a> {
        Leaders { state, context, endpoints: Vec::new() }
    }

    // ANCHOR: of
    /// Who leads a partition; nobody, if that is not known, or would be this broker.
    fn of(&mut self, topic_id: Uuid, name: &str, index: i32) -> LeaderIdAndEpoch {
        let cluster = self.state.partitions.cluster();
        let topic = if topic_id.is_zero() { cluster.topics.by_name(name) } else { cluster.topics.get(topic_id) };
        let partition = topic.and_then(|topic| topic.partitions.get(&index));
        let known = partition.filter(|partition| partition.leader != self.state.partitions.context().me);
        let image = self.state.log.image();
        let endpoint = known.and_then(|known| endpoint_for(image.brokers.get(&known.leader)?, self.context));
        let (Some(known), Some(endpoint)) = (known, endpoint) else { return LeaderIdAndEpoch::default() };
        if self.endpoints.iter().all(|endpoint| endpoint.node_id != known.leader) {
            let (host, port) = (endpoint.host.clone(), endpoint.port.into());
            self.endpoints.push(NodeEndpoint { node_id: known.leader, host, port, rack: None });
        }
        LeaderIdAndEpoch { leader_id: known.leader, leader_epoch: known.leader_epoch }
    }
    // ANCHOR_END: of
}
