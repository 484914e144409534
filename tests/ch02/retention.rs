//! Which segments have had their time: tables of segments and settings, and what goes.

use ch01_log::segment_info::SegmentInfo;
use ch02_retention::cleanup::CleanupConfig;
use ch02_retention::retention::{LogFacts, Reason, RetentionPlan, plan};

use crate::support::*;

const HOUR: i64 = 3_600_000;

/// Segments of 10 offsets each, given as bytes and hours since the youngest record.
fn segments(sizes_and_ages: &[(u64, i64)]) -> Vec<SegmentInfo> {
    let bases = (0..).step_by(10);
    bases.zip(sizes_and_ages).map(|(base, &(size, age))| segment(base, size, NOW - age * HOUR)).collect()
}

/// The plan for a log whose last segment is half full and whose every record can be read.
fn plan_all(segments: &[SegmentInfo], config: &CleanupConfig) -> RetentionPlan {
    let end = segments.last().unwrap().base_offset + 5;
    plan(LogFacts { segments, log_start_offset: 0, readable_end: end, log_end_offset: end }, config, NOW)
}

fn by_time(hours: i64) -> CleanupConfig {
    CleanupConfig { retention_ms: hours * HOUR, ..CleanupConfig::default() }
}

fn by_bytes(bytes: i64) -> CleanupConfig {
    CleanupConfig { retention_ms: -1, retention_bytes: bytes, ..CleanupConfig::default() }
}

#[test]
fn by_age_the_first_segments_go_up_to_one_with_a_young_record() {
    use Reason::Time;
    let log = segments(&[(100, 9), (100, 8), (100, 3), (100, 7), (100, 0)]);
    let of = |hours| plan_all(&log, &by_time(hours)).deletions;
    assert_eq!(of(9), [], "as old as allowed is not too old");
    assert_eq!(of(8), [(0, Time)]);
    assert_eq!(of(7), [(0, Time), (10, Time)]);
    assert_eq!(of(4), [(0, Time), (10, Time)], "the segment at 30 is old enough, but one before it is not");
    assert_eq!(of(2), [(0, Time), (10, Time), (20, Time), (30, Time)]);
    assert_eq!(plan_all(&log, &CleanupConfig { retention_ms: -1, ..by_time(0) }), RetentionPlan::default(), "no limit");
}

#[test]
fn an_idle_log_loses_its_active_segment_too_and_starts_at_its_end() {
    let log = segments(&[(100, 9), (50, 8)]);
    let plan = plan_all(&log, &by_time(2));
    assert_eq!(plan.deletions, [(0, Reason::Time), (10, Reason::Time)]);
    assert!(plan.roll, "a log has a segment");
    assert_eq!(plan.log_start_offset, Some(15));
    let empty = segments(&[(100, 9), (0, 8)]);
    let plan = plan_all(&empty, &by_time(2));
    assert_eq!((plan.deletions, plan.roll), (vec![(0, Reason::Time)], false), "an empty one stays");
}

#[test]
fn if_nothing_goes_the_logs_start_stays() {
    let log = segments(&[(100, 1), (100, 0)]);
    let facts = LogFacts { segments: &log, log_start_offset: 7, readable_end: 15, log_end_offset: 15 };
    assert_eq!(plan(facts, &by_time(1), NOW), RetentionPlan::default());
    let gone = plan(facts, &by_time(0), NOW + 1);
    assert_eq!((gone.log_start_offset, gone.roll), (Some(15), true));
}

#[test]
fn by_size_no_more_goes_than_what_exceeds_the_limit() {
    let log = segments(&[(100, 0), (60, 0), (100, 0), (40, 0)]);
    let of = |bytes| plan_all(&log, &by_bytes(bytes)).deletions.len();
    assert_eq!(of(-1), 0, "no limit");
    assert_eq!(of(301), 0);
    assert_eq!(of(300), 0);
    assert_eq!(of(201), 0, "without the first segment there would be less than the limit");
    assert_eq!(of(200), 1);
    assert_eq!(of(141), 1);
    assert_eq!(of(140), 2);
    assert_eq!(of(40), 3);
    assert_eq!(of(0), 4, "the active one, too");
}

#[test]
fn what_lies_before_the_logs_start_goes_under_either_policy() {
    let log = segments(&[(100, 0), (100, 0), (100, 0)]);
    for (delete, compact) in [(true, false), (false, true), (true, true)] {
        let config = CleanupConfig { delete, compact, ..CleanupConfig::default() };
        let of = |log_start_offset| {
            let facts = LogFacts { segments: &log, log_start_offset, readable_end: 25, log_end_offset: 25 };
            plan(facts, &config, NOW)
        };
        assert_eq!(of(9).deletions, [], "its last record can still be read");
        let at_ten = of(10);
        assert_eq!((at_ten.deletions, at_ten.log_start_offset), (vec![(0, Reason::LogStart)], Some(10)));
        let inside = of(14);
        assert_eq!(inside.log_start_offset, Some(14), "a start inside a segment stays where it is");
        assert_eq!(of(25).deletions.len(), 2, "the active one stays");
    }
}

#[test]
fn a_log_that_is_only_compacted_keeps_old_and_large_segments() {
    let log = segments(&[(100, 9), (100, 8)]);
    let config = CleanupConfig { delete: false, compact: true, retention_bytes: 10, ..by_time(1) };
    assert_eq!(plan_all(&log, &config), RetentionPlan::default());
    let both = CleanupConfig { delete: true, ..config };
    assert_eq!(plan_all(&log, &both).deletions.len(), 2, "compact,delete does both");
}

#[test]
fn no_segment_goes_that_reaches_above_the_readable_end() {
    let log = segments(&[(100, 9), (100, 9), (100, 9)]);
    for (readable_end, gone) in [(0, 0), (9, 0), (10, 1), (19, 1), (20, 2), (24, 2), (25, 3)] {
        let facts = LogFacts { segments: &log, log_start_offset: 0, readable_end, log_end_offset: 25 };
        for config in [by_time(1), by_bytes(0)] {
            let plan = plan(facts, &config, NOW);
            assert_eq!(plan.deletions.len(), gone, "readable up to {readable_end}");
            assert!(plan.log_start_offset.is_none_or(|start| start <= readable_end));
        }
    }
}

#[test]
fn each_reason_counts_with_what_the_one_before_it_left() {
    use Reason::{Bytes, LogStart, Time};
    let log = segments(&[(100, 9), (100, 9), (100, 9), (100, 9), (100, 0)]);
    let config = CleanupConfig { retention_bytes: 300, ..by_time(1) };
    let facts = LogFacts { segments: &log, log_start_offset: 12, readable_end: 45, log_end_offset: 45 };
    let plan = plan(facts, &config, NOW);
    assert_eq!(plan.deletions, [(0, LogStart), (10, Bytes), (20, Time), (30, Time)]);
    assert_eq!(plan.log_start_offset, Some(40));
}

#[test]
fn a_folder_of_apache_kafkas_loses_nothing_until_someone_says_so() {
    let log = segments(&[(1000, 90_000), (1000, 80_000)]);
    let facts = LogFacts { segments: &log, log_start_offset: 15, readable_end: 15, log_end_offset: 15 };
    assert_eq!(plan(facts, &CleanupConfig::keep_everything(), NOW), RetentionPlan::default());
    assert_ne!(plan(facts, &CleanupConfig::default(), NOW), RetentionPlan::default());
}

#[test]
fn timestamps_from_the_future_keep_their_segment() {
    let log = segments(&[(100, -50), (100, 9)]);
    assert_eq!(plan_all(&log, &by_time(1)), RetentionPlan::default());
    let ends = [segment(0, 1, i64::MAX), segment(10, 1, 0)];
    assert_eq!(plan_all(&ends, &by_time(1)), RetentionPlan::default(), "no overflow");
}
