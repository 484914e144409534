//! Offsets are committed and fetched.

use std::collections::BTreeMap;

use ch00_wire::error_code::ErrorCode;

use super::Group;
use crate::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
    OffsetFetchRequestGroup, OffsetFetchResponseGroup, OffsetFetchResponsePartitions, OffsetFetchResponseTopics,
};
use crate::offsets::{Committed, Offsets};
use crate::records::{GroupRecord, OffsetCommitKey, OffsetCommitValue};
use crate::step::Step;

// ANCHOR: commit
/// Takes a commit: one record for each partition. Whether it may depends on the group, if there is one.
pub(super) fn commit(
    mut group: Option<&mut Group>,
    step: &mut Step,
    request: OffsetCommitRequest,
    api_version: i16,
) -> OffsetCommitResponse {
    let epoch = request.generation_id_or_member_epoch;
    if let Some(Group::Classic(group)) = &mut group {
        group.hear(&request.member_id, step.now);
    }
    let may_commit = |place| match &group {
        Some(Group::Classic(group)) => {
            group.check_commit(&request.member_id, request.group_instance_id.as_deref(), epoch)
        }
        Some(Group::Consumer(group, _)) => group.may_commit(&request.member_id, epoch, api_version, place),
        None if epoch < 0 => Ok(()),
        None => Err(ErrorCode::ILLEGAL_GENERATION),
    };
    let (now, max) = (step.now, step.settings.offset_metadata_max_bytes);
    let expire_timestamp = match request.retention_time_ms {
        ..0 => -1,
        retention => now.saturating_add(retention),
    };
    let mut topics = Vec::new();
    for topic in request.topics {
        let mut answers = Vec::new();
        for partition in topic.partitions {
            let metadata = partition.committed_metadata.unwrap_or_default();
            let partition_index = partition.partition_index;
            let fits = if metadata.len() > max { Err(ErrorCode::OFFSET_METADATA_TOO_LARGE) } else { Ok(()) };
            let kept = may_commit((topic.topic_id, partition_index)).and(fits);
            answers.push(OffsetCommitResponsePartition { partition_index, error_code: kept.err().unwrap_or_default() });
            if kept.is_err() {
                continue;
            }
            let (group, topic_name) = (request.group_id.clone(), topic.name.clone());
            let key = OffsetCommitKey { group, topic: topic_name, partition: partition_index };
            let value = OffsetCommitValue {
                offset: partition.committed_offset,
                leader_epoch: partition.committed_leader_epoch,
                metadata,
                commit_timestamp: now,
                expire_timestamp,
                topic_id: topic.topic_id,
            };
            step.records.push(GroupRecord::OffsetCommit(key, Some(value)));
        }
        let (name, topic_id) = (topic.name, topic.topic_id);
        topics.push(OffsetCommitResponseTopic { name, topic_id, partitions: answers });
    }
    OffsetCommitResponse { throttle_time_ms: 0, topics }
}
// ANCHOR_END: commit

// ANCHOR: fetch
/// What a group has committed, for the topics that are asked for, or for all. -1: nothing.
pub(super) fn fetch(
    known: Option<&Group>,
    offsets: &Offsets,
    request: OffsetFetchRequestGroup,
) -> OffsetFetchResponseGroup {
    if let Some(Err(error_code)) = known.map(|known| known.check_fetch(&request)) {
        return OffsetFetchResponseGroup { group_id: request.group_id, topics: Vec::new(), error_code };
    }
    let group = request.group_id;
    let found = |topic: &str, partition: i32| answer(partition, offsets.get(&group, topic, partition));
    let topics = match request.topics {
        Some(topics) => {
            let asked = topics.into_iter().map(|topic| OffsetFetchResponseTopics {
                partitions: topic.partition_indexes.iter().map(|&partition| found(&topic.name, partition)).collect(),
                name: topic.name,
                topic_id: topic.topic_id,
            });
            asked.collect()
        }
        None => {
            let mut all: BTreeMap<&str, Vec<_>> = BTreeMap::new();
            for (topic, partition, committed) in offsets.of_group(&group) {
                all.entry(topic).or_default().push(answer(partition, Some(committed)));
            }
            let of_topic = |(name, partitions): (&str, _)| OffsetFetchResponseTopics {
                name: name.to_owned(),
                topic_id: Default::default(),
                partitions,
            };
            all.into_iter().map(of_topic).collect()
        }
    };
    OffsetFetchResponseGroup { topics, error_code: ErrorCode::NONE, group_id: group }
}
// ANCHOR_END: fetch

fn answer(partition_index: i32, committed: Option<&Committed>) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: committed.map_or(-1, |committed| committed.offset),
        committed_leader_epoch: committed.map_or(-1, |committed| committed.leader_epoch),
        metadata: Some(committed.map(|committed| committed.metadata.clone()).unwrap_or_default()),
        error_code: ErrorCode::NONE,
    }
}
