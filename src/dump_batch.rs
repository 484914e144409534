//! Prints a batch: every field of its header, and its records as a reader sees them.

use std::io;
use std::path::Path;

use ch01_log::batch::{Attributes, BatchHeader, HEADER_LEN, Offset, Position, Timestamp};
use ch01_log::compression::Compression;
use ch01_log::record::{Record, Records};
use mini_kafka::text::{JsonBytes, JsonHeader, escaped, quoted};
use mini_kafka::time::iso;
use serde::Serialize;

use crate::dump_hex;
use crate::dump_meaning::{Meaning, RecordKind};
use crate::dump_report::Report;

/// Prints a batch and its records; `bytes` may end early. `crc` says whether the checksum is right.
pub fn print_batch(
    report: &mut Report,
    path: &Path,
    position: Position,
    header: &BatchHeader,
    bytes: &[u8],
    crc: &'static str,
) -> io::Result<()> {
    if report.is_hex() {
        dump_hex::header(report, position, bytes, header, crc)?;
        return dump_hex::records(report, position + HEADER_LEN as Position, &bytes[HEADER_LEN..], header);
    }
    print_header(report, position, header, crc)?;
    report.json(&JsonBatch::new(path, position, header, crc))?;
    match print_records(report, path, header, &bytes[HEADER_LEN..])? {
        // Of a batch that is known to be damaged, this is only how far it could be read.
        Err((offset, problem)) if crc != "right" => {
            report.note(path, format_args!("unreadable from offset {offset} on: {problem}"))
        }
        Err((offset, problem)) => report.damage(path, position, Some(offset), problem),
        Ok(()) => Ok(()),
    }
}

fn print_header(report: &mut Report, position: Position, h: &BatchHeader, crc: &str) -> io::Result<()> {
    let (first, last, size) = (h.base_offset, h.last_offset(), h.size());
    let base_time =
        if h.attributes.has_delete_horizon() { "baseTimestamp (the delete horizon)" } else { "baseTimestamp" };
    report.text(format_args!("batch at byte {position}: offsets {first} to {last}, {size} bytes"))?;
    let (length, epoch, magic) = (h.batch_length, h.partition_leader_epoch, h.magic);
    report.text(format_args!(
        "  baseOffset {first}, batchLength {length}, partitionLeaderEpoch {epoch}, magic {magic}"
    ))?;
    let attributes = describe_attributes(h.attributes);
    report.text(format_args!(
        "  crc {:08x} ({crc}), attributes {attributes}, lastOffsetDelta {}",
        h.crc, h.last_offset_delta
    ))?;
    report.text(format_args!("  {base_time} {} ({})", h.base_timestamp, iso(h.base_timestamp)))?;
    report.text(format_args!("  maxTimestamp {} ({})", h.max_timestamp, iso(h.max_timestamp)))?;
    let (id, epoch, sequence, count) = (h.producer_id, h.producer_epoch, h.base_sequence, h.record_count);
    report.text(format_args!("  producerId {id}, producerEpoch {epoch}, baseSequence {sequence}, recordCount {count}"))
}

/// Prints records up to the first that cannot be read; the inner error is its offset and what is wrong.
fn print_records(
    report: &mut Report,
    path: &Path,
    h: &BatchHeader,
    body: &[u8],
) -> io::Result<Result<(), (Offset, String)>> {
    let records = match Compression::from_codec(h.attributes.codec()) {
        Some(compression) => compression.decompress(body).map_err(|e| e.to_string()),
        None => Err(format!("there is no codec {}", h.attributes.codec())),
    };
    let records = match records {
        Ok(records) => records,
        Err(problem) => return Ok(Err((h.base_offset, problem))),
    };
    let mut walk = Records::new(&records, h.record_count);
    let mut next = h.base_offset;
    for record in &mut walk {
        let record = match record {
            Ok(record) => record,
            Err(problem) => return Ok(Err((next, problem.to_string()))),
        };
        let offset = h.base_offset + Offset::from(record.offset_delta);
        print_hole(report, "  ", next, offset)?;
        next = offset;
        if report.offsets.contains(next) {
            print_record(report, path, h, next, &record)?;
        }
        next += 1;
    }
    print_hole(report, "  ", next, h.next_offset())?;
    Ok(walk.finish().map_err(|problem| (next, problem.to_string())))
}

/// Says which offsets are not there: compaction took their records away.
pub fn print_hole(report: &mut Report, indent: &str, from: Offset, to: Offset) -> io::Result<()> {
    match to - from {
        ..=0 => Ok(()),
        1 => report.text(format_args!("{indent}offset {from}: a hole")),
        _ => report.text(format_args!("{indent}offsets {from} to {}: a hole", to - 1)),
    }
}

fn print_record(
    report: &mut Report,
    path: &Path,
    h: &BatchHeader,
    offset: Offset,
    record: &Record<'_>,
) -> io::Result<()> {
    let is_append_time = h.attributes.is_append_time();
    let timestamp = if is_append_time { h.max_timestamp } else { record.timestamp(h.base_timestamp) };
    let header = |(name, value)| JsonHeader { name: JsonBytes(Some(name)), value: JsonBytes(value) };
    let control = h.attributes.is_control().then(|| control_type(record.key.unwrap_or_default()));
    let meaning = report.records.meaning(record.key, record.value, control.is_some());
    let (metadata, group) = match (report.records, &meaning) {
        (RecordKind::Group, Ok(Some(meaning))) => (None, Some(meaning)),
        (_, meaning) => (meaning.as_ref().ok().and_then(Option::as_ref), None),
    };
    report.json(&JsonRecord {
        kind: "record",
        file: &path.to_string_lossy(),
        offset,
        timestamp,
        key: JsonBytes(record.key),
        value: JsonBytes(record.value),
        headers: record.headers.iter().map(header).collect(),
        control,
        coordinator_epoch: control.and_then(|_| coordinator_epoch(record)),
        metadata,
        group,
    })?;
    if let Ok(Some(meaning)) = &meaning {
        let what = if control.is_some() { "control record " } else { "" };
        return report.text(format_args!("  offset {offset}: {}, {what}{meaning}", iso(timestamp)));
    }
    if let Err(why) = &meaning {
        report.note(path, format_args!("offset {offset} cannot be understood: {why}"))?;
    }
    if let Some(control) = control {
        let epoch = coordinator_epoch(record).map(|epoch| format!(", coordinatorEpoch {epoch}")).unwrap_or_default();
        return report.text(format_args!("  offset {offset}: {}, control record {control}{epoch}", iso(timestamp)));
    }
    let header = |(name, value): (&[u8], Option<&[u8]>)| format!("{}={}", escaped(name), quoted(value));
    let headers: Vec<_> = record.headers.iter().map(header).collect();
    let headers = if headers.is_empty() { String::new() } else { format!(", headers {}", headers.join(" ")) };
    let (key, value) = (quoted(record.key), quoted(record.value));
    // Where topics are compacted, that is what deletes a key.
    let value = if record.key.is_some() && record.value.is_none() { format!("{value} (a tombstone)") } else { value };
    report.text(format_args!("  offset {offset}: {}, key {key}, value {value}{headers}", iso(timestamp)))
}

/// What a control record is, by its key: a version and a type, two bytes each.
pub fn control_type(key: &[u8]) -> &'static str {
    match key.get(..4) {
        Some([_, _, 0, 0]) => "ABORT",
        Some([_, _, 0, 1]) => "COMMIT",
        Some([_, _, 0, 2]) => "LEADER_CHANGE",
        Some([_, _, 0, 3]) => "SNAPSHOT_HEADER",
        Some([_, _, 0, 4]) => "SNAPSHOT_FOOTER",
        Some([_, _, 0, 5]) => "KRAFT_VERSION",
        Some([_, _, 0, 6]) => "KRAFT_VOTERS",
        _ => "UNKNOWN",
    }
}

/// The markers of transactions have a value: a version and the epoch of the coordinator that wrote them.
fn coordinator_epoch(record: &Record<'_>) -> Option<i32> {
    let is_marker = matches!(control_type(record.key?), "ABORT" | "COMMIT");
    let epoch = record.value?.get(2..)?.first_chunk()?;
    is_marker.then(|| i32::from_be_bytes(*epoch))
}

/// A codec's name.
pub fn codec_name(attributes: Attributes) -> String {
    let codec = attributes.codec();
    let name = ["none", "gzip", "snappy", "lz4", "zstd"].get(usize::from(codec));
    name.map_or_else(|| format!("unknown codec {codec}"), |name| name.to_string())
}

/// The bits by name.
pub fn describe_attributes(attributes: Attributes) -> String {
    let codec = codec_name(attributes);
    let codec = if codec == "none" { "uncompressed" } else { &codec };
    let flags = [
        (attributes.is_transactional(), "transactional"),
        (attributes.is_control(), "control"),
        (attributes.has_delete_horizon(), "delete horizon"),
    ];
    let flags = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| *name);
    let names: Vec<_> = [codec, timestamp_type(attributes)].into_iter().chain(flags).collect();
    format!("{:#06x}: {}", attributes.0, names.join(", "))
}

fn timestamp_type(attributes: Attributes) -> &'static str {
    if attributes.is_append_time() { "LogAppendTime" } else { "CreateTime" }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonBatch<'a> {
    kind: &'static str,
    file: String,
    position: Position,
    size: usize,
    last_offset: Offset,
    codec: String,
    timestamp_type: &'static str,
    is_transactional: bool,
    is_control: bool,
    has_delete_horizon: bool,
    crc_is_right: bool,
    #[serde(flatten)]
    header: &'a BatchHeader,
}

impl<'a> JsonBatch<'a> {
    fn new(path: &Path, position: Position, header: &'a BatchHeader, crc: &str) -> JsonBatch<'a> {
        let attributes = header.attributes;
        JsonBatch {
            kind: "batch",
            file: path.to_string_lossy().into_owned(),
            position,
            size: header.size(),
            last_offset: header.last_offset(),
            codec: codec_name(attributes),
            timestamp_type: timestamp_type(attributes),
            is_transactional: attributes.is_transactional(),
            is_control: attributes.is_control(),
            has_delete_horizon: attributes.has_delete_horizon(),
            crc_is_right: crc == "right",
            header,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonRecord<'a> {
    kind: &'static str,
    file: &'a str,
    offset: Offset,
    timestamp: Timestamp,
    key: JsonBytes<'a>,
    value: JsonBytes<'a>,
    headers: Vec<JsonHeader<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coordinator_epoch: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Meaning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a Meaning>,
}
