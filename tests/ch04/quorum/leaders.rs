//! Leaders.

use super::*;

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
