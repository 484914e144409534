//! OffsetCommit, OffsetFetch, OffsetDelete.
//!
//! Shards know topics by name. From version 10 on clients say topics' ids: they are looked up here, and put into the answer
//! again.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch00_wire::uuid::Uuid;
use ch01_log::metadata::{MetadataImage, TopicImage};

use crate::coordinator::GroupCoordinator;
use crate::messages::{
    OffsetCommitRequest, OffsetCommitRequestTopic, OffsetCommitResponse, OffsetCommitResponsePartition,
    OffsetCommitResponseTopic, OffsetDeleteRequest, OffsetDeleteResponse, OffsetFetchRequest, OffsetFetchRequestGroup,
    OffsetFetchRequestTopics, OffsetFetchResponse, OffsetFetchResponseGroup, OffsetFetchResponsePartition,
    OffsetFetchResponsePartitions, OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use crate::shard::Command;
use crate::step::Response;

/// The first version that knows topics by id.
const IDS: i16 = 10;
/// The first version of OffsetFetch that asks for many groups.
const MANY: i16 = 8;

/// The topic that a client means.
fn topic<'a>(image: &'a MetadataImage, version: i16, name: &str, id: Uuid) -> Option<&'a Arc<TopicImage>> {
    if version >= IDS { image.topic_by_id(id) } else { image.topic(name) }
}

// ANCHOR: commit
/// Keeps offsets. For partitions that there are not, the client is told so, and the others count.
pub async fn commit(
    groups: Arc<GroupCoordinator>,
    context: Context,
    mut request: OffsetCommitRequest,
) -> Reply<OffsetCommitResponse> {
    let (image, version) = (groups.broker.log.image(), context.version);
    let mut refused = Vec::new();
    let mut known = Vec::new();
    for mut asked in std::mem::take(&mut request.topics) {
        let Some(topic) = topic(&image, version, &asked.name, asked.topic_id) else {
            let why = if version >= IDS { ErrorCode::UNKNOWN_TOPIC_ID } else { ErrorCode::UNKNOWN_TOPIC_OR_PARTITION };
            refused.push(refuse(&asked, why));
            continue;
        };
        (asked.name, asked.topic_id) = (topic.name.clone(), topic.id);
        let is_there = |index: i32| (0..topic.partitions.len() as i32).contains(&index);
        let (there, missing) = asked.partitions.into_iter().partition(|partition| is_there(partition.partition_index));
        let (name, topic_id) = (asked.name.clone(), asked.topic_id);
        known.push(OffsetCommitRequestTopic { name: asked.name, topic_id, partitions: there });
        let missing = OffsetCommitRequestTopic { name, topic_id, partitions: missing };
        if !missing.partitions.is_empty() {
            refused.push(refuse(&missing, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
        }
    }
    request.topics = known.clone();
    let group = request.group_id.clone();
    let answer = groups.ask(&group, Command::Commit(request, version)).await;
    Reply::Later(Box::pin(async move {
        let mut response = match answer.get().await {
            Ok(Response::Commit(response)) => response,
            Ok(_) => unreachable!("an OffsetCommit is answered as one"),
            Err(error_code) => {
                let topics = known.iter().map(|topic| refuse(topic, error_code)).collect();
                OffsetCommitResponse { throttle_time_ms: 0, topics }
            }
        };
        for mut topic in refused {
            let is_it =
                |other: &&mut OffsetCommitResponseTopic| (&other.name, other.topic_id) == (&topic.name, topic.topic_id);
            match response.topics.iter_mut().find(is_it) {
                Some(same) => same.partitions.append(&mut topic.partitions),
                None => response.topics.push(topic),
            }
        }
        response
    }))
}
// ANCHOR_END: commit

fn refuse(topic: &OffsetCommitRequestTopic, error_code: ErrorCode) -> OffsetCommitResponseTopic {
    let partitions = topic.partitions.iter();
    let partitions =
        partitions.map(|p| OffsetCommitResponsePartition { partition_index: p.partition_index, error_code });
    OffsetCommitResponseTopic { name: topic.name.clone(), topic_id: topic.topic_id, partitions: partitions.collect() }
}

// ANCHOR: fetch
/// Says what groups have committed.
pub async fn fetch(
    groups: Arc<GroupCoordinator>,
    context: Context,
    request: OffsetFetchRequest,
) -> Reply<OffsetFetchResponse> {
    let (image, version) = (groups.broker.log.image(), context.version);
    let wanted = if version >= MANY { request.groups } else { vec![only_group(request.group_id, request.topics)] };
    let mut answers = Vec::new();
    for mut group in wanted {
        let mut unknown = Vec::new();
        if version >= IDS
            && let Some(topics) = &mut group.topics
        {
            for asked in std::mem::take(topics) {
                match image.topic_by_id(asked.topic_id) {
                    Some(topic) => topics.push(OffsetFetchRequestTopics { name: topic.name.clone(), ..asked }),
                    None => unknown.push(unknown_topic(asked)),
                }
            }
        }
        let id = group.group_id.clone();
        answers.push((id.clone(), groups.ask(&id, Command::Offsets(group)).await, unknown));
    }
    Reply::Later(Box::pin(async move {
        let mut found = Vec::new();
        for (group_id, answer, unknown) in answers {
            let mut group = match answer.get().await {
                Ok(Response::Offsets(group)) => group,
                Ok(_) => unreachable!("an OffsetFetch is answered as one"),
                Err(error_code) => OffsetFetchResponseGroup { group_id, topics: Vec::new(), error_code },
            };
            if version >= IDS {
                name_by_id(&mut group, &image);
                group.topics.extend(unknown);
            }
            found.push(group);
        }
        if version >= MANY { OffsetFetchResponse { groups: found, ..Default::default() } } else { only_answer(found) }
    }))
}
// ANCHOR_END: fetch

/// What a client asks for that knows of one group at a time.
fn only_group(
    group_id: String,
    topics: Option<Vec<crate::messages::OffsetFetchRequestTopic>>,
) -> OffsetFetchRequestGroup {
    let topics = topics.map(|topics| {
        let topics = topics.into_iter().map(|topic| OffsetFetchRequestTopics {
            name: topic.name,
            topic_id: Uuid::ZERO,
            partition_indexes: topic.partition_indexes,
        });
        topics.collect()
    });
    OffsetFetchRequestGroup { group_id, member_id: None, member_epoch: -1, topics }
}

/// What it is told.
fn only_answer(found: Vec<OffsetFetchResponseGroup>) -> OffsetFetchResponse {
    let Some(group) = found.into_iter().next() else { return OffsetFetchResponse::default() };
    let partition = |p: OffsetFetchResponsePartitions| OffsetFetchResponsePartition {
        partition_index: p.partition_index,
        committed_offset: p.committed_offset,
        committed_leader_epoch: p.committed_leader_epoch,
        metadata: p.metadata,
        // Version 1 has no other place for what is wrong with the whole group.
        error_code: if group.error_code.is_error() { group.error_code } else { p.error_code },
    };
    let topics = group.topics.into_iter().map(|topic| OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(partition).collect(),
    });
    OffsetFetchResponse { topics: topics.collect(), error_code: group.error_code, ..Default::default() }
}

/// Who asks by id is answered by id. What was committed for a topic that is gone has none.
fn name_by_id(group: &mut OffsetFetchResponseGroup, image: &MetadataImage) {
    group.topics.retain_mut(|answered| {
        let known = image.topic(&answered.name);
        answered.topic_id = known.map_or(Uuid::ZERO, |topic| topic.id);
        known.is_some()
    });
}

fn unknown_topic(asked: OffsetFetchRequestTopics) -> OffsetFetchResponseTopics {
    let unknown = |partition_index| OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: -1,
        error_code: ErrorCode::UNKNOWN_TOPIC_ID,
        ..Default::default()
    };
    let partitions = asked.partition_indexes.into_iter().map(unknown).collect();
    OffsetFetchResponseTopics { name: String::new(), topic_id: asked.topic_id, partitions }
}

/// Forgets what was committed for some partitions.
pub async fn delete(
    groups: Arc<GroupCoordinator>,
    _: Context,
    request: OffsetDeleteRequest,
) -> Reply<OffsetDeleteResponse> {
    let group = request.group_id.clone();
    let answer = groups.ask(&group, Command::DeleteOffsets(request)).await;
    Reply::Later(Box::pin(async move {
        match answer.get().await {
            Ok(Response::DeleteOffsets(response)) => response,
            Ok(_) => unreachable!("an OffsetDelete is answered as one"),
            Err(error_code) => OffsetDeleteResponse { error_code, ..Default::default() },
        }
    }))
}
