//! Appending batches that another broker has appended before: they come with their offsets and leader epochs, and are
//! written as they are, so that both logs are the same, byte for byte.
//!
//! Caveat: the other log may have been compacted. Holes between offsets are then right, but recovery takes them for
//! damage in a log that is not known to have any: so they are refused until the log allows them (`allow_holes`).

use crate::batch::{self, BatchError, BatchHeader, HEADER_LEN, Offset};
use crate::log::{AppendError, Log};
use crate::recovery::parse_marker;
use crate::scan::LogError;

/// Why copied batches were not appended.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A batch is damaged.
    #[error("a batch is damaged: {0}")]
    Damaged(BatchError),
    /// A batch does not begin where the log ends.
    #[error("a batch begins at {got}, the log ends at {expected}")]
    Gap {
        /// Where the log ends.
        expected: Offset,
        /// Where the batch begins.
        got: Offset,
    },
    /// It could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl Log {
    // ANCHOR: append_copied
    /// Appends the whole batches at the front of `bytes`; what is left of a batch that was cut short is ignored. Returns
    /// whether a segment was closed. After an error the batches before the one at fault are in the log.
    pub fn append_copied(&mut self, bytes: &[u8]) -> Result<bool, CopyError> {
        let mut rolled = false;
        let mut left = bytes;
        while let Some(batch) = whole_batch(left).map_err(CopyError::Damaged)? {
            let header = batch::check(batch).map_err(CopyError::Damaged)?;
            let (expected, got) = (self.log_end_offset, header.base_offset);
            if got < expected || got > expected && !self.is_lenient {
                return Err(CopyError::Gap { expected, got });
            }
            rolled |= self.append_copied_batch(&header, &batch[HEADER_LEN..])?;
            left = &left[batch.len()..];
        }
        Ok(rolled)
    }
    // ANCHOR_END: append_copied

    fn append_copied_batch(&mut self, header: &BatchHeader, body: &[u8]) -> Result<bool, AppendError> {
        if let Some(damage) = &self.damage {
            return Err(LogError::from(damage.clone()).into());
        }
        self.check_not_retired()?;
        self.epochs.assign(header.partition_leader_epoch, header.base_offset, true)?;
        let segment_config = self.config.segment.clone();
        let rolls = self.active().must_roll(header, &segment_config)?;
        if rolls {
            self.roll()?;
        }
        self.active().append(header, body)?;
        let is_marker = header.attributes.is_control() && header.has_producer();
        let marker = if is_marker { parse_marker(body, header) } else { None };
        if let Some(aborted) = self.producers.apply(header, marker) {
            self.active().add_aborted(&aborted)?;
        }
        self.log_end_offset = header.next_offset();
        Ok(rolls)
    }
}

/// The first batch, if all of it is there.
fn whole_batch(bytes: &[u8]) -> Result<Option<&[u8]>, BatchError> {
    if bytes.len() < HEADER_LEN {
        return Ok(None);
    }
    Ok(bytes.get(..BatchHeader::parse(bytes)?.size()))
}
