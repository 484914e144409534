//! The leader: it appends, counts what the voters have fetched, and says what is committed.
//!
//! ```text
//! become leader:  LeaderChange is appended, the first record of the epoch; all voters are told
//! fetch           whoever fetches from an offset on has what lies below on its disk: the high watermark may rise
//!                 nothing new for it: the fetch waits, until there is, or its time is over
//! no fetch        from a majority for 1.5 x controller.quorum.fetch.timeout.ms: others may have elected somebody; it resigns
//! ```
//!
//! Caveat: between the moment when others elect a new leader and the moment when the old one hears of it, both believe that
//! they lead. The old one cannot commit anything any more. What it *decides by time* (whose session is over?) is a different
//! matter: see `Quorum::confirmed_at`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::{Offset, Timestamp};

use super::Quorum;
use super::commit::{high_watermark, reached_by_majority};
use super::election_state::ElectionState;
use super::event::{Effect, RequestId};
use super::message::{Body, Call, Fetch, Fetched};
use super::role::Role;
use super::vote::OffsetAndEpoch;
use super::voters::{NodeId, ReplicaKey};

/// A replica that is no voter and has not fetched for so long is forgotten, in milliseconds.
const OBSERVER_SESSION_MS: i64 = 300_000;

/// A leader, for one epoch.
#[derive(Clone, Debug)]
pub(super) struct Leader {
    /// Where the log ended when the epoch began.
    epoch_start: Offset,
    /// When it began.
    began_at: Timestamp,
    /// All replicas that have fetched in this epoch.
    replicas: BTreeMap<NodeId, Replica>,
    /// When each voter is told next who leads; one that has just fetched knows it.
    begin_at: BTreeMap<NodeId, Timestamp>,
    /// Fetches that wait for something new.
    waiting: BTreeMap<RequestId, Waiting>,
    /// What was appended and is not committed: where it ends, and when it was appended.
    appended: VecDeque<(Offset, Timestamp)>,
    /// See `Quorum::confirmed_at`.
    confirmed_at: Option<Timestamp>,
}

/// What a leader knows of another replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Which one.
    pub key: ReplicaKey,
    /// It has everything below on its disk; `None`: its log still parts from the leader's.
    pub log_end: Option<Offset>,
    /// When it last fetched, in milliseconds.
    pub last_fetch: Timestamp,
    /// When it last had everything, in milliseconds; `None`: never in this epoch.
    pub last_caught_up: Option<Timestamp>,
}

/// A fetch that waits.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    fetch: Fetch,
    until: Timestamp,
}

impl Quorum {
    /// What this node, if it leads, knows of the others.
    pub fn replicas(&self) -> impl Iterator<Item = &Replica> {
        let leader = if let Role::Leader(leader) = &self.role { Some(leader) } else { None };
        leader.into_iter().flat_map(|leader| leader.replicas.values())
    }

    // ANCHOR: confirmed_at
    /// A moment at which this node was the leader beyond doubt, the latest that it knows of; `None`: there is none yet.
    ///
    /// It is the moment when the newest record that is committed was appended: a majority has written it down since, and
    /// took this node for its leader when it did. A process that was stopped and goes on does not notice it; but nothing
    /// that it appended since is committed. So who decides by time appends a record first (Kafka's controllers append
    /// NoOpRecord every 500 ms when there is nothing else), and trusts no moment later than this one.
    pub fn confirmed_at(&self) -> Option<Timestamp> {
        if let Role::Leader(leader) = &self.role { leader.confirmed_at } else { None }
    }
    // ANCHOR_END: confirmed_at

    pub(super) fn become_leader(&mut self) {
        let (granting, epoch, epoch_start) = (self.granting(), self.election.epoch, self.log.end().offset);
        assert_eq!(self.election.voted_for, Some(self.me), "who leads has voted for itself");
        self.promise(ElectionState { leader: Some(self.me.id), ..self.election });
        self.lost_elections = 0;
        self.change_role(Role::Leader(Leader {
            epoch_start,
            began_at: self.now,
            replicas: BTreeMap::new(),
            begin_at: self.peers().map(|peer| (peer, self.now)).collect(),
            waiting: BTreeMap::new(),
            appended: VecDeque::new(),
            confirmed_at: None,
        }));
        self.effects.push(Effect::AppendLeaderChange { epoch, granting });
    }

    /// Answers a fetch, or lets it wait.
    pub(super) fn serve(&mut self, request_id: RequestId, fetch: Fetch) {
        let Role::Leader(_) = &self.role else {
            let response = self.response(ErrorCode::NOT_LEADER_OR_FOLLOWER, Body::Nothing);
            return self.answer(request_id, response);
        };
        let data = self.log.read(OffsetAndEpoch { epoch: fetch.last_fetched_epoch, offset: fetch.offset });
        let log_end = matches!(data, Fetched::Batches { .. }).then_some(fetch.offset);
        self.note_replica(fetch.replica, log_end);
        self.raise_high_watermark();
        let Role::Leader(leader) = &mut self.role else { return };
        leader.waiting.insert(request_id, Waiting { fetch, until: self.now + fetch.max_wait_ms });
        self.answer_fetches();
    }

    /// A replica is alive, and has the log up to there.
    pub(super) fn note_replica(&mut self, key: ReplicaKey, log_end: Option<Offset>) {
        let (now, own_end) = (self.now, self.log.end().offset);
        let is_voter = self.voters.contains(key);
        let Role::Leader(leader) = &mut self.role else { return };
        // Somebody else with the number of a voter, such as that voter with an empty disk, does not count for it.
        if key.id == self.me.id || !is_voter && self.voters.ids().any(|id| id == key.id) {
            return;
        }
        let before = leader.replicas.get(&key.id).and_then(|replica| replica.last_caught_up);
        let last_caught_up = if log_end == Some(own_end) { Some(now) } else { before };
        leader.replicas.insert(key.id, Replica { key, log_end, last_fetch: now, last_caught_up });
        if let Some(begin_at) = leader.begin_at.get_mut(&key.id) {
            *begin_at = now + self.timeouts.fetch_timeout_ms;
        }
    }

    /// Records were appended. If the time to resign has come in between, nobody is told of them.
    pub(super) fn appended(&mut self, end: Offset) {
        assert_eq!(self.election.leader, Some(self.me.id), "only a leader appends");
        self.log.append(self.election.epoch, end);
        if let Role::Leader(leader) = &mut self.role {
            leader.appended.push_back((end, self.now));
        }
        self.answer_fetches();
    }

    /// Counts what the voters have.
    pub(super) fn raise_high_watermark(&mut self) {
        let Role::Leader(leader) = &mut self.role else { return };
        let flushed = |id: NodeId| match leader.replicas.get(&id) {
            _ if id == self.me.id => self.log.flushed(),
            replica => replica.and_then(|replica| replica.log_end).unwrap_or(0),
        };
        let flushed: Vec<_> = self.voters.ids().map(flushed).collect();
        let offset = high_watermark(&flushed, leader.epoch_start, self.log.high_watermark());
        if !self.log.commit(offset) {
            return;
        }
        while let Some(&(_, at)) = leader.appended.front().filter(|(end, _)| *end <= offset) {
            leader.confirmed_at = Some(at);
            leader.appended.pop_front();
        }
        self.effects.push(Effect::HighWatermark(offset));
        self.answer_fetches();
    }

    /// Answers the fetches for which there is something new, or whose time is over.
    fn answer_fetches(&mut self) {
        let (now, high_watermark) = (self.now, self.log.high_watermark());
        let Role::Leader(leader) = &mut self.role else { return };
        let mut answers = Vec::new();
        leader.waiting.retain(|&request_id, Waiting { fetch, until }| {
            let data = self.log.read(OffsetAndEpoch { epoch: fetch.last_fetched_epoch, offset: fetch.offset });
            let has_news = !matches!(data, Fetched::Batches { end, .. } if end == fetch.offset);
            let is_answered = has_news || fetch.high_watermark < high_watermark || now >= *until;
            if is_answered {
                answers.push((request_id, Body::Fetch { high_watermark, data }));
            }
            !is_answered
        });
        for (request_id, body) in answers {
            let response = self.response(ErrorCode::NONE, body);
            self.answer(request_id, response);
        }
    }

    /// It leads no longer: whoever waits is told.
    pub(super) fn turn_away(&mut self, old: Leader) {
        for request_id in old.waiting.into_keys() {
            let response = self.response(ErrorCode::NOT_LEADER_OR_FOLLOWER, Body::Nothing);
            self.answer(request_id, response);
        }
    }

    /// The last moment at which a majority had fetched; the beginning of the epoch counts as a fetch of everybody.
    fn heard_of_majority_at(&self, leader: &Leader) -> Timestamp {
        let heard_at = |id: NodeId| match leader.replicas.get(&id) {
            _ if id == self.me.id => self.now,
            replica => replica.map_or(leader.began_at, |replica| replica.last_fetch),
        };
        reached_by_majority(&self.voters.ids().map(heard_at).collect::<Vec<_>>())
    }

    pub(super) fn deadline_leader(&self, leader: &Leader) -> Option<Timestamp> {
        let waiting = leader.waiting.values().map(|waiting| waiting.until);
        let resign_at = self.heard_of_majority_at(leader) + self.timeouts.check_quorum_ms();
        let resign_at = (!self.is_alone()).then_some(resign_at);
        waiting.chain(leader.begin_at.values().copied()).chain(resign_at).min()
    }

    pub(super) fn tick_leader(&mut self) {
        let Role::Leader(leader) = &self.role else { return };
        if self.now >= self.heard_of_majority_at(leader) + self.timeouts.check_quorum_ms() {
            return self.resign();
        }
        let due = leader.begin_at.iter().filter(|&(_, &at)| self.now >= at).map(|(&id, _)| id);
        let voters: Vec<_> = due.filter_map(|id| self.voters.keys().find(|voter| voter.id == id)).collect();
        for voter in voters {
            self.send(voter.id, Call::BeginQuorumEpoch { voter, leader: self.me.id });
            let again_at = self.now + self.timeouts.fetch_timeout_ms / 2;
            let Role::Leader(leader) = &mut self.role else { return };
            leader.begin_at.insert(voter.id, again_at);
        }
        let (now, voters) = (self.now, &self.voters);
        let Role::Leader(leader) = &mut self.role else { return };
        leader
            .replicas
            .retain(|_, replica| voters.contains(replica.key) || now < replica.last_fetch + OBSERVER_SESSION_MS);
        self.answer_fetches();
    }

    /// The voters that should lead next: those with the longest logs first.
    pub(super) fn preferred(&self) -> Vec<ReplicaKey> {
        let mut voters: Vec<_> = self.replicas().filter(|replica| self.voters.contains(replica.key)).collect();
        voters.sort_by_key(|replica| (Reverse(replica.log_end), replica.key.id));
        voters.into_iter().map(|replica| replica.key).collect()
    }
}
