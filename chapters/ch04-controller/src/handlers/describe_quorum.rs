//! DescribeQuorum: who leads the quorum, who votes, and how far everybody has come. Only the leader knows.

use std::sync::Arc;
use std::time::Duration;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch00_wire::uuid::Uuid;

use crate::broker::State;
use crate::controller_channel::ControllerChannel;
use crate::messages::*;
use crate::quorum::{Replica, ReplicaKey};
use crate::quorum_listener::QuorumState;
use crate::quorum_node::Description;
use crate::quorum_wire::TOPIC;

/// How long the leader may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers for the metadata log; any other topic is no quorum's.
pub async fn handle(
    state: Arc<QuorumState>,
    _: Context,
    request: DescribeQuorumRequest,
) -> Reply<DescribeQuorumResponse> {
    let known = match state.node.get() {
        Some(node) => node.describe().await,
        // It does not know yet which cluster it belongs to.
        None => Some(Description::default()),
    };
    let Some(known) = known else {
        return DescribeQuorumResponse { error_code: ErrorCode::BROKER_NOT_AVAILABLE, ..Default::default() }.into();
    };
    let wall_clock = state.clock.now();
    let topics = request.topics.into_iter().map(|topic| {
        let is_metadata = topic.topic_name == TOPIC;
        let partitions = topic.partitions.into_iter().map(|partition| {
            let partition_index = partition.partition_index;
            if !is_metadata || partition_index != 0 {
                let error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
                return DescribeQuorumPartitionResponse { partition_index, error_code, ..Default::default() };
            }
            describe(&known, state.me, wall_clock)
        });
        DescribeQuorumTopicResponse { partitions: partitions.collect(), topic_name: topic.topic_name }
    });
    let topics = topics.collect();
    DescribeQuorumResponse { topics, nodes: state.voter_endpoints(), ..Default::default() }.into()
}

/// A broker asks whoever leads the quorum.
pub async fn relay(
    state: Arc<State>,
    context: Context,
    request: DescribeQuorumRequest,
) -> Reply<DescribeQuorumResponse> {
    if state.quorum.leader() == Some(state.node.id()) {
        return handle(state.quorum.clone(), context, request).await;
    }
    Reply::Later(Box::pin(async move {
        let mut channel = ControllerChannel::new(state.node.clone(), None, "describe-quorum", PATIENCE);
        let answer = channel.relay(&request, context.version).await;
        answer.unwrap_or_else(|e| DescribeQuorumResponse {
            error_code: ErrorCode::BROKER_NOT_AVAILABLE,
            error_message: Some(e.to_string()),
            ..Default::default()
        })
    }))
}

fn describe(known: &Description, me: ReplicaKey, wall_clock: i64) -> DescribeQuorumPartitionResponse {
    if known.leadership.leader != Some(me.id) {
        return DescribeQuorumPartitionResponse {
            error_code: ErrorCode::NOT_LEADER_OR_FOLLOWER,
            leader_id: known.leadership.leader.unwrap_or(-1),
            leader_epoch: known.leadership.epoch,
            // Only of itself it knows something.
            current_voters: vec![unheard(me.id, me.directory_id)],
            ..Default::default()
        };
    }
    // Times of the machine are of a clock that begins with the node.
    let on_wall = |time: i64| wall_clock - (known.now - time);
    let state_of = |replica: &Replica| QuorumReplicaState {
        replica_id: replica.key.id,
        replica_directory_id: replica.key.directory_id,
        log_end_offset: replica.log_end.unwrap_or(-1),
        last_fetch_timestamp: on_wall(replica.last_fetch),
        last_caught_up_timestamp: replica.last_caught_up.map_or(-1, on_wall),
    };
    let voter = |key: &ReplicaKey| {
        let known = known.replicas.iter().find(|replica| replica.key.matches(*key));
        known.map_or(unheard(key.id, key.directory_id), state_of)
    };
    let is_voter = |replica: &&Replica| known.voters.iter().any(|key| key.matches(replica.key));
    DescribeQuorumPartitionResponse {
        leader_id: me.id,
        leader_epoch: known.leadership.epoch,
        high_watermark: known.high_watermark,
        current_voters: known.voters.iter().map(voter).collect(),
        observers: known.replicas.iter().filter(|replica| !is_voter(replica)).map(state_of).collect(),
        ..Default::default()
    }
}

/// A replica of which nothing is known.
fn unheard(replica_id: i32, replica_directory_id: Uuid) -> QuorumReplicaState {
    QuorumReplicaState { replica_id, replica_directory_id, log_end_offset: -1, ..Default::default() }
}
