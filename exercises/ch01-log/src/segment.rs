//! A segment: a stretch of the log in a file of its own, with its indexes.
//!
//! ```text
//! 00000000000000000010.log         batches, back to back; the name is the first offset, 20 digits
//! 00000000000000000010.index       offset -> position      (offset_index)
//! 00000000000000000010.timeindex   timestamp -> offset     (time_index)
//! 00000000000000000010.txnindex    aborted transactions, where there are any (txn_index)
//! ```
//!
//! Here a segment is written; `segment_read` searches it, `segment_repair` sets it right after a crash.

use std::io;
use std::path::{Path, PathBuf};

use tracing::warn;

use crate::batch::{BatchHeader, NO_TIMESTAMP, Offset, Position, Timestamp};
use crate::disk::{Disk, DiskFile};
use crate::index_file::IndexFile;
use crate::offset_index::{self, IndexEntry};
use crate::scan::{LogError, SHORT_WALK, Scanner};
use crate::time_index::{self, TimeEntry};

/// Disk space is reserved ahead of the active segment's end, as much again as it has but within these bounds, whatever
/// `log.preallocate` says: it saves a third of the time that appends take. Whole segments of 1 GiB, times a thousand
/// partitions, would fill a disk.
const LEAST_RESERVE: Position = 64 << 10;
const MOST_RESERVE: Position = 16 << 20;

/// What decides when a segment is full and how dense its indexes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentConfig {
    /// The most bytes in a `.log` (`segment.bytes`).
    pub max_bytes: u32,
    /// The longest stretch of time in a segment, in milliseconds (`segment.ms`).
    pub max_ms: i64,
    /// Bytes of log from one index entry to the next (`index.interval.bytes`).
    pub index_interval_bytes: usize,
    /// The most bytes in an index (`segment.index.bytes`).
    pub max_index_bytes: usize,
}

/// A segment.
pub struct Segment {
    pub(crate) base_offset: Offset,
    pub(crate) disk: Disk,
    pub(crate) path: PathBuf,
    /// What its files' names end with while it is not yet, or no longer, part of its log; else empty.
    pub(crate) suffix: &'static str,
    /// Opened when first needed: most partitions of a broker that starts are not.
    pub(crate) file: Option<DiskFile>,
    /// Bytes of whole batches in the `.log`.
    pub(crate) size: Position,
    pub(crate) offset_index: IndexFile,
    pub(crate) time_index: IndexFile,
    /// Bytes of log from one index entry to the next.
    pub(crate) index_interval_bytes: usize,
    /// Whether there may be holes between the offsets of batches.
    pub(crate) may_skip: bool,
    pub(crate) bytes_since_index_entry: usize,
    /// The largest timestamp and the last offset of its batch; not known yet for a segment just opened.
    pub(crate) max_timestamp: Option<TimeEntry>,
    /// The timestamp of the last entry of the time index; not known yet for a segment just opened.
    pub(crate) last_time_entry: Option<Timestamp>,
    /// The largest timestamp of the first batch: where `segment.ms` counts from.
    pub(crate) first_timestamp: Option<Timestamp>,
    /// How far disk space is reserved.
    pub(crate) reserved: Position,
    /// Whether a transaction was aborted in this segment: hardly ever.
    pub(crate) has_txn_index: bool,
}

/// The name of a segment's file: its first offset in 20 digits, so that names sort as offsets do.
pub fn file_name(base_offset: Offset, extension: &str) -> String {
    format!("{base_offset:020}.{extension}")
}

/// The kinds of file that a segment may have.
pub const EXTENSIONS: [&str; 4] = ["log", "index", "timeindex", "txnindex"];

/// The base offset in a file's name.
pub fn base_offset_of(path: &Path) -> Option<Offset> {
    let stem = path.file_stem()?.to_str()?;
    if stem.len() == 20 && stem.bytes().all(|b| b.is_ascii_digit()) { stem.parse().ok() } else { None }
}

impl Segment {
    /// The segment of a folder that starts at an offset. Its `.log` may be missing: then it is empty.
    /// `may_skip` allows holes between the offsets of batches, as compaction leaves them.
    pub fn open(
        disk: &Disk,
        dir: &Path,
        base_offset: Offset,
        index_interval_bytes: usize,
        may_skip: bool,
    ) -> io::Result<Segment> {
        Segment::open_suffixed(disk, dir, base_offset, "", index_interval_bytes, may_skip)
    }

    /// The same, of files whose names end with a suffix (see `segment_swap`).
    pub fn open_suffixed(
        disk: &Disk,
        dir: &Path,
        base_offset: Offset,
        suffix: &'static str,
        index_interval_bytes: usize,
        may_skip: bool,
    ) -> io::Result<Segment> {
        let file_of = |extension: &str| dir.join(file_name(base_offset, extension) + suffix);
        let path = file_of("log");
        let size = match path.metadata() {
            Ok(metadata) => metadata.len(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => 0,
            Err(e) => return Err(e),
        };
        let index = |extension, entry_len| IndexFile::open(disk, file_of(extension), entry_len);
        Ok(Segment {
            base_offset,
            disk: disk.clone(),
            path,
            suffix,
            file: None,
            size,
            offset_index: index("index", offset_index::ENTRY_LEN)?,
            time_index: index("timeindex", time_index::ENTRY_LEN)?,
            index_interval_bytes,
            may_skip,
            bytes_since_index_entry: 0,
            max_timestamp: None,
            last_time_entry: None,
            first_timestamp: None,
            reserved: size,
            has_txn_index: file_of("txnindex").exists(),
        })
    }

    /// The first offset it may hold.
    pub fn base_offset(&self) -> Offset {
        self.base_offset
    }

    /// Bytes of batches.
    pub fn size(&self) -> Position {
        self.size
    }

    /// The `.log`'s path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The `.log`, opened.
    pub fn file(&mut self) -> io::Result<&DiskFile> {
        match self.file {
            Some(ref file) => Ok(file),
            None => Ok(self.file.insert(self.disk.open(&self.path)?)),
        }
    }

    pub(crate) fn scanner(
        &mut self,
        position: Position,
        next_offset: Offset,
        window: usize,
    ) -> io::Result<Scanner<'_>> {
        let (size, may_skip) = (self.size, self.may_skip);
        Ok(Scanner::new(self.file()?, position, size, next_offset, window).may_skip(may_skip))
    }

    /// Whether a batch has to go into a new segment: it would make this one too large, or its time is too far from the
    /// first batch's, or an index is full, or its offsets would not fit into an index entry. A first batch always fits.
    pub fn must_roll(&mut self, batch: &BatchHeader, config: &SegmentConfig) -> Result<bool, LogError> {
        todo!("exercise roll")
    }

    /// The largest timestamp of the first batch.
    pub(crate) fn first_timestamp(&mut self) -> Result<Timestamp, LogError> {
        if self.first_timestamp.is_none() {
            let base = self.base_offset;
            let first = self.scanner(0, base, SHORT_WALK)?.next_header()?;
            self.first_timestamp = first.map(|(_, header)| header.max_timestamp);
        }
        Ok(self.first_timestamp.unwrap_or(NO_TIMESTAMP))
    }

    /// Appends a batch. After an error it is as if nothing had been written.
    pub fn append(&mut self, header: &BatchHeader, body: &[u8]) -> Result<(), LogError> {
        // Batches of a segment just opened may have larger timestamps than any that is to come.
        self.max_timestamp()?;
        let position = self.size;
        let end = position + header.size() as Position;
        if end > self.reserved {
            let from = position.max(self.reserved);
            let step = from.clamp(LEAST_RESERVE, MOST_RESERVE).max(end - from);
            self.file()?.reserve(from, step);
            self.reserved = from + step;
        }
        let file = self.file()?;
        if let Err(e) = file.write_at(&header.encode(), body, position) {
            // Part of the batch may be in the file. Nobody reads beyond `size`, and recovery would cut it, too.
            let _ = file.set_len(position);
            return Err(e.into());
        }
        self.size = end;
        self.note(header, position);
        Ok(())
    }

    /// Takes note of a batch that stands in the file: its time, and now and then an entry in the indexes.
    pub(crate) fn note(&mut self, header: &BatchHeader, position: Position) {
        if position == 0 {
            self.first_timestamp = Some(header.max_timestamp);
        }
        let max = self.max_timestamp.get_or_insert(TimeEntry { timestamp: NO_TIMESTAMP, offset: self.base_offset });
        if header.max_timestamp > max.timestamp {
            *max = TimeEntry { timestamp: header.max_timestamp, offset: header.last_offset() };
        }
        if self.bytes_since_index_entry > self.index_interval_bytes {
            let entry = IndexEntry { offset: header.last_offset(), position };
            let added = self.offset_index.append(&offset_index::encode(entry, self.base_offset));
            if let Err(e) = added.and_then(|()| self.add_time_entry()) {
                // The batch is in the log. A missing index entry costs a longer walk, nothing else.
                warn!("{}: no index entry for offset {}: {e}", self.path.display(), entry.offset);
            }
            self.bytes_since_index_entry = 0;
        }
        self.bytes_since_index_entry += header.size();
    }

    /// Adds the largest timestamp so far to the time index, if it is larger than the last one there.
    pub(crate) fn add_time_entry(&mut self) -> io::Result<()> {
        let Some(max) = self.max_timestamp.filter(|max| max.timestamp != NO_TIMESTAMP) else { return Ok(()) };
        let base = self.base_offset;
        let last = match self.last_time_entry {
            Some(timestamp) => timestamp,
            None => self.time_index.last()?.map_or(NO_TIMESTAMP, |entry| time_index::decode(entry, base).timestamp),
        };
        if max.timestamp > last {
            self.time_index.append(&time_index::encode(max, base))?;
        }
        self.last_time_entry = Some(max.timestamp.max(last));
        Ok(())
    }

    /// The segment will not be written to any more (it is rolled, or the log is closed): its indexes get their last
    /// entry, reserved space is given back.
    pub fn seal(&mut self) -> Result<(), LogError> {
        if self.size > 0 {
            self.max_timestamp()?;
            self.add_time_entry()?;
            self.seal_indexes()?;
        }
        if self.reserved > self.size {
            self.cut()?;
        }
        Ok(())
    }

    /// Makes sure that the indexes are there, which an empty segment need not have.
    pub fn seal_indexes(&mut self) -> io::Result<()> {
        self.offset_index.seal()?;
        self.time_index.seal()
    }

    /// Every file that belongs to the segment.
    pub fn files(&self) -> Vec<PathBuf> {
        EXTENSIONS.iter().map(|extension| self.file_path(extension)).collect()
    }

    /// One of them.
    pub(crate) fn file_path(&self, extension: &str) -> PathBuf {
        self.path.with_file_name(file_name(self.base_offset, extension) + self.suffix)
    }
}
