//! SyncGroup: members ask for their assignments, and the leader brings them.

use bytes::Bytes;
use ch00_wire::error_code::ErrorCode;

use super::{ClassicGroup, Phase, Waiting};
use crate::messages::{SyncGroupRequest, SyncGroupResponse};
use crate::step::{Response, Step, Token};

impl ClassicGroup {
    // ANCHOR: sync
    /// Takes a SyncGroup. Members wait for the leader's; the leader's is what they wait for. It becomes a record, and when
    /// that is replayed, the group is stable.
    pub fn sync(&mut self, step: &mut Step, to: Token, request: SyncGroupRequest) {
        if let Err(error_code) = self.check_sync(&request) {
            return step.reply(to, refused(error_code));
        }
        let id = request.member_id;
        let member = self.members.get_mut(&id).expect("checked above");
        let missing = match &mut self.phase {
            // It missed the answer, or the leader was faster.
            Phase::Stable => {
                member.hear(step.now);
                let protocol = (self.protocol_type.clone(), self.protocol.clone());
                return step.reply(to, synced(&protocol, member.assignment.clone()));
            }
            Phase::CompletingRebalance { missing, .. } => missing,
            Phase::Empty | Phase::PreparingRebalance { .. } => unreachable!("checked above"),
        };
        missing.remove(&id);
        super::join::turn_away(step, member, ErrorCode::REBALANCE_IN_PROGRESS);
        member.waiting = Waiting::Sync(to);
        if self.leader.as_ref() != Some(&id) {
            return;
        }
        let assigned = |id: &str| {
            let own = request.assignments.iter().find(|assigned| assigned.member_id == id);
            own.map(|own| own.assignment.clone()).unwrap_or_default()
        };
        let mut value = self.value();
        value.current_state_timestamp = step.now;
        value.members.iter_mut().for_each(|member| member.assignment = assigned(&member.member_id));
        step.records.push(self.record(value));
        let protocol = (self.protocol_type.clone(), self.protocol.clone());
        for member in self.members.values_mut() {
            if let Waiting::Sync(to) = std::mem::replace(&mut member.waiting, Waiting::Nothing) {
                step.reply(to, synced(&protocol, assigned(&member.id)));
            }
            member.hear(step.now);
        }
    }
    // ANCHOR_END: sync

    fn check_sync(&self, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
        self.check_member(&request.member_id, request.group_instance_id.as_deref(), request.generation_id)?;
        let differs = |said: &Option<String>, known: &Option<String>| said.is_some() && said != known;
        if differs(&request.protocol_type, &self.protocol_type) || differs(&request.protocol_name, &self.protocol) {
            return Err(ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
        }
        match self.phase {
            Phase::Empty => Err(ErrorCode::UNKNOWN_MEMBER_ID),
            Phase::PreparingRebalance { .. } => Err(ErrorCode::REBALANCE_IN_PROGRESS),
            Phase::CompletingRebalance { .. } | Phase::Stable => Ok(()),
        }
    }
}

fn synced((protocol_type, protocol_name): &(Option<String>, Option<String>), assignment: Bytes) -> Response {
    Response::Sync(SyncGroupResponse {
        throttle_time_ms: 0,
        error_code: ErrorCode::NONE,
        protocol_type: protocol_type.clone(),
        protocol_name: protocol_name.clone(),
        assignment,
    })
}

/// A SyncGroup that is refused.
pub fn refused(error_code: ErrorCode) -> Response {
    let (protocol_type, protocol_name, assignment) = (None, None, Bytes::new());
    Response::Sync(SyncGroupResponse { throttle_time_ms: 0, error_code, protocol_type, protocol_name, assignment })
}
