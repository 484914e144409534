//! Who leaves the in-sync replicas, who joins them, and when. Followers may lag by 100 ms.

use ch03_replication::leader::{Effect, Event};

use super::support::{append, fetch, leader, set, tick};

#[test]
fn who_is_silent_for_too_long_is_to_leave() {
    let mut leader = leader(&[1, 2, 3], |_| ());
    append(&mut leader, 5);
    fetch(&mut leader, 2, 5, 10);
    fetch(&mut leader, 3, 5, 10);
    append(&mut leader, 8);
    fetch(&mut leader, 2, 8, 50);
    assert_eq!(tick(&mut leader, 110), [], "3 had everything 100 ms ago: exactly as long as allowed");
    assert_eq!(tick(&mut leader, 111), [Effect::Propose(set(&[1, 2]))]);
    assert_eq!(*leader.isr().confirmed(), set(&[1, 2, 3]), "nobody has confirmed it");
}

#[test]
fn who_is_slow_is_to_leave_too() {
    let mut leader = leader(&[1, 2], |_| ());
    for now in (10..=150).step_by(10) {
        append(&mut leader, 2 * now);
        fetch(&mut leader, 2, now, now);
    }
    assert_eq!(tick(&mut leader, 151), [Effect::Propose(set(&[1]))], "2 fetches all the time, at half the pace");
}

#[test]
fn who_is_one_fetch_behind_keeps_up() {
    let mut leader = leader(&[1, 2], |_| ());
    for now in (10..=500).step_by(10) {
        append(&mut leader, now);
        fetch(&mut leader, 2, now - 10, now);
        assert_eq!(tick(&mut leader, now + 1), [], "at {now} ms: 2 has what the leader had at its last fetch");
    }
}

#[test]
fn who_has_everything_stays_however_long_it_is_silent() {
    let mut leader = leader(&[1, 2], |_| ());
    append(&mut leader, 5);
    fetch(&mut leader, 2, 5, 10);
    assert_eq!(tick(&mut leader, 1_000_000), [], "there was nothing to fetch");
}

#[test]
fn all_who_lag_are_to_leave_at_once() {
    let mut leader = leader(&[1, 2, 3], |_| ());
    append(&mut leader, 5);
    assert_eq!(tick(&mut leader, 101), [Effect::Propose(set(&[1]))]);
}

#[test]
fn a_leader_that_begins_gives_the_others_their_time() {
    let mut leader = leader(&[1, 2], |begin| (begin.log_end, begin.now) = (5, 1000));
    assert_eq!(tick(&mut leader, 1100), []);
    assert_eq!(tick(&mut leader, 1101), [Effect::Propose(set(&[1]))]);
}

#[test]
fn who_is_out_already_does_not_leave_again() {
    let mut leader = leader(&[1, 2], |_| ());
    append(&mut leader, 5);
    fetch(&mut leader, 2, 5, 490);
    fetch(&mut leader, 3, 2, 490);
    assert_eq!(tick(&mut leader, 500), [], "3 lags, and is not in sync");
}

#[test]
fn who_has_all_that_consumers_may_have_seen_is_to_join() {
    let mut leader = leader(&[1, 2], |_| ());
    append(&mut leader, 20);
    fetch(&mut leader, 2, 12, 1);
    for (offset, expected) in [(0, vec![]), (11, vec![]), (12, vec![Effect::Propose(set(&[1, 2, 3]))])] {
        assert_eq!(
            fetch(&mut leader, 3, offset, 500),
            expected,
            "the high watermark is 12, and 3 fetches from {offset}"
        );
    }
    assert_eq!(*leader.isr().confirmed(), set(&[1, 2]), "nobody has confirmed it");
}

#[test]
fn who_has_not_the_start_of_the_epoch_does_not_join() {
    let begins_at_20 = |begin: &mut ch03_replication::leader::BecomeLeader| {
        (begin.log_end, begin.high_watermark, begin.min_insync_replicas) = (20, 15, 2);
    };
    let mut leader = leader(&[1], begins_at_20);
    for (offset, expected) in [(15, vec![]), (19, vec![]), (20, vec![Effect::Propose(set(&[1, 2]))])] {
        assert_eq!(fetch(&mut leader, 2, offset, 1), expected, "the epoch began at 20, and 2 fetches from {offset}");
    }
}

#[test]
fn one_change_at_a_time() {
    let mut leader = leader(&[1], |_| ());
    append(&mut leader, 5);
    assert_eq!(fetch(&mut leader, 2, 5, 1), [Effect::Propose(set(&[1, 2]))]);
    assert_eq!(fetch(&mut leader, 3, 5, 1), [], "2 is not confirmed yet");
    leader.step(Event::Confirmed);
    assert_eq!(fetch(&mut leader, 3, 5, 2), [Effect::Propose(set(&[1, 2, 3]))]);
    append(&mut leader, 8);
    assert_eq!(tick(&mut leader, 500), [], "3 is not confirmed yet, so 2 does not leave");
    leader.step(Event::Confirmed);
    assert_eq!(tick(&mut leader, 501), [Effect::Propose(set(&[1]))], "now both do");
}

#[test]
fn what_was_refused_is_proposed_again() {
    let mut leader = leader(&[1, 2], |_| ());
    append(&mut leader, 5);
    let without_2 = [Effect::Propose(set(&[1]))];
    assert_eq!(tick(&mut leader, 101), without_2);
    leader.step(Event::Refused);
    assert_eq!(tick(&mut leader, 102), without_2);
}

#[test]
fn who_keeps_up_holds_the_high_watermark_back_before_it_is_in() {
    let mut leader = leader(&[1], |_| ());
    append(&mut leader, 10);
    fetch(&mut leader, 2, 10, 1);
    leader.step(Event::Refused);
    assert_eq!(append(&mut leader, 20), [], "else it would always be a step ahead of 2");
    assert_eq!(fetch(&mut leader, 2, 20, 2), [Effect::Propose(set(&[1, 2])), Effect::HighWatermark(20)]);
}

#[test]
fn who_does_not_keep_up_holds_nothing_back() {
    let mut leader = leader(&[1, 2], |_| ());
    append(&mut leader, 10);
    fetch(&mut leader, 2, 10, 1);
    append(&mut leader, 20);
    fetch(&mut leader, 3, 0, 2);
    assert_eq!(fetch(&mut leader, 2, 20, 2), [Effect::HighWatermark(20)], "3 has never had everything");
}
