//! One segment by itself, in a folder of its own.

use std::path::PathBuf;

use ch01_log::batch::{BatchHeader, HEADER_LEN, Offset, Position, Timestamp};
use ch01_log::builder::BatchBuilder;
use ch01_log::disk::Disk;
use ch01_log::offset_index::{self, IndexEntry};
use ch01_log::segment::{Segment, file_name};
use ch01_log::time_index::{self, TimeEntry};

use super::TempDir;

/// The largest timestamp of the segments' records, unless a test says otherwise.
pub const TIME: Timestamp = 36_000_000;

/// A folder with one segment.
pub struct OneSegment {
    pub dir: TempDir,
    pub base: Offset,
    /// Bytes of log from one index entry to the next.
    pub interval: usize,
    /// Whether there may be holes between the offsets of batches.
    pub may_skip: bool,
}

impl OneSegment {
    pub fn new(base: Offset, interval: usize) -> OneSegment {
        OneSegment { dir: TempDir::new(), base, interval, may_skip: false }
    }

    /// As a broker finds it that has just been started.
    pub fn open(&self) -> Segment {
        Segment::open(&Disk::default(), self.dir.path(), self.base, self.interval, self.may_skip).unwrap()
    }

    pub fn file(&self, extension: &str) -> PathBuf {
        self.dir.path().join(file_name(self.base, extension))
    }

    pub fn write(&self, extension: &str, bytes: &[u8]) {
        std::fs::write(self.file(extension), bytes).unwrap();
    }

    pub fn read(&self, extension: &str) -> Vec<u8> {
        std::fs::read(self.file(extension)).unwrap()
    }

    pub fn offset_index(&self, entries: &[(Offset, Position)]) -> Vec<u8> {
        let encode = |&(offset, position)| offset_index::encode(IndexEntry { offset, position }, self.base);
        entries.iter().flat_map(encode).collect()
    }

    pub fn time_index(&self, entries: &[(Timestamp, Offset)]) -> Vec<u8> {
        let encode = |&(timestamp, offset)| time_index::encode(TimeEntry { timestamp, offset }, self.base);
        entries.iter().flat_map(encode).collect()
    }
}

/// A batch of so many records of 8 bytes: 61 bytes of header, and 15 for each of the first records.
pub fn batch_at(offset: Offset, records: usize, time: Timestamp) -> bytes::Bytes {
    (0..records).fold(BatchBuilder::new(offset), |b, _| b.record(time, None, Some(b"hello 15"))).build()
}

pub fn append(segment: &mut Segment, batch: &[u8]) {
    segment.append(&BatchHeader::parse(batch).unwrap(), &batch[HEADER_LEN..]).unwrap();
}
