//! What a node promises in an epoch: the content of the file `quorum-state`.
//!
//! Caveat: it is on the disk before anything depends on it. A node that votes, crashes, forgets and votes again has made
//! two leaders of one epoch, and two different records with one name.

use ch01_log::batch::Epoch;

use super::voters::{NodeId, ReplicaKey};

/// An epoch, and what this node has done in it. Within an epoch each of the two is set once and stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ElectionState {
    /// The latest epoch that the node has heard of; 0: none.
    pub epoch: Epoch,
    /// Who has its vote.
    pub voted_for: Option<ReplicaKey>,
    /// Who leads, as far as the node was told.
    pub leader: Option<NodeId>,
}

impl ElectionState {
    /// An epoch in which nothing was promised yet.
    pub fn of_epoch(epoch: Epoch) -> ElectionState {
        ElectionState { epoch, ..ElectionState::default() }
    }

    /// Whether `next` takes nothing back that was promised.
    pub fn may_become(&self, next: &ElectionState) -> bool {
        let keeps_vote = self.voted_for.is_none() || self.voted_for == next.voted_for;
        let keeps_leader = self.leader.is_none() || self.leader == next.leader;
        next.epoch > self.epoch || next.epoch == self.epoch && keeps_vote && keeps_leader
    }
}
