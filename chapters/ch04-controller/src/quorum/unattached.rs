//! Unattached: a node that knows no leader. It asks the voters in turn who leads; if it is a voter itself, it stands for
//! election when it was not told for too long.

use ch01_log::batch::{Epoch, Timestamp};

use super::Quorum;
use super::election_state::ElectionState;
use super::event::CorrelationId;
use super::role::Role;

/// A node that knows no leader.
#[derive(Clone, Debug, Default)]
pub(super) struct Unattached {
    /// When it stands for election, if it may.
    stand_at: Timestamp,
    /// When it asks the next voter.
    ask_at: Timestamp,
    /// The fetch that asks, while it is under way.
    asking: Option<CorrelationId>,
    /// How many voters it has asked.
    asked: usize,
}

impl Quorum {
    /// Knows no leader, in this epoch or a later one; and gives those who may be electing one the time to do so.
    pub(super) fn become_unattached(&mut self, epoch: Epoch) {
        let wait_ms = self.timeouts.draw_election_timeout(&mut self.jitter);
        self.become_unattached_for(epoch, wait_ms);
    }

    /// The same, for so long.
    pub(super) fn become_unattached_for(&mut self, epoch: Epoch, wait_ms: i64) {
        if epoch > self.election.epoch {
            self.promise(ElectionState::of_epoch(epoch));
        }
        let (stand_at, ask_at) = (self.now + wait_ms, self.now + self.timeouts.retry_backoff_ms);
        self.change_role(Role::Unattached(Unattached { stand_at, ask_at, asking: None, asked: 0 }));
    }

    pub(super) fn deadline_unattached(&self, unattached: &Unattached) -> Option<Timestamp> {
        let stand_at = self.may_stand().then_some(unattached.stand_at);
        let may_ask = unattached.asking.is_none() && self.peers().next().is_some();
        stand_at.into_iter().chain(may_ask.then_some(unattached.ask_at)).min()
    }

    pub(super) fn tick_unattached(&mut self) {
        let Role::Unattached(unattached) = &self.role else { return };
        if self.may_stand() && (self.now >= unattached.stand_at || self.is_alone()) {
            return self.become_prospective();
        }
        let peers: Vec<_> = self.peers().collect();
        if unattached.asking.is_some() || self.now < unattached.ask_at || peers.is_empty() {
            return;
        }
        let to = peers[unattached.asked % peers.len()];
        // It is asked who leads: if it is the leader by chance, it does not let us wait for records.
        let correlation_id = self.send_fetch(to, 0);
        let Role::Unattached(unattached) = &mut self.role else { return };
        unattached.asking = Some(correlation_id);
        unattached.asked += 1;
    }

    /// Somebody else has no leader either, and no chance: whoever waits need not wait any longer.
    pub(super) fn stand_now(&mut self) {
        if let Role::Unattached(unattached) = &mut self.role {
            unattached.stand_at = self.now;
        }
    }

    /// Whoever was asked did not know, or was not reached.
    pub(super) fn ask_another(&mut self, correlation_id: CorrelationId) {
        let Role::Unattached(unattached) = &mut self.role else { return };
        if unattached.asking == Some(correlation_id) {
            unattached.asking = None;
            unattached.ask_at = self.now + self.timeouts.retry_backoff_ms;
        }
    }
}
