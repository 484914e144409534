//! Walking the batches of a `.log` file, through a window of it that is read ahead.

use std::io;
use std::path::PathBuf;

use crate::batch::{self, BatchError, BatchHeader, HEADER_LEN, Offset, Position};
use crate::disk::DiskFile;

/// A window for walks over whole segments.
pub const WHOLE_SEGMENT: usize = 1 << 20;
/// A window for the short walk that ends a search.
pub const SHORT_WALK: usize = 8 << 10;

/// Bytes in a `.log` that are no batch, or not the one that should stand there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: damaged at byte {position}, offset {offset}: {what}", file.display())]
pub struct Corruption {
    /// The file.
    pub file: PathBuf,
    /// Where the damage starts.
    pub position: Position,
    /// The first offset that cannot be read.
    pub offset: Offset,
    /// What is wrong.
    pub what: String,
}

/// Why a log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file holds something else than was written.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
}

/// Walks a file's batches from a position on.
pub struct Scanner<'a> {
    file: &'a DiskFile,
    /// No batch reaches beyond this.
    end: Position,
    window: Vec<u8>,
    window_start: Position,
    window_len: usize,
    position: Position,
    /// What the next batch's base offset has to be, or must not be below.
    next_offset: Offset,
    may_skip: bool,
}

impl<'a> Scanner<'a> {
    /// A walk from `position`, where the batch with offset `next_offset` starts, to `end`.
    pub fn new(
        file: &'a DiskFile,
        position: Position,
        end: Position,
        next_offset: Offset,
        window_len: usize,
    ) -> Scanner<'a> {
        Scanner { file, end, window: Vec::new(), window_start: 0, window_len, position, next_offset, may_skip: false }
    }

    /// Whether offsets may have holes, as compaction leaves them.
    pub fn may_skip(mut self, may_skip: bool) -> Scanner<'a> {
        self.may_skip = may_skip;
        self
    }

    /// Where the walk stands: the start of the next batch.
    pub fn position(&self) -> Position {
        self.position
    }

    /// The offset after the last batch that was walked over.
    pub fn next_offset(&self) -> Offset {
        self.next_offset
    }

    /// The header of the next batch and where it starts, without looking at the records. `None` at the end.
    pub fn next_header(&mut self) -> Result<Option<(Position, BatchHeader)>, LogError> {
        let position = self.position;
        let Some(header) = self.header()? else { return Ok(None) };
        self.pass(&header);
        Ok(Some((position, header)))
    }

    /// The same, with the checksum compared.
    pub fn next_checked(&mut self) -> Result<Option<(Position, BatchHeader)>, LogError> {
        let position = self.position;
        let Some(header) = self.header()? else { return Ok(None) };
        let computed = self.crc(position, header.size())?;
        if computed != header.crc {
            return Err(self.corrupt(BatchError::Crc { stored: header.crc, computed }));
        }
        self.pass(&header);
        Ok(Some((position, header)))
    }

    /// The whole batch at a position.
    pub fn batch(&mut self, position: Position, header: &BatchHeader) -> io::Result<&[u8]> {
        self.bytes(position, header.size())
    }

    fn pass(&mut self, header: &BatchHeader) {
        self.position += header.size() as Position;
        self.next_offset = header.next_offset();
    }

    // ANCHOR: header
    fn header(&mut self) -> Result<Option<BatchHeader>, LogError> {
        let (position, left) = (self.position, (self.end - self.position) as usize);
        if left == 0 {
            return Ok(None);
        }
        if left < HEADER_LEN {
            return Err(self.corrupt(BatchError::Short { needed: HEADER_LEN, left }));
        }
        let header = match BatchHeader::parse(self.bytes(position, HEADER_LEN)?) {
            Ok(header) => header,
            Err(e) => return Err(self.corrupt(e)),
        };
        if header.size() > left {
            return Err(self.corrupt(BatchError::Short { needed: header.size(), left }));
        }
        let follows = header.base_offset == self.next_offset || self.may_skip && header.base_offset > self.next_offset;
        if !follows || header.last_offset_delta < 0 {
            let what = format!("offsets {} to {}", header.base_offset, header.last_offset());
            return Err(self.corrupt(format!("{what} where {} is expected", self.next_offset)));
        }
        Ok(Some(header))
    }
    // ANCHOR_END: header

    /// The checksum of a batch, window by window: its length is a claim, and no reason to allocate as much.
    fn crc(&mut self, position: Position, size: usize) -> io::Result<u32> {
        const FROM: usize = 21;
        let (mut crc, mut at) = (0, FROM);
        while at < size {
            let step = (size - at).min(self.window_len.max(HEADER_LEN));
            crc = crc32c::crc32c_append(crc, self.bytes(position + at as Position, step)?);
            at += step;
        }
        Ok(crc)
    }

    fn bytes(&mut self, position: Position, len: usize) -> io::Result<&[u8]> {
        let inside = position >= self.window_start
            && position + len as Position <= self.window_start + self.window.len() as Position;
        if !inside {
            let len = len.max(self.window_len).min((self.end - position) as usize);
            self.window.resize(len, 0);
            self.window_start = position;
            if let Err(e) = self.file.read_exact_at(&mut self.window, position) {
                self.window.clear();
                return Err(e);
            }
        }
        let from = (position - self.window_start) as usize;
        Ok(&self.window[from..from + len])
    }

    /// Damage in a batch that was passed already.
    pub fn damage_at(&self, position: Position, offset: Offset, what: impl ToString) -> LogError {
        Corruption { file: self.file.path().to_owned(), position, offset, what: what.to_string() }.into()
    }

    /// Damage at the walk's present position.
    fn corrupt(&self, what: impl ToString) -> LogError {
        let what = what.to_string();
        Corruption { file: self.file.path().to_owned(), position: self.position, offset: self.next_offset, what }.into()
    }
}

/// Bytes of a batch without its header.
pub fn body(batch: &[u8]) -> &[u8] {
    &batch[batch::HEADER_LEN..]
}
