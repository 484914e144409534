//! ConsumerGroupHeartbeat, decided.

use std::collections::BTreeMap;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch01_log::batch::Timestamp;

use super::draft::{Draft, Refusal};
use super::membership::{self, JOINING};
use super::reconcile::Step;
use super::{ConsumerGroup, ConsumerGroupSettings, ConsumerMember, ConsumerSessions, GroupTopics};
use super::{check, leave, subscription, target};
use crate::assignor::Partitions;
use crate::messages::*;
use crate::records::{ConsumerGroupMemberMetadataValue, GroupRecord};

/// What a decision depends on besides the group and the request.
pub struct HeartbeatContext<'a> {
    /// The time, in milliseconds since 1970.
    pub now: Timestamp,
    /// The settings.
    pub settings: &'a ConsumerGroupSettings,
    /// The topics.
    pub topics: &'a GroupTopics,
    /// The request's version.
    pub api_version: i16,
    /// Its client id.
    pub client_id: &'a str,
    /// The client's address, with a slash in front.
    pub client_host: &'a str,
    /// The id of a member that has none.
    pub new_member_id: Uuid,
}

/// What is around a group.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub now: Timestamp,
    pub settings: &'a ConsumerGroupSettings,
    pub topics: &'a GroupTopics,
}

impl ConsumerGroup {
    /// A member speaks: it joins, leaves, or goes on. The answer is for when the records are committed.
    pub fn heartbeat(
        &self,
        sessions: &mut ConsumerSessions,
        context: &HeartbeatContext<'_>,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> (Vec<GroupRecord>, ConsumerGroupHeartbeatResponse) {
        let mut draft = Draft::new(self);
        let response = check::check(request, context.api_version, context.settings).and_then(|()| {
            if request.member_epoch < JOINING {
                return leave::leave(&mut draft, sessions, context.topics, request);
            }
            step(&mut draft, sessions, context, request)
        });
        match response {
            Ok(response) => (draft.records, response),
            Err((error_code, text)) => {
                let error_message = Some(text);
                (Vec::new(), ConsumerGroupHeartbeatResponse { error_code, error_message, ..Default::default() })
            }
        }
    }
}

// ANCHOR: heartbeat
/// A member joins or goes on.
fn step(
    draft: &mut Draft<'_>,
    sessions: &mut ConsumerSessions,
    context: &HeartbeatContext<'_>,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<ConsumerGroupHeartbeatResponse, Refusal> {
    let &HeartbeatContext { now, settings, topics, .. } = context;
    let id = match request.member_id.as_str() {
        "" => context.new_member_id.to_string(),
        id => id.to_string(),
    };
    check_size(&draft.group, &id, settings)?;
    let former = membership::find(draft, &id, request)?;
    let metadata = subscription::updated(&former.metadata, request, context.client_id, context.client_host);
    let around = Around { now, settings, topics };
    let member = advance(draft, sessions, around, &id, &former, metadata, request.topic_partitions.as_deref())?;
    Ok(answer(request, id, &former, &member, settings))
}

/// What a member says of itself is taken in, and it makes a step towards the target: the member as it is then.
pub(super) fn advance(
    draft: &mut Draft<'_>,
    sessions: &mut ConsumerSessions,
    Around { now, settings, topics }: Around<'_>,
    id: &str,
    former: &ConsumerMember,
    metadata: ConsumerGroupMemberMetadataValue,
    owned: Option<&[HeartbeatTopicPartitions]>,
) -> Result<ConsumerMember, Refusal> {
    let changed = subscription::is_changed(&former.metadata, &metadata)?;
    if metadata != former.metadata || !draft.group.members.contains_key(id) {
        draft.member_metadata(id, Some(metadata));
    }
    if changed || sessions.are_new(topics) {
        subscription::update(draft, topics, now, changed);
    }
    target::update(draft, topics, settings, now);

    let member = reconcile(draft, id, topics, changed, owned)?;
    if member.current() != former.current() {
        draft.current(id, Some(member.current()));
        sessions.reconciled(id, &member, now);
    }
    sessions.seen(topics);
    sessions.heard(id, &member, settings, now);
    Ok(member)
}
// ANCHOR_END: heartbeat

pub(super) fn check_size(group: &ConsumerGroup, id: &str, settings: &ConsumerGroupSettings) -> Result<(), Refusal> {
    if group.members.len() < settings.max_size || group.members.contains_key(id) {
        return Ok(());
    }
    let text = format!("The consumer group has reached its maximum capacity of {} members.", settings.max_size);
    Err((ErrorCode::GROUP_MAX_SIZE_REACHED, text))
}

/// The member after one step towards the target.
fn reconcile(
    draft: &Draft<'_>,
    id: &str,
    topics: &GroupTopics,
    subscription_changed: bool,
    owned: Option<&[HeartbeatTopicPartitions]>,
) -> Result<ConsumerMember, Refusal> {
    let group = &draft.group;
    let member = &group.members[id];
    let nothing = Partitions::new();
    let is_free = |topic, partition| group.owners.get(&(topic, partition)).is_none_or(|owner| **owner == *id);
    let step = Step {
        target_epoch: group.target_epoch,
        target: group.target.get(id).map_or(&nothing, |target| target),
        topics: &group.topic_ids(member, topics),
        subscription_changed,
        owned,
        is_free: &is_free,
    };
    step.take(member)
}

/// The answer says what the member is to have when that has changed, and when the request says everything: then the member
/// does not know whether it has heard the last answer.
fn answer(
    request: &ConsumerGroupHeartbeatRequest,
    id: String,
    former: &ConsumerMember,
    member: &ConsumerMember,
    settings: &ConsumerGroupSettings,
) -> ConsumerGroupHeartbeatResponse {
    let says_everything = request.rebalance_timeout_ms != -1
        && (request.subscribed_topic_names.is_some() || request.subscribed_topic_regex.is_some())
        && request.topic_partitions.is_some();
    let wanted = request.member_epoch == JOINING || says_everything || former.assigned != member.assigned;
    ConsumerGroupHeartbeatResponse {
        member_id: Some(id),
        member_epoch: member.epoch,
        heartbeat_interval_ms: settings.heartbeat_interval_ms,
        assignment: wanted.then(|| assignment(member)),
        ..ConsumerGroupHeartbeatResponse::default()
    }
}

fn assignment(member: &ConsumerMember) -> HeartbeatAssignment {
    let topic = |(topic_id, partitions): (&Uuid, &BTreeMap<i32, i32>)| HeartbeatTopicPartitions {
        topic_id: *topic_id,
        partitions: partitions.keys().copied().collect(),
    };
    HeartbeatAssignment { topic_partitions: member.assigned.iter().map(topic).collect() }
}
