//! DescribeGroups, ListGroups, DeleteGroups: what administrators ask.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};

use crate::coordinator::GroupCoordinator;
use crate::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DeletableGroupResult, DeleteGroupsRequest,
    DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, DescribedConsumerGroup, DescribedGroup,
    ListGroupsRequest, ListGroupsResponse,
};
use crate::shard::Command;
use crate::step::Response;

/// The first version of DescribeGroups that says that a group is not there; before, it was a dead one.
const MAY_BE_MISSING: i16 = 6;
/// What may be done with a group, as bits: read, delete, describe, and with its settings.
const ALL_GROUP_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;

/// Describes groups.
pub async fn describe(
    groups: Arc<GroupCoordinator>,
    context: Context,
    request: DescribeGroupsRequest,
) -> Reply<DescribeGroupsResponse> {
    let mut answers = Vec::new();
    for id in request.groups {
        answers.push((id.clone(), groups.ask(&id, Command::Describe(id.clone())).await));
    }
    Reply::Later(Box::pin(async move {
        let mut described = Vec::new();
        for (group_id, answer) in answers {
            let mut group = match answer.get().await {
                Ok(Response::Describe(group)) => group,
                Ok(_) => unreachable!("a DescribeGroups is answered as one"),
                Err(error_code) => DescribedGroup { group_id, error_code, ..Default::default() },
            };
            if group.error_code == ErrorCode::GROUP_ID_NOT_FOUND && context.version < MAY_BE_MISSING {
                (group.error_code, group.error_message) = (ErrorCode::NONE, None);
            }
            if request.include_authorized_operations {
                group.authorized_operations = ALL_GROUP_OPERATIONS;
            }
            described.push(group);
        }
        DescribeGroupsResponse { throttle_time_ms: 0, groups: described }
    }))
}

/// Describes groups of the consumer protocol.
pub async fn consumer_describe(
    groups: Arc<GroupCoordinator>,
    _: Context,
    request: ConsumerGroupDescribeRequest,
) -> Reply<ConsumerGroupDescribeResponse> {
    let mut answers = Vec::new();
    for id in request.group_ids {
        answers.push((id.clone(), groups.ask(&id, Command::ConsumerDescribe(id.clone())).await));
    }
    Reply::Later(Box::pin(async move {
        let mut described = Vec::new();
        for (group_id, answer) in answers {
            let mut group = match answer.get().await {
                Ok(Response::ConsumerDescribe(group)) => group,
                Ok(_) => unreachable!("a ConsumerGroupDescribe is answered as one"),
                Err(error_code) => DescribedConsumerGroup { group_id, error_code, ..Default::default() },
            };
            if request.include_authorized_operations {
                group.authorized_operations = ALL_GROUP_OPERATIONS;
            }
            described.push(group);
        }
        ConsumerGroupDescribeResponse { throttle_time_ms: 0, groups: described }
    }))
}

/// Lists the groups that this broker coordinates. Clients ask all brokers.
pub async fn list(groups: Arc<GroupCoordinator>, _: Context, request: ListGroupsRequest) -> Reply<ListGroupsResponse> {
    let mut answers = Vec::new();
    for shard in groups.shards() {
        answers.push(groups.ask_shard(shard, Command::List(request.clone())).await);
    }
    Reply::Later(Box::pin(async move {
        let mut listed = ListGroupsResponse::default();
        for answer in answers {
            match answer.get().await {
                Ok(Response::List(groups)) => listed.groups.extend(groups),
                Ok(_) => unreachable!("a ListGroups is answered as one"),
                // Another broker lists them now.
                Err(ErrorCode::NOT_COORDINATOR) => {}
                Err(error_code) => listed.error_code = error_code,
            }
        }
        listed
    }))
}

/// Forgets groups in which nobody is.
pub async fn delete(
    groups: Arc<GroupCoordinator>,
    _: Context,
    request: DeleteGroupsRequest,
) -> Reply<DeleteGroupsResponse> {
    let mut answers = Vec::new();
    for id in request.groups_names {
        answers.push((id.clone(), groups.ask(&id, Command::Delete(id.clone())).await));
    }
    Reply::Later(Box::pin(async move {
        let mut results = Vec::new();
        for (group_id, answer) in answers {
            results.push(match answer.get().await {
                Ok(Response::Delete(result)) => result,
                Ok(_) => unreachable!("a DeleteGroups is answered as one"),
                Err(error_code) => DeletableGroupResult { group_id, error_code },
            });
        }
        DeleteGroupsResponse { throttle_time_ms: 0, results }
    }))
}
