//! One batch in, what is left of it out.
//!
//! ```text
//!            before                           after
//! kept       [ k1=a  k2=b  k3=c ]             the same bytes
//! rewritten  [ k1=a  k2=b  k3=c ]  without k2 [ k1=a  --  k3=c ]   base offset and last offset delta stay, the count falls
//! emptied    [ k1=a  k2=b  k3=c ]  without all[ ]                  61 bytes: a producer's last sequence number
//! dropped    [ k1=a  k2=b  k3=c ]  without all
//! ```
//!
//! Offsets and timestamps of records never change. A tombstone (a record without value) is kept for a while, so that a
//! reader who knows the old value learns that it is gone. From when does that while count? From the first pass that meets
//! the tombstone: it writes the time at which the tombstone may go into the batch, in the place of the base timestamp, and
//! sets a bit that says so (KIP-534). Records' timestamps are differences to it, which makes them large and negative.
//!
//! Caveats. Once set, a delete horizon stays, even when the tombstone has gone. And without one the base timestamp becomes
//! that of the first record that is left.

use ch01_log::batch::{Attributes, BatchHeader, HEADER_LEN, NO_TIMESTAMP, Offset, Timestamp};
use ch01_log::compression::{Compression, DecompressError};
use ch01_log::record::{Record, RecordError, Records, put_record};
use ch01_log::scan::body;

/// The attribute bit of a delete horizon.
const DELETE_HORIZON: i16 = 0x40;
/// The attribute bits that an emptied batch keeps: append time, transactional, control.
const KEPT_WHEN_EMPTY: i16 = 0x38;

/// What becomes of a batch that has no record left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchRetention {
    /// It goes.
    DeleteEmpty,
    /// Its header stays: it says how far a producer has come, or where the log ends.
    RetainEmpty,
}

/// What is left of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CleanedBatch {
    /// All of it, byte for byte.
    Kept,
    /// Some of its records, or all of them under a delete horizon: header and records as they are stored.
    Rewritten(BatchHeader, Vec<u8>),
    /// Its header only.
    Emptied(BatchHeader),
    /// Nothing.
    Dropped,
}

/// Times that decide about tombstones.
#[derive(Clone, Copy, Debug)]
pub struct Horizon {
    /// The time of the pass, in milliseconds since 1970.
    pub now: Timestamp,
    /// How long tombstones stay from now on, in milliseconds (`delete.retention.ms`), 0 or more.
    pub delete_retention_ms: i64,
}

/// Why a batch cannot be cleaned.
#[derive(Debug, thiserror::Error)]
pub enum CleanBatchError {
    /// A codec without a name.
    #[error("codec {0} is unknown")]
    Codec(u8),
    /// Records that do not decompress.
    #[error("{0}")]
    Decompress(#[from] DecompressError),
    /// A record that cannot be read.
    #[error("{0}")]
    Record(#[from] RecordError),
    /// Too much for a batch's length field.
    #[error("the batch would be larger than 2 GiB")]
    TooLarge,
}

/// When a batch's tombstones, or its marker, may go; `None` if no pass has met them yet.
pub fn delete_horizon(header: &BatchHeader) -> Option<Timestamp> {
    todo!("exercise retain-record")
}

/// Keeps the records for which `retain` says so. `is_empty_marker`: the batch is a marker that is kept only until its
/// delete horizon, as a tombstone is.
pub fn clean_batch(
    header: &BatchHeader,
    batch: &[u8],
    retention: BatchRetention,
    is_empty_marker: bool,
    horizon: Horizon,
    mut retain: impl FnMut(&Record<'_>) -> bool,
) -> Result<CleanedBatch, CleanBatchError> {
    todo!("exercise retain-record")
}

fn rewrite(
    header: &BatchHeader,
    codec: Compression,
    retained: &[Record<'_>],
    delete_horizon: Option<Timestamp>,
) -> Result<CleanedBatch, CleanBatchError> {
    let mut new = *header;
    let time_of = |record: &Record<'_>| match header.attributes.is_append_time() {
        true => header.max_timestamp,
        false => record.timestamp(header.base_timestamp),
    };
    new.base_timestamp = delete_horizon.unwrap_or_else(|| time_of(&retained[0]));
    new.max_timestamp = retained.iter().map(time_of).max().unwrap_or(NO_TIMESTAMP);
    new.record_count = retained.len() as i32;
    if delete_horizon.is_some() {
        new.attributes = Attributes(new.attributes.0 | DELETE_HORIZON);
    }
    let (mut records, mut scratch, mut stored) = (Vec::new(), Vec::new(), Vec::new());
    for record in retained {
        let timestamp_delta = time_of(record).wrapping_sub(new.base_timestamp);
        put_record(&mut records, &mut scratch, &Record { timestamp_delta, ..*record });
    }
    codec.compress(&records, &mut stored);
    if HEADER_LEN + stored.len() > i32::MAX as usize {
        return Err(CleanBatchError::TooLarge);
    }
    Ok(CleanedBatch::Rewritten(new.sealed(&stored), stored))
}

/// The header of a batch without records. Its largest timestamp stays, and says when its producer was last heard of.
fn emptied(header: &BatchHeader) -> BatchHeader {
    let attributes = Attributes(header.attributes.0 & KEPT_WHEN_EMPTY);
    BatchHeader { attributes, base_timestamp: NO_TIMESTAMP, record_count: 0, ..*header }.sealed(&[])
}

/// Whether a record stays: it is the newest of its key as far as is known, and a value, or a tombstone that someone may
/// still have to see. `newest` is the offset that the map has for the key.
pub fn retain_record(
    header: &BatchHeader,
    record: &Record<'_>,
    newest: Option<Offset>,
    latest_offset: Offset,
    now: Timestamp,
) -> bool {
    todo!("exercise retain-record")
}
