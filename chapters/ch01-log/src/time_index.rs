//! The time index: from a timestamp to an offset.
//!
//! An entry is twelve bytes, added together with an entry of the offset index, but only if time has moved on since the
//! last one; so both columns only ever grow:
//!
//! ```text
//! timestamp i64 | offset - base i32       the largest timestamp so far in the segment,
//!                                         and the LAST offset of the batch that brought it
//! ```
//!
//! Timestamps come from producers and need not be in order. That is why an entry says "so far": no record up to that
//! offset is later than that timestamp. A search for the first record at or after a time starts behind the last entry
//! that is earlier.

use crate::batch::{Offset, Timestamp};

/// Bytes of an entry.
pub const ENTRY_LEN: usize = 12;

// ANCHOR: entry
/// The largest timestamp up to an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeEntry {
    /// The timestamp.
    pub timestamp: Timestamp,
    /// The last offset of the batch that has it.
    pub offset: Offset,
}
// ANCHOR_END: entry

/// Reads an entry of the index of a segment that starts at `base`.
pub fn decode(entry: &[u8], base: Offset) -> TimeEntry {
    let (timestamp, offset) = entry.split_at(8);
    let timestamp = i64::from_be_bytes(timestamp.try_into().expect("8 of 12 bytes"));
    let offset = u32::from_be_bytes(offset.try_into().expect("4 of 12 bytes"));
    TimeEntry { timestamp, offset: base + Offset::from(offset) }
}

/// Writes an entry.
pub fn encode(entry: TimeEntry, base: Offset) -> [u8; ENTRY_LEN] {
    let mut bytes = [0; ENTRY_LEN];
    bytes[..8].copy_from_slice(&entry.timestamp.to_be_bytes());
    bytes[8..].copy_from_slice(&((entry.offset - base) as u32).to_be_bytes());
    bytes
}

// ANCHOR: lookup
/// The last entry that is earlier than `target`: every record up to its offset is earlier, too. `None` if there is none.
pub fn lookup(entries: &[u8], base: Offset, target: Timestamp) -> Option<TimeEntry> {
    let at = |i: usize| decode(&entries[i * ENTRY_LEN..][..ENTRY_LEN], base);
    let (mut low, mut high) = (0, entries.len() / ENTRY_LEN);
    while low < high {
        let middle = low + (high - low) / 2;
        if at(middle).timestamp < target {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low.checked_sub(1).map(at)
}
// ANCHOR_END: lookup
