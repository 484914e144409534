//! ConsumerGroupHeartbeat: which group is meant, and what if it is one of the classic protocol?

use std::collections::BTreeMap;

use ch00_wire::error_code::ErrorCode;

use super::Group;
use crate::classic::Client;
use crate::consumer::{ConsumerGroup, ConsumerSessions, HeartbeatContext};
use crate::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use crate::step::Step;

/// In place of a member's epoch: it joins.
const JOINING: i32 = 0;

// ANCHOR: heartbeat
/// Takes a heartbeat. A group that is not there is made by the first who joins; one of the classic protocol becomes one of
/// this when nobody is in it.
pub(super) fn heartbeat(
    groups: &mut BTreeMap<String, Group>,
    step: &mut Step,
    request: &ConsumerGroupHeartbeatRequest,
    client: &Client,
    api_version: i16,
) -> ConsumerGroupHeartbeatResponse {
    let context = HeartbeatContext {
        now: step.now,
        settings: &step.settings.consumer,
        topics: step.topics,
        api_version,
        client_id: &client.id,
        client_host: &client.host,
        new_member_id: step.random.id(),
    };
    let id = &request.group_id;
    let before = match groups.get_mut(id) {
        Some(Group::Consumer(group, sessions)) => {
            let (records, response) = group.heartbeat(sessions, &context, request);
            step.records.extend(records);
            return response;
        }
        Some(group) if !group.is_empty() => return no_such_group(id, "is one of the classic protocol, with members"),
        before => before.map(|group| group.forget()),
    };
    if request.member_epoch != JOINING {
        return no_such_group(id, "is not there");
    }
    let (group, mut sessions) = (ConsumerGroup::new(id), ConsumerSessions::default());
    let (records, response) = group.heartbeat(&mut sessions, &context, request);
    if !response.error_code.is_error() {
        step.records.extend(before.into_iter().flatten().chain(records));
        groups.insert(id.clone(), Group::Consumer(group, sessions));
    }
    response
}
// ANCHOR_END: heartbeat

fn no_such_group(id: &str, why: &str) -> ConsumerGroupHeartbeatResponse {
    let error_message = Some(format!("group {id} {why}"));
    ConsumerGroupHeartbeatResponse { error_code: ErrorCode::GROUP_ID_NOT_FOUND, error_message, ..Default::default() }
}
