//! Votes, and what they rest on.

use super::*;

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
fn who_waits_and_is_asked_by_a_shorter_log_stands_at_once() {
    let ask_by = |end| {
        let mut quorum = node(|start| start.log = log(&[(3, 0)], 4));
        let effects = ask(&mut quorum, 10, 3, vote(2, OffsetAndEpoch { epoch: 3, offset: end }, true));
        (granted(&effects), quorum.role())
    };
    assert_eq!(ask_by(4), (true, "unattached"));
    assert_eq!(ask_by(3), (false, "prospective"));
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

#[test]
fn waits_are_drawn() {
    let (timeouts, mut jitter) = (Timeouts::default(), Jitter::new(3));
    for _ in 0..1000 {
        assert!((1000..2000).contains(&timeouts.draw_election_timeout(&mut jitter)));
        assert!((20..=40).contains(&timeouts.draw_election_backoff(1, &mut jitter)));
        assert!((80..=160).contains(&timeouts.draw_election_backoff(3, &mut jitter)));
        assert!((500..=1000).contains(&timeouts.draw_election_backoff(u32::MAX, &mut jitter)));
    }
    let draw = |seed| (0..9).map(move |_| seed).scan(Jitter::new(seed), |jitter, _| Some(jitter.below(100)));
    assert!(draw(1).eq(draw(1)) && !draw(1).eq(draw(2)));
}
