//! When a segment ends: size, time, indexes, and the exceptions.

use ch01_log::batch::{BatchHeader, HEADER_LEN, NO_TIMESTAMP, Offset, Timestamp};
use ch01_log::segment::{Segment, SegmentConfig};

use crate::support::one_segment::*;

/// The header of a batch of one record, 76 bytes, as it asks to come into a segment.
fn asking(offset: Offset, time: Timestamp) -> BatchHeader {
    BatchHeader { max_timestamp: time, ..BatchHeader::parse(&batch_at(offset, 1, TIME)).unwrap() }
}

/// Limits that nothing reaches.
fn no_limits() -> SegmentConfig {
    SegmentConfig { max_bytes: u32::MAX, max_ms: i64::MAX, index_interval_bytes: 4096, max_index_bytes: 1 << 20 }
}

#[test]
fn a_segment_may_be_filled_to_its_limit_and_not_beyond() {
    let here = OneSegment::new(10, 4096);
    let mut segment = here.open();
    for offset in 10..20 {
        append(&mut segment, &batch_at(offset, 1, TIME));
    }
    assert_eq!(segment.size(), 760);
    for (max_bytes, rolls) in [(837, false), (836, false), (835, true), (76, true), (0, true)] {
        let config = SegmentConfig { max_bytes, ..no_limits() };
        let answer = segment.must_roll(&asking(20, TIME), &config).unwrap();
        assert_eq!(answer, rolls, "760 bytes and 76 with max_bytes {max_bytes}");
    }
}

#[test]
fn an_empty_segment_takes_any_batch() {
    let here = OneSegment::new(10, 4096);
    let mut segment = here.open();
    let no_room = SegmentConfig { max_bytes: 0, max_ms: 0, max_index_bytes: 0, ..no_limits() };
    for batch in [asking(10, TIME), asking(10, i64::MAX), asking(1 << 40, NO_TIMESTAMP)] {
        assert!(!segment.must_roll(&batch, &no_room).unwrap(), "{batch:?}");
    }
    append(&mut segment, &batch_at(10, 1, TIME));
    assert!(segment.must_roll(&asking(11, TIME), &no_room).unwrap());
}

/// Whether a batch of one time rolls a segment whose first batch has another: as it was written, and opened anew.
fn rolls_by_time(first: Timestamp, next: Timestamp, max_ms: i64) -> bool {
    let here = OneSegment::new(10, 4096);
    let mut segment = here.open();
    let bytes = batch_at(10, 1, TIME);
    segment.append(&asking(10, first), &bytes[HEADER_LEN..]).unwrap();
    // Only the first batch's time counts.
    segment.append(&asking(11, TIME), &bytes[HEADER_LEN..]).unwrap();
    let config = SegmentConfig { max_ms, ..no_limits() };
    let answer = segment.must_roll(&asking(12, next), &config).unwrap();
    assert_eq!(here.open().must_roll(&asking(12, next), &config).unwrap(), answer, "after a start");
    answer
}

#[test]
fn a_segment_ends_by_its_records_time() {
    for (next, rolls) in [(TIME, false), (TIME + 1000, false), (TIME + 1001, true), (TIME - 5000, false)] {
        assert_eq!(rolls_by_time(TIME, next, 1000), rolls, "{} ms later", next - TIME);
    }
    assert!(!rolls_by_time(TIME, TIME, 0));
    assert!(rolls_by_time(TIME, TIME + 1, 0));
}

#[test]
fn a_batch_without_a_timestamp_never_ends_a_segment_by_time() {
    assert!(!rolls_by_time(TIME, NO_TIMESTAMP, 0));
    assert!(!rolls_by_time(-5000, NO_TIMESTAMP, 1000), "however early the first one is");
    assert!(!rolls_by_time(NO_TIMESTAMP, NO_TIMESTAMP, 0));
}

#[test]
fn a_first_batch_without_a_timestamp_counts_as_minus_one() {
    assert!(!rolls_by_time(NO_TIMESTAMP, 999, 1000));
    assert!(rolls_by_time(NO_TIMESTAMP, 1000, 1000));
}

#[test]
fn timestamps_at_the_ends_of_their_range_are_survived() {
    for (first, next, rolls) in [
        (i64::MIN, i64::MAX, true),
        (i64::MIN, 0, true),
        (i64::MAX, i64::MIN, false),
        (0, i64::MIN, false),
        (i64::MAX, i64::MAX, false),
        (NO_TIMESTAMP, i64::MAX, true),
    ] {
        assert_eq!(rolls_by_time(first, next, 604_800_000), rolls, "first {first}, next {next}");
    }
}

#[test]
fn either_index_may_be_full() {
    let rolls = |segment: &mut Segment, max_index_bytes| {
        segment.must_roll(&asking(100, TIME + 100), &SegmentConfig { max_index_bytes, ..no_limits() }).unwrap()
    };
    // Times that grow: with an interval of 0, each batch but the first has an entry in both.
    let here = OneSegment::new(0, 0);
    let mut segment = here.open();
    for offset in 0..4 {
        append(&mut segment, &batch_at(offset, 1, TIME + offset));
    }
    assert_eq!((here.read("index").len(), here.read("timeindex").len()), (24, 36));
    for (max, full) in [(48, false), (47, true), (44, true), (36, true)] {
        assert_eq!(rolls(&mut segment, max), full, "3 entries each, the time index has 36 of {max} bytes");
    }
    // Times that stand still: one entry in the time index, four in the other.
    let here = OneSegment::new(0, 0);
    let mut segment = here.open();
    for offset in 0..5 {
        append(&mut segment, &batch_at(offset, 1, TIME));
    }
    assert_eq!((here.read("index").len(), here.read("timeindex").len()), (32, 12));
    for (max, full) in [(44, false), (40, false), (39, true), (32, true)] {
        assert_eq!(rolls(&mut segment, max), full, "the offset index has 32 of {max} bytes");
    }
}
