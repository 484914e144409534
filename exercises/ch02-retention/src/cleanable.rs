//! What the cleaner does next: which log, which of its offsets, and which segments become one.
//!
//! ```text
//!  clean: a record per key        dirty                       not to be cleaned yet
//!  [ 0 .. 87 ][ 88 .. 140 ][ 141 .. 190 ][ 191 .. 240 ] | [ 241 .. (active) ....... )
//!                          |                            |
//!                 first dirty offset         first uncleanable offset
//! ```
//!
//! The dirtier a log is, the more a pass over it gains: its cost is the bytes of both parts, what it frees lies in the
//! dirty one. So the log with the largest ratio dirty / (clean + dirty) is next, if that is above
//! `min.cleanable.dirty.ratio`; 0.5 says that at most half of a log's bytes are wasted.
//!
//! Caveat: the ratio is one of bytes, not of records, and whole segments are counted. One that is cleaned in part (the map
//! was full) counts on both sides.

use ch01_log::batch::{Offset, Timestamp};
use ch01_log::segment_info::SegmentInfo;

use crate::cleanup::CleanupConfig;

/// What there is.
#[derive(Clone, Copy, Debug)]
pub struct CleanableFacts<'a> {
    /// The log's segments in order, at least one; the last is the active one.
    pub segments: &'a [SegmentInfo],
    /// The first offset that readers may ask for.
    pub log_start_offset: Offset,
    /// No transaction is open below it; at most what consumers may read.
    pub last_stable_offset: Offset,
    /// The offset of the next record.
    pub log_end_offset: Offset,
    /// The first dirty offset as it was written down after the last pass; `None` before the first.
    pub checkpoint: Option<Offset>,
}

/// What a pass over a log may do, and what it would gain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogToClean {
    /// Everything below it has been cleaned.
    pub first_dirty_offset: Offset,
    /// Nothing at or above it may be cleaned yet. Where a segment begins, or the first dirty offset.
    pub first_uncleanable_offset: Offset,
    /// Bytes of the segments that have been cleaned, at least in part.
    pub clean_bytes: u64,
    /// Bytes of the segments that a pass would clean.
    pub cleanable_bytes: u64,
    /// Whether `max.compaction.lag.ms` is over for some of them.
    pub must_clean_now: bool,
}

impl LogToClean {
    /// The dirty part of its bytes, 0 to 1.
    pub fn cleanable_ratio(&self) -> f64 {
        let total = self.clean_bytes + self.cleanable_bytes;
        if total == 0 { 0.0 } else { self.cleanable_bytes as f64 / total as f64 }
    }

    /// Whether a pass is due.
    pub fn is_due(&self, config: &CleanupConfig) -> bool {
        let is_dirty = self.cleanable_ratio() > config.min_cleanable_dirty_ratio;
        self.cleanable_bytes > 0 && (is_dirty || self.must_clean_now)
    }
}

/// What a pass over a log may do.
pub fn log_to_clean(log: CleanableFacts<'_>, config: &CleanupConfig, now: Timestamp) -> LogToClean {
    todo!("exercise log-to-clean")
}

/// Where the segment stands that holds an offset, or would: the first one for offsets before all, the active one for
/// those after all closed ones.
fn index_of(segments: &[SegmentInfo], offset: Offset) -> usize {
    segments.partition_point(|segment| segment.base_offset <= offset).saturating_sub(1)
}

/// A checkpoint that lies outside the log says nothing: then everything is dirty.
fn first_dirty_offset(log: &CleanableFacts<'_>) -> Offset {
    let known = log.checkpoint.filter(|offset| (log.log_start_offset..=log.log_end_offset).contains(offset));
    known.unwrap_or(log.log_start_offset)
}

/// Which of the logs that are due is next: the dirtiest. The index into what was given.
pub fn dirtiest<'a>(logs: impl IntoIterator<Item = (&'a LogToClean, &'a CleanupConfig)>) -> Option<usize> {
    let due = logs.into_iter().enumerate().filter(|(_, (log, config))| config.compact && log.is_due(config));
    due.max_by(|(_, (a, _)), (_, (b, _))| a.cleanable_ratio().total_cmp(&b.cleanable_ratio())).map(|(i, _)| i)
}

/// How large a segment may become.
#[derive(Clone, Copy, Debug)]
pub struct GroupLimits {
    /// Bytes of the `.log` (`segment.bytes`).
    pub max_size: u64,
    /// Bytes of each index (`segment.index.bytes`).
    pub max_index_size: u64,
    /// Where the last segment ends: the first uncleanable offset.
    pub end: Offset,
}

/// Which segments become one, in order, so that they do not shrink and shrink. As large as they are now they fit into one:
/// nothing grows by being cleaned. And offsets in an index are differences to the base that fit into an `i32`.
pub fn group_segments_by_size(segments: &[SegmentInfo], limits: GroupLimits) -> Vec<&[SegmentInfo]> {
    let mut groups = Vec::new();
    let mut rest = segments;
    while let [first, others @ ..] = rest {
        let mut sum = (first.size, first.offset_index_size, first.time_index_size);
        let mut count = 1;
        for (i, next) in others.iter().enumerate() {
            sum = (sum.0 + next.size, sum.1 + next.offset_index_size, sum.2 + next.time_index_size);
            let last = others.get(i + 1).map_or(limits.end, |after| after.base_offset) - 1;
            let is_near = last - first.base_offset <= Offset::from(i32::MAX) || next.size == 0;
            let is_small = sum.0 <= limits.max_size && sum.1.max(sum.2) <= limits.max_index_size;
            if !is_near || !is_small {
                break;
            }
            count += 1;
        }
        let (group, after) = rest.split_at(count);
        groups.push(group);
        rest = after;
    }
    groups
}
