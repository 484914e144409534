//! LeaveGroup: members go, or are sent away by an administrator.

use ch00_wire::error_code::ErrorCode;

use super::join::turn_away;
use super::{ClassicGroup, Phase};
use crate::messages::{LeaveGroupMemberResponse, LeaveGroupRequest, LeaveGroupResponse};
use crate::step::Step;

impl ClassicGroup {
    // ANCHOR: leave
    /// Takes members out. Their partitions go to the others without waiting for a session to end.
    pub fn leave(&mut self, step: &mut Step, request: &LeaveGroupRequest) -> LeaveGroupResponse {
        let (mut answers, before) = (Vec::new(), self.members.len());
        for leaving in &request.members {
            let instance = leaving.group_instance_id.as_deref();
            let left = self.leave_one(step, &leaving.member_id, instance);
            answers.push(LeaveGroupMemberResponse {
                member_id: leaving.member_id.clone(),
                group_instance_id: leaving.group_instance_id.clone(),
                error_code: left.err().unwrap_or(ErrorCode::NONE),
            });
        }
        match self.members.len() < before {
            true => self.rebalance(step),
            false => self.begin_if_all_have_joined(step),
        }
        LeaveGroupResponse { throttle_time_ms: 0, error_code: ErrorCode::NONE, members: answers }
    }
    // ANCHOR_END: leave

    fn leave_one(&mut self, step: &mut Step, id: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        if self.pending.remove(id).is_some() {
            return Ok(());
        }
        let present = match instance {
            // An administrator names only the instance.
            Some(instance) if id.is_empty() => self.instances.get(instance).cloned(),
            _ => None,
        };
        let id = present.as_deref().unwrap_or(id);
        self.check_identity(id, instance)?;
        self.remove(step, id);
        Ok(())
    }

    /// A member is gone. Who calls sees to it that the others join again.
    pub(super) fn remove(&mut self, step: &mut Step, id: &str) {
        let Some(mut member) = self.members.remove(id) else { return };
        turn_away(step, &mut member, ErrorCode::UNKNOWN_MEMBER_ID);
        if let Some(instance) = &member.instance_id {
            self.instances.remove(instance);
        }
        if self.leader.as_deref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
        if let Phase::CompletingRebalance { missing, .. } = &mut self.phase {
            missing.remove(id);
        }
    }

    // ANCHOR: is_full
    /// Whether there is no room for somebody. While all have to join again, room is for those who come first.
    pub(super) fn is_full(&self, step: &Step, id: &str) -> bool {
        let max = step.settings.max_size;
        match self.phase {
            Phase::PreparingRebalance { .. } => {
                let waits = self.joining().any(|member| member.id == id);
                !waits && self.joining().count() >= max
            }
            _ => !self.members.contains_key(id) && self.members.len() >= max,
        }
    }
    // ANCHOR_END: is_full
}
