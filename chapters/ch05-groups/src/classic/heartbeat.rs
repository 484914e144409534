//! Heartbeats, and what happens when they stop.

use ch00_wire::error_code::ErrorCode;

use super::{ClassicGroup, Phase, Waiting};
use crate::messages::HeartbeatRequest;
use crate::step::Step;

impl ClassicGroup {
    // ANCHOR: heartbeat
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
    // ANCHOR_END: heartbeat

    /// A member was heard of. Whatever it asks for keeps it alive.
    pub fn hear(&mut self, id: &str, now: i64) {
        if let Some(member) = self.members.get_mut(id) {
            member.hear(now);
        }
    }

    // ANCHOR: tick
    /// Time has passed: sessions end, and so do barriers.
    pub fn tick(&mut self, step: &mut Step) {
        let now = step.now;
        self.pending.retain(|_, &mut until| until > now);
        let is_over = |deadline: Option<i64>| deadline.is_some_and(|deadline| deadline <= now);
        let mut gone: Vec<String> = self.members().filter(|m| is_over(m.deadline())).map(|m| m.id.clone()).collect();
        if let Phase::CompletingRebalance { until, missing } = &self.phase
            && *until <= now
        {
            gone.extend(missing.iter().cloned());
        }
        for id in &gone {
            self.remove(step, id);
        }
        match gone.is_empty() {
            false => self.rebalance(step),
            true => self.begin_if_all_have_joined(step),
        }
        if let Phase::PreparingRebalance { until, .. } = self.phase
            && until <= now
        {
            self.end_of_joining(step);
        }
    }
    // ANCHOR_END: tick

    // ANCHOR: begin
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
    // ANCHOR_END: begin
}
