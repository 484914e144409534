//! The fields of batches and records beside their bytes: `dump --hex`.
//!
//! The layouts are those of `ch01_log::batch` and `ch01_log::record`; read this beside them.

use std::cell::RefCell;
use std::io;

use ch01_log::batch::{BatchHeader, HEADER_LEN, Position};
use ch01_log::compression::Compression;
use mini_kafka::text::{escaped, quoted};
use mini_kafka::time::iso;

use crate::dump_batch::{codec_name, control_type, describe_attributes};
use crate::dump_report::Report;

/// The longest value that is repeated as text beside its bytes.
const LONGEST_TEXT: usize = 48;

// ANCHOR: header
/// The 61 bytes of a batch header.
pub fn header(report: &mut Report, at: Position, bytes: &[u8], header: &BatchHeader, crc: &str) -> io::Result<()> {
    let h = header;
    let base_time = if h.attributes.has_delete_horizon() { "the delete horizon: " } else { "" };
    let fields: [(usize, &str, String); 13] = [
        (8, "baseOffset", h.base_offset.to_string()),
        (4, "batchLength", format!("{}, so {} bytes in all", h.batch_length, h.size())),
        (4, "partitionLeaderEpoch", h.partition_leader_epoch.to_string()),
        (1, "magic", h.magic.to_string()),
        (4, "crc", format!("{:08x}, {crc}", h.crc)),
        (2, "attributes", describe_attributes(h.attributes)),
        (4, "lastOffsetDelta", format!("{}: the last offset is {}", h.last_offset_delta, h.last_offset())),
        (8, "baseTimestamp", format!("{base_time}{}: {}", h.base_timestamp, iso(h.base_timestamp))),
        (8, "maxTimestamp", format!("{}: {}", h.max_timestamp, iso(h.max_timestamp))),
        (8, "producerId", if h.has_producer() { h.producer_id.to_string() } else { "-1: none".to_string() }),
        (2, "producerEpoch", h.producer_epoch.to_string()),
        (4, "baseSequence", h.base_sequence.to_string()),
        (4, "recordCount", h.record_count.to_string()),
    ];
    report.caption(format_args!("batch header"))?;
    let mut from = 0;
    for (length, name, value) in fields {
        report.row(at + from as Position, &bytes[from..from + length], name, value)?;
        from += length;
    }
    debug_assert_eq!(from, HEADER_LEN);
    Ok(())
}
// ANCHOR_END: header

/// The records of a batch, compressed or not. `at` is the position of the first byte after the header.
pub fn records(report: &mut Report, at: Position, body: &[u8], header: &BatchHeader) -> io::Result<()> {
    let compression = match Compression::from_codec(header.attributes.codec()) {
        Some(Compression::None) => return plain_records(report, at, body, header),
        Some(compression) => compression,
        None => return report.row(at, body, "records", "an unknown codec"),
    };
    let records = match compression.decompress(body) {
        Ok(records) => records,
        Err(e) => return report.row(at, body, "records", e),
    };
    report.caption(format_args!("records, compressed"))?;
    let value = format!("{}: {} bytes, {} decompressed", codec_name(header.attributes), body.len(), records.len());
    report.row(at, body, "records", value)?;
    report.caption(format_args!("records, decompressed; positions count from their first byte"))?;
    plain_records(report, 0, &records, header)
}

fn plain_records(report: &mut Report, at: Position, bytes: &[u8], header: &BatchHeader) -> io::Result<()> {
    let mut fields = Fields { report, at, bytes };
    for i in 0..header.record_count {
        if fields.record(i, header)?.is_none() {
            return fields.rest("unreadable: the record ends beyond its batch");
        }
    }
    fields.rest("left over after the last record")
}

/// Walks records field by field; each method prints one, and returns `None` where the bytes end too early.
struct Fields<'a> {
    report: &'a mut Report,
    at: Position,
    bytes: &'a [u8],
}

impl Fields<'_> {
    fn rest(&mut self, what: &str) -> io::Result<()> {
        if self.bytes.is_empty() { Ok(()) } else { self.report.row(self.at, self.bytes, "?", what) }
    }

    // ANCHOR: record
    fn record(&mut self, number: i32, header: &BatchHeader) -> io::Result<Option<()>> {
        let is_control = header.attributes.is_control();
        self.report.caption(format_args!("record {number}"))?;
        if self.varint("length", |_| String::new())?.is_none() || self.fixed(1, "attributes")?.is_none() {
            return Ok(None);
        }
        let time = |delta| format!(": {}", iso(header.base_timestamp.wrapping_add(delta)));
        if self.varint("timestampDelta", time)?.is_none() {
            return Ok(None);
        }
        if self.varint("offsetDelta", |delta| format!(": offset {}", header.base_offset.wrapping_add(delta)))?.is_none()
        {
            return Ok(None);
        }
        // What a value says depends on the key in some logs.
        let (records, last_key) = (self.report.records, RefCell::new(Vec::new()));
        let meaning = |key: &[u8]| {
            *last_key.borrow_mut() = key.to_vec();
            if is_control { control_type(key).to_string() } else { short(key) }
        };
        let value = |value: &[u8]| match records.meaning(Some(&last_key.borrow()), Some(value), is_control) {
            Ok(Some(meaning)) if !is_control => meaning.to_string(),
            _ => short(value),
        };
        if self.sized("keyLength", "key", meaning)?.is_none() || self.sized("valueLength", "value", value)?.is_none() {
            return Ok(None);
        }
        let Some(count) = self.varint("headerCount", |_| String::new())? else { return Ok(None) };
        for _ in 0..count {
            if self.sized("headerNameLength", "headerName", short)?.is_none()
                || self.sized("headerValueLength", "headerValue", short)?.is_none()
            {
                return Ok(None);
            }
        }
        Ok(Some(()))
    }
    // ANCHOR_END: record

    /// A length and as many bytes; -1 for null.
    fn sized(&mut self, length: &str, name: &str, meaning: impl Fn(&[u8]) -> String) -> io::Result<Option<()>> {
        let null = |n| if n == -1 { ": null".to_string() } else { String::new() };
        let Some(n) = self.varint(length, null)? else { return Ok(None) };
        let n = n.max(0) as usize;
        if n > self.bytes.len() {
            return Ok(None);
        }
        if n > 0 {
            let value = meaning(&self.bytes[..n]);
            self.show(n, name, value)?;
        }
        Ok(Some(()))
    }

    fn fixed(&mut self, n: usize, name: &str) -> io::Result<Option<()>> {
        if n > self.bytes.len() {
            return Ok(None);
        }
        self.show(n, name, "unused".to_string()).map(Some)
    }

    /// A zigzag varint, with what it means.
    fn varint(&mut self, name: &str, meaning: impl Fn(i64) -> String) -> io::Result<Option<i64>> {
        let Some(last) = self.bytes.iter().take(10).position(|byte| byte & 0x80 == 0) else { return Ok(None) };
        let bits = |raw: u64, (i, byte): (usize, &u8)| raw | u64::from(byte & 0x7f).wrapping_shl(7 * i as u32);
        let raw = self.bytes[..=last].iter().enumerate().fold(0, bits);
        let value = (raw >> 1) as i64 ^ -((raw & 1) as i64);
        self.show(last + 1, name, format!("{value}{}", meaning(value)))?;
        Ok(Some(value))
    }

    fn show(&mut self, n: usize, name: &str, value: String) -> io::Result<()> {
        let (shown, rest) = self.bytes.split_at(n);
        self.report.row(self.at, shown, name, value)?;
        (self.bytes, self.at) = (rest, self.at + n as Position);
        Ok(())
    }
}

/// Bytes as text, as far as they fit a line.
fn short(bytes: &[u8]) -> String {
    match bytes.len() {
        0..=LONGEST_TEXT => quoted(Some(bytes)),
        n => format!("\"{}… ({n} bytes)", escaped(&bytes[..LONGEST_TEXT])),
    }
}
