//! A leader is told by whoever decides who is in sync, and acts on it at once.

use ch03_replication::isr::Isr;
use ch03_replication::leader::{BecomeLeader, Effect, Event, Leader};

/// Broker 1 leads; 2 and 3 are in sync and have fetched up to 5 and 3 of 5 records.
fn leader() -> Leader {
    let mut leader = Leader::new(BecomeLeader {
        me: 1,
        replicas: vec![1, 2, 3],
        isr: Isr::new([1, 2, 3], 7),
        epoch: 4,
        log_end: 0,
        high_watermark: 0,
        min_insync_replicas: 2,
        lag_max_ms: 30_000,
        now: 0,
    });
    for event in [
        Event::Appended { log_end: 5 },
        Event::Fetched { replica: 2, offset: 5, now: 10 },
        Event::Fetched { replica: 3, offset: 3, now: 10 },
    ] {
        leader.step(event);
    }
    assert_eq!(leader.high_watermark(), 3);
    leader
}

#[test]
fn who_was_put_out_is_not_waited_for_however_well_it_kept_up() {
    let mut leader = leader();
    assert_eq!(leader.told(&[1, 2, 3], Isr::new([1, 2], 8)), [Effect::HighWatermark(5)]);
    assert_eq!(leader.isr().version(), 8);
    // When it comes back it counts as one that has just come.
    let effects = leader.step(Event::Fetched { replica: 3, offset: 5, now: 20 });
    assert_eq!(effects, [Effect::Propose([1, 2, 3].into())]);
}

#[test]
fn what_is_older_than_what_is_known_is_no_news() {
    let mut leader = leader();
    for version in [6, 7] {
        assert_eq!(leader.told(&[1, 2], Isr::new([1, 2], version)), []);
    }
    assert_eq!((leader.isr().confirmed().len(), leader.followers().len()), (3, 2));
}

#[test]
fn copies_come_and_go() {
    let mut leader = leader();
    leader.told(&[1, 2, 4], Isr::new([1, 2], 8));
    assert_eq!(leader.followers().keys().copied().collect::<Vec<_>>(), [2, 4]);
    assert_eq!(leader.followers()[&4].log_end, None, "nothing is known of it yet");
    assert_eq!(leader.high_watermark(), 5);
}

#[test]
fn news_take_the_place_of_a_change_that_was_under_way() {
    let mut leader = leader();
    let effects = leader.step(Event::Tick { now: 40_000 });
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Propose(_))), "{effects:?}");
    leader.told(&[1, 2, 3], Isr::new([1, 2, 3], 8));
    assert_eq!((leader.isr().pending(), leader.isr().version()), (None, 8));
}
