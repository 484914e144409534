//! Members that still speak the classic protocol, in a group of this one: so a group is moved from one to the other a client
//! at a time (KIP-848).
//!
//! ```text
//! they say      what it is here
//! JoinGroup     a heartbeat that says everything; the generation in the answer is the member's epoch
//! SyncGroup     what have I got?
//! Heartbeat     am I to join again? There is no other way to tell them of a new target
//! LeaveGroup    a heartbeat with epoch -1
//! ```
//!
//! None of them leads, and none waits for another: the coordinator assigns.

use std::collections::BTreeSet;
use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;

use super::draft::{Draft, Refusal};
use super::heartbeat::{Around, advance, check_size};
use super::translate::{self, ClassicIdentity, as_in_heartbeat, by_id, describe, protocol_of, without_epochs};
use super::{ConsumerGroup, ConsumerMember, ConsumerSessions, MemberState, leave, membership};
use crate::classic::{Joining, refused_join, refused_sync};
use crate::messages::*;
use crate::step::{Response, Step, Token};

/// What members of the classic protocol say that they are, when they are consumers.
pub const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

impl ConsumerGroup {
    // ANCHOR: join
    /// A member joins, or joins again, by JoinGroup.
    pub fn classic_join(&self, sessions: &mut ConsumerSessions, step: &mut Step, to: Token, joining: &Joining) {
        let request = &joining.request;
        let is_unknown = request.member_id.is_empty();
        let id = if is_unknown { step.member_id(&joining.client.id) } else { request.member_id.clone() };
        if is_unknown && request.group_instance_id.is_none() && joining.learns_its_id_first {
            return step.reply(to, refused_join(ErrorCode::MEMBER_ID_REQUIRED, id));
        }
        let mut draft = Draft::new(self);
        match join(&mut draft, sessions, step, &id, joining) {
            Ok(member) => {
                step.records.extend(draft.records);
                step.reply(to, Response::Join(joined(id, &member)));
            }
            Err((code, _)) => step.reply(to, refused_join(code, request.member_id.clone())),
        }
    }
    // ANCHOR_END: join

    // ANCHOR: sync
    /// A member asks for what it has, by SyncGroup.
    pub fn classic_sync(
        &self,
        sessions: &mut ConsumerSessions,
        step: &mut Step,
        to: Token,
        request: &SyncGroupRequest,
    ) {
        let instance = request.group_instance_id.as_deref();
        let member = self.classic_member(&request.member_id, instance, request.generation_id);
        let answer = member.and_then(|member| {
            let differs = |said: &Option<String>, known: &str| said.as_deref().is_some_and(|said| said != known);
            if differs(&request.protocol_type, CONSUMER_PROTOCOL_TYPE)
                || differs(&request.protocol_name, protocol_of(member))
            {
                return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
            }
            // Who gives something back has joined for that, and joins again when it has.
            if member.epoch < self.target_epoch && member.state != MemberState::UnrevokedPartitions {
                sessions.told_to_join(&request.member_id, member, step.now);
                return Err(ErrorCode::REBALANCE_IN_PROGRESS);
            }
            sessions.has_synced(&request.member_id);
            sessions.heard(&request.member_id, member, &step.settings.consumer, step.now);
            Ok(translate::assignment(member, &without_epochs(&member.assigned), step.topics))
        });
        let (protocol_type, protocol_name) = (request.protocol_type.clone(), request.protocol_name.clone());
        let error_code = ErrorCode::NONE;
        step.reply(
            to,
            match answer {
                Ok(assignment) => Response::Sync(SyncGroupResponse {
                    throttle_time_ms: 0,
                    error_code,
                    protocol_type,
                    protocol_name,
                    assignment,
                }),
                Err(code) => refused_sync(code),
            },
        );
    }
    // ANCHOR_END: sync

    // ANCHOR: heartbeat
    /// A member says that it is alive, by Heartbeat, and is told whether it has to join again.
    pub fn classic_heartbeat(
        &self,
        sessions: &mut ConsumerSessions,
        step: &Step,
        request: &HeartbeatRequest,
    ) -> Result<(), ErrorCode> {
        let (id, instance) = (&request.member_id, request.group_instance_id.as_deref());
        let member = self.classic_member(id, instance, request.generation_id)?;
        sessions.heard(id, member, &step.settings.consumer, step.now);
        let is_behind = member.epoch < self.epoch;
        let has_to_join = match member.state {
            MemberState::UnrevokedPartitions => true,
            MemberState::UnreleasedPartitions => is_behind || self.is_all_free(id),
            MemberState::Stable | MemberState::Unknown => is_behind,
        };
        if has_to_join {
            sessions.told_to_join(id, member, step.now);
            return Err(ErrorCode::REBALANCE_IN_PROGRESS);
        }
        Ok(())
    }
    // ANCHOR_END: heartbeat

    /// Members go, by LeaveGroup.
    pub fn classic_leave(
        &self,
        sessions: &mut ConsumerSessions,
        step: &mut Step,
        request: &LeaveGroupRequest,
    ) -> Vec<LeaveGroupMemberResponse> {
        let mut gone = BTreeSet::new();
        let mut leave_one = |leaving: &MemberIdentity| {
            let present = leaving.group_instance_id.as_deref().filter(|_| leaving.member_id.is_empty());
            // An administrator names only the instance.
            let id = present.and_then(|instance| self.static_member(instance)).unwrap_or(&leaving.member_id);
            let member = self.identify(id, leaving.group_instance_id.as_deref())?;
            if !member.is_classic() {
                return Err(ErrorCode::UNKNOWN_MEMBER_ID);
            }
            gone.insert(id.to_owned());
            Ok(())
        };
        let answer = |leaving: &MemberIdentity| LeaveGroupMemberResponse {
            member_id: leaving.member_id.clone(),
            group_instance_id: leaving.group_instance_id.clone(),
            error_code: leave_one(leaving).err().unwrap_or(ErrorCode::NONE),
        };
        let answers = request.members.iter().map(answer).collect();
        let mut draft = Draft::new(self);
        if !gone.is_empty() {
            gone.iter().for_each(|id| sessions.forget(id));
            leave::remove(&mut draft, step.topics, &gone.into_iter().collect::<Vec<_>>());
        }
        step.records.extend(draft.records);
        answers
    }

    fn identify(&self, id: &str, instance: Option<&str>) -> Result<&Arc<ConsumerMember>, ErrorCode> {
        let member = match instance {
            Some(instance) => membership::known_static(self, id, instance),
            None => membership::known(self, id),
        };
        member.map_err(|(code, _)| code)
    }

    /// The member of the classic protocol that says these things of itself.
    fn classic_member(
        &self,
        id: &str,
        instance: Option<&str>,
        generation: i32,
    ) -> Result<&Arc<ConsumerMember>, ErrorCode> {
        match self.identify(id, instance)? {
            member if !member.is_classic() => Err(ErrorCode::UNKNOWN_MEMBER_ID),
            member if member.epoch != generation => Err(ErrorCode::ILLEGAL_GENERATION),
            member => Ok(member),
        }
    }

    /// Whether all that a member waits for has been given back.
    fn is_all_free(&self, id: &str) -> bool {
        let target = self.target.get(id).into_iter().flat_map(|target| target.iter());
        let mut wanted = target.flat_map(|(topic, partitions)| partitions.iter().map(|partition| (*topic, *partition)));
        wanted.all(|partition| self.owners.get(&partition).is_none_or(|owner| **owner == *id))
    }

    /// Whether somebody who knows these protocols can be in the group: one of them all its classic members know, too.
    fn can_speak_with(&self, request: &JoinGroupRequest) -> bool {
        let known_by_all = |protocol: &JoinGroupRequestProtocol| {
            let mut classic =
                self.members.values().filter_map(|member| member.metadata.classic_member_metadata.0.as_ref());
            classic.all(|member| member.supported_protocols.iter().any(|known| known.name == protocol.name))
        };
        request.protocol_type == CONSUMER_PROTOCOL_TYPE && request.protocols.iter().any(known_by_all)
    }
}

// ANCHOR: step
/// One step of a member that joins.
fn join(
    draft: &mut Draft<'_>,
    sessions: &mut ConsumerSessions,
    step: &Step,
    id: &str,
    joining: &Joining,
) -> Result<ConsumerMember, Refusal> {
    let request = &joining.request;
    let around = Around { now: step.now, settings: &step.settings.consumer, topics: step.topics };
    check_size(&draft.group, id, around.settings)?;
    let inconsistent = || (ErrorCode::INCONSISTENT_GROUP_PROTOCOL, "the group's members speak otherwise".to_owned());
    if !draft.group.can_speak_with(request) {
        return Err(inconsistent());
    }
    let subscription = translate::subscription(&request.protocols).map_err(|_| inconsistent())?;
    let owned = as_in_heartbeat(by_id(&subscription.owned_partitions, step.topics));

    let former = match request.group_instance_id.as_deref() {
        None => draft.group.members.get(id).cloned().unwrap_or_default(),
        Some(instance) if !request.member_id.is_empty() => {
            membership::known_static(&draft.group, id, instance)?.clone()
        }
        Some(instance) => match draft.group.static_member(instance).map(str::to_owned) {
            Some(owner) => membership::replace(draft, &owner, id),
            None => Arc::default(),
        },
    };
    let who = ClassicIdentity {
        instance_id: request.group_instance_id.as_deref(),
        client: &joining.client,
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        protocols: &request.protocols,
    };
    let member = advance(draft, sessions, around, id, &former, describe(&who, subscription), Some(&owned))?;
    sessions.has_joined(id, &member, step.now);
    Ok(member)
}
// ANCHOR_END: step

/// What a member that has joined is told: nobody leads, so it does not assign.
fn joined(id: String, member: &ConsumerMember) -> JoinGroupResponse {
    JoinGroupResponse {
        throttle_time_ms: 0,
        error_code: ErrorCode::NONE,
        generation_id: member.epoch,
        protocol_type: Some(CONSUMER_PROTOCOL_TYPE.to_owned()),
        protocol_name: Some(protocol_of(member).to_owned()),
        leader: String::new(),
        skip_assignment: false,
        member_id: id,
        members: Vec::new(),
    }
}
