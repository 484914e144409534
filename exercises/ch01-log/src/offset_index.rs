//! The offset index: from an offset to a place in the segment's `.log`, without reading it from its start.
//!
//! It is sparse: an entry for about every 4 KiB of log (`index.interval.bytes`), so that the index of a 1 GiB segment is
//! 2 MiB and the search ends with a short scan. An entry is eight bytes:
//!
//! ```text
//! offset - base i32 | position i32        the LAST offset of a batch, and where that batch STARTS
//! ```
//!
//! Why the last offset? A search for 15 asks for the largest entry not above 15; that batch, or one soon after, has it.
//!
//! Caveat: an index is a hint. It is never synced and may be wrong after a crash or a flipped bit, so whoever uses an
//! entry looks at the batch it points at (see `segment`).

use crate::batch::{Offset, Position};

/// Bytes of an entry.
pub const ENTRY_LEN: usize = 8;

/// Where a batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The batch's last offset.
    pub offset: Offset,
    /// The position of its first byte in the `.log`.
    pub position: Position,
}

/// Reads an entry of the index of a segment that starts at `base`.
pub fn decode(entry: &[u8], base: Offset) -> IndexEntry {
    let (offset, position) = entry.split_at(4);
    let offset = u32::from_be_bytes(offset.try_into().expect("4 of 8 bytes"));
    let position = u32::from_be_bytes(position.try_into().expect("4 of 8 bytes"));
    IndexEntry { offset: base + Offset::from(offset), position: Position::from(position) }
}

/// Writes an entry.
pub fn encode(entry: IndexEntry, base: Offset) -> [u8; ENTRY_LEN] {
    let mut bytes = [0; ENTRY_LEN];
    bytes[..4].copy_from_slice(&((entry.offset - base) as u32).to_be_bytes());
    bytes[4..].copy_from_slice(&(entry.position as u32).to_be_bytes());
    bytes
}

/// The last entry whose offset is not above `target`, or `None` if there is none: then the search starts at 0.
pub fn lookup(entries: &[u8], base: Offset, target: Offset) -> Option<IndexEntry> {
    todo!("exercise index-lookup")
}
