//! What members say by the classic protocol: which group is meant, and what if it is one of the other protocol?

use std::collections::BTreeMap;

use ch00_wire::error_code::ErrorCode;

use super::Group;
use crate::classic::{self, ClassicGroup, Joining};
use crate::messages::{
    HeartbeatRequest, HeartbeatResponse, LeaveGroupMemberResponse, LeaveGroupRequest, LeaveGroupResponse,
    SyncGroupRequest,
};
use crate::step::{Response, Step, Token};

type Groups = BTreeMap<String, Group>;

// ANCHOR: join
/// Takes a JoinGroup. A group that is not there is made; one of the consumer protocol becomes a classic one when nobody is in
/// it.
pub(super) fn join(groups: &mut Groups, step: &mut Step, to: Token, joining: Joining) {
    if let Err(code) = admit(groups, step, &joining) {
        return step.reply(to, classic::refused_join(code, joining.request.member_id));
    }
    match groups.get_mut(&joining.request.group_id).expect("admitted to it") {
        Group::Classic(group) => group.join(step, to, joining),
        Group::Consumer(group, sessions) => group.classic_join(sessions, step, to, &joining),
    }
}
// ANCHOR_END: join

/// The group that a JoinGroup is for is there, if the request makes sense at all.
fn admit(groups: &mut Groups, step: &mut Step, joining: &Joining) -> Result<(), ErrorCode> {
    let (request, now) = (&joining.request, step.now);
    let (min, max) = (step.settings.min_session_timeout_ms, step.settings.max_session_timeout_ms);
    if request.group_id.is_empty() {
        return Err(ErrorCode::INVALID_GROUP_ID);
    }
    if !(min..=max).contains(&request.session_timeout_ms) {
        return Err(ErrorCode::INVALID_SESSION_TIMEOUT);
    }
    let new = || Group::Classic(ClassicGroup::new(&request.group_id, now));
    match groups.get_mut(&request.group_id) {
        Some(Group::Consumer(group, _)) if !group.members().is_empty() => {}
        Some(Group::Classic(_)) => {}
        _ if !request.member_id.is_empty() => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
        Some(empty) => {
            step.records.extend(empty.forget());
            *empty = new();
        }
        None => _ = groups.insert(request.group_id.clone(), new()),
    }
    Ok(())
}

/// Takes a SyncGroup.
pub(super) fn sync(group: Option<&mut Group>, step: &mut Step, to: Token, request: SyncGroupRequest) {
    match group {
        Some(Group::Classic(group)) => group.sync(step, to, request),
        Some(Group::Consumer(group, sessions)) => group.classic_sync(sessions, step, to, &request),
        None => step.reply(to, classic::refused_sync(ErrorCode::UNKNOWN_MEMBER_ID)),
    }
}

/// Takes a Heartbeat.
pub(super) fn heartbeat(group: Option<&mut Group>, step: &mut Step, to: Token, request: &HeartbeatRequest) {
    let error_code = match group {
        Some(Group::Classic(group)) => group.heartbeat(step, request),
        Some(Group::Consumer(group, sessions)) => {
            group.classic_heartbeat(sessions, step, request).err().unwrap_or(ErrorCode::NONE)
        }
        None => ErrorCode::UNKNOWN_MEMBER_ID,
    };
    step.reply(to, Response::Heartbeat(HeartbeatResponse { throttle_time_ms: 0, error_code }));
}

/// Takes a LeaveGroup.
pub(super) fn leave(group: Option<&mut Group>, step: &mut Step, to: Token, request: &LeaveGroupRequest) {
    let left = match group {
        Some(Group::Classic(group)) => group.leave(step, request),
        Some(Group::Consumer(group, sessions)) => {
            let members = group.classic_leave(sessions, step, request);
            LeaveGroupResponse { throttle_time_ms: 0, error_code: ErrorCode::NONE, members }
        }
        None => nobody_left(request),
    };
    step.reply(to, Response::Leave(left));
}

fn nobody_left(request: &LeaveGroupRequest) -> LeaveGroupResponse {
    let unknown = request.members.iter().map(|member| LeaveGroupMemberResponse {
        member_id: member.member_id.clone(),
        group_instance_id: member.group_instance_id.clone(),
        error_code: ErrorCode::UNKNOWN_MEMBER_ID,
    });
    LeaveGroupResponse { throttle_time_ms: 0, error_code: ErrorCode::NONE, members: unknown.collect() }
}
