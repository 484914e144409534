//! What a node of the quorum does, rule by rule.

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch03_replication::epoch_end::EpochEnd;
use ch04_controller::quorum::message::{Body, Call, Fetch, Fetched, Request, Response};
use ch04_controller::quorum::vote::OffsetAndEpoch;
use ch04_controller::quorum::{
    CorrelationId, Effect, ElectionState, Event, NodeId, Quorum, QuorumLog, ReplicaKey, Start, Timeouts, Voters,
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

#[test]
fn a_vote_is_on_the_disk_before_it_is_answered() {
    let effects = ask(&mut node(|_| ()), 0, 4, vote(2, EMPTY, false));
    let persisted = ElectionState { epoch: 4, voted_for: Some(key(2)), leader: None };
    let at = effects.iter().position(|effect| *effect == Effect::Persist(persisted)).unwrap();
    assert!(granted(&effects[at..]) && !granted(&effects[..at]), "{effects:?}");
}

#[test]
fn a_candidate_persists_its_own_vote_before_it_asks_for_others() {
    let mut quorum = node(|_| ());
    let would = quorum.step(3000, Event::Tick);
    assert_eq!((quorum.role(), quorum.election().epoch), ("prospective", 0));
    let effects = respond(&mut quorum, 3000, &would, 3, Body::Vote { granted: true });
    assert_eq!(effects[0], Effect::Persist(ElectionState { epoch: 1, voted_for: Some(key(1)), leader: None }));
    assert_eq!((quorum.role(), sent(&effects).len()), ("candidate", 2));
}

#[test]
fn a_node_votes_once_in_an_epoch_and_keeps_its_vote_through_a_restart() {
    let mut quorum = node(|_| ());
    assert!(granted(&ask(&mut quorum, 0, 4, vote(2, EMPTY, false))));
    assert!(!granted(&ask(&mut quorum, 0, 4, vote(3, EMPTY, false))));
    let election = *quorum.election();
    let mut quorum = node(|start| start.election = election);
    assert!(!granted(&ask(&mut quorum, 0, 4, vote(3, EMPTY, false))));
    assert!(granted(&ask(&mut quorum, 0, 4, vote(2, EMPTY, false))));
}

#[test]
fn who_led_an_epoch_does_not_lead_it_again_after_a_restart() {
    let election = *leader(|_| ()).election();
    let mut quorum = node(|start| (start.election, start.log) = (election, log(&[(1, 0)], 1)));
    assert_eq!(quorum.role(), "resigned");
    assert!(!granted(&ask(&mut quorum, 0, 1, vote(2, OffsetAndEpoch { epoch: 1, offset: 9 }, false))));
    let would = quorum.step(3000, Event::Tick);
    let votes = respond(&mut quorum, 3000, &would, 2, Body::Vote { granted: true });
    respond(&mut quorum, 3000, &votes, 2, Body::Vote { granted: true });
    assert_eq!((quorum.role(), quorum.election().epoch), ("leader", 2));
}

#[test]
fn a_candidate_that_restarts_does_not_go_on_in_its_epoch() {
    let election = ElectionState { epoch: 4, voted_for: Some(key(1)), leader: None };
    let mut quorum = node(|start| start.election = election);
    assert_eq!(quorum.role(), "unattached");
    let would = quorum.step(3000, Event::Tick);
    respond(&mut quorum, 3000, &would, 2, Body::Vote { granted: true });
    assert_eq!((quorum.role(), quorum.election().epoch), ("candidate", 5));
}

#[test]
fn a_log_with_a_later_epoch_than_quorum_state_counts() {
    let quorum = node(|start| start.log = log(&[(6, 0)], 3));
    assert_eq!(*quorum.election(), ElectionState::of_epoch(6));
}

#[test]
fn to_be_asked_changes_nothing() {
    let mut quorum = node(|_| ());
    let before = *quorum.election();
    let effects = ask(&mut quorum, 0, 9, vote(2, EMPTY, true));
    assert!(granted(&effects) && effects.len() == 1, "{effects:?}");
    assert_eq!(*quorum.election(), before);
    assert!(granted(&ask(&mut quorum, 0, 9, vote(3, EMPTY, true))), "nothing was promised");
}

#[test]
fn who_hears_of_its_leader_would_vote_for_nobody() {
    let (mut quorum, first) = follower(|_| ());
    assert!(granted(&ask(&mut quorum, 0, 5, vote(3, EMPTY, true))), "the leader has not answered yet");
    fetched(&mut quorum, 1, &first, 0, Fetched::Batches { end: 0, epochs: vec![] });
    assert!(!granted(&ask(&mut quorum, 1, 5, vote(3, EMPTY, true))));
    assert!(!granted(&ask(&mut leader(|_| ()), 3000, 1, vote(3, OffsetAndEpoch { epoch: 9, offset: 9 }, true))));
}

#[test]
fn a_dead_leader_is_missed_at_once() {
    let (mut quorum, first) = follower(|_| ());
    fetched(&mut quorum, 1, &first, 0, Fetched::Batches { end: 0, epochs: vec![] });
    quorum.step(2, Event::Refused { node: 3 });
    assert_eq!(quorum.role(), "follower");
    let effects = quorum.step(2, Event::Refused { node: 2 });
    assert_eq!((quorum.role(), sent(&effects).len()), ("prospective", 2));
}

#[test]
fn of_two_who_ask_at_once_the_one_with_the_better_claim_stands() {
    let claim = |end, seen: OffsetAndEpoch| {
        let (mut quorum, _) = follower(|start| start.log = log(&[(3, 0)], end));
        quorum.step(2, Event::Refused { node: 2 });
        granted(&ask(&mut quorum, 2, 5, vote(3, seen, true)))
    };
    // The other has a shorter log; the same, and a higher number; a longer one; a later one.
    assert!(!claim(4, OffsetAndEpoch { epoch: 3, offset: 3 }));
    assert!(!claim(4, OffsetAndEpoch { epoch: 3, offset: 4 }));
    assert!(claim(4, OffsetAndEpoch { epoch: 3, offset: 5 }));
    assert!(claim(4, OffsetAndEpoch { epoch: 4, offset: 1 }));
}

#[test]
fn who_was_refused_by_another_stands_not_in_its_way() {
    let (mut quorum, _) = follower(|_| ());
    let would = quorum.step(2, Event::Refused { node: 2 });
    respond(&mut quorum, 2, &would, 3, Body::Vote { granted: false });
    assert!(granted(&ask(&mut quorum, 3, 5, vote(3, EMPTY, true))));
}

#[test]
fn who_is_no_voter_or_has_an_empty_disk_neither_votes_nor_stands() {
    let no_voter = || node(|start| start.me = key(4));
    let empty = || node(|start| start.may_vote = false);
    for quorum in [no_voter, empty] {
        let call =
            |quorum: &Quorum, pre_vote| Call::Vote { voter: quorum.me(), candidate: key(2), end: EMPTY, pre_vote };
        let mut quorum = quorum();
        for pre_vote in [true, false] {
            let call = call(&quorum, pre_vote);
            assert!(!granted(&ask(&mut quorum, 0, 3, call)));
        }
        quorum.step(60_000, Event::Tick);
        assert_eq!(quorum.role(), "unattached");
    }
}

#[test]
fn an_empty_disk_votes_when_it_has_all_that_is_committed() {
    let (mut quorum, first) = follower(|start| start.may_vote = false);
    // The first two records, of four that are committed, of which the last is of the leader's own epoch.
    fetched(&mut quorum, 1, &first, 4, Fetched::Batches { end: 2, epochs: vec![(4, 0)] });
    let second = quorum.step(2, Event::Flushed { end: 2 });
    assert!(!second.contains(&Effect::CaughtUp));
    fetched(&mut quorum, 3, &second, 4, Fetched::Batches { end: 4, epochs: vec![(4, 2), (5, 3)] });
    assert!(quorum.step(4, Event::Flushed { end: 4 }).contains(&Effect::CaughtUp));
    quorum.step(5, Event::Refused { node: 2 });
    assert_eq!(quorum.role(), "prospective");
}

#[test]
fn a_request_for_somebody_else_with_this_number_is_refused() {
    let voter = ReplicaKey { id: 1, directory_id: Uuid([9; 16]) };
    let call = Call::Vote { voter, candidate: key(2), end: EMPTY, pre_vote: false };
    let effects = ask(&mut node(|_| ()), 0, 3, call);
    assert_eq!(answer(&effects).unwrap().error, ErrorCode::INVALID_VOTER_KEY);
}

#[test]
fn a_request_of_an_earlier_epoch_changes_nothing_and_learns_the_present_one() {
    let calls = [
        vote(3, OffsetAndEpoch { epoch: 4, offset: 9 }, false),
        vote(3, OffsetAndEpoch { epoch: 4, offset: 9 }, true),
        Call::BeginQuorumEpoch { voter: key(1), leader: 3 },
        Call::EndQuorumEpoch { leader: 2, preferred: vec![key(1)] },
        fetch(3, 0, 0),
    ];
    for call in calls {
        let (mut quorum, first) = follower(|_| ());
        fetched(&mut quorum, 1, &first, 0, Fetched::Batches { end: 0, epochs: vec![] });
        let effects = ask(&mut quorum, 1, 4, call);
        let expected =
            Response { error: ErrorCode::FENCED_LEADER_EPOCH, epoch: 5, leader: Some(2), body: Body::Nothing };
        assert_eq!((answer(&effects), effects.len(), quorum.role()), (Some(&expected), 1, "follower"));
    }
}

#[test]
fn a_later_epoch_is_on_the_disk_before_anything_depends_on_it() {
    for call in [Call::BeginQuorumEpoch { voter: key(1), leader: 3 }, fetch(3, 0, 0)] {
        let mut quorum = leader(|_| ());
        let effects = ask(&mut quorum, 3000, 8, call);
        assert!(matches!(effects[0], Effect::Persist(ElectionState { epoch: 8, .. })), "{effects:?}");
        assert_ne!(quorum.role(), "leader");
    }
}

#[test]
fn whoever_learns_of_a_leader_fetches_from_it_at_once() {
    let (_, effects) = follower(|_| ());
    assert!(matches!(sent(&effects)[..], [(2, _, Request { epoch: 5, call: Call::Fetch(_) })]), "{effects:?}");
    let mut quorum = node(|_| ());
    let asks = quorum.step(20, Event::Tick);
    let (_, correlation_id, _) = sent(&asks)[0];
    let error = ErrorCode::NOT_LEADER_OR_FOLLOWER;
    let response = Response { error, epoch: 5, leader: Some(3), body: Body::Nothing };
    let effects = quorum.step(21, Event::Response { correlation_id, response });
    assert!(matches!(sent(&effects)[..], [(3, _, Request { epoch: 5, call: Call::Fetch(_) })]), "{effects:?}");
}

#[test]
fn a_follower_fetches_again_when_what_it_got_is_on_its_disk() {
    let (mut quorum, first) = follower(|_| ());
    let effects = fetched(&mut quorum, 1, &first, 0, Fetched::Batches { end: 3, epochs: vec![(5, 0)] });
    assert_eq!(effects, [Effect::Append { end: 3 }]);
    assert_eq!(sent(&quorum.step(2, Event::Flushed { end: 2 })), []);
    let effects = quorum.step(3, Event::Flushed { end: 3 });
    assert!(matches!(sent(&effects)[..], [(2, _, Request { call: Call::Fetch(Fetch { offset: 3, .. }), .. })]));
}

#[test]
fn a_followers_high_watermark_is_at_most_what_it_has_flushed() {
    let (mut quorum, first) = follower(|_| ());
    fetched(&mut quorum, 1, &first, 9, Fetched::Batches { end: 3, epochs: vec![(5, 0)] });
    assert_eq!(quorum.log().high_watermark(), 0);
    quorum.step(3, Event::Flushed { end: 3 });
    assert_eq!(quorum.log().high_watermark(), 3);
}

#[test]
fn where_logs_part_the_follower_cuts_its_own_and_learns_no_high_watermark() {
    let (mut quorum, first) = follower(|start| start.log = log(&[(1, 0), (2, 4)], 6));
    let diverging = Fetched::Diverging(EpochEnd { epoch: 1, end: 3 });
    let effects = fetched(&mut quorum, 1, &first, 5, diverging);
    assert_eq!(effects[0], Effect::Truncate(3));
    let fetches_on =
        |request: &Request| matches!(request.call, Call::Fetch(Fetch { offset: 3, last_fetched_epoch: 1, .. }));
    assert!(fetches_on(sent(&effects)[0].2));
    assert_eq!(quorum.log().high_watermark(), 0);
}

#[test]
#[should_panic(expected = "below 6 all is committed")]
fn a_follower_never_cuts_what_is_committed() {
    let (mut quorum, first) = follower(|start| start.log = log(&[(1, 0), (2, 4)], 6));
    let second = fetched(&mut quorum, 1, &first, 6, Fetched::Batches { end: 6, epochs: vec![] });
    fetched(&mut quorum, 2, &second, 6, Fetched::Diverging(EpochEnd { epoch: 1, end: 3 }));
}

#[test]
fn batches_that_do_not_follow_are_not_taken() {
    let (mut quorum, first) = follower(|start| start.log = log(&[(3, 0)], 4));
    for epochs in [vec![], vec![(3, 3)], vec![(2, 4)], vec![(6, 4)], vec![(3, 4), (3, 5)], vec![(3, 4), (4, 8)]] {
        let effects = fetched(&mut quorum.clone(), 1, &first, 0, Fetched::Batches { end: 8, epochs });
        assert_eq!(effects, []);
    }
    assert_eq!(fetched(&mut quorum, 1, &first, 0, Fetched::Batches { end: 8, epochs: vec![(3, 4), (5, 7)] }).len(), 1);
}

#[test]
fn what_is_only_in_a_snapshot_is_fetched_as_one() {
    let (mut quorum, first) = follower(|_| ());
    let snapshot = OffsetAndEpoch { epoch: 3, offset: 40 };
    let effects = fetched(&mut quorum, 1, &first, 50, Fetched::Snapshot(snapshot));
    let [Effect::FetchSnapshot { from: 2, correlation_id, .. }] = effects[..] else { panic!("{effects:?}") };
    // As long as parts of it come, the leader is alive.
    for now in [1900, 3800, 5700] {
        quorum.step(now, Event::SnapshotPart { correlation_id });
    }
    let effects = quorum.step(7600, Event::SnapshotFetched { correlation_id });
    assert_eq!(effects[..2], [Effect::InstallSnapshot(snapshot), Effect::HighWatermark(40)]);
    let next = sent(&effects)[0].2;
    assert!(matches!(next.call, Call::Fetch(Fetch { offset: 40, last_fetched_epoch: 3, high_watermark: 40, .. })));
}

#[test]
fn a_leader_counts_itself_only_up_to_what_it_has_flushed() {
    let mut quorum = leader(|_| ());
    quorum.step(3001, Event::Appended { end: 5 });
    ask(&mut quorum, 3002, 1, fetch(2, 5, 1));
    assert_eq!(quorum.log().high_watermark(), 1, "node 2 has all, and node 1 has 1 record on its disk");
    quorum.step(3003, Event::Flushed { end: 5 });
    assert_eq!(quorum.log().high_watermark(), 5);
}

#[test]
fn only_voters_count() {
    let mut quorum = leader(|_| ());
    ask(&mut quorum, 3001, 1, fetch(4, 1, 1));
    let other_disk = ReplicaKey { id: 2, directory_id: Uuid([9; 16]) };
    let same_number =
        Fetch { replica: other_disk, offset: 1, last_fetched_epoch: 1, high_watermark: 0, max_wait_ms: 0 };
    ask(&mut quorum, 3001, 1, Call::Fetch(same_number));
    assert_eq!(quorum.log().high_watermark(), 0);
    ask(&mut quorum, 3002, 1, fetch(2, 1, 1));
    assert_eq!(quorum.log().high_watermark(), 1);
}

#[test]
fn what_was_there_before_is_committed_with_the_first_record_of_the_epoch() {
    let mut quorum = leader(|start| start.log = log(&[(0, 0)], 3));
    ask(&mut quorum, 3001, 1, fetch(2, 3, 0));
    assert_eq!(quorum.log().high_watermark(), 0, "two of three have 3 records, but of an earlier epoch");
    ask(&mut quorum, 3002, 1, fetch(2, 4, 1));
    assert_eq!(quorum.log().high_watermark(), 4);
}

#[test]
fn a_leader_appends_leader_change_before_it_says_that_it_leads() {
    let mut quorum = node(|_| ());
    let would = quorum.step(3000, Event::Tick);
    let votes = respond(&mut quorum, 3000, &would, 3, Body::Vote { granted: true });
    let effects = respond(&mut quorum, 3000, &votes, 3, Body::Vote { granted: true });
    assert_eq!(effects[0], Effect::Persist(ElectionState { epoch: 1, voted_for: Some(key(1)), leader: Some(1) }));
    assert_eq!(effects[1], Effect::LeaderChange { leader: Some(1), epoch: 1 });
    assert_eq!(effects[2], Effect::AppendLeaderChange { epoch: 1, granting: vec![1, 3] });
    assert!(sent(&effects).iter().all(|(_, _, request)| matches!(request.call, Call::BeginQuorumEpoch { .. })));
}

#[test]
fn voters_are_told_who_leads_until_they_fetch() {
    let mut quorum = leader(|_| ());
    ask(&mut quorum, 3100, 1, fetch(2, 1, 1));
    let told = |effects: &[Effect]| sent(effects).iter().map(|(to, ..)| *to).collect::<Vec<_>>();
    assert_eq!(told(&quorum.step(4000, Event::Tick)), [3]);
    assert!(told(&quorum.step(4500, Event::Tick)).is_empty());
    assert_eq!(told(&quorum.step(5000, Event::Tick)), [3]);
}

#[test]
fn a_fetch_waits_until_there_is_something_new() {
    let wait = || {
        let mut quorum = leader(|_| ());
        let mut fetch = |id, high_watermark| {
            let replica = key(id);
            let fetch = Fetch { replica, offset: 1, last_fetched_epoch: 1, high_watermark, max_wait_ms: 500 };
            ask(&mut quorum, 3001, 1, Call::Fetch(fetch))
        };
        assert!(answer(&fetch(2, 0)).is_some(), "with this fetch the high watermark rises");
        assert!(answer(&fetch(2, 1)).is_none());
        quorum
    };
    let batches = |effects: &[Effect]| answer(effects).map(|response| response.body.clone());
    let body = |end, epochs| Some(Body::Fetch { high_watermark: 1, data: Fetched::Batches { end, epochs } });
    assert_eq!(batches(&wait().step(3002, Event::Appended { end: 3 })), body(3, vec![(1, 1)]));
    assert_eq!(batches(&wait().step(3501, Event::Tick)), body(1, vec![]), "its time is over");
    assert_eq!(batches(&wait().step(3500, Event::Tick)), None);
    let effects = ask(&mut wait(), 3002, 9, Call::BeginQuorumEpoch { voter: key(1), leader: 2 });
    assert_eq!(answer(&effects).unwrap().error, ErrorCode::NOT_LEADER_OR_FOLLOWER, "another leads");
}

#[test]
fn a_follower_whose_log_parts_is_told_where() {
    let mut quorum = leader(|start| start.log = log(&[(0, 0)], 3));
    let effects = ask(&mut quorum, 3001, 1, fetch(2, 5, 0));
    let Body::Fetch { data, .. } = &answer(&effects).unwrap().body else { panic!("{effects:?}") };
    assert_eq!(*data, Fetched::Diverging(EpochEnd { epoch: 0, end: 3 }));
}

#[test]
fn what_a_leader_has_in_a_snapshot_only_it_offers_as_one() {
    let snapshot = OffsetAndEpoch { epoch: 3, offset: 10 };
    let start = |start: &mut Start| start.log = QuorumLog::new(snapshot, [(5, 12)], 15);
    // Its log: up to 10 in the snapshot, 10 and 11 of epoch 3, 12 to 14 of epoch 5; then LeaderChange of epoch 6.
    let read = |offset, epoch| {
        let effects = ask(&mut leader(start), 3001, 6, fetch(2, offset, epoch));
        let Some(Response { body: Body::Fetch { data, .. }, .. }) = answer(&effects) else { panic!("{effects:?}") };
        data.clone()
    };
    let diverging = |epoch, end| Fetched::Diverging(EpochEnd { epoch, end });
    let batches = |epochs: &[(i32, i64)]| Fetched::Batches { end: 16, epochs: epochs.to_vec() };
    for (offset, epoch, expected) in [
        (0, 0, Fetched::Snapshot(snapshot)),
        (9, 3, Fetched::Snapshot(snapshot)),
        (10, 2, Fetched::Snapshot(snapshot)),
        (10, 3, batches(&[(3, 10), (5, 12), (6, 15)])),
        (10, 4, diverging(3, 12)),
        (12, 3, batches(&[(5, 12), (6, 15)])),
        (13, 3, diverging(3, 12)),
        (15, 5, batches(&[(6, 15)])),
        (16, 5, diverging(5, 15)),
    ] {
        assert_eq!(read(offset, epoch), expected, "from {offset} of epoch {epoch}");
    }
}

#[test]
fn a_leader_that_no_majority_fetches_from_resigns() {
    let mut quorum = leader(|_| ());
    ask(&mut quorum, 4000, 1, fetch(2, 1, 1));
    quorum.step(6999, Event::Tick);
    assert_eq!(quorum.role(), "leader");
    let effects = quorum.step(7000, Event::Tick);
    assert_eq!(quorum.role(), "resigned");
    assert!(sent(&effects).iter().all(|(_, _, request)| matches!(request.call, Call::EndQuorumEpoch { .. })));
}

#[test]
fn a_leader_is_confirmed_by_what_was_committed_not_by_the_time() {
    let mut quorum = leader(|_| ());
    assert_eq!(quorum.confirmed_at(), None);
    ask(&mut quorum, 3010, 1, fetch(2, 1, 1));
    assert_eq!(quorum.confirmed_at(), Some(3000), "when LeaderChange was appended");
    quorum.step(4000, Event::Appended { end: 2 });
    quorum.step(4500, Event::Appended { end: 3 });
    quorum.step(4600, Event::Flushed { end: 3 });
    ask(&mut quorum, 4700, 1, fetch(2, 2, 1));
    assert_eq!(quorum.confirmed_at(), Some(4000));
    ask(&mut quorum, 4800, 1, fetch(2, 3, 1));
    assert_eq!(quorum.confirmed_at(), Some(4500));
}

#[test]
fn a_lone_voter_leads_with_its_first_step() {
    let start = |start: &mut Start| start.voters = Voters::new([key(1)]);
    let mut quorum = node(start);
    assert_eq!((quorum.role(), quorum.election().epoch), ("leader", 1));
    quorum.step(0, Event::Appended { end: 1 });
    quorum.step(0, Event::Flushed { end: 1 });
    assert_eq!(quorum.log().high_watermark(), 1);
    quorum.step(1_000_000, Event::Tick);
    assert_eq!(quorum.role(), "leader");
    let election = *quorum.election();
    let quorum = node(|again| {
        start(again);
        (again.election, again.log) = (election, log(&[(1, 0)], 1));
    });
    assert_eq!((quorum.role(), quorum.election().epoch), ("leader", 2));
}

#[test]
fn a_leader_that_stops_names_the_best_first() {
    let mut quorum = leader(|_| ());
    quorum.step(3001, Event::Appended { end: 4 });
    ask(&mut quorum, 3002, 1, fetch(2, 1, 1));
    ask(&mut quorum, 3002, 1, fetch(3, 4, 1));
    let effects = quorum.step(3003, Event::Stop);
    let ends = sent(&effects);
    assert!(matches!(&ends[0].2.call, Call::EndQuorumEpoch { preferred, .. } if *preferred == [key(3), key(2)]));
    assert!(!quorum.has_stopped());
    respond(&mut quorum, 3004, &effects, 2, Body::Nothing);
    quorum.step(3004, Event::Failed { correlation_id: ends[1].1 });
    assert!(quorum.has_stopped());
    quorum.step(60_000, Event::Tick);
    assert_eq!(quorum.role(), "resigned", "it does not stand any more");
}

#[test]
fn when_the_leader_stops_the_first_it_names_stands_at_once() {
    let end = |preferred: Vec<ReplicaKey>| {
        let (mut quorum, _) = follower(|_| ());
        ask(&mut quorum, 10, 5, Call::EndQuorumEpoch { leader: 2, preferred });
        quorum
    };
    assert_eq!(end(vec![key(1), key(3)]).role(), "prospective");
    assert_eq!(end(vec![]).role(), "prospective");
    let mut second = end(vec![key(3), key(1)]);
    assert_eq!(second.role(), "unattached");
    second.step(10 + 40, Event::Tick);
    assert_eq!(second.role(), "prospective");
}

#[test]
fn a_lost_election_is_followed_by_a_wait() {
    let (mut quorum, _) = follower(|_| ());
    let would = quorum.step(2, Event::Refused { node: 2 });
    for (to, correlation_id, _) in sent(&would) {
        let error = ErrorCode::NONE;
        let refused = Response { error, epoch: 5, leader: None, body: Body::Vote { granted: false } };
        match to {
            2 => quorum.step(3, Event::Failed { correlation_id }),
            _ => quorum.step(3, Event::Response { correlation_id, response: refused }),
        };
    }
    assert_eq!(quorum.role(), "unattached");
    let again_at = quorum.deadline().unwrap();
    assert!((4..=3 + 40).contains(&again_at), "{again_at}");
}
