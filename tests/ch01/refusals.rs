//! What a broker remembers of batches that it refused for now.

use std::time::{Duration, Instant};

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch01_log::refusals::{Refusals, Writer};

const REFUSED: ErrorCode = ErrorCode::KAFKA_STORAGE_ERROR;
const MOVED: ErrorCode = ErrorCode::NOT_LEADER_OR_FOLLOWER;

fn writer(producer_id: i64, topic: &str, partition: i32) -> Writer {
    Writer { producer_id, topic_id: Uuid::ZERO, topic: topic.to_owned(), partition }
}

fn me() -> Writer {
    writer(7, "t", 0)
}

#[test]
fn a_refusal_explains_a_gap_of_the_same_producer_in_the_same_partition_for_ten_seconds() {
    let (refusals, now) = (Refusals::default(), Instant::now());
    assert_eq!(refusals.explain(&me(), 5, None, now), None);
    refusals.note(me(), 4, REFUSED, now);
    assert_eq!(refusals.explain(&me(), 5, None, now + Duration::from_millis(9999)), Some(REFUSED));
    assert_eq!(refusals.explain(&me(), 5, None, now + Duration::from_secs(10)), None);
    for other in [writer(8, "t", 0), writer(7, "u", 0), writer(7, "t", 1)] {
        assert_eq!(refusals.explain(&other, 5, None, now), None, "{other:?}");
    }
}

#[test]
fn what_was_refused_is_judged_when_it_comes_again_and_what_is_older_always() {
    let (refusals, now) = (Refusals::default(), Instant::now());
    refusals.note(me(), i32::MAX, REFUSED, now);
    for (base_sequence, expected) in [(i32::MAX, None), (i32::MAX - 1, None), (0, Some(REFUSED)), (1, Some(REFUSED))] {
        assert_eq!(
            refusals.explain(&me(), base_sequence, None, now),
            expected,
            "{base_sequence}: after the largest is 0"
        );
    }
}

#[test]
fn of_several_refusals_the_earliest_batch_counts() {
    let (refusals, now) = (Refusals::default(), Instant::now());
    let later = now + Duration::from_secs(9);
    refusals.note(me(), 4, REFUSED, now);
    refusals.note(me(), 5, MOVED, later);
    assert_eq!(refusals.explain(&me(), 5, None, later), Some(REFUSED), "4 has to come before it");
    assert_eq!(refusals.explain(&me(), 5, None, now + Duration::from_secs(10)), None, "and does not for ever");
    refusals.note(me(), 3, MOVED, later);
    assert_eq!(refusals.explain(&me(), 4, None, later), Some(MOVED));
}

#[test]
fn where_another_has_led_a_gap_is_refused_for_now_once() {
    let (refusals, now) = (Refusals::default(), Instant::now());
    assert_eq!(refusals.explain(&me(), 5, Some(MOVED), now), Some(MOVED));
    refusals.note(me(), 5, MOVED, now);
    assert_eq!(refusals.explain(&me(), 5, Some(MOVED), now), None, "a gap that is still there is one");
    assert_eq!(refusals.explain(&me(), 6, Some(MOVED), now), Some(MOVED), "it was sent behind 5");
}

#[test]
fn an_error_for_good_explains_nothing() {
    let (refusals, now) = (Refusals::default(), Instant::now());
    for code in [ErrorCode::INVALID_RECORD, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode::MESSAGE_TOO_LARGE] {
        refusals.note(me(), 4, code, now);
        assert_eq!(refusals.explain(&me(), 5, None, now), None, "{code}");
    }
}
