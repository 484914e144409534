//! Which segments of a log have had their time. Decided from what is known of them; `deletion` does it.
//!
//! ```text
//!            log start                                  readable end   log end
//!                |                                            |           |
//!  [ 0 .. 9 ][ 10 .. 19 ][ 20 .. 29 ][ 30 .. 39 ][ 40 .. (active) ........ )
//!   log start  bytes       time        stays, and all after it
//! ```
//!
//! Only ever the first segments go, and only whole ones: the first that stays ends it. So a segment with one young record
//! keeps all its old ones, and those of every later segment.
//!
//! Caveat: the active segment goes, too, when its time has come: the log then begins a new one. Else a topic that nobody
//! writes to would keep its last records for ever.

use ch01_log::batch::{Offset, Timestamp};
use ch01_log::segment_info::SegmentInfo;

use crate::cleanup::CleanupConfig;

/// Why a segment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It lies before the log's start: a client had its records deleted.
    LogStart,
    /// The log has more bytes than `retention.bytes`.
    Bytes,
    /// Its youngest record is older than `retention.ms`.
    Time,
}

/// What there is.
#[derive(Clone, Copy, Debug)]
pub struct LogFacts<'a> {
    /// The log's segments in order, at least one; the last is the active one.
    pub segments: &'a [SegmentInfo],
    /// The first offset that readers may ask for, at most the readable end.
    pub log_start_offset: Offset,
    /// Readers see nothing at or above it; at most the log's end.
    pub readable_end: Offset,
    /// The offset of the next record.
    pub log_end_offset: Offset,
}

/// What goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetentionPlan {
    /// The base offsets of the segments that go, oldest first, and why.
    pub deletions: Vec<(Offset, Reason)>,
    /// Whether the active segment is among them, so that a new one has to be begun first.
    pub roll: bool,
    /// Where the log starts afterwards, if anything goes.
    pub log_start_offset: Option<Offset>,
}

/// Decides which segments go. A log that is only compacted loses none for their age or size.
pub fn plan(log: LogFacts<'_>, config: &CleanupConfig, now: Timestamp) -> RetentionPlan {
    todo!("exercise retention-plan")
}

/// The segments chosen so far: always the first ones of the log.
struct Chosen<'a> {
    log: LogFacts<'a>,
    deletions: Vec<(Offset, Reason)>,
}

impl<'a> Chosen<'a> {
    fn left(&self) -> &'a [SegmentInfo] {
        &self.log.segments[self.deletions.len()..]
    }

    /// Chooses the next segments for as long as their time has come. `is_due` gets a segment and where the next begins.
    fn take_while(&mut self, reason: Reason, mut is_due: impl FnMut(&SegmentInfo, Option<Offset>) -> bool) {
        while let [segment, rest @ ..] = self.left() {
            let next_base = rest.first().map(|next| next.base_offset);
            let is_empty_and_active = next_base.is_none() && segment.size == 0;
            let is_readable = next_base.unwrap_or(self.log.log_end_offset) <= self.log.readable_end;
            if is_empty_and_active || !is_readable || !is_due(segment, next_base) {
                break;
            }
            self.deletions.push((segment.base_offset, reason));
        }
    }

    fn into_plan(self) -> RetentionPlan {
        let first_left = self.left().first().map(|segment| segment.base_offset);
        let starts_at = first_left.unwrap_or(self.log.log_end_offset).max(self.log.log_start_offset);
        RetentionPlan {
            roll: first_left.is_none(),
            log_start_offset: (!self.deletions.is_empty()).then_some(starts_at),
            deletions: self.deletions,
        }
    }
}
