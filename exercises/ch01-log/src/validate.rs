//! Is this batch fit for the log? What a leader checks before it appends what a producer sent.
//!
//! The batch is checked in place: its frame (length, format, checksum), then its records, walked one by one. What passes
//! is appended as it came, except where the topic's configuration wants something else (append time, another codec) or
//! where the header's largest timestamp is wrong: that would mislead every search by time, so it is set right.
//!
//! Apache Kafka lets some malformed batches through (wrong offset deltas when uncompressed, lengths below -1). They
//! would trip readers and the cleaner later; here they are refused. No client is known to send them.

use bytes::Bytes;
use ch00_wire::error_code::ErrorCode;

use crate::batch::{self, BatchError, BatchHeader, HEADER_LEN, MAGIC_AT, Timestamp};
use crate::compression::{Compression, DecompressError};
use crate::record::{RecordError, Records};

/// What a topic demands of batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The largest batch in bytes, as stored (`max.message.bytes`).
    pub max_message_bytes: usize,
    /// The codec of every batch; `None` keeps the producer's (`compression.type`).
    pub compression: Option<Compression>,
    /// Whether the broker's clock decides rather than the producer's (`message.timestamp.type`).
    pub append_time: bool,
    /// How far a record's timestamp may lie before now, in milliseconds (`message.timestamp.before.max.ms`).
    pub timestamp_before_max_ms: i64,
    /// How far it may lie after now (`message.timestamp.after.max.ms`).
    pub timestamp_after_max_ms: i64,
    /// Whether every record needs a key.
    pub key_required: bool,
}

/// Why a batch was refused.
#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// Damaged on its way, or no batch at all.
    #[error("{0}")]
    Corrupt(BatchError),
    /// A format before 2.
    #[error("format {0} of records is gone since Kafka 4.0 (KIP-724); update the client")]
    OldFormat(u8),
    /// Not exactly one batch.
    #[error("a partition's records must be exactly one batch: {0} bytes follow the first")]
    NotOneBatch(usize),
    /// Nothing at all.
    #[error("no records")]
    Empty,
    /// A header whose fields do not fit together.
    #[error("{0}")]
    Header(&'static str),
    /// A record that cannot be read.
    #[error("record {index}: {error}")]
    Record {
        /// Which one, from 0.
        index: i32,
        /// What is wrong with it.
        error: RecordError,
    },
    /// A record whose offset delta is not its index.
    #[error("record {index} has offset delta {delta}")]
    OffsetDelta {
        /// Which one, from 0.
        index: i32,
        /// Its offset delta.
        delta: i32,
    },
    /// Records that do not decompress.
    #[error("{0}")]
    Decompress(#[from] DecompressError),
    /// A codec without a name.
    #[error("codec {0} is unknown")]
    Codec(u8),
    /// A batch that is too large.
    #[error("batch of {size} bytes: at most {limit} are allowed (max.message.bytes)")]
    TooLarge {
        /// Its size.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// A timestamp too far from now.
    #[error(
        "timestamp {timestamp} is too far from the broker's clock ({now}): message.timestamp.before.max.ms, after.max.ms"
    )]
    Timestamp {
        /// The record's timestamp.
        timestamp: Timestamp,
        /// The broker's clock.
        now: Timestamp,
    },
    /// A record without a key where one is needed.
    #[error("record {0} has no key, which this topic needs")]
    NoKey(i32),
}

impl Invalid {
    /// What the client is told.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Invalid::Corrupt(_) => ErrorCode::CORRUPT_MESSAGE,
            Invalid::TooLarge { .. } => ErrorCode::MESSAGE_TOO_LARGE,
            Invalid::Timestamp { .. } => ErrorCode::INVALID_TIMESTAMP,
            Invalid::Codec(_) => ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
            _ => ErrorCode::INVALID_RECORD,
        }
    }
}

/// A batch that may be appended: its records as they are stored, its header ready but for base offset and leader epoch.
#[derive(Debug)]
pub struct Valid {
    /// The header.
    pub header: BatchHeader,
    /// The records, compressed as they are to be stored. Usually a slice of the request.
    pub body: Bytes,
}

/// Checks what a producer sent for one partition.
pub fn validate(records: Bytes, rules: &Rules, now: Timestamp) -> Result<Valid, Invalid> {
    let header = check_frame(&records)?;
    check_header(&header)?;
    check_size(records.len(), rules)?;
    let body = records.slice(HEADER_LEN..);
    let codec = header.attributes.codec();
    let stored = Compression::from_codec(codec).ok_or(Invalid::Codec(codec))?;
    let unpacked = stored.decompress(&body)?;
    let max_timestamp = check_records(&unpacked, &header, rules, now)?;

    let mut wanted = header;
    if rules.append_time {
        wanted.attributes = wanted.attributes.with_append_time();
        wanted.max_timestamp = now;
    } else {
        wanted.max_timestamp = max_timestamp;
    }
    if let Some(compression) = rules.compression.filter(|&c| c != stored) {
        let mut body = Vec::new();
        compression.compress(&unpacked, &mut body);
        wanted.attributes = wanted.attributes.with_codec(compression.codec());
        check_size(HEADER_LEN + body.len(), rules)?;
        return Ok(Valid { header: wanted.sealed(&body), body: body.into() });
    }
    if wanted != header {
        wanted = wanted.sealed(&body);
    }
    drop(unpacked);
    Ok(Valid { header: wanted, body })
}

fn check_size(size: usize, rules: &Rules) -> Result<(), Invalid> {
    if size > rules.max_message_bytes {
        return Err(Invalid::TooLarge { size, limit: rules.max_message_bytes });
    }
    Ok(())
}

/// Exactly one batch, whole, with the right checksum.
fn check_frame(records: &[u8]) -> Result<BatchHeader, Invalid> {
    if records.is_empty() {
        return Err(Invalid::Empty);
    }
    // The formats before 2 have this byte in the same place, and may be shorter than a batch's header.
    if let Some(&magic @ 0..=1) = records.get(MAGIC_AT) {
        return Err(Invalid::OldFormat(magic));
    }
    let header = batch::check(records).map_err(Invalid::Corrupt)?;
    match records.len() - header.size() {
        0 => Ok(header),
        more => Err(Invalid::NotOneBatch(more)),
    }
}

fn check_header(header: &BatchHeader) -> Result<(), Invalid> {
    let fail = |why| Err(Invalid::Header(why));
    if header.attributes.is_control() {
        return fail("control batches are the broker's own");
    }
    if header.base_offset != 0 {
        return fail("a producer's batch starts at offset 0; the broker gives the real one");
    }
    if header.record_count <= 0 {
        return fail("a batch holds at least one record");
    }
    if header.last_offset_delta != header.record_count - 1 {
        return fail("the last offset delta is not the record count less one");
    }
    if header.has_producer() && (header.base_sequence < 0 || header.producer_epoch < 0) {
        return fail("a producer id needs an epoch and a sequence number");
    }
    Ok(())
}

/// Walks the records; returns their largest timestamp.
fn check_records(bytes: &[u8], header: &BatchHeader, rules: &Rules, now: Timestamp) -> Result<Timestamp, Invalid> {
    todo!("exercise validate-records")
}

fn is_near(timestamp: Timestamp, rules: &Rules, now: Timestamp) -> bool {
    timestamp == batch::NO_TIMESTAMP
        || now.saturating_sub(timestamp) <= rules.timestamp_before_max_ms
            && timestamp.saturating_sub(now) <= rules.timestamp_after_max_ms
}
