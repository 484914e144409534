//! The transaction index: which stretches of the log belong to transactions that were aborted.
//!
//! A consumer that reads committed gets the records as they stand in the log, aborted ones too, and a list of aborted
//! transactions to skip. This list is what is written down here, so that nobody has to walk the log for it. Transactions
//! are not served in this chapter; folders that have them are read as Kafka reads them.
//!
//! ```text
//! 00000000000000000000.txnindex, an entry in the segment that holds the abort marker:
//! version i16 = 0 | producer_id i64 | first_offset i64 | last_offset i64 (the marker's) | last_stable_offset i64
//! ```

use std::io;
use std::path::Path;

use serde::Serialize;

use crate::batch::Offset;
use crate::disk::Disk;

/// Bytes of an entry.
pub const ENTRY_LEN: usize = 34;

/// A transaction that was aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AbortedTransaction {
    /// Whose it was.
    pub producer_id: i64,
    /// Its first record.
    pub first_offset: Offset,
    /// Its abort marker.
    pub last_offset: Offset,
    /// The last stable offset after the abort: no open transaction begins below it.
    pub last_stable_offset: Offset,
}

/// Reads an entry.
pub fn decode(bytes: &[u8]) -> Option<AbortedTransaction> {
    let number = |at: usize| Some(i64::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    if bytes.get(..2)? != [0, 0] {
        return None;
    }
    Some(AbortedTransaction {
        producer_id: number(2)?,
        first_offset: number(10)?,
        last_offset: number(18)?,
        last_stable_offset: number(26)?,
    })
}

/// Writes an entry.
pub fn encode(aborted: &AbortedTransaction) -> [u8; ENTRY_LEN] {
    let mut bytes = [0; ENTRY_LEN];
    bytes[2..10].copy_from_slice(&aborted.producer_id.to_be_bytes());
    bytes[10..18].copy_from_slice(&aborted.first_offset.to_be_bytes());
    bytes[18..26].copy_from_slice(&aborted.last_offset.to_be_bytes());
    bytes[26..34].copy_from_slice(&aborted.last_stable_offset.to_be_bytes());
    bytes
}

/// Every entry of a segment's index; a missing file has none.
pub fn read(path: &Path) -> io::Result<Vec<AbortedTransaction>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(bytes.chunks_exact(ENTRY_LEN).filter_map(decode).collect()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e),
    }
}

/// Adds an entry.
pub fn append(disk: &Disk, path: &Path, aborted: &AbortedTransaction) -> io::Result<()> {
    let file = disk.open(path)?;
    let end = file.len()? / ENTRY_LEN as u64 * ENTRY_LEN as u64;
    file.write_at(&encode(aborted), &[], end)
}
