//! Records: what a batch holds, one after the other.
//!
//! ```text
//! length            varint    of all that follows
//! attributes        i8        unused
//! timestamp_delta   varlong   to the batch's base timestamp
//! offset_delta      varint    to the batch's base offset
//! key               varint length (-1: null), bytes
//! value             varint length (-1: null), bytes
//! headers           varint count, then for each: varint length, name; varint length (-1: null), value
//! ```
//!
//! Varints here are zigzag-encoded (0, -1, 1, -2 … become 0, 1, 2, 3 …), unlike the unsigned ones of message headers.
//!
//! Records are walked, never copied: a [`Record`] borrows from the batch.

use crate::batch::Timestamp;

// ANCHOR: fields
/// One record, borrowed from its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Offset less the batch's base offset.
    pub offset_delta: i32,
    /// Timestamp less the batch's base timestamp.
    pub timestamp_delta: i64,
    /// The key; records with the same key go to the same partition.
    pub key: Option<&'a [u8]>,
    /// The value; null on a compacted topic means "deleted".
    pub value: Option<&'a [u8]>,
    /// Headers, encoded.
    pub headers: Headers<'a>,
}
// ANCHOR_END: fields

impl Record<'_> {
    /// The record's own timestamp; what a reader sees when the batch is not marked as append time.
    pub fn timestamp(&self, base: Timestamp) -> Timestamp {
        base.wrapping_add(self.timestamp_delta)
    }
}

/// A record's headers: names with values, in order; names may repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Headers<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The headers as they stand in the record: count and all.
    pub fn encoded(&self) -> &'a [u8] {
        self.bytes
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let mut cursor = Cursor { bytes: self.bytes };
        let _count = cursor.varint();
        (0..self.count).map(move |_| {
            let name = cursor.nullable_bytes().ok().flatten().expect("headers were walked when the record was read");
            (name, cursor.nullable_bytes().expect("headers were walked when the record was read"))
        })
    }
}

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// A record that reaches beyond its batch.
    #[error("record ends beyond its batch")]
    Truncated,
    /// A varint longer than its type.
    #[error("varint does not fit its type")]
    Varint,
    /// A length below -1, or -1 where there is no null.
    #[error("length {0} is not legal here")]
    Length(i32),
    /// A record whose fields do not fill its length exactly.
    #[error("record's fields take {used} bytes, its length says {length}")]
    Size {
        /// Bytes the fields take.
        used: usize,
        /// Bytes the length announces.
        length: usize,
    },
    /// Bytes after the last record.
    #[error("{0} bytes after the last record")]
    Trailing(usize),
}

/// Walks the records in a batch's (uncompressed) bytes. Ends after `count` records, or with an error.
pub struct Records<'a> {
    cursor: Cursor<'a>,
    left: usize,
}

impl<'a> Records<'a> {
    /// The `count` records in `bytes`.
    pub fn new(bytes: &'a [u8], count: i32) -> Records<'a> {
        Records { cursor: Cursor { bytes }, left: usize::try_from(count).unwrap_or(0) }
    }

    /// After the last record: whether bytes are left over.
    pub fn finish(self) -> Result<(), RecordError> {
        if self.cursor.bytes.is_empty() { Ok(()) } else { Err(RecordError::Trailing(self.cursor.bytes.len())) }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let record = self.cursor.record();
        if record.is_err() {
            self.left = 0;
        }
        Some(record)
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    // ANCHOR: record
    fn record(&mut self) -> Result<Record<'a>, RecordError> {
        let length = self.varint()?;
        let length = usize::try_from(length).map_err(|_| RecordError::Length(length))?;
        let mut body = Cursor { bytes: self.take(length)? };
        body.take(1)?;
        let timestamp_delta = body.varlong()?;
        let offset_delta = body.varint()?;
        let key = body.nullable_bytes()?;
        let value = body.nullable_bytes()?;
        let headers = body.headers()?;
        if !body.bytes.is_empty() {
            return Err(RecordError::Size { used: length - body.bytes.len(), length });
        }
        Ok(Record { offset_delta, timestamp_delta, key, value, headers })
    }
    // ANCHOR_END: record

    fn headers(&mut self) -> Result<Headers<'a>, RecordError> {
        let start = self.bytes;
        let count = self.varint()?;
        let count = usize::try_from(count).map_err(|_| RecordError::Length(count))?;
        for _ in 0..count {
            self.nullable_bytes()?.ok_or(RecordError::Length(-1))?;
            self.nullable_bytes()?;
        }
        Ok(Headers { count, bytes: &start[..start.len() - self.bytes.len()] })
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], RecordError> {
        let (taken, rest) = self.bytes.split_at_checked(n).ok_or(RecordError::Truncated)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn nullable_bytes(&mut self) -> Result<Option<&'a [u8]>, RecordError> {
        match self.varint()? {
            -1 => Ok(None),
            n => Ok(Some(self.take(usize::try_from(n).map_err(|_| RecordError::Length(n))?)?)),
        }
    }

    // ANCHOR: varint
    fn varint(&mut self) -> Result<i32, RecordError> {
        // Most lengths and deltas are below 64: one byte.
        if let [first, rest @ ..] = self.bytes
            && *first < 0x80
        {
            self.bytes = rest;
            return Ok(i32::from(first >> 1) ^ -i32::from(first & 1));
        }
        let raw = self.unsigned(5)? as u32;
        Ok((raw >> 1) as i32 ^ -((raw & 1) as i32))
    }
    // ANCHOR_END: varint

    fn varlong(&mut self) -> Result<i64, RecordError> {
        let raw = self.unsigned(10)?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    /// Seven bits a byte, at most `most` bytes. Bits beyond the type's width are dropped, as Java's readers do.
    fn unsigned(&mut self, most: usize) -> Result<u64, RecordError> {
        let mut value = 0u64;
        for i in 0..most {
            let (&byte, rest) = self.bytes.split_first().ok_or(RecordError::Truncated)?;
            self.bytes = rest;
            value |= u64::from(byte & 0x7f).checked_shl(7 * i as u32).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(RecordError::Varint)
    }
}

/// Appends a zigzag varint.
pub fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut raw = (value << 1 ^ value >> 63) as u64;
    while raw >= 0x80 {
        out.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
}

/// Appends bytes with their length, or -1 for null.
pub fn put_nullable(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    put_varint(out, bytes.map_or(-1, |b| b.len() as i64));
    out.extend_from_slice(bytes.unwrap_or_default());
}

/// Appends a record whose headers are encoded already.
pub fn put_record(out: &mut Vec<u8>, scratch: &mut Vec<u8>, record: &Record<'_>) {
    scratch.clear();
    scratch.push(0);
    put_varint(scratch, record.timestamp_delta);
    put_varint(scratch, i64::from(record.offset_delta));
    put_nullable(scratch, record.key);
    put_nullable(scratch, record.value);
    scratch.extend_from_slice(record.headers.encoded());
    put_varint(out, scratch.len() as i64);
    out.extend_from_slice(scratch);
}
