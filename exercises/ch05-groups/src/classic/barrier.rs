//! The join barrier: a rebalance begins, everybody is waited for, a new generation begins.

use std::collections::BTreeMap;

use super::join::turn_away;
use super::{ClassicGroup, Gathering, Phase, Waiting};
use crate::step::{Response, Step};
use ch00_wire::error_code::ErrorCode;

/// How long static members are waited for at a time, at least.
const LEAST_WAIT_MS: i64 = 1_000;

impl ClassicGroup {
    /// Something has changed: all members have to join again. If that is so already, perhaps the last one has joined.
    pub fn rebalance(&mut self, step: &mut Step) {
        todo!("exercise join-barrier")
    }

    /// Nobody is waited for any more, neither a member nor somebody who was given an id.
    pub(super) fn begin_if_all_have_joined(&mut self, step: &mut Step) {
        todo!("exercise join-barrier")
    }

    /// The time for joining is over. Who has not joined is out; but static members have until their sessions end.
    pub(super) fn end_of_joining(&mut self, step: &mut Step) {
        todo!("exercise silent-members")
    }

    /// Whoever is a member is in the new generation, and the leader is one of those who have joined. Without members the
    /// group is empty.
    fn begin_generation(&mut self, step: &mut Step) {
        todo!("exercise join-barrier")
    }

    /// Everybody who waits is told to join again: the group is about to be another.
    pub fn turn_all_away(&mut self, step: &mut Step) {
        self.members.values_mut().for_each(|member| turn_away(step, member, ErrorCode::REBALANCE_IN_PROGRESS));
    }
}

/// The protocol that all members know and that most of them like best; of several, the last by name. `known` has for each
/// member what it knows, the best first.
pub fn vote(known: &[Vec<String>]) -> String {
    todo!("exercise protocol-choice")
}
