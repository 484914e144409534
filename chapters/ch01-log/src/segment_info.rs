//! What one has to know about a log's segments to decide what becomes of them: sizes, offsets, times.
//!
//! Caveat: timestamps are the producers' own. Where a segment has none (every record's is -1), the time of the file's
//! last change takes their place, as in Kafka.

use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::batch::{Offset, Position, Timestamp};
use crate::disk::DiskFile;
use crate::log::Log;
use crate::scan::LogError;
use crate::segment::Segment;

/// What is known about one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its first offset, 0 or more: its name.
    pub base_offset: Offset,
    /// Bytes of its batches.
    pub size: u64,
    /// Bytes of its offset index.
    pub offset_index_size: u64,
    /// Bytes of its time index.
    pub time_index_size: u64,
    /// The largest timestamp of its records, in milliseconds since 1970; the file's last change if there is none.
    pub largest_timestamp: Timestamp,
    /// The largest timestamp of its first batch, in milliseconds since 1970; -1 if there is none.
    pub first_batch_timestamp: Timestamp,
}

/// The `.log` of one segment, to be read without the log's lock. It stays readable when the segment is deleted.
pub struct SegmentSource {
    /// The file.
    pub file: DiskFile,
    /// Where its batches end.
    pub size: Position,
    /// When the file was last changed.
    pub last_modified: SystemTime,
}

impl Log {
    /// What is known about each segment, in order; the last is the active one.
    pub fn segment_infos(&mut self) -> Result<Vec<SegmentInfo>, LogError> {
        self.segments.values_mut().map(Segment::info).collect()
    }

    /// The segment that begins at `base`, to be read; `None` if there is none.
    pub fn segment_source(&mut self, base: Offset) -> io::Result<Option<SegmentSource>> {
        let Some(segment) = self.segments.get_mut(&base) else { return Ok(None) };
        let size = segment.size();
        let file = segment.file()?.clone();
        let last_modified = file.file().metadata()?.modified()?;
        Ok(Some(SegmentSource { file, size, last_modified }))
    }
}

impl Segment {
    fn info(&mut self) -> Result<SegmentInfo, LogError> {
        let was_open = self.file.is_some();
        let largest = self.max_timestamp()?.timestamp;
        let info = SegmentInfo {
            base_offset: self.base_offset,
            size: self.size,
            offset_index_size: self.offset_index.len() as u64,
            time_index_size: self.time_index.len() as u64,
            largest_timestamp: if largest >= 0 { largest } else { self.last_modified()? },
            first_batch_timestamp: self.first_timestamp()?,
        };
        if !was_open {
            // What was read is remembered. Ten thousand segments that nobody reads are to take no file descriptor.
            self.file = None;
            self.offset_index.close();
            self.time_index.close();
        }
        Ok(info)
    }

    fn last_modified(&mut self) -> io::Result<Timestamp> {
        let modified = self.file()?.file().metadata()?.modified()?;
        let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Timestamp::try_from(since.as_millis()).unwrap_or(Timestamp::MAX))
    }
}
