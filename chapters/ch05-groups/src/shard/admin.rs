//! What administrators ask of groups: list, describe, delete.

use std::collections::BTreeMap;

use ch00_wire::error_code::ErrorCode;

use super::expire::forget;
use crate::classic::ClassicGroup;
use crate::messages::{
    DeletableGroupResult, DescribedGroup, ListGroupsRequest, ListedGroup, OffsetDeleteRequest, OffsetDeleteResponse,
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use crate::offsets::{Offsets, tombstone};
use crate::step::Step;

/// All groups that pass the filter. Who has committed offsets and never had a member is a group, too.
pub(super) fn list(
    groups: &BTreeMap<String, ClassicGroup>,
    offsets: &Offsets,
    filter: &ListGroupsRequest,
) -> Vec<ListedGroup> {
    let without_members = offsets.groups().filter(|id| !groups.contains_key(*id));
    let without_members = without_members.map(|id| ClassicGroup::new(id, 0).list());
    let all = groups.values().map(ClassicGroup::list).chain(without_members);
    let passes = |filter: &[String], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    all.filter(|group| {
        passes(&filter.states_filter, &group.group_state) && passes(&filter.types_filter, &group.group_type)
    })
    .collect()
}

/// What one group is like.
pub(super) fn describe(group: Option<&ClassicGroup>, offsets: &Offsets, id: &str) -> DescribedGroup {
    match group {
        Some(group) => group.describe(),
        None if offsets.has(id) => ClassicGroup::new(id, 0).describe(),
        None => DescribedGroup {
            error_code: ErrorCode::GROUP_ID_NOT_FOUND,
            error_message: Some(format!("there is no group {id}")),
            group_state: "Dead".to_owned(),
            ..ClassicGroup::new(id, 0).describe()
        },
    }
}

/// Forgets a group in which nobody is.
pub(super) fn delete(
    group: Option<&ClassicGroup>,
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
        step.records.extend(group.map(|_| forget(&group_id)));
    }
    DeletableGroupResult { group_id, error_code }
}

/// Forgets what a group has committed for topics that no member wants.
pub(super) fn delete_offsets(
    group: Option<&ClassicGroup>,
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
