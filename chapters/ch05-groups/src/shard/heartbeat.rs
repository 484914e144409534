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
/// Takes a heartbeat. A group that is not there is made by the first who joins; so is one that was of the classic protocol,
/// with all who are in it.
pub(super) fn heartbeat(
    groups: &mut BTreeMap<String, Group>,
    step: &mut Step,
    request: &ConsumerGroupHeartbeatRequest,
    client: &Client,
    api_version: i16,
) -> ConsumerGroupHeartbeatResponse {
    let settings = &step.settings.consumer;
    let context = HeartbeatContext {
        now: step.now,
        settings,
        topics: step.topics,
        api_version,
        client_id: &client.id,
        client_host: &client.host,
        new_member_id: step.random.id(),
    };
    let id = &request.group_id;
    let joins = request.member_epoch == JOINING;
    let made = match groups.get_mut(id) {
        Some(Group::Consumer(group, sessions)) => {
            let (records, response) = group.heartbeat(sessions, &context, request);
            step.records.extend(records);
            return response;
        }
        _ if !joins => Err(no_consumer_group(id)),
        Some(Group::Classic(old)) if !old.is_empty() && !settings.migration_policy.upgrades() => {
            Err(no_consumer_group(id))
        }
        Some(Group::Classic(old)) if !old.is_empty() => {
            ConsumerGroup::from_classic(old, step.topics, settings.max_size)
        }
        before => Ok((ConsumerGroup::new(id), before.map_or(Vec::new(), |before| before.forget()))),
    };
    let (group, made) = match made {
        Ok(made) => made,
        Err((error_code, text)) => {
            let error_message = Some(text);
            return ConsumerGroupHeartbeatResponse { error_code, error_message, ..Default::default() };
        }
    };
    let mut sessions = ConsumerSessions::new(&group, settings, step.now);
    let (records, response) = group.heartbeat(&mut sessions, &context, request);
    if !response.error_code.is_error() {
        step.records.extend(made.into_iter().chain(records));
        if let Some(Group::Classic(mut old)) = groups.insert(id.clone(), Group::Consumer(group, sessions)) {
            old.turn_all_away(step);
        }
    }
    response
}
// ANCHOR_END: heartbeat

fn no_consumer_group(id: &str) -> (ErrorCode, String) {
    (ErrorCode::GROUP_ID_NOT_FOUND, format!("There is no consumer group {id}."))
}
