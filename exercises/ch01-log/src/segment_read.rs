//! Searching a segment: by offset, by timestamp, and what an index is worth.
//!
//! A search by offset: the index gives a batch at or before it, and a walk over the headers from there ends at the batch
//! that has it. What an index says is believed only after a look at the batch it points at; one that lies is rebuilt.

use std::io;

use bytes::Bytes;
use ch00_wire::transfer::FileRegion;
use tracing::warn;

use crate::batch::{BatchHeader, NO_TIMESTAMP, Offset, Position, Timestamp};
use crate::offset_index::{self, IndexEntry};
use crate::scan::{LogError, SHORT_WALK, WHOLE_SEGMENT};
use crate::segment::Segment;
use crate::time_index::{self, TimeEntry};
use crate::txn_index::{self, AbortedTransaction};

impl Segment {
    /// The batch that holds an offset, or the next one after it (compaction leaves holes). `None`: no such batch here.
    pub fn find(&mut self, target: Offset) -> Result<Option<(Position, BatchHeader)>, LogError> {
        todo!("exercise find-batch")
    }

    /// Where a walk to `target` may start: at a batch at or before it.
    fn start_of_walk(&mut self, target: Offset) -> Result<(Position, Offset), LogError> {
        todo!("exercise find-batch")
    }

    /// The batch an index entry points at, if there is one and it has the entry's offset.
    fn batch_of_entry(&mut self, entry: IndexEntry) -> io::Result<Option<BatchHeader>> {
        if entry.position >= self.size {
            return Ok(None);
        }
        let base = self.base_offset;
        match self.scanner(entry.position, base, SHORT_WALK)?.may_skip(true).next_header() {
            Ok(Some((_, header))) => Ok(Some(header).filter(|h| h.last_offset() == entry.offset)),
            Ok(None) | Err(LogError::Corrupt(_)) => Ok(None),
            Err(LogError::Io(e)) => Err(e),
        }
    }

    /// Where the batches below an offset end.
    pub fn position_of(&mut self, end: Offset) -> Result<Position, LogError> {
        match self.find(end) {
            Ok(found) => Ok(found.map_or(self.size, |(position, _)| position)),
            // Damage behind the last batch that is wanted is no reason to withhold it.
            Err(LogError::Corrupt(damage)) if damage.offset >= end => Ok(damage.position),
            Err(e) => Err(e),
        }
    }

    /// Reads up to `max_bytes` from a position, but not beyond `end`, as a region of the file.
    pub fn region(&mut self, position: Position, end: Position, max_bytes: usize) -> io::Result<FileRegion> {
        let len = usize::try_from(end.saturating_sub(position)).unwrap_or(usize::MAX).min(max_bytes);
        Ok(FileRegion { file: self.file()?.file().clone(), offset: position, len })
    }

    /// The first batch that has a record at or after a time, and an offset of at least `from`.
    pub fn find_timestamp(
        &mut self,
        target: Timestamp,
        from: Offset,
    ) -> Result<Option<(Position, BatchHeader)>, LogError> {
        todo!("exercise find-timestamp")
    }

    /// An offset that nothing in the first `len` bytes from `position` on lies above: where the next index entry points.
    pub fn upper_bound(&mut self, position: Position, len: usize) -> io::Result<Option<Offset>> {
        let (base, end) = (self.base_offset, position + len as Position);
        let entries = self.offset_index.entries()?;
        let mut entries = entries.chunks_exact(offset_index::ENTRY_LEN).map(|entry| offset_index::decode(entry, base));
        Ok(entries.find(|entry| entry.position >= end).map(|entry| entry.offset))
    }

    /// The aborted transactions whose marker is in this segment.
    pub fn aborted_transactions(&self) -> io::Result<Vec<AbortedTransaction>> {
        if self.has_txn_index { txn_index::read(&self.file_path("txnindex")) } else { Ok(Vec::new()) }
    }

    /// The largest timestamp in the segment and the last offset of the batch that has it; -1 if there is none.
    pub fn max_timestamp(&mut self) -> Result<TimeEntry, LogError> {
        if let Some(max) = self.max_timestamp {
            return Ok(max);
        }
        let base = self.base_offset;
        let last = self.time_index.last()?.map(|entry| time_index::decode(entry, base));
        let mut max = TimeEntry { timestamp: NO_TIMESTAMP, offset: base };
        let mut start = (0, base);
        // A closed segment's last entry is its maximum. One that was active may have later batches.
        if let Some(entry) = last
            && let Some((position, header)) = self.find(entry.offset)?
            && is_batch_of(&header, entry)
        {
            max = entry;
            start = (position + header.size() as Position, header.next_offset());
        }
        let mut walk = self.scanner(start.0, start.1, WHOLE_SEGMENT)?;
        while let Some((_, header)) = walk.next_header()? {
            if header.max_timestamp > max.timestamp {
                max = TimeEntry { timestamp: header.max_timestamp, offset: header.last_offset() };
            }
        }
        self.max_timestamp = Some(max);
        Ok(max)
    }

    /// One whole batch.
    pub fn read_batch(&mut self, position: Position, header: &BatchHeader) -> io::Result<Bytes> {
        let mut bytes = vec![0; header.size()];
        self.file()?.read_exact_at(&mut bytes, position)?;
        Ok(bytes.into())
    }

    /// The offset after the last batch, by a walk from the last index entry, without checksums: for logs that were
    /// closed cleanly.
    pub fn next_offset(&mut self) -> Result<Offset, LogError> {
        if self.size == 0 {
            return Ok(self.base_offset);
        }
        let (position, next_offset) = self.start_of_walk(Offset::MAX)?;
        let mut walk = self.scanner(position, next_offset, WHOLE_SEGMENT)?;
        while walk.next_header()?.is_some() {}
        Ok(walk.next_offset())
    }
}

/// Whether a batch is the one a time index entry speaks of.
fn is_batch_of(header: &BatchHeader, entry: TimeEntry) -> bool {
    (header.last_offset(), header.max_timestamp) == (entry.offset, entry.timestamp)
}
