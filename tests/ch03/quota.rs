//! The tests of the open-ended exercise `quota`: copying at no more than a given rate.

use ch01_log::batch::Timestamp;
use ch01_log::text_checkpoint::TopicPartition;
use ch03_replication::quota::{Grants, ReplicationQuota, Wish};

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("test", number)
}

/// Partitions 0 to 9 are throttled.
fn quota(rate: u64) -> ReplicationQuota {
    let mut quota = ReplicationQuota::new(rate);
    quota.set_throttled((0..10).map(partition).collect());
    quota
}

fn behind(number: i32, max_bytes: u64) -> Wish {
    Wish { partition: partition(number), in_sync: false, max_bytes }
}

fn in_sync(number: i32, max_bytes: u64) -> Wish {
    Wish { partition: partition(number), in_sync: true, max_bytes }
}

fn granted(quota: &mut ReplicationQuota, wishes: &[Wish], now: Timestamp) -> Vec<u64> {
    quota.ask(wishes, now).bytes
}

/// What one replica that is behind would get, without taking it.
fn free(quota: &ReplicationQuota, now: Timestamp) -> u64 {
    quota.clone().ask(&[behind(9, u64::MAX)], now).bytes[0]
}

#[test]
fn at_first_there_is_a_seconds_worth() {
    let mut quota = quota(1000);
    assert_eq!(granted(&mut quota, &[behind(0, 5000)], 70_000), [1000]);
    assert_eq!(granted(&mut quota, &[behind(0, 300)], 70_000), [300], "nobody gets more than it wants");
}

#[test]
fn who_is_in_sync_is_never_slowed_down() {
    let mut quota = quota(1000);
    quota.fetched(&partition(0), 1_000_000, 0);
    let wishes = [behind(0, 5000), in_sync(1, 7000), in_sync(2, u64::MAX)];
    assert_eq!(granted(&mut quota, &wishes, 0), [0, 7000, u64::MAX]);
}

#[test]
fn what_it_fetches_counts_all_the_same() {
    let mut quota = quota(1000);
    granted(&mut quota, &[in_sync(1, 7000)], 0);
    assert_eq!(free(&quota, 0), 1000, "it may fetch 7000, and often fetches nothing: that reserves nothing");
    quota.fetched(&partition(1), 800, 0);
    assert_eq!((free(&quota, 0), quota.measured(0)), (200, 800), "it uses the same network");
}

#[test]
fn who_is_not_throttled_is_not_counted_either() {
    let mut quota = quota(1000);
    assert_eq!(granted(&mut quota, &[behind(10, 9000)], 0), [9000]);
    quota.fetched(&partition(10), 9000, 0);
    assert_eq!((free(&quota, 0), quota.measured(0)), (1000, 0));
    quota.set_throttled([partition(9), partition(10)].into());
    assert_eq!(granted(&mut quota, &[behind(10, 9000), behind(0, 9000)], 0), [1000, 9000], "the others now");
}

#[test]
fn what_was_granted_is_reserved_until_it_comes() {
    let mut quota = quota(1000);
    assert_eq!(granted(&mut quota, &[behind(0, 600)], 0), [600]);
    assert_eq!(granted(&mut quota, &[behind(1, 600)], 0), [400], "another fetcher, to another leader");
    quota.fetched(&partition(0), 100, 0);
    assert_eq!(free(&quota, 0), 500, "100 have come, 400 are on their way");
    quota.fetched(&partition(1), 0, 0);
    assert_eq!(free(&quota, 0), 900, "what did not come is free again");
}

#[test]
fn who_asks_again_does_not_wait_for_its_former_fetch() {
    let mut quota = quota(1000);
    assert_eq!(granted(&mut quota, &[behind(0, 900)], 0), [900]);
    assert_eq!(granted(&mut quota, &[behind(1, 900), behind(0, 700)], 0), [900, 100], "its connection was lost");
    assert_eq!(granted(&mut quota, &[in_sync(0, 700)], 0), [700]);
    assert_eq!(free(&quota, 0), 100, "in sync, it needs no reservation any more");
}

#[test]
fn the_rate_is_measured_from_the_oldest_window_on() {
    let mut quota = quota(1000);
    quota.fetched(&partition(0), 500, 0);
    let measured = [0, 999, 1000, 2000, 3000].map(|now| quota.measured(now));
    assert_eq!(measured, [500, 500, 500, 250, 166], "over at least a second, and rounded down");
    quota.fetched(&partition(0), 1500, 4000);
    assert_eq!((quota.measured(4000), free(&quota, 4000)), (500, 2000), "2000 bytes in 4 seconds");
}

#[test]
fn more_may_come_than_was_granted_and_is_waited_for() {
    let mut quota = quota(1000);
    assert_eq!(granted(&mut quota, &[behind(0, 5000)], 0), [1000]);
    quota.fetched(&partition(0), 3000, 0);
    for (now, expected) in [(0, 0), (2999, 0), (3000, 0), (3001, 1), (4500, 1500)] {
        assert_eq!(free(&quota, now), expected, "at {now} ms: a leader gives a whole batch at least");
    }
}

#[test]
fn a_window_begins_with_a_fetch_and_takes_what_comes_within_a_second() {
    let mut quota = quota(1000);
    quota.fetched(&partition(0), 100, 300);
    quota.fetched(&partition(0), 100, 1299);
    // These two are one window, which begins at 300; this is the next.
    quota.fetched(&partition(0), 100, 1300);
    assert_eq!(quota.measured(12_298), 300 * 1000 / 11_998, "the first is kept for what came at 1299");
    assert_eq!(quota.measured(12_299), 100 * 1000 / 10_999, "it is forgotten whole, 11 s after its last fetch");
    assert_eq!((quota.measured(12_300), free(&quota, 12_300)), (0, 1000), "and so is the other, 1 ms later");
}

#[test]
fn a_fetch_of_nothing_leaves_no_trace() {
    let mut quota = quota(1000);
    quota.fetched(&partition(0), 0, 0);
    quota.fetched(&partition(0), 100, 5000);
    quota.fetched(&partition(0), 0, 5500);
    assert_eq!(quota.measured(5000), 100, "no window began at 0");
    assert_eq!(quota.measured(16_000), 0, "none is kept for what came at 5500");
}

#[test]
fn each_gets_its_turn() {
    let mut quota = quota(1000);
    let wishes = [behind(0, 800), behind(1, 800), behind(2, 800)];
    let mut turn = |now| {
        let bytes = granted(&mut quota, &wishes, now);
        for (wish, &bytes) in wishes.iter().zip(&bytes).filter(|(_, bytes)| **bytes > 0) {
            quota.fetched(&wish.partition, bytes, now);
        }
        bytes
    };
    assert_eq!(turn(0), [800, 200, 0]);
    assert_eq!(turn(2000), [200, 0, 800], "first who was never served, then who was served longest ago");
    assert_eq!(turn(3000), [0, 800, 200], "2 was served before 0: the order within a round counts");
    assert_eq!(turn(4000), [800, 200, 0]);
}

#[test]
fn who_wants_nothing_keeps_its_turn() {
    let mut quota = quota(1000);
    granted(&mut quota, &[behind(0, 100), behind(1, 100)], 0);
    let Grants { bytes, again_at } = quota.ask(&[behind(0, 0), behind(1, 5000)], 0);
    assert_eq!((bytes, again_at), (vec![0, 1000], None), "who wanted nothing was not sent away");
    assert_eq!(granted(&mut quota, &[behind(0, 0)], 0), [0]);
    granted(&mut quota, &[behind(1, 10)], 0);
    granted(&mut quota, &[behind(0, 0)], 0);
    assert_eq!(granted(&mut quota, &[behind(1, 5000), behind(0, 5000)], 0), [0, 1000]);
}

#[test]
fn a_new_rate_counts_at_once() {
    let mut quota = quota(1000);
    quota.fetched(&partition(0), 1000, 0);
    assert_eq!(free(&quota, 0), 0);
    quota.set_rate(1500);
    assert_eq!((free(&quota, 0), free(&quota, 2000)), (500, 2000), "with all that was fetched before");
    quota.set_rate(0);
    assert_eq!(quota.ask(&[behind(0, 1), in_sync(1, 1)], 60_000), Grants { bytes: vec![0, 1], again_at: None });
}

#[test]
fn no_rate_is_too_large() {
    let mut quota = quota(u64::MAX);
    let wishes = [behind(0, u64::MAX - 1), behind(1, u64::MAX)];
    quota.fetched(&partition(0), 1, 0);
    assert_eq!(granted(&mut quota, &wishes, 10_000), [u64::MAX - 1, u64::MAX], "ten seconds' worth");
    quota.fetched(&partition(0), u64::MAX, 10_000);
    quota.fetched(&partition(1), u64::MAX, 10_000);
    assert_eq!(quota.measured(10_000), u64::MAX / 5);
}

#[test]
fn again_at_is_the_first_moment_with_something_to_give() {
    let mut quota = quota(1000);
    assert_eq!(quota.ask(&[behind(0, 1000)], 0).again_at, None, "nobody was sent away");
    quota.fetched(&partition(0), 3000, 0);
    assert_eq!(quota.ask(&[in_sync(0, 10)], 10).again_at, None, "nor was this one");
    assert_eq!(quota.ask(&[behind(0, 10)], 10).again_at, Some(3001));
    quota.fetched(&partition(0), 1_000_000, 10);
    assert_eq!(quota.ask(&[behind(0, 10)], 10).again_at, Some(11_010), "a quarter of an hour's worth, but forgotten");
    assert_eq!(quota.ask(&[behind(0, 999)], 11_010).bytes, [999]);
    assert_eq!(quota.ask(&[behind(1, 1), behind(2, 1)], 11_010), Grants { bytes: vec![1, 0], again_at: None });
}

#[test]
fn again_at_is_neither_too_early_nor_too_late() {
    let mut seed = 7_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    for round in 0..20 {
        let (mut quota, mut now) = (quota(200 + random(1000)), 0);
        for _ in 0..random(30) {
            now += random(1500) as Timestamp;
            quota.fetched(&partition(0), random(4000), now);
            quota.ask(&[behind(1, random(100))], now);
        }
        let again_at = quota.clone().ask(&[behind(9, 1), behind(8, 1 << 40), behind(7, 1)], now).again_at;
        if free(&quota, now) > 0 {
            continue;
        }
        let again_at = again_at.expect("what is reserved here never takes the whole rate for good");
        assert!(free(&quota, again_at) > 0, "round {round}: nothing at {again_at}");
        for then in [again_at - 1].into_iter().chain((now..again_at).step_by(500)) {
            assert_eq!(free(&quota, then), 0, "round {round}: something at {then}, not only at {again_at}");
        }
    }
}

#[test]
fn who_has_a_day_to_catch_up_with_is_copied_at_the_rate() {
    const BATCH: u64 = 16_384;
    let mut quota = quota(1_000_000);
    let (mut now, mut copied, mut live) = (0, 0, 0);
    while now < 60_000 {
        let Grants { bytes, again_at } = quota.ask(&[behind(0, 1 << 20), in_sync(1, 1 << 20)], now);
        // The one in sync gets a batch every now and then, and a fetch takes 20 ms.
        now += 20;
        quota.fetched(&partition(1), 2000, now);
        live += 2000;
        if bytes[0] > 0 {
            let whole = (bytes[0] / BATCH).max(1) * BATCH;
            quota.fetched(&partition(0), whole, now);
            copied += whole;
        } else if let Some(again_at) = again_at {
            now = now.max(again_at);
        }
    }
    let rate = (copied + live) / 60;
    assert!((950_000..1_050_000).contains(&rate), "{rate} bytes in a second, where 1000000 are allowed");
}
