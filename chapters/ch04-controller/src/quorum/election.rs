//! Elections: first it is asked, then it is voted.
//!
//! ```text
//! prospective   "would you vote for me?"   nobody promises anything, no epoch begins
//!     | a majority would
//! candidate     "vote for me!"             a new epoch; everybody has one vote in it, and writes it down first
//!     | a majority has
//! leader
//! ```
//!
//! Asking first keeps a node that was cut off from disturbing: those who hear of their leader say no, and its epoch stays
//! what it was. A voter would vote for a log that is at least as complete as its own, if it does not follow a live leader.
//!
//! When a leader dies, all notice at the same moment. If all then stood at once, each would have its own vote. So one who
//! asks itself refuses another whose claim is worse: a shorter log, or an equal one and a higher number. The other does
//! not refuse the better claim, and exactly one stands. One that was itself refused by the other stands in nobody's way.
//! And one that waits, and is asked by somebody whose log is too short for its vote, knows that now is the time to ask.
//!
//! Caveat: all of that is courtesy, and nothing rests on it. A wrong answer to "would you?" costs an election; what makes
//! leaders unique is the vote alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::Timestamp;

use super::Quorum;
use super::election_state::ElectionState;
use super::event::CorrelationId;
use super::message::{Body, Call, Response};
use super::role::Role;
use super::vote::{OffsetAndEpoch, may_grant};
use super::voters::{NodeId, ReplicaKey};

/// One asking of all voters.
#[derive(Clone, Debug)]
pub(super) struct Round {
    /// Who said yes; the node itself among them.
    granted: BTreeSet<NodeId>,
    /// Who said no, or was not reached.
    refused: BTreeSet<NodeId>,
    /// Who has not answered yet.
    asked: BTreeMap<CorrelationId, NodeId>,
    /// It is lost if it is not won by then.
    pub(super) deadline: Timestamp,
}

impl Quorum {
    /// Asks the voters whether they would vote for this node.
    pub(super) fn become_prospective(&mut self) {
        assert!(self.may_stand());
        let round = self.new_round();
        self.change_role(Role::Prospective(round));
        self.ask_for_votes(true);
        self.count_votes();
    }

    /// Begins an epoch, and asks the voters for their votes in it.
    fn become_candidate(&mut self) {
        let epoch = self.election.epoch + 1;
        self.promise(ElectionState { epoch, voted_for: Some(self.me), leader: None });
        let round = self.new_round();
        self.change_role(Role::Candidate(round));
        self.ask_for_votes(false);
        self.count_votes();
    }

    fn new_round(&mut self) -> Round {
        let deadline = self.now + self.timeouts.draw_election_timeout(&mut self.jitter);
        Round { granted: [self.me.id].into(), refused: BTreeSet::new(), asked: BTreeMap::new(), deadline }
    }

    fn ask_for_votes(&mut self, pre_vote: bool) {
        let others: Vec<_> = self.voters.keys().filter(|voter| voter.id != self.me.id).collect();
        let (candidate, end) = (self.me, self.log.end());
        for voter in others {
            let correlation_id = self.send(voter.id, Call::Vote { voter, candidate, end, pre_vote });
            if let Role::Prospective(round) | Role::Candidate(round) = &mut self.role {
                round.asked.insert(correlation_id, voter.id);
            }
        }
    }

    /// A voter has answered, or was not reached, which is a no: the round ends when it cannot be won any more.
    pub(super) fn note_vote(&mut self, correlation_id: CorrelationId, granted: bool) {
        let (Role::Prospective(round) | Role::Candidate(round)) = &mut self.role else { return };
        let Some(voter) = round.asked.remove(&correlation_id) else { return };
        match granted {
            true => round.granted.insert(voter),
            false => round.refused.insert(voter),
        };
        self.count_votes();
    }

    fn count_votes(&mut self) {
        let (Role::Prospective(round) | Role::Candidate(round)) = &self.role else { return };
        let has_won = self.voters.is_majority(&round.granted);
        let possible: BTreeSet<_> = self.voters.ids().filter(|id| !round.refused.contains(id)).collect();
        match self.role {
            Role::Prospective(_) if has_won => self.become_candidate(),
            Role::Candidate(_) if has_won => self.become_leader(),
            _ if !self.voters.is_majority(&possible) => self.lose_election(),
            _ => {}
        }
    }

    /// Waits a little before the next try, longer each time; in the meantime another may stand.
    fn lose_election(&mut self) {
        self.lost_elections += 1;
        let wait_ms = self.timeouts.draw_election_backoff(self.lost_elections, &mut self.jitter);
        self.become_unattached_for(self.election.epoch, wait_ms);
    }

    pub(super) fn tick_election(&mut self) {
        let (Role::Prospective(round) | Role::Candidate(round)) = &self.role else { return };
        if self.now >= round.deadline {
            self.lose_election();
        }
    }

    /// Who voted for this node.
    pub(super) fn granting(&self) -> Vec<NodeId> {
        match &self.role {
            Role::Prospective(round) | Role::Candidate(round) => round.granted.iter().copied().collect(),
            _ => Vec::new(),
        }
    }

    /// Answers a request for this node's vote.
    pub(super) fn vote(
        &mut self,
        voter: ReplicaKey,
        candidate: ReplicaKey,
        end: OffsetAndEpoch,
        pre_vote: bool,
    ) -> Response {
        if !voter.matches(self.me) {
            return self.response(ErrorCode::INVALID_VOTER_KEY, Body::Nothing);
        }
        let granted = self.takes_part()
            && match pre_vote {
                true => self.would_grant(candidate, end),
                false => may_grant(&self.election, self.log.end(), candidate, end),
            };
        if granted && !pre_vote && self.election.voted_for.is_none() {
            self.promise(ElectionState { voted_for: Some(candidate), ..self.election });
            self.become_unattached(self.election.epoch);
        }
        if pre_vote && end < self.log.end() {
            self.stand_now();
        }
        self.response(ErrorCode::NONE, Body::Vote { granted })
    }

    /// Whether this node would vote for a candidate, if it stood.
    fn would_grant(&self, candidate: ReplicaKey, end: OffsetAndEpoch) -> bool {
        let is_led = match &self.role {
            Role::Leader(_) => true,
            Role::Follower(follower) => follower.has_fetched,
            _ => false,
        };
        let claim = |end: OffsetAndEpoch, replica: ReplicaKey| (end, Reverse(replica.id));
        let has_better_claim = match &self.role {
            Role::Prospective(round) if !round.refused.contains(&candidate.id) => {
                claim(self.log.end(), self.me) > claim(end, candidate)
            }
            _ => false,
        };
        end >= self.log.end() && !is_led && !has_better_claim
    }
}
