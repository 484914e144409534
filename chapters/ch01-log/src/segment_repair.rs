//! Setting a segment right: its indexes written anew from the batches, its end cut off, everything in it checked.

use std::io;

use tracing::warn;

use crate::batch::{BatchHeader, NO_TIMESTAMP, Offset, Position};
use crate::offset_index;
use crate::scan::{LogError, Scanner, WHOLE_SEGMENT};
use crate::segment::Segment;
use crate::time_index::{self, TimeEntry};
use crate::txn_index::{self, AbortedTransaction};

impl Segment {
    /// Notes an aborted transaction.
    pub fn add_aborted(&mut self, aborted: &AbortedTransaction) -> io::Result<()> {
        self.has_txn_index = true;
        txn_index::append(&self.disk, &self.file_path("txnindex"), aborted)
    }

    /// Forgets the aborted transactions whose marker is at or after an offset.
    pub fn truncate_aborted(&mut self, from: Offset) -> io::Result<()> {
        let kept: Vec<_> = self.aborted_transactions()?.into_iter().filter(|t| t.last_offset < from).collect();
        self.disk.remove(&self.file_path("txnindex"))?;
        self.has_txn_index = false;
        kept.iter().try_for_each(|aborted| self.add_aborted(aborted))
    }

    /// Writes the indexes anew from what is in the log, which decides.
    pub fn rebuild_indexes(&mut self) -> Result<(), LogError> {
        warn!("{}: rebuilding the indexes", self.path.display());
        let size = self.size;
        match self.rescan(|_, _, _| Ok(())) {
            // Damage further on is met again, and reported, by whoever reads there.
            Err(LogError::Corrupt(_)) | Ok(_) => self.size = size,
            Err(e) => return Err(e),
        }
        Ok(())
    }

    // ANCHOR: rescan
    /// Walks the whole segment with checksums, writes its indexes anew, and calls `batch` for each batch. Damage ends the
    /// walk with an error; the segment then ends before it (in memory: the file is not cut).
    pub fn rescan(
        &mut self,
        mut batch: impl FnMut(&mut Scanner<'_>, Position, &BatchHeader) -> Result<(), LogError>,
    ) -> Result<Offset, LogError> {
        self.offset_index.truncate(0)?;
        self.time_index.truncate(0)?;
        self.bytes_since_index_entry = 0;
        self.max_timestamp = None;
        self.last_time_entry = None;
        if self.size == 0 {
            return Ok(self.base_offset);
        }
        let file = self.file()?.clone();
        let mut walk = Scanner::new(&file, 0, self.size, self.base_offset, WHOLE_SEGMENT).may_skip(self.may_skip);
        let result = loop {
            let at = walk.position();
            match walk.next_checked() {
                Ok(None) => break Ok(walk.next_offset()),
                Ok(Some((position, header))) => match batch(&mut walk, position, &header) {
                    Ok(()) => self.note(&header, position),
                    Err(e) => {
                        self.size = at;
                        break Err(e);
                    }
                },
                Err(e) => {
                    self.size = at;
                    break Err(e);
                }
            }
        };
        self.max_timestamp.get_or_insert(TimeEntry { timestamp: NO_TIMESTAMP, offset: self.base_offset });
        self.add_time_entry()?;
        result
    }
    // ANCHOR_END: rescan

    /// Cuts the file at the end of its whole batches.
    pub fn cut(&mut self) -> io::Result<()> {
        let size = self.size;
        self.reserved = size;
        self.file()?.set_len(size)
    }

    /// Removes the batches from `position` on, and index entries that point there.
    pub fn truncate(&mut self, position: Position, next_offset: Offset) -> Result<(), LogError> {
        let base = self.base_offset;
        self.size = position;
        self.cut()?;
        let keep = count_while(self.offset_index.entries()?, offset_index::ENTRY_LEN, |entry| {
            offset_index::decode(entry, base).position < position
        });
        self.offset_index.truncate(keep)?;
        let keep = count_while(self.time_index.entries()?, time_index::ENTRY_LEN, |entry| {
            time_index::decode(entry, base).offset < next_offset
        });
        self.time_index.truncate(keep)?;
        self.bytes_since_index_entry = 0;
        self.max_timestamp = None;
        self.last_time_entry = None;
        if position == 0 {
            self.first_timestamp = None;
        }
        Ok(())
    }

    /// Walks all batches with their checksums; `check` may object to a header.
    pub fn check_all(&mut self, check: impl Fn(&BatchHeader) -> Result<(), String>) -> Result<(), LogError> {
        let base = self.base_offset;
        let mut walk = self.scanner(0, base, WHOLE_SEGMENT)?;
        while let Some((position, header)) = walk.next_checked()? {
            check(&header).map_err(|what| walk.damage_at(position, header.base_offset, what))?;
        }
        Ok(())
    }

    /// The highest producer id of its batches, -1 for none.
    pub fn highest_producer_id(&mut self) -> io::Result<i64> {
        let base = self.base_offset;
        let mut walk = self.scanner(0, base, WHOLE_SEGMENT)?;
        let mut highest = -1;
        loop {
            match walk.next_header() {
                Ok(Some((_, header))) => highest = header.producer_id.max(highest),
                Ok(None) | Err(LogError::Corrupt(_)) => return Ok(highest),
                Err(LogError::Io(e)) => return Err(e),
            }
        }
    }
}

/// Bytes of the first entries for which `keep` holds.
fn count_while(entries: &[u8], entry_len: usize, keep: impl Fn(&[u8]) -> bool) -> usize {
    entries.chunks_exact(entry_len).take_while(|entry| keep(entry)).count() * entry_len
}
