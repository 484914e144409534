//! What a node of the quorum does, rule by rule: nodes to begin with, and what may happen to them.

mod followers;
mod leaders;
mod votes;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch03_replication::epoch_end::EpochEnd;
use ch04_controller::quorum::message::{Body, Call, Fetch, Fetched, Request, Response};
use ch04_controller::quorum::vote::OffsetAndEpoch;
use ch04_controller::quorum::{
    CorrelationId, Effect, ElectionState, Event, Jitter, NodeId, Quorum, QuorumLog, ReplicaKey, Start, Timeouts, Voters,
};

fn key(id: NodeId) -> ReplicaKey {
    ReplicaKey { id, directory_id: Uuid([id as u8; 16]) }
}

/// Node 1 of the voters 1, 2 and 3 at time 0, with an empty log; `change` makes it another. Its first step is done.
fn node(change: impl FnOnce(&mut Start)) -> Quorum {
    let mut start = Start {
        me: key(1),
        voters: Voters::new([key(1), key(2), key(3)]),
        may_vote: true,
        timeouts: Timeouts::default(),
        seed: 1,
        election: ElectionState::default(),
        log: log(&[], 0),
        now: 0,
    };
    change(&mut start);
    let mut quorum = Quorum::new(start);
    quorum.step(0, Event::Tick);
    quorum
}

/// A log with these epochs and their first offsets.
fn log(epochs: &[(i32, i64)], end: i64) -> QuorumLog {
    QuorumLog::new(OffsetAndEpoch::default(), epochs.iter().copied(), end)
}

fn ask(quorum: &mut Quorum, now: i64, epoch: i32, call: Call) -> Vec<Effect> {
    quorum.step(now, Event::Request { request_id: 7, request: Request { epoch, call } })
}

fn vote(candidate: NodeId, end: OffsetAndEpoch, pre_vote: bool) -> Call {
    Call::Vote { voter: key(1), candidate: key(candidate), end, pre_vote }
}

fn fetch(replica: NodeId, offset: i64, last_fetched_epoch: i32) -> Call {
    Call::Fetch(Fetch { replica: key(replica), offset, last_fetched_epoch, high_watermark: 0, max_wait_ms: 500 })
}

/// The answer among some effects.
fn answer(effects: &[Effect]) -> Option<&Response> {
    effects.iter().find_map(|effect| match effect {
        Effect::Answer { response, .. } => Some(response),
        _ => None,
    })
}

fn granted(effects: &[Effect]) -> bool {
    matches!(answer(effects), Some(Response { body: Body::Vote { granted: true }, .. }))
}

/// What was sent, to whom.
fn sent(effects: &[Effect]) -> Vec<(NodeId, CorrelationId, &Request)> {
    let sent = effects.iter().filter_map(|effect| match effect {
        Effect::Send { to, correlation_id, request } => Some((*to, *correlation_id, request)),
        _ => None,
    });
    sent.collect()
}

/// Answers everything that was sent to a node.
fn respond(quorum: &mut Quorum, now: i64, to: &[Effect], from: NodeId, body: Body) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (_, correlation_id, request) in sent(to).into_iter().filter(|(to, ..)| *to == from) {
        let response = Response { error: ErrorCode::NONE, epoch: request.epoch, leader: None, body: body.clone() };
        effects.extend(quorum.step(now, Event::Response { correlation_id, response }));
    }
    effects
}

/// Node 1 follows node 2 in epoch 5. What it did last is its first fetch.
fn follower(change: impl FnOnce(&mut Start)) -> (Quorum, Vec<Effect>) {
    let mut quorum = node(change);
    let effects = ask(&mut quorum, 0, 5, Call::BeginQuorumEpoch { voter: key(1), leader: 2 });
    assert_eq!(quorum.role(), "follower");
    (quorum, effects)
}

/// What its leader answers.
fn fetched(quorum: &mut Quorum, now: i64, to: &[Effect], high_watermark: i64, data: Fetched) -> Vec<Effect> {
    respond(quorum, now, to, 2, Body::Fetch { high_watermark, data })
}

/// Node 1 leads epoch 1 from time 3000 on, and has appended and flushed LeaderChange after what it had.
fn leader(change: impl FnOnce(&mut Start)) -> Quorum {
    let mut quorum = node(change);
    let end = quorum.log().end().offset;
    let would = quorum.step(3000, Event::Tick);
    let votes = respond(&mut quorum, 3000, &would, 2, Body::Vote { granted: true });
    respond(&mut quorum, 3000, &votes, 2, Body::Vote { granted: true });
    assert_eq!(quorum.role(), "leader");
    quorum.step(3000, Event::Appended { end: end + 1 });
    quorum.step(3000, Event::Flushed { end: end + 1 });
    quorum
}

const EMPTY: OffsetAndEpoch = OffsetAndEpoch { epoch: 0, offset: 0 };
