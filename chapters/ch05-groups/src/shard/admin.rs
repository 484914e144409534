//! What administrators ask of groups: list, describe, delete.

use std::collections::BTreeMap;

use ch00_wire::error_code::ErrorCode;

use super::Group;
use crate::classic::ClassicGroup;
use crate::messages::{
    DeletableGroupResult, DescribedConsumerGroup, DescribedGroup, ListGroupsRequest, ListedGroup, OffsetDeleteRequest,
    OffsetDeleteResponse, OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use crate::offsets::{Offsets, tombstone};
use crate::step::Step;

/// All groups that pass the filter. Who has committed offsets and never had a member is a group, too.
pub(super) fn list(
    groups: &BTreeMap<String, Group>,
    offsets: &Offsets,
    filter: &ListGroupsRequest,
) -> Vec<ListedGroup> {
    let without_members = offsets.groups().filter(|id| !groups.contains_key(*id));
    let without_members = without_members.map(|id| ClassicGroup::new(id, 0).list());
    let all = groups.iter().map(|(id, group)| group.list(id)).chain(without_members);
    let passes = |filter: &[String], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    all.filter(|group| {
        passes(&filter.states_filter, &group.group_state) && passes(&filter.types_filter, &group.group_type)
    })
    .collect()
}

/// What one group is like.
pub(super) fn describe(group: Option<&Group>, offsets: &Offsets, id: &str) -> DescribedGroup {
    match group.map(Group::classic) {
        Some(Some(group)) => group.describe(),
        None if offsets.has(id) => ClassicGroup::new(id, 0).describe(),
        Some(None) | None => DescribedGroup {
            error_code: ErrorCode::GROUP_ID_NOT_FOUND,
            error_message: Some(format!("there is no group {id} of the classic protocol")),
            group_state: "Dead".to_owned(),
            ..ClassicGroup::new(id, 0).describe()
        },
    }
}

/// What one group of the consumer protocol is like.
pub(super) fn consumer_describe(group: Option<&Group>, step: &Step, group_id: String) -> DescribedConsumerGroup {
    match group.and_then(Group::consumer) {
        Some(group) => group.describe(step.topics, &step.settings.consumer),
        None => DescribedConsumerGroup {
            error_code: ErrorCode::GROUP_ID_NOT_FOUND,
            error_message: Some(format!("there is no group {group_id} of the consumer protocol")),
            group_id,
            ..Default::default()
        },
    }
}

/// Forgets a group in which nobody is.
pub(super) fn delete(
    group: Option<&Group>,
    offsets: &Offsets,
    step: &mut Step,
    group_id: String,
) -> DeletableGroupResult {
    let error_code = match group {
        None if !offsets.has(&group_id) => ErrorCode::GROUP_ID_NOT_FOUND,
        Some(group) if !group.is_empty() => ErrorCode::NON_EMPTY_GROUP,
        _ => ErrorCode::NONE,
    };
    if error_code == ErrorCode::NONE {
        let committed = offsets.of_group(&group_id);
        step.records.extend(committed.map(|(topic, partition, _)| tombstone(&group_id, topic, partition)));
        step.records.extend(group.into_iter().flat_map(Group::forget));
    }
    DeletableGroupResult { group_id, error_code }
}

/// Forgets what a group has committed for topics that no member wants.
pub(super) fn delete_offsets(
    group: Option<&Group>,
    offsets: &Offsets,
    step: &mut Step,
    request: &OffsetDeleteRequest,
) -> OffsetDeleteResponse {
    let refused = |error_code| OffsetDeleteResponse { error_code, throttle_time_ms: 0, topics: Vec::new() };
    let in_use = match group {
        None if !offsets.has(&request.group_id) => return refused(ErrorCode::GROUP_ID_NOT_FOUND),
        Some(group) if !group.is_empty() => match group.subscribed_topics() {
            Some(topics) => topics,
            None => return refused(ErrorCode::NON_EMPTY_GROUP),
        },
        _ => Default::default(),
    };
    let topics = request.topics.iter().map(|topic| {
        let error_code =
            if in_use.contains(&topic.name) { ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC } else { ErrorCode::NONE };
        let partitions = topic.partitions.iter().map(|partition| {
            let partition_index = partition.partition_index;
            let is_there = offsets.get(&request.group_id, &topic.name, partition_index).is_some();
            if error_code == ErrorCode::NONE && is_there {
                step.records.push(tombstone(&request.group_id, &topic.name, partition_index));
            }
            OffsetDeleteResponsePartition { partition_index, error_code }
        });
        OffsetDeleteResponseTopic { name: topic.name.clone(), partitions: partitions.collect() }
    });
    let topics = topics.collect();
    OffsetDeleteResponse { error_code: ErrorCode::NONE, throttle_time_ms: 0, topics }
}
