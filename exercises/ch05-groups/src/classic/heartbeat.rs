//! Heartbeats, and what happens when they stop.

use ch00_wire::error_code::ErrorCode;

use super::{ClassicGroup, Phase, Waiting};
use crate::messages::HeartbeatRequest;
use crate::step::Step;

impl ClassicGroup {
    /// A member says that it is alive. It is told if it has to join again.
    pub fn heartbeat(&mut self, step: &mut Step, request: &HeartbeatRequest) -> ErrorCode {
        let instance = request.group_instance_id.as_deref();
        if let Err(error_code) = self.check_member(&request.member_id, instance, request.generation_id) {
            return error_code;
        }
        self.hear(&request.member_id, step.now);
        match self.phase {
            Phase::PreparingRebalance { .. } => ErrorCode::REBALANCE_IN_PROGRESS,
            Phase::Empty | Phase::CompletingRebalance { .. } | Phase::Stable => ErrorCode::NONE,
        }
    }

    /// A member was heard of. Whatever it asks for keeps it alive.
    pub fn hear(&mut self, id: &str, now: i64) {
        if let Some(member) = self.members.get_mut(id) {
            member.hear(now);
        }
    }

    /// Time has passed: sessions end, and so do barriers.
    pub fn tick(&mut self, step: &mut Step) {
        todo!("exercise silent-members")
    }

    /// A coordinator begins, or could not listen for a while: everybody has a whole session to be heard of.
    pub fn begin(&mut self, now: i64) {
        for member in self.members.values_mut() {
            match member.waiting {
                // It cannot say anything as long as it waits.
                Waiting::Join(to) => member.wait_for_join(to, now),
                Waiting::Nothing | Waiting::Sync(_) => member.hear(now),
            }
        }
    }
}
