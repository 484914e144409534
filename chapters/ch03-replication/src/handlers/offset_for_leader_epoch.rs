//! OffsetForLeaderEpoch: where does an epoch end in this broker's log?

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch01_log::text_checkpoint::TopicPartition;

use crate::broker::ReplicaState;
use crate::epoch_end::EpochEnd;
use crate::messages::{
    EpochEndOffset, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, OffsetForLeaderPartition,
    OffsetForLeaderTopic, OffsetForLeaderTopicResult,
};
use crate::replica_serving::CONTROLLER;

/// Answers for each partition.
pub async fn handle(
    state: Arc<ReplicaState>,
    context: Context,
    request: OffsetForLeaderEpochRequest,
) -> Reply<OffsetForLeaderEpochResponse> {
    let asker = if context.version >= 3 { request.replica_id } else { -1 };
    if (asker >= 0 || asker == CONTROLLER) && !state.serves_replicas(&context) {
        let error_code = ErrorCode::CLUSTER_AUTHORIZATION_FAILED;
        let refuse =
            |p: OffsetForLeaderPartition| EpochEndOffset { error_code, partition: p.partition, ..Default::default() };
        return answer(request, refuse).into();
    }
    answer_topics(&state, request, asker).into()
}

fn answer_topics(
    state: &ReplicaState,
    request: OffsetForLeaderEpochRequest,
    asker: i32,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|topic: OffsetForLeaderTopic| {
        let one = |wanted: OffsetForLeaderPartition| {
            let found = find(state, &topic.topic, &wanted, asker);
            let (error_code, end) = match found {
                Ok(end) => (ErrorCode::NONE, end),
                Err(code) => (code, None),
            };
            let EpochEnd { epoch, end } = end.unwrap_or(EpochEnd { epoch: -1, end: -1 });
            EpochEndOffset { error_code, partition: wanted.partition, leader_epoch: epoch, end_offset: end }
        };
        let partitions = topic.partitions.into_iter().map(one).collect();
        OffsetForLeaderTopicResult { topic: topic.topic.clone(), partitions }
    });
    OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() }
}

fn find(
    state: &ReplicaState,
    topic: &str,
    wanted: &OffsetForLeaderPartition,
    asker: i32,
) -> Result<Option<EpochEnd>, ErrorCode> {
    // Does it exist, is its disk there?
    state.log.partition(topic, wanted.partition)?;
    let name = TopicPartition::new(topic, wanted.partition);
    let partition = state.copies.get(&name).ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)?;
    partition.end_of_epoch(asker, wanted.current_leader_epoch, wanted.leader_epoch)
}

fn answer(
    request: OffsetForLeaderEpochRequest,
    one: impl Fn(OffsetForLeaderPartition) -> EpochEndOffset,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|topic| OffsetForLeaderTopicResult {
        topic: topic.topic,
        partitions: topic.partitions.into_iter().map(&one).collect(),
    });
    OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() }
}
