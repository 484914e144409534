//! Which log is cleaned next, which of its offsets, and which segments become one.

use ch01_log::segment_info::SegmentInfo;
use ch02_retention::cleanable::{
    CleanableFacts, GroupLimits, LogToClean, dirtiest, group_segments_by_size, log_to_clean,
};
use ch02_retention::cleanup::CleanupConfig;

use crate::support::*;

/// Five segments of ten offsets, an hour apart, the last one active; the log ends at 45.
fn five() -> Vec<SegmentInfo> {
    [(0, 100), (10, 300), (20, 200), (30, 400), (40, 999)].map(|(base, size)| segment(base, size, NOW + base)).to_vec()
}

fn compact() -> CleanupConfig {
    CleanupConfig { delete: false, compact: true, ..CleanupConfig::default() }
}

fn facts(segments: &[SegmentInfo]) -> CleanableFacts<'_> {
    CleanableFacts { segments, log_start_offset: 0, last_stable_offset: 45, log_end_offset: 45, checkpoint: None }
}

fn range(log: &LogToClean) -> (i64, i64) {
    (log.first_dirty_offset, log.first_uncleanable_offset)
}

#[test]
fn the_dirty_ratio_counts_bytes_not_records() {
    let segments = five();
    // Two segments of twenty records are clean, two of twenty are dirty; but 400 bytes and 600.
    let log = log_to_clean(CleanableFacts { checkpoint: Some(20), ..facts(&segments) }, &compact(), NOW);
    assert_eq!((log.clean_bytes, log.cleanable_bytes), (400, 600));
    assert_eq!(log.cleanable_ratio(), 0.6);
    let is_due = |ratio| log.is_due(&CleanupConfig { min_cleanable_dirty_ratio: ratio, ..compact() });
    assert!(is_due(0.1) && is_due(0.5) && is_due(0.59));
    assert!(!is_due(0.6) && !is_due(0.9), "more than the ratio is dirty, not as much");
}

#[test]
fn the_active_segment_is_never_cleaned() {
    let segments = five();
    let log = log_to_clean(facts(&segments), &compact(), NOW);
    assert_eq!((range(&log), log.cleanable_ratio()), ((0, 40), 1.0));
    let only_active = [segment(0, 999, NOW)];
    let log = log_to_clean(facts(&only_active), &compact(), NOW);
    assert_eq!((range(&log), log.cleanable_bytes), ((0, 0), 0));
    assert!(!log.is_due(&CleanupConfig { min_cleanable_dirty_ratio: 0.0, ..compact() }));
    let log = log_to_clean(CleanableFacts { checkpoint: Some(40), ..facts(&segments) }, &compact(), NOW);
    assert_eq!((range(&log), log.clean_bytes, log.cleanable_bytes), ((40, 40), 1000, 0), "all is clean");
}

#[test]
fn nothing_at_or_above_the_last_stable_offset_is_cleaned() {
    let segments = five();
    for (last_stable_offset, end) in [(0, 0), (9, 0), (10, 10), (19, 10), (29, 20), (39, 30), (40, 40), (45, 40)] {
        let log = log_to_clean(CleanableFacts { last_stable_offset, ..facts(&segments) }, &compact(), NOW);
        assert_eq!(range(&log), (0, end), "last stable offset {last_stable_offset}");
    }
    let facts = CleanableFacts { last_stable_offset: 5, checkpoint: Some(23), ..facts(&segments) };
    assert_eq!(range(&log_to_clean(facts, &compact(), NOW)), (23, 23));
}

#[test]
fn a_checkpoint_outside_of_the_log_says_nothing() {
    let segments = five();
    for (checkpoint, first) in [(3, 3), (4, 4), (45, 45), (46, 3), (2, 3), (-1, 3)] {
        let facts = CleanableFacts { log_start_offset: 3, checkpoint: Some(checkpoint), ..facts(&segments) };
        assert_eq!(log_to_clean(facts, &compact(), NOW).first_dirty_offset, first, "checkpoint {checkpoint}");
    }
}

#[test]
fn a_segment_that_was_cleaned_in_part_counts_on_both_sides() {
    let segments = five();
    let log = log_to_clean(CleanableFacts { checkpoint: Some(25), ..facts(&segments) }, &compact(), NOW);
    assert_eq!((range(&log), log.clean_bytes, log.cleanable_bytes), ((25, 40), 600, 600));
}

#[test]
fn young_records_wait_for_the_least_lag() {
    let segments = five();
    let of = |lag, now| {
        range(&log_to_clean(facts(&segments), &CleanupConfig { min_compaction_lag_ms: lag, ..compact() }, now)).1
    };
    assert_eq!(of(0, NOW), 40);
    assert_eq!(of(1, NOW + 20), 20, "the segment at 20 is not a millisecond old");
    assert_eq!(of(5, NOW + 20), 20, "the one at 10 is ten");
    assert_eq!(of(10, NOW + 20), 20, "which is enough");
    assert_eq!(of(11, NOW + 20), 10);
    assert_eq!(of(i64::MAX, NOW), 0);
}

#[test]
fn after_the_greatest_lag_a_log_is_cleaned_whatever_the_ratio() {
    let segments = five();
    let facts = CleanableFacts { checkpoint: Some(20), ..facts(&segments) };
    let is_due = |lag, now| {
        let config = CleanupConfig { min_cleanable_dirty_ratio: 1.0, max_compaction_lag_ms: lag, ..compact() };
        log_to_clean(facts, &config, now).is_due(&config)
    };
    assert!(!is_due(i64::MAX, NOW + 1_000_000));
    assert!(!is_due(100, NOW + 20 + 100), "the first dirty segment is as old as allowed");
    assert!(is_due(100, NOW + 20 + 101));
}

#[test]
fn the_greatest_lag_counts_from_each_dirty_segments_first_batch() {
    let must = |first_batch_timestamps: [i64; 5], checkpoint, last_stable_offset| {
        let infos = five().into_iter().zip(first_batch_timestamps);
        let segments: Vec<_> = infos.map(|(s, time)| SegmentInfo { first_batch_timestamp: time, ..s }).collect();
        let config = CleanupConfig { max_compaction_lag_ms: 100, ..compact() };
        let facts = CleanableFacts { checkpoint: Some(checkpoint), last_stable_offset, ..facts(&segments) };
        log_to_clean(facts, &config, NOW + 1000).must_clean_now
    };
    let (old, young) = (NOW + 899, NOW + 900);
    assert!(must([young, young, old, young, young], 0, 45), "any of them");
    assert!(!must([young; 5], 0, 45), "as old as allowed is not too old");
    assert!(!must([old, old, young, young, young], 20, 45), "what is clean has been cleaned");
    assert!(must([old, old, young, young, young], 15, 45), "a segment that is dirty in part is dirty");
    assert!(!must([young, young, young, young, old], 0, 45), "the active one is not to be cleaned");
    assert!(must([young, young, young, old, young], 0, 20), "also one that cannot be cleaned yet");
    assert!(!must([-1, 0, young, young, young], 0, 45), "without a timestamp nothing is old");
}

#[test]
fn the_dirtiest_log_that_is_due_is_next() {
    let log = |clean_bytes, cleanable_bytes, must_clean_now| LogToClean {
        first_dirty_offset: 0,
        first_uncleanable_offset: 9,
        clean_bytes,
        cleanable_bytes,
        must_clean_now,
    };
    let (compact, delete) = (compact(), CleanupConfig::default());
    let logs = [log(50, 50, false), log(40, 60, false), log(1, 99, false), log(99, 1, true), log(0, 0, true)];
    let next = |of: &[(usize, &CleanupConfig)]| dirtiest(of.iter().map(|&(i, config)| (&logs[i], config)));
    assert_eq!(next(&[(0, &compact), (1, &compact), (2, &compact)]), Some(2));
    assert_eq!(next(&[(0, &compact), (1, &compact), (2, &delete)]), Some(1), "a log that is not compacted");
    assert_eq!(next(&[(0, &compact)]), None, "a half is not more than a half");
    assert_eq!(next(&[(0, &compact), (3, &compact)]), Some(1), "it must be cleaned now");
    assert_eq!(next(&[(4, &compact)]), None, "there is nothing to clean");
    assert_eq!(next(&[]), None);
}

fn groups(segments: &[SegmentInfo], max_size: u64, max_index_size: u64, end: i64) -> Vec<usize> {
    let limits = GroupLimits { max_size, max_index_size, end };
    let groups = group_segments_by_size(segments, limits);
    assert_eq!(groups.concat(), segments, "all of them, in order");
    groups.iter().map(|group| group.len()).collect()
}

#[test]
fn neighbours_become_one_segment_as_long_as_they_fit() {
    let segments = &five()[..4];
    assert_eq!(groups(segments, 1000, 100, 40), [4]);
    assert_eq!(groups(segments, 999, 100, 40), [3, 1]);
    assert_eq!(groups(segments, 400, 100, 40), [2, 1, 1]);
    assert_eq!(groups(segments, 1, 100, 40), [1, 1, 1, 1], "one that is too large stays alone");
    assert!(groups(&[], 1, 1, 0).is_empty());
}

#[test]
fn indexes_have_to_fit_too() {
    let with = |offset_index_size, time_index_size| -> Vec<SegmentInfo> {
        five().iter().map(|s| SegmentInfo { offset_index_size, time_index_size, ..*s }).collect()
    };
    assert_eq!(groups(&with(8, 0), 9999, 16, 50), [2, 2, 1]);
    assert_eq!(groups(&with(0, 12), 9999, 40, 50), [3, 2]);
    assert_eq!(groups(&with(8, 12), 9999, 24, 50), [2, 2, 1]);
}

#[test]
fn offsets_have_to_fit_into_the_index_of_the_new_segment() {
    let most = i64::from(i32::MAX);
    let three = [segment(0, 1, NOW), segment(10, 1, NOW), segment(most, 1, NOW)];
    assert_eq!(groups(&three, 99, 99, most + 1), [3], "the last offset is as far from the base as it may be");
    assert_eq!(groups(&three, 99, 99, most + 2), [2, 1]);
    let empty = [segment(0, 1, NOW), segment(10, 0, NOW), segment(most * 2, 0, NOW)];
    assert_eq!(groups(&empty, 99, 99, most * 3), [3], "empty ones have no offsets");
}
