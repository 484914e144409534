//! JoinGroup, SyncGroup, Heartbeat, LeaveGroup: being a member of a classic group. ConsumerGroupHeartbeat: being a member of
//! one of the consumer protocol.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};

use crate::classic::{Client, Joining, refused_join, refused_sync};
use crate::coordinator::GroupCoordinator;
use crate::messages::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, HeartbeatRequest, HeartbeatResponse,
    JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, SyncGroupRequest,
    SyncGroupResponse,
};
use crate::shard::Command;
use crate::step::Response;

/// The first version of LeaveGroup that names many members.
const MANY: i16 = 3;

/// Who asks.
pub fn client(context: &Context) -> Client {
    let id = context.client_id.as_deref().unwrap_or_default().to_owned();
    Client { id, host: format!("/{}", context.peer.address.ip()) }
}

/// Somebody joins; the answer comes when all have.
pub async fn join(
    groups: Arc<GroupCoordinator>,
    context: Context,
    request: JoinGroupRequest,
) -> Reply<JoinGroupResponse> {
    let (group, member_id) = (request.group_id.clone(), request.member_id.clone());
    let joining = Joining::new(request, context.version, client(&context));
    let answer = groups.ask(&group, Command::Join(joining)).await;
    Reply::Later(Box::pin(async move {
        let response = answer.get().await.unwrap_or_else(|error_code| refused_join(error_code, member_id));
        let Response::Join(response) = response else { unreachable!("a JoinGroup is answered as one") };
        response
    }))
}

/// A member asks for its assignment, or brings all; the answer comes when the leader has brought them.
pub async fn sync(groups: Arc<GroupCoordinator>, _: Context, request: SyncGroupRequest) -> Reply<SyncGroupResponse> {
    if request.group_id.is_empty() {
        return SyncGroupResponse { error_code: ErrorCode::INVALID_GROUP_ID, ..Default::default() }.into();
    }
    let group = request.group_id.clone();
    let answer = groups.ask(&group, Command::Sync(request)).await;
    Reply::Later(Box::pin(async move {
        let Response::Sync(response) = answer.get().await.unwrap_or_else(refused_sync) else {
            unreachable!("a SyncGroup is answered as one")
        };
        response
    }))
}

/// A member is alive.
pub async fn heartbeat(
    groups: Arc<GroupCoordinator>,
    _: Context,
    request: HeartbeatRequest,
) -> Reply<HeartbeatResponse> {
    let refused = |error_code| HeartbeatResponse { throttle_time_ms: 0, error_code };
    if request.group_id.is_empty() {
        return refused(ErrorCode::INVALID_GROUP_ID).into();
    }
    let group = request.group_id.clone();
    let answer = groups.ask(&group, Command::Heartbeat(request)).await;
    Reply::Later(Box::pin(async move {
        match answer.get().await {
            Ok(Response::Heartbeat(response)) => response,
            Ok(_) => unreachable!("a Heartbeat is answered as one"),
            // The member tries again; its session goes on meanwhile.
            Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS) => refused(ErrorCode::NONE),
            Err(error_code) => refused(error_code),
        }
    }))
}

/// A member of the consumer protocol speaks.
pub async fn consumer_heartbeat(
    groups: Arc<GroupCoordinator>,
    context: Context,
    request: ConsumerGroupHeartbeatRequest,
) -> Reply<ConsumerGroupHeartbeatResponse> {
    let group = request.group_id.clone();
    let command = Command::ConsumerHeartbeat(request, client(&context), context.version);
    let answer = groups.ask(&group, command).await;
    Reply::Later(Box::pin(async move {
        match answer.get().await {
            Ok(Response::ConsumerHeartbeat(response)) => response,
            Ok(_) => unreachable!("a ConsumerGroupHeartbeat is answered as one"),
            Err(error_code) => ConsumerGroupHeartbeatResponse { error_code, ..Default::default() },
        }
    }))
}

/// Members go.
pub async fn leave(
    groups: Arc<GroupCoordinator>,
    context: Context,
    mut request: LeaveGroupRequest,
) -> Reply<LeaveGroupResponse> {
    let refused = |error_code| LeaveGroupResponse { error_code, ..Default::default() };
    if request.group_id.is_empty() {
        return refused(ErrorCode::INVALID_GROUP_ID).into();
    }
    let is_one = context.version < MANY;
    if is_one {
        let member_id = std::mem::take(&mut request.member_id);
        request.members = vec![MemberIdentity { member_id, ..Default::default() }];
    }
    let group = request.group_id.clone();
    let answer = groups.ask(&group, Command::Leave(request)).await;
    Reply::Later(Box::pin(async move {
        match answer.get().await {
            Ok(Response::Leave(response)) if is_one => refused(response.members[0].error_code),
            Ok(Response::Leave(response)) => response,
            Ok(_) => unreachable!("a LeaveGroup is answered as one"),
            Err(error_code) => refused(error_code),
        }
    }))
}
