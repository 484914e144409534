//! The record batch, format 2: the unit that producers send, brokers store and consumers read, byte for byte the same.
//!
//! ```text
//!  0  base_offset            i64   set by the broker            -+ not under the checksum, so that the broker can
//!  8  length                 i32   of all that follows           | set offset and epoch without touching it
//! 12  partition_leader_epoch i32   set by the broker             |
//! 16  magic                  i8    2                             |
//! 17  crc                    u32   CRC-32C of all that follows  -+
//! 21  attributes             i16   bits 0-2 codec, 3 append time, 4 transactional, 5 control, 6 delete horizon
//! 23  last_offset_delta      i32   of the last record
//! 27  base_timestamp         i64   milliseconds since 1970; records hold differences to it
//! 35  max_timestamp          i64
//! 43  producer_id            i64   -1: not idempotent
//! 51  producer_epoch         i16
//! 53  base_sequence          i32
//! 57  record_count           i32
//! 61  records                      compressed as a whole, if at all
//! ```
//!
//! Caveat: after compaction the count is lower than the offsets a batch spans. The last offset is always base offset plus
//! last offset delta, never base offset plus count.

use serde::Serialize;

/// A record's number in its partition.
pub type Offset = i64;
/// A byte's place in a file.
pub type Position = u64;
/// A leader's term: 0 or more, -1 if unknown.
pub type Epoch = i32;
/// Milliseconds since 1970.
pub type Timestamp = i64;

/// Bytes before the records.
pub const HEADER_LEN: usize = 61;
/// Bytes that `length` does not count: base offset and the length itself.
pub const LENGTH_OVERHEAD: usize = 12;
/// Where the format stands.
pub const MAGIC_AT: usize = 16;
/// Where the checksummed part begins.
const CRC_FROM: usize = 21;
/// No timestamp.
pub const NO_TIMESTAMP: Timestamp = -1;
/// No producer id: a batch of a producer that is not idempotent.
pub const NO_PRODUCER_ID: i64 = -1;

/// A batch's attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Attributes(pub i16);

impl Attributes {
    /// The codec's number: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    pub fn codec(self) -> u8 {
        (self.0 & 0x07) as u8
    }

    /// Whether the batch's time is that of its append rather than its records' own.
    pub fn is_append_time(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// Whether the batch belongs to a transaction.
    pub fn is_transactional(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// Whether the batch holds a marker of the broker's own instead of records.
    pub fn is_control(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// Whether the base timestamp is the time at which tombstones may go (compaction sets it).
    pub fn has_delete_horizon(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// The same with another codec.
    pub fn with_codec(self, codec: u8) -> Attributes {
        Attributes(self.0 & !0x07 | i16::from(codec))
    }

    /// The same, marked as append time.
    pub fn with_append_time(self) -> Attributes {
        Attributes(self.0 | 0x08)
    }
}

/// The header of a batch; see the module for the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchHeader {
    /// The first record's offset (before compaction removed it).
    pub base_offset: Offset,
    /// Bytes after the length field.
    pub batch_length: i32,
    /// The epoch of the leader that appended the batch.
    pub partition_leader_epoch: Epoch,
    /// The format; always 2.
    pub magic: i8,
    /// The checksum as it stands there.
    pub crc: u32,
    /// Codec and flags.
    pub attributes: Attributes,
    /// The last record's offset less the base offset.
    pub last_offset_delta: i32,
    /// What the records' timestamps are relative to, or the delete horizon.
    pub base_timestamp: Timestamp,
    /// The largest timestamp of its records.
    pub max_timestamp: Timestamp,
    /// The idempotent producer's id, or -1.
    pub producer_id: i64,
    /// The producer's epoch, or -1.
    pub producer_epoch: i16,
    /// The first record's sequence number, or -1.
    pub base_sequence: i32,
    /// Records in the batch.
    pub record_count: i32,
}

/// Why bytes are no batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Fewer bytes than the batch has.
    #[error("cut short: {needed} bytes needed, {left} left")]
    Short {
        /// Bytes the batch has, as far as its header says.
        needed: usize,
        /// Bytes there are.
        left: usize,
    },
    /// A length that no batch has.
    #[error("length {0} is below a batch header's")]
    Length(i32),
    /// A format that is not 2.
    #[error("magic {0}; this log holds format 2 only")]
    Magic(i8),
    /// Bytes that are not those that were checksummed.
    #[error("checksum {stored:08x} stored, {computed:08x} computed")]
    Crc {
        /// The checksum in the header.
        stored: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
}

macro_rules! field {
    ($bytes:expr, $at:literal, $ty:ident) => {
        $ty::from_be_bytes(*$bytes[$at..].first_chunk().expect("a header has 61 bytes"))
    };
}

impl BatchHeader {
    // ANCHOR: parse
    /// Reads a header and checks what can be checked without the rest of the batch: format and a plausible length.
    pub fn parse(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
        if bytes.len() < HEADER_LEN {
            return Err(BatchError::Short { needed: HEADER_LEN, left: bytes.len() });
        }
        let header = BatchHeader {
            base_offset: field!(bytes, 0, i64),
            batch_length: field!(bytes, 8, i32),
            partition_leader_epoch: field!(bytes, 12, i32),
            magic: field!(bytes, 16, i8),
            crc: field!(bytes, 17, u32),
            attributes: Attributes(field!(bytes, 21, i16)),
            last_offset_delta: field!(bytes, 23, i32),
            base_timestamp: field!(bytes, 27, i64),
            max_timestamp: field!(bytes, 35, i64),
            producer_id: field!(bytes, 43, i64),
            producer_epoch: field!(bytes, 51, i16),
            base_sequence: field!(bytes, 53, i32),
            record_count: field!(bytes, 57, i32),
        };
        if header.batch_length < (HEADER_LEN - LENGTH_OVERHEAD) as i32 {
            return Err(BatchError::Length(header.batch_length));
        }
        if header.magic != 2 {
            return Err(BatchError::Magic(header.magic));
        }
        Ok(header)
    }
    // ANCHOR_END: parse

    /// Bytes of the whole batch.
    pub fn size(&self) -> usize {
        self.batch_length as usize + LENGTH_OVERHEAD
    }

    // ANCHOR: last_offset
    /// The last record's offset.
    pub fn last_offset(&self) -> Offset {
        // A header may be anything: bytes that only look like one are met where an index or a file is damaged.
        self.base_offset.saturating_add(self.last_offset_delta.into())
    }
    // ANCHOR_END: last_offset

    /// The offset after the batch.
    pub fn next_offset(&self) -> Offset {
        self.last_offset().saturating_add(1)
    }

    /// The last record's sequence number; sequences wrap at 2^31.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 { -1 } else { add_sequence(self.base_sequence, self.last_offset_delta) }
    }

    /// Whether the batch comes from an idempotent producer.
    pub fn has_producer(&self) -> bool {
        self.producer_id >= 0
    }

    /// The header's bytes, with the checksum as it stands in the field.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.partition_leader_epoch.to_be_bytes());
        bytes[16] = self.magic as u8;
        bytes[17..21].copy_from_slice(&self.crc.to_be_bytes());
        bytes[21..23].copy_from_slice(&self.attributes.0.to_be_bytes());
        bytes[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        bytes[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        bytes[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        bytes[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        bytes[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        bytes[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        bytes[57..61].copy_from_slice(&self.record_count.to_be_bytes());
        bytes
    }

    // ANCHOR: sealed
    /// The same header, with length and checksum set for `body`, the (compressed) records.
    pub fn sealed(mut self, body: &[u8]) -> BatchHeader {
        self.batch_length = (HEADER_LEN - LENGTH_OVERHEAD + body.len()) as i32;
        self.crc = crc32c::crc32c_append(crc32c::crc32c(&self.encode()[CRC_FROM..]), body);
        self
    }
    // ANCHOR_END: sealed
}

/// A sequence number `n` later: they count records of one producer and wrap to 0 after 2^31 - 1.
pub fn add_sequence(sequence: i32, n: i32) -> i32 {
    ((i64::from(sequence) + i64::from(n)) & i64::from(i32::MAX)) as i32
}

// ANCHOR: check
/// Checks that `bytes` begin with a whole batch whose checksum is right, and returns its header.
pub fn check(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
    let header = BatchHeader::parse(bytes)?;
    if bytes.len() < header.size() {
        return Err(BatchError::Short { needed: header.size(), left: bytes.len() });
    }
    let computed = crc32c::crc32c(&bytes[CRC_FROM..header.size()]);
    if computed != header.crc {
        return Err(BatchError::Crc { stored: header.crc, computed });
    }
    Ok(header)
}
// ANCHOR_END: check

/// The batches in `bytes`, one after the other, as whole slices. Ends at the first that is not whole; checks no checksum.
pub fn split(mut bytes: &[u8]) -> impl Iterator<Item = (BatchHeader, &[u8])> {
    std::iter::from_fn(move || {
        let header = BatchHeader::parse(bytes).ok().filter(|h| h.size() <= bytes.len())?;
        let (batch, rest) = bytes.split_at(header.size());
        bytes = rest;
        Some((header, batch))
    })
}
