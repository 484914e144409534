//! The quorum: several nodes agree on one log. This is Raft as Kafka does it (KRaft), as a machine without disk, network
//! and clock: `step(now, event) -> effects`.
//!
//! ```text
//!                  no word of a leader                 a majority would      a majority has
//!                  for too long                        vote for it           voted for it
//!  +------------+ -------------------> +-------------+ --------> +-----------+ --------> +--------+
//!  | unattached |                      | prospective |           | candidate |           | leader |
//!  +------------+ <------------------- +-------------+           +-----------+           +--------+
//!        |    ^     lost, or too late         ^                        | lost, or too late   | stops, or hears of no
//!        |    `-------------------------------+------------------------´                     v majority any more
//!        | hears of a leader                  | the leader is gone                      +----------+
//!        |                              +----------+                                    | resigned |
//!        `----------------------------> | follower |                                    +----------+
//!                                       +----------+
//!  from anywhere: a later epoch -> unattached in it, or follower if the leader is known; a leader says so -> follower
//! ```
//!
//! Where to read: `vote` and `commit`, which are all of Raft's safety; `election_state`, what is promised; then the roles:
//! `unattached`, `election`, `leader`, `follower`, `resigned`. `message` is what nodes say, `event` what happens to one and
//! what it does, `log` what it knows of its log.
//!
//! Different from the Raft of the paper:
//!
//! - **Followers fetch.** Nobody sends them records. A follower says how far its log is on its disk by asking for what
//!   comes next, so a fetch is request, acknowledgement and sign of life in one. Where logs part is found by epochs, as
//!   between replicas of a partition (`ch03_replication::epoch_end`).
//! - **It is asked before it is voted** (KIP-996): an epoch begins only if a majority is without a leader.
//! - **A voter that is stopped says so** (EndQuorumEpoch), and one that has died is missed at once, not after a timeout.
//!
//! Left out: changing the voters while the quorum runs (AddRaftVoter, RemoveRaftVoter, UpdateRaftVoter). Who votes is told
//! by the configuration or by the log, once; to change it safely takes a rule of its own, one voter at a time. That a
//! request is meant for this cluster is checked before it comes here.

// Yours:
pub mod commit;
#[path = "../../../../chapters/ch04-controller/src/quorum/election.rs"]
mod election;
#[path = "../../../../chapters/ch04-controller/src/quorum/election_state.rs"]
pub mod election_state;
#[path = "../../../../chapters/ch04-controller/src/quorum/event.rs"]
pub mod event;
#[path = "../../../../chapters/ch04-controller/src/quorum/follower.rs"]
mod follower;
#[path = "../../../../chapters/ch04-controller/src/quorum/leader.rs"]
mod leader;
#[path = "../../../../chapters/ch04-controller/src/quorum/log.rs"]
pub mod log;
#[path = "../../../../chapters/ch04-controller/src/quorum/message.rs"]
pub mod message;
#[path = "../../../../chapters/ch04-controller/src/quorum/resigned.rs"]
mod resigned;
#[path = "../../../../chapters/ch04-controller/src/quorum/role.rs"]
mod role;
#[path = "../../../../chapters/ch04-controller/src/quorum/timeouts.rs"]
pub mod timeouts;
#[path = "../../../../chapters/ch04-controller/src/quorum/unattached.rs"]
mod unattached;
// Yours:
pub mod vote;
#[path = "../../../../chapters/ch04-controller/src/quorum/voters.rs"]
pub mod voters;

use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::{Epoch, Timestamp};

pub use election_state::ElectionState;
pub use event::{CorrelationId, Effect, Event, RequestId};
pub use leader::Replica;
pub use log::QuorumLog;
use message::{Body, Call, Request, Response};
use role::Role;
pub use timeouts::{Jitter, Timeouts};
use unattached::Unattached;
pub use voters::{NodeId, ReplicaKey, Voters};

/// A node of the quorum.
#[derive(Clone, Debug)]
pub struct Quorum {
    me: ReplicaKey,
    voters: Voters,
    /// Whether it votes and stands, if it is a voter. One with an empty disk does not, until it has caught up.
    may_vote: bool,
    /// Its process is about to end.
    is_stopping: bool,
    timeouts: Timeouts,
    jitter: Jitter,
    /// What it has promised; always what is on the disk once the effects so far are done.
    election: ElectionState,
    log: QuorumLog,
    role: Role,
    /// The leader and epoch that `Effect::LeaderChange` told of last.
    announced: (Option<NodeId>, Epoch),
    /// How many elections it has lost since it last had a leader.
    lost_elections: u32,
    next_correlation_id: CorrelationId,
    /// The latest time that it was told, in milliseconds.
    now: Timestamp,
    /// What this step does.
    effects: Vec<Effect>,
}

/// What a node begins with.
#[derive(Clone, Debug)]
pub struct Start {
    /// The node.
    pub me: ReplicaKey,
    /// Who votes: from the configuration, or from the log.
    pub voters: Voters,
    /// Whether it may vote at once; else when it has all that is committed, which `Effect::CaughtUp` says: for a voter whose
    /// disk is empty, and perhaps was not always. That is safe while the others are well. If they are electing a leader
    /// just then, it may have forgotten a promise that counts; only another directory id, another voter, is safe always.
    pub may_vote: bool,
    /// How long it waits.
    pub timeouts: Timeouts,
    /// Where its random numbers begin: another for each node.
    pub seed: u64,
    /// What it found in `quorum-state`; `default()`: there is no such file.
    pub election: ElectionState,
    /// What it found of its log.
    pub log: QuorumLog,
    /// The time, in milliseconds.
    pub now: Timestamp,
}

impl Quorum {
    /// A node that has just started. Its first step should follow at once.
    pub fn new(start: Start) -> Quorum {
        let Start { me, voters, may_vote, timeouts, seed, election, log, now } = start;
        let mut quorum = Quorum {
            me,
            voters,
            may_vote,
            is_stopping: false,
            timeouts,
            jitter: Jitter::new(seed),
            election,
            log,
            role: Role::Unattached(Unattached::default()),
            announced: (None, election.epoch),
            lost_elections: 0,
            next_correlation_id: 0,
            now,
            effects: Vec::new(),
        };
        let led = election.leader == Some(me.id) && election.epoch >= quorum.log.end().epoch;
        match led {
            true => quorum.resign(),
            false => quorum.become_unattached(election.epoch.max(quorum.log.end().epoch)),
        }
        quorum
    }

    /// Takes note of what happened, and says what is to be done.
    pub fn step(&mut self, now: Timestamp, event: Event) -> Vec<Effect> {
        self.now = self.now.max(now);
        // Who has slept through a deadline does not act as if it had not come.
        self.tick();
        self.happened(event);
        self.tick();
        std::mem::take(&mut self.effects)
    }

    /// This node.
    pub fn me(&self) -> ReplicaKey {
        self.me
    }

    /// The voters.
    pub fn voters(&self) -> &Voters {
        &self.voters
    }

    /// What it has promised.
    pub fn election(&self) -> &ElectionState {
        &self.election
    }

    /// What it knows of its log.
    pub fn log(&self) -> &QuorumLog {
        &self.log
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Tick => {}
            Event::Request { request_id, request } => self.requested(request_id, request),
            Event::Response { correlation_id, response } => self.responded(correlation_id, response),
            Event::Failed { correlation_id } => {
                self.note_vote(correlation_id, false);
                self.ask_another(correlation_id);
                self.retry_fetch(correlation_id);
                self.acknowledged(correlation_id);
            }
            Event::Refused { node } => {
                if matches!(&self.role, Role::Follower(follower) if follower.leader == node) {
                    self.lose_leader();
                }
            }
            Event::Appended { end } => self.appended(end),
            Event::Flushed { end } => {
                self.log.flush(end);
                self.raise_high_watermark();
                self.flushed_as_follower();
            }
            Event::SnapshotTaken(snapshot) => self.log.start_at(snapshot),
            Event::SnapshotPart { correlation_id } => self.snapshot_part(correlation_id),
            Event::SnapshotFetched { correlation_id } => self.snapshot_fetched(correlation_id),
            Event::SnapshotRead { replica, epoch } if epoch == self.election.epoch => self.note_replica(replica, None),
            Event::SnapshotRead { .. } => {}
            Event::Voters(voters) => self.voters = voters,
            Event::Stop => self.stop(),
        }
    }

    /// A request. One of an earlier epoch changes nothing; one of a later epoch is news, unless it only asks.
    fn requested(&mut self, request_id: RequestId, Request { epoch, call }: Request) {
        if epoch < self.election.epoch {
            let response = self.response(ErrorCode::FENCED_LEADER_EPOCH, Body::Nothing);
            return self.answer(request_id, response);
        }
        let response = match call {
            Call::Vote { voter, candidate, end, pre_vote } => {
                if !pre_vote {
                    self.note_epoch(epoch, None);
                }
                self.vote(voter, candidate, end, pre_vote)
            }
            Call::BeginQuorumEpoch { voter, leader } => self.epoch_begins(epoch, voter, leader),
            Call::EndQuorumEpoch { leader, preferred } => {
                self.note_epoch(epoch, None);
                self.leader_resigned(leader, &preferred);
                self.response(ErrorCode::NONE, Body::Nothing)
            }
            Call::Fetch(fetch) => {
                self.note_epoch(epoch, None);
                return self.serve(request_id, fetch);
            }
        };
        self.answer(request_id, response);
    }

    /// Somebody leads this epoch.
    fn epoch_begins(&mut self, epoch: Epoch, voter: ReplicaKey, leader: NodeId) -> Response {
        let known = self.election.leader.filter(|_| epoch == self.election.epoch);
        if known.is_some_and(|known| known != leader) || leader == self.me.id {
            return self.response(ErrorCode::INVALID_REQUEST, Body::Nothing);
        }
        if !matches!(&self.role, Role::Follower(_) if epoch == self.election.epoch) {
            self.become_follower(epoch, leader);
        }
        let error = if voter.matches(self.me) { ErrorCode::NONE } else { ErrorCode::INVALID_VOTER_KEY };
        self.response(error, Body::Nothing)
    }

    /// A response: first what it says of epoch and leader, then what was asked for.
    fn responded(&mut self, correlation_id: CorrelationId, response: Response) {
        self.note_epoch(response.epoch, response.leader);
        match response.body {
            Body::Vote { granted } => self.note_vote(correlation_id, granted),
            _ => self.note_vote(correlation_id, false),
        }
        self.ask_another(correlation_id);
        self.acknowledged(correlation_id);
        self.fetched(correlation_id, response);
    }

    /// Whether it votes.
    fn takes_part(&self) -> bool {
        self.may_vote && self.voters.contains(self.me)
    }

    /// Whether it stands for election when there is no leader.
    fn may_stand(&self) -> bool {
        self.takes_part() && !self.is_stopping
    }

    /// Whether it is the only voter.
    fn is_alone(&self) -> bool {
        self.may_stand() && self.peers().next().is_none()
    }

    /// The other voters.
    fn peers(&self) -> impl Iterator<Item = NodeId> {
        self.voters.ids().filter(|&id| id != self.me.id)
    }

    fn next_correlation_id(&mut self) -> CorrelationId {
        self.next_correlation_id += 1;
        self.next_correlation_id
    }

    fn send(&mut self, to: NodeId, call: Call) -> CorrelationId {
        let correlation_id = self.next_correlation_id();
        let request = Request { epoch: self.election.epoch, call };
        self.effects.push(Effect::Send { to, correlation_id, request });
        correlation_id
    }

    fn response(&self, error: ErrorCode, body: Body) -> Response {
        let leader = match &self.role {
            // It may be dead.
            Role::Follower(follower) if !follower.has_fetched => None,
            _ => self.leader(),
        };
        Response { error, epoch: self.election.epoch, leader, body }
    }

    fn answer(&mut self, request_id: RequestId, response: Response) {
        self.effects.push(Effect::Answer { request_id, response });
    }
}
