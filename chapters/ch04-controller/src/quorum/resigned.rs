//! Resigned: a node that led this epoch, and leads it no longer. It tells the voters, so that they need not wait for their
//! timeouts, and makes no other promise in the epoch: it neither votes nor leads in it again.
//!
//! It resigns when its process is about to end; when it was not fetched from by a majority; and when it starts and reads in
//! `quorum-state` that it led. In the last case its log may have lost what was not flushed: if it led the same epoch again,
//! two records would have the same offset and epoch.

use std::collections::BTreeSet;

use ch01_log::batch::Timestamp;

use super::Quorum;
use super::event::CorrelationId;
use super::message::Call;
use super::role::Role;
use super::voters::{NodeId, ReplicaKey};

/// A leader that leads no longer.
#[derive(Clone, Debug)]
pub(super) struct Resigned {
    /// What the voters were told with, until they have answered.
    unacknowledged: BTreeSet<CorrelationId>,
    /// When it may stand itself; `None`: never, its process is about to end.
    pub(super) until: Option<Timestamp>,
}

impl Quorum {
    /// The process is about to end: this node stands for no election any more.
    pub(super) fn stop(&mut self) {
        self.is_stopping = true;
        if let Role::Leader(_) = self.role {
            self.resign();
        }
    }

    /// Leads no longer.
    pub(super) fn resign(&mut self) {
        assert_eq!(self.election.leader, Some(self.me.id), "only who led can resign");
        let preferred = self.preferred();
        let wait_ms = self.timeouts.draw_election_timeout(&mut self.jitter);
        let until = (!self.is_stopping).then_some(self.now + wait_ms);
        self.change_role(Role::Resigned(Resigned { unacknowledged: BTreeSet::new(), until }));
        for peer in self.peers().collect::<Vec<_>>() {
            let call = Call::EndQuorumEpoch { leader: self.me.id, preferred: preferred.clone() };
            let correlation_id = self.send(peer, call);
            let Role::Resigned(resigned) = &mut self.role else { return };
            resigned.unacknowledged.insert(correlation_id);
        }
    }

    pub(super) fn tick_resigned(&mut self) {
        let Role::Resigned(resigned) = &self.role else { return };
        if resigned.until.is_some_and(|until| self.now >= until || self.is_alone()) {
            self.become_unattached_for(self.election.epoch, 0);
        }
    }

    /// A voter was told, or was not reached.
    pub(super) fn acknowledged(&mut self, correlation_id: CorrelationId) {
        let Role::Resigned(resigned) = &mut self.role else { return };
        resigned.unacknowledged.remove(&correlation_id);
    }

    /// Whether a node that got `Event::Stop` has nothing more to say: its process may end.
    pub fn has_stopped(&self) -> bool {
        match &self.role {
            Role::Resigned(resigned) => resigned.unacknowledged.is_empty(),
            Role::Leader(_) => false,
            _ => true,
        }
    }

    /// The leader has resigned: the first of those it names stands at once, the others a little later, in their order.
    pub(super) fn leader_resigned(&mut self, leader: NodeId, preferred: &[ReplicaKey]) {
        if !matches!(&self.role, Role::Follower(follower) if follower.leader == leader) {
            return;
        }
        let position = preferred.iter().position(|key| key.matches(self.me)).unwrap_or(preferred.len());
        match position {
            0 => self.lose_leader(),
            _ => {
                let most = self.timeouts.election_backoff_max_ms;
                let wait_ms = (self.timeouts.retry_backoff_ms << position.min(16)).min(most);
                self.become_unattached_for(self.election.epoch, wait_ms);
            }
        }
    }
}
