//! How far consumers may read.

use ch03_replication::isr::{Isr, Pending};
use ch03_replication::leader::{Effect, Event};

use super::support::{append, fetch, leader, set};

#[test]
fn it_is_where_the_last_of_the_in_sync_replicas_ends() {
    let mut leader = leader(&[1, 2, 3], |_| ());
    append(&mut leader, 10);
    for (replica, offset, expected) in [(2, 0, 0), (3, 0, 0), (2, 10, 0), (3, 4, 4), (3, 10, 10)] {
        fetch(&mut leader, replica, offset, 1);
        assert_eq!(leader.high_watermark(), expected, "after {replica} has fetched from {offset}");
    }
}

#[test]
fn alone_in_sync_the_leader_decides() {
    let mut leader = leader(&[1], |_| ());
    assert_eq!(append(&mut leader, 7), [Effect::HighWatermark(7)], "followers that are out of sync do not count");
}

#[test]
fn who_has_not_fetched_in_this_epoch_may_be_anywhere() {
    let mut leader = leader(&[1, 2, 3], |begin| (begin.log_end, begin.high_watermark) = (10, 4));
    fetch(&mut leader, 2, 10, 1);
    assert_eq!(leader.high_watermark(), 4, "nothing is known of 3 yet");
    fetch(&mut leader, 3, 10, 1);
    assert_eq!(leader.high_watermark(), 10);
}

#[test]
fn it_is_said_when_it_rises_and_only_then() {
    let mut leader = leader(&[1, 2], |_| ());
    assert_eq!(append(&mut leader, 10), []);
    assert_eq!(fetch(&mut leader, 2, 6, 1), [Effect::HighWatermark(6)]);
    assert_eq!(fetch(&mut leader, 2, 6, 2), [], "it is 6 already");
    assert_eq!(append(&mut leader, 12), []);
    assert_eq!(fetch(&mut leader, 2, 12, 3), [Effect::HighWatermark(12)]);
}

#[test]
fn it_never_falls() {
    let mut leader = leader(&[1, 2], |begin| (begin.log_end, begin.high_watermark) = (10, 8));
    assert_eq!(fetch(&mut leader, 2, 5, 1), [], "2 has lost what it had");
    assert_eq!(leader.high_watermark(), 8, "what consumers were shown is not taken back");
    fetch(&mut leader, 2, 9, 2);
    assert_eq!(leader.high_watermark(), 9);
}

#[test]
fn with_too_few_in_sync_it_stands_still() {
    let mut leader = leader(&[1, 2], |begin| begin.min_insync_replicas = 3);
    append(&mut leader, 10);
    fetch(&mut leader, 2, 10, 1);
    assert_eq!(leader.high_watermark(), 0, "two of three are in sync, and three are wanted");
    assert_eq!(leader.step(Event::MinInsyncReplicas(2)), [Effect::HighWatermark(10)], "two are enough from now on");
}

#[test]
fn who_is_to_join_holds_it_back_at_once() {
    let mut isr = Isr::new([1, 2], 0);
    isr.begin(Pending::Join(3));
    let mut leader = leader(&[1, 2], |begin| begin.isr = isr);
    append(&mut leader, 10);
    fetch(&mut leader, 2, 10, 1);
    assert_eq!(leader.high_watermark(), 0, "3 may be in sync already: the answer that says so is on its way");
    assert_eq!(leader.step(Event::Refused), [Effect::HighWatermark(10)], "it is not");
}

#[test]
fn who_is_to_leave_holds_it_back_until_that_is_confirmed() {
    let mut isr = Isr::new([1, 2, 3], 0);
    isr.begin(Pending::Leave(set(&[3])));
    let mut leader = leader(&[1, 2, 3], |begin| begin.isr = isr);
    append(&mut leader, 10);
    fetch(&mut leader, 2, 10, 1);
    assert_eq!(leader.high_watermark(), 0, "3 may still be chosen as the next leader");
    assert_eq!(leader.step(Event::Confirmed), [Effect::HighWatermark(10)], "now it cannot");
}
