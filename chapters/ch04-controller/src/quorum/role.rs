//! What a node is at present, and how it comes to be something else.

use ch01_log::batch::{Epoch, Timestamp};

use super::Quorum;
use super::election::Round;
use super::election_state::ElectionState;
use super::event::Effect;
use super::follower::Follower;
use super::leader::Leader;
use super::resigned::Resigned;
use super::unattached::Unattached;
use super::voters::NodeId;

/// The six roles. A node that is no voter is only ever unattached or a follower.
#[derive(Clone, Debug)]
pub(super) enum Role {
    Unattached(Unattached),
    Prospective(Round),
    Candidate(Round),
    Leader(Leader),
    Follower(Follower),
    Resigned(Resigned),
}

impl Quorum {
    /// The role's name, as Kafka writes it.
    pub fn role(&self) -> &'static str {
        match self.role {
            Role::Unattached(_) => "unattached",
            Role::Prospective(_) => "prospective",
            Role::Candidate(_) => "candidate",
            Role::Leader(_) => "leader",
            Role::Follower(_) if !self.voters.contains(self.me) => "observer",
            Role::Follower(_) => "follower",
            Role::Resigned(_) => "resigned",
        }
    }

    /// Who leads, as far as this node knows from the leader itself.
    pub fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Leader(_) => Some(self.me.id),
            Role::Follower(follower) => Some(follower.leader),
            _ => None,
        }
    }

    /// When `Event::Tick` is due.
    pub fn deadline(&self) -> Option<Timestamp> {
        match &self.role {
            Role::Unattached(unattached) => self.deadline_unattached(unattached),
            Role::Prospective(round) | Role::Candidate(round) => Some(round.deadline),
            Role::Leader(leader) => self.deadline_leader(leader),
            Role::Follower(follower) => Some(follower.deadline()),
            Role::Resigned(resigned) => resigned.until,
        }
    }

    /// Does what has become due.
    pub(super) fn tick(&mut self) {
        match self.role {
            Role::Unattached(_) => self.tick_unattached(),
            Role::Prospective(_) | Role::Candidate(_) => self.tick_election(),
            Role::Leader(_) => self.tick_leader(),
            Role::Follower(_) => self.tick_follower(),
            Role::Resigned(_) => self.tick_resigned(),
        }
    }

    /// Takes another role, and tells those who have to know. What the node promised is persisted before.
    pub(super) fn change_role(&mut self, role: Role) {
        let old = std::mem::replace(&mut self.role, role);
        if let Role::Leader(old) = old {
            self.turn_away(old);
        }
        let (leader, epoch) = (self.leader(), self.election.epoch);
        if self.announced != (leader, epoch) {
            self.announced = (leader, epoch);
            self.effects.push(Effect::LeaderChange { leader, epoch });
        }
    }

    /// Promises something, on the disk.
    pub(super) fn promise(&mut self, election: ElectionState) {
        if election != self.election {
            assert!(self.election.may_become(&election), "{election:?} takes back something of {:?}", self.election);
            self.election = election;
            // Two promises of one moment are one write.
            let last = self.effects.iter_mut().rfind(|effect| !matches!(effect, Effect::LeaderChange { .. }));
            match last {
                Some(Effect::Persist(written)) => *written = election,
                _ => self.effects.push(Effect::Persist(election)),
            }
        }
    }

    /// Takes note of what a message says about an epoch and its leader.
    pub(super) fn note_epoch(&mut self, epoch: Epoch, leader: Option<NodeId>) {
        let leader = leader.filter(|&leader| leader != self.me.id);
        let looks_for_one = matches!(self.role, Role::Unattached(_) | Role::Candidate(_));
        match leader {
            _ if epoch < self.election.epoch => {}
            Some(leader) if epoch > self.election.epoch || looks_for_one => self.become_follower(epoch, leader),
            None if epoch > self.election.epoch => self.become_unattached(epoch),
            // A prospective candidate has reason to doubt what others may not have noticed yet.
            _ => {}
        }
    }
}
