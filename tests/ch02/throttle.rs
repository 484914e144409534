//! The cleaner's rate.

use std::time::Duration;

use ch02_retention::throttle::Throttle;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn bytes_are_paid_for_in_time() {
    let mut throttle = Throttle::default();
    assert_eq!(throttle.spend(500, 1000.0, SECOND), SECOND / 2);
    assert_eq!(throttle.spend(500, 1000.0, SECOND), SECOND, "both are waited for");
    assert_eq!(throttle.spend(0, 1000.0, 2 * SECOND), Duration::ZERO, "the time went by");
    assert_eq!(throttle.spend(1000, 1000.0, 100 * SECOND), SECOND, "a rest earns nothing");
}

#[test]
fn several_may_wait_and_each_is_told_its_own_time() {
    let mut throttle = Throttle::default();
    let now = 7 * SECOND;
    assert_eq!(throttle.spend(1000, 1000.0, now), SECOND, "what was not used before the first is no credit");
    assert_eq!(throttle.spend(3000, 1000.0, now), 4 * SECOND);
    assert_eq!(throttle.spend(0, 1000.0, now + SECOND), 3 * SECOND, "the rest of the time is still to be waited for");
    assert_eq!(throttle.spend(1000, 2000.0, now + 3 * SECOND), SECOND + SECOND / 2, "the rate may have changed");
}

#[test]
fn without_a_limit_nobody_waits() {
    for rate in [f64::MAX, 0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(Throttle::default().spend(usize::MAX >> 20, rate, SECOND), Duration::ZERO, "{rate}");
    }
    assert!(Throttle::default().spend(1, f64::MIN_POSITIVE, SECOND) <= Duration::MAX);
}
