//! Doing what a retention plan says: segments leave their log at once, their files the disk after a while.
//!
//! ```text
//! 1  if even the active segment goes, a new one is begun
//! 2  the log's start moves up: readers see nothing below it
//! 3  files are renamed to .deleted, oldest segment first
//! 4  after file.delete.delay.ms they are removed: who reads one when its segment goes can finish
//! ```
//!
//! Caveat: the log's start needs no checkpoint when it is where a segment begins; only when it lies inside of one, as
//! after DeleteRecords.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ch01_log::batch::{Offset, Timestamp};
use ch01_log::disk::Disk;
use ch01_log::log::Log;
use ch01_log::scan::LogError;
use tracing::{error, info};

use crate::cleanup::CleanupConfig;
use crate::retention::{LogFacts, RetentionPlan, plan};

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// What had been planned.
    pub plan: RetentionPlan,
    /// Files that are to be removed after `file.delete.delay.ms`.
    pub doomed: Vec<PathBuf>,
}

// ANCHOR: delete_old_segments
/// Takes the segments out of a log that have had their time. `readable_end`: consumers see nothing at or above it. A log
/// that is damaged is left as it is.
pub fn delete_old_segments(
    log: &mut Log,
    readable_end: Offset,
    config: &CleanupConfig,
    now: Timestamp,
) -> Result<Deleted, LogError> {
    if log.damage().is_some() {
        return Ok(Deleted::default());
    }
    let segments = log.segment_infos()?;
    let facts = LogFacts {
        segments: &segments,
        log_start_offset: log.log_start_offset(),
        readable_end,
        log_end_offset: log.log_end_offset(),
    };
    let plan = plan(facts, config, now);
    if plan.deletions.is_empty() {
        return Ok(Deleted::default());
    }
    if plan.roll {
        log.roll()?;
    }
    for (base, reason) in &plan.deletions {
        info!("{}: deleting segment {base}: {reason:?}", log.name());
    }
    let first_kept = log.segment_offsets()[plan.deletions.len()];
    let doomed = log.delete_segments_before(first_kept)?;
    assert!(plan.log_start_offset == Some(log.log_start_offset()), "the log starts where the plan says");
    Ok(Deleted { plan, doomed })
}
// ANCHOR_END: delete_old_segments

/// In DeleteRecords, this offset stands for the readable end, wherever that is: everything that consumers can see goes.
pub const READABLE_END: Offset = -1;

// ANCHOR: delete_records
/// Moves a log's start up to an offset, as a client asked: not beyond what consumers can read, and never down. Returns
/// where the log starts now; `None`: the offset is out of range.
pub fn delete_records(log: &mut Log, offset: Offset, readable_end: Offset) -> Option<Offset> {
    let offset = if offset == READABLE_END { readable_end } else { offset };
    if !(0..=readable_end).contains(&offset) {
        return None;
    }
    log.increment_log_start_offset(offset);
    Some(log.log_start_offset())
}
// ANCHOR_END: delete_records

/// Files that wait to be removed.
#[derive(Debug, Default)]
pub struct DoomedFiles {
    /// By the time from which they may go, in milliseconds since 1970.
    by_due: BTreeMap<Timestamp, Vec<PathBuf>>,
}

impl DoomedFiles {
    /// Adds files that may go from a time on.
    pub fn add(&mut self, files: Vec<PathBuf>, due: Timestamp) {
        if !files.is_empty() {
            self.by_due.entry(due).or_default().extend(files);
        }
    }

    /// When the first of them may go.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.by_due.first_key_value().map(|(&due, _)| due)
    }

    /// Takes those out whose time has come.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<PathBuf> {
        let waiting = now.checked_add(1).map(|after| self.by_due.split_off(&after)).unwrap_or_default();
        std::mem::replace(&mut self.by_due, waiting).into_values().flatten().collect()
    }
}

/// Removes files for good. One that cannot be removed is left to the next start.
pub fn remove_files(disk: &Disk, files: &[PathBuf]) {
    for file in files {
        if let Err(e) = disk.remove(file) {
            error!("{}: not removed: {e}; the next start tries again", file.display());
        }
    }
}
