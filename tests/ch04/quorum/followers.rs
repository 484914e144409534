//! Followers.

use super::*;

#[test]
fn an_empty_disk_votes_when_it_has_all_that_is_committed() {
    let (mut quorum, first) = follower(|start| start.may_vote = false);
    // The first two records, of four that are committed: the second is of the leader's own epoch, but there are more.
    fetched(&mut quorum, 1, &first, 4, Fetched::Batches { end: 2, epochs: vec![(4, 0), (5, 1)] });
    let second = quorum.step(2, Event::Flushed { end: 2 });
    assert!(!second.contains(&Effect::CaughtUp));
    fetched(&mut quorum, 3, &second, 4, Fetched::Batches { end: 4, epochs: vec![(5, 2)] });
    assert!(quorum.step(4, Event::Flushed { end: 4 }).contains(&Effect::CaughtUp));
    quorum.step(5, Event::Refused { node: 2 });
    assert_eq!(quorum.role(), "prospective");
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
fn who_looks_for_a_leader_asks_from_what_it_has_flushed() {
    let mut quorum = leader(|_| ());
    quorum.step(3001, Event::Appended { end: 5 });
    ask(&mut quorum, 3002, 8, vote(2, EMPTY, false));
    let asks = quorum.step(3022, Event::Tick);
    let fetches = |request: &Request| matches!(request.call, Call::Fetch(Fetch { offset: 1, max_wait_ms: 0, .. }));
    assert!(fetches(sent(&asks)[0].2), "{asks:?}");
}

#[test]
fn who_has_not_flushed_all_fetches_from_a_new_leader_when_it_has() {
    let mut quorum = leader(|_| ());
    quorum.step(3001, Event::Appended { end: 5 });
    let effects = ask(&mut quorum, 3002, 8, Call::BeginQuorumEpoch { voter: key(1), leader: 2 });
    assert_eq!((quorum.role(), sent(&effects).len()), ("follower", 0));
    assert_eq!(sent(&quorum.step(3005, Event::Flushed { end: 5 })).len(), 1);
}
