//! The join barrier: a rebalance begins, everybody is waited for, a new generation begins.

use std::collections::BTreeMap;

use super::join::turn_away;
use super::{ClassicGroup, Gathering, Phase, Waiting};
use crate::step::{Response, Step};
use ch00_wire::error_code::ErrorCode;

/// How long static members are waited for at a time, at least.
const LEAST_WAIT_MS: i64 = 1_000;

impl ClassicGroup {
    // ANCHOR: rebalance
    /// Something has changed: all members have to join again. If that is so already, perhaps the last one has joined.
    pub fn rebalance(&mut self, step: &mut Step) {
        match &self.phase {
            Phase::PreparingRebalance { .. } => {}
            Phase::Empty => {
                let delay = step.settings.initial_rebalance_delay_ms;
                let left_ms = (self.rebalance_timeout_ms() - delay).max(0);
                let gathering = Some(Gathering { left_ms, newcomers: false });
                self.phase = Phase::PreparingRebalance { until: step.now + delay, gathering };
            }
            Phase::CompletingRebalance { .. } | Phase::Stable => {
                for member in self.members.values_mut().filter(|member| matches!(member.waiting, Waiting::Sync(_))) {
                    turn_away(step, member, ErrorCode::REBALANCE_IN_PROGRESS);
                    member.hear(step.now);
                }
                let until = step.now + self.rebalance_timeout_ms();
                self.phase = Phase::PreparingRebalance { until, gathering: None };
            }
        }
        self.begin_if_all_have_joined(step);
    }

    /// Nobody is waited for any more, neither a member nor somebody who was given an id.
    pub(super) fn begin_if_all_have_joined(&mut self, step: &mut Step) {
        let waits_for_all = matches!(self.phase, Phase::PreparingRebalance { gathering: None, .. });
        if waits_for_all && self.pending.is_empty() && self.joining().count() == self.members.len() {
            self.begin_generation(step);
        }
    }
    // ANCHOR_END: rebalance

    // ANCHOR: time_is_up
    /// The time for joining is over. Who has not joined is out; but static members have until their sessions end.
    pub(super) fn end_of_joining(&mut self, step: &mut Step) {
        let Phase::PreparingRebalance { until, gathering } = &mut self.phase else { return };
        let delay = step.settings.initial_rebalance_delay_ms;
        if let Some(gathering) = gathering
            && gathering.newcomers
            && gathering.left_ms.min(delay) > 0
        {
            let more = gathering.left_ms.min(delay);
            *gathering = Gathering { left_ms: gathering.left_ms - more, newcomers: false };
            *until = step.now + more;
            return;
        }
        self.members.retain(|_, member| matches!(member.waiting, Waiting::Join(_)) || member.instance_id.is_some());
        if self.members.is_empty() || self.joining().next().is_some() {
            return self.begin_generation(step);
        }
        // Nobody is there who could lead: those who are waited for may still come back.
        self.leader = self.members.keys().next().cloned();
        let until = step.now + self.rebalance_timeout_ms().max(LEAST_WAIT_MS);
        self.phase = Phase::PreparingRebalance { until, gathering: None };
    }
    // ANCHOR_END: time_is_up

    // ANCHOR: begin_generation
    /// Whoever is a member is in the new generation, and the leader is one of those who have joined. Without members the
    /// group is empty.
    fn begin_generation(&mut self, step: &mut Step) {
        let joins = |id: &String| self.joining().any(|member| member.id == *id);
        let successor = self.joining().next().map(|member| member.id.clone());
        self.leader = self.leader.clone().filter(joins).or(successor);
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        if self.members.is_empty() {
            (self.phase, self.protocol, self.since) = (Phase::Empty, None, step.now);
            step.records.push(self.record(self.value()));
            return;
        }
        self.protocol = Some(vote(&self.known()));
        let missing = self.members.keys().cloned().collect();
        self.phase = Phase::CompletingRebalance { until: step.now + self.rebalance_timeout_ms(), missing };
        let joining: Vec<_> = self.joining().map(|member| (member.id.clone(), member.waiting)).collect();
        for (id, waiting) in joining {
            let Waiting::Join(to) = waiting else { continue };
            step.reply(to, Response::Join(self.joined(&id)));
            let member = self.members.get_mut(&id).expect("it joins");
            (member.waiting, member.is_new) = (Waiting::Nothing, false);
            member.hear(step.now);
        }
    }
    // ANCHOR_END: begin_generation

    /// Everybody who waits is told to join again: the group is about to be another.
    pub fn turn_all_away(&mut self, step: &mut Step) {
        self.members.values_mut().for_each(|member| turn_away(step, member, ErrorCode::REBALANCE_IN_PROGRESS));
    }
}

// ANCHOR: vote
/// The protocol that all members know and that most of them like best; of several, the last by name. `known` has for each
/// member what it knows, the best first.
pub fn vote(known: &[Vec<String>]) -> String {
    let known_by_all = |name: &&String| known.iter().all(|protocols| protocols.contains(name));
    let mut votes: BTreeMap<&String, usize> = BTreeMap::new();
    for best in known.iter().filter_map(|protocols| protocols.iter().find(known_by_all)) {
        *votes.entry(best).or_default() += 1;
    }
    let winner = votes.into_iter().max_by_key(|&(_, votes)| votes);
    winner.map(|(name, _)| name.clone()).unwrap_or_default()
}
// ANCHOR_END: vote
