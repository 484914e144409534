//! The binary files around a log: indexes and producer snapshots. Their formats are those of `ch01_log::offset_index`,
//! `time_index`, `txn_index` and `producer_state`.
//!
//! Apache Kafka makes the indexes of a segment in use at their full size, full of zeros, and cuts them when it closes
//! them. Zeros at the end are therefore no damage; an index in use is usually nothing else.

use std::io;
use std::path::Path;

use ch01_log::batch::{BatchHeader, HEADER_LEN, Offset, Position};
use ch01_log::{offset_index, time_index, txn_index};
use mini_kafka::time::iso;
use serde::Serialize;

use crate::dump::base_offset;
use crate::dump_report::{Report, WindowedFile};
use crate::failure::Failure;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonIndexEntry {
    kind: &'static str,
    offset: Offset,
    /// Where the batch begins in the log.
    position: Position,
}

/// Shows an offset index, and holds each entry against the log beside it.
pub fn offset_index(report: &mut Report, path: &Path) -> Result<(), Failure> {
    const ENTRY: usize = offset_index::ENTRY_LEN;
    let (bytes, base) = read(path)?;
    report.file(path, bytes.len() as u64, "offset index")?;
    let mut log = WindowedFile::open(&path.with_extension("log")).ok();
    let mut last = None;
    for (at, raw) in entries(report, path, &bytes, ENTRY)? {
        let entry = offset_index::decode(raw, base);
        if last.is_some_and(|last: offset_index::IndexEntry| {
            entry.offset <= last.offset || entry.position <= last.position
        }) {
            report.damage(
                path,
                at,
                None,
                format_args!("offset {} at {} does not follow", entry.offset, entry.position),
            )?;
        }
        if let Some(problem) = log.as_mut().and_then(|log| contradiction(log, entry).transpose()) {
            report.damage(
                path,
                at,
                None,
                problem.map_err(|e| Failure::file(path, "cannot be compared with the log", &e))?,
            )?;
        }
        last = Some(entry);
        if report.offsets.contains(entry.offset) {
            let (offset, position) = (entry.offset, entry.position);
            report
                .text(format_args!("  offset {offset:<10} is the last of the batch at byte {position} of the log"))?;
            report.json(&JsonIndexEntry { kind: "offsetIndexEntry", offset, position })?;
            report.row(at, &raw[..4], "relativeOffset", format_args!("{}: offset {offset}", offset - base))?;
            report.row(at + 4, &raw[4..], "position", position)?;
        }
    }
    Ok(())
}

/// What is wrong with an entry, if the log says something else.
fn contradiction(log: &mut WindowedFile, entry: offset_index::IndexEntry) -> io::Result<Option<String>> {
    let claim = format!("offset {} at byte {}", entry.offset, entry.position);
    if entry.position >= log.len() {
        return Ok(Some(format!("{claim} of the log, which ends at {}", log.len())));
    }
    Ok(match BatchHeader::parse(log.bytes(entry.position, HEADER_LEN)?) {
        Err(e) => Some(format!("{claim} of the log, where no batch begins: {e}")),
        // Older brokers made an entry for several batches at once: it then has the last offset of the last of them.
        Ok(batch) if batch.base_offset > entry.offset => {
            Some(format!("{claim} of the log, where offset {} begins", batch.base_offset))
        }
        Ok(_) => None,
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonTimeEntry {
    kind: &'static str,
    timestamp: i64,
    offset: Offset,
}

/// Shows a time index.
pub fn time_index(report: &mut Report, path: &Path) -> Result<(), Failure> {
    const ENTRY: usize = time_index::ENTRY_LEN;
    let (bytes, base) = read(path)?;
    report.file(path, bytes.len() as u64, "time index")?;
    let mut last = None;
    for (at, raw) in entries(report, path, &bytes, ENTRY)? {
        let time_index::TimeEntry { timestamp, offset } = time_index::decode(raw, base);
        if last.is_some_and(|(last_timestamp, last_offset)| timestamp <= last_timestamp || offset < last_offset) {
            report.damage(path, at, None, format_args!("timestamp {timestamp} at offset {offset} does not follow"))?;
        }
        last = Some((timestamp, offset));
        if report.offsets.contains(offset) {
            report.text(format_args!(
                "  up to offset {offset:<10} the latest timestamp is {timestamp} ({})",
                iso(timestamp)
            ))?;
            report.json(&JsonTimeEntry { kind: "timeIndexEntry", timestamp, offset })?;
            report.row(at, &raw[..8], "timestamp", format_args!("{timestamp}: {}", iso(timestamp)))?;
            report.row(at + 8, &raw[8..], "relativeOffset", format_args!("{}: offset {offset}", offset - base))?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct JsonAborted {
    kind: &'static str,
    #[serde(flatten)]
    transaction: txn_index::AbortedTransaction,
}

/// Shows a transaction index.
pub fn transaction_index(report: &mut Report, path: &Path) -> Result<(), Failure> {
    let (bytes, _) = read(path)?;
    report.file(path, bytes.len() as u64, "transaction index")?;
    for (at, raw) in entries(report, path, &bytes, txn_index::ENTRY_LEN)? {
        let Some(transaction) = txn_index::decode(raw) else {
            report.damage(path, at, None, format_args!("version {}", i16::from_be_bytes([raw[0], raw[1]])))?;
            continue;
        };
        let (first, last, stable) = (transaction.first_offset, transaction.last_offset, transaction.last_stable_offset);
        if !report.offsets.overlaps(first, last) {
            continue;
        }
        let id = transaction.producer_id;
        report.text(format_args!(
            "  producerId {id} aborted offsets {first} to {last}; the last stable offset was then {stable}"
        ))?;
        report.json(&JsonAborted { kind: "abortedTransaction", transaction })?;
        report.row(at, &raw[..2], "version", 0)?;
        let fields = [("producerId", id), ("firstOffset", first), ("lastOffset", last), ("lastStableOffset", stable)];
        for (i, (name, value)) in fields.into_iter().enumerate() {
            report.row(at + 2 + 8 * i as Position, &raw[2 + 8 * i..][..8], name, value)?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonProducer {
    kind: &'static str,
    producer_id: i64,
    producer_epoch: i16,
    last_sequence: i32,
    last_offset: Offset,
    offset_delta: i32,
    timestamp: i64,
    coordinator_epoch: i32,
    current_txn_first_offset: Offset,
}

/// Shows a producer snapshot.
pub fn producer_snapshot(report: &mut Report, path: &Path) -> Result<(), Failure> {
    const HEAD: usize = 10;
    const ENTRY: usize = 46;
    let (bytes, end) = read(path)?;
    report.file(path, bytes.len() as u64, format_args!("producers up to offset {end}"))?;
    let Some((head, entries)) = bytes.split_at_checked(HEAD) else {
        return Ok(report.damage(path, 0, None, format_args!("{HEAD} bytes expected, {} there", bytes.len()))?);
    };
    let version = i16::from_be_bytes([head[0], head[1]]);
    let stored = u32::from_be_bytes([head[2], head[3], head[4], head[5]]);
    let count = i32::from_be_bytes([head[6], head[7], head[8], head[9]]);
    let computed = crc32c::crc32c(&bytes[6..]);
    if version != 1 {
        report.damage(path, 0, None, format_args!("version {version} where 1 is expected"))?;
    }
    if stored != computed {
        report.damage(path, 2, None, format_args!("checksum {stored:08x} stored, {computed:08x} computed"))?;
    }
    if entries.len() as i64 != i64::from(count) * ENTRY as i64 {
        let problem = format!("{count} producers of {ENTRY} bytes announced, {} bytes there", entries.len());
        report.damage(path, 6, None, problem)?;
    }
    report.row(0, &head[..2], "version", version)?;
    report.row(
        2,
        &head[2..6],
        "crc",
        format_args!("{stored:08x}, {}", if stored == computed { "right" } else { "wrong" }),
    )?;
    report.row(6, &head[6..], "count", count)?;
    for (i, entry) in entries.chunks_exact(ENTRY).enumerate() {
        producer(report, (HEAD + i * ENTRY) as Position, entry)?;
    }
    Ok(())
}

fn producer(report: &mut Report, at: Position, e: &[u8]) -> io::Result<()> {
    let long = |at: usize| i64::from_be_bytes(*e[at..].first_chunk().expect("an entry has 46 bytes"));
    let int = |at: usize| i32::from_be_bytes(*e[at..].first_chunk().expect("an entry has 46 bytes"));
    let p = JsonProducer {
        kind: "producer",
        producer_id: long(0),
        producer_epoch: i16::from_be_bytes([e[8], e[9]]),
        last_sequence: int(10),
        last_offset: long(14),
        offset_delta: int(22),
        timestamp: long(26),
        coordinator_epoch: int(34),
        current_txn_first_offset: long(38),
    };
    report.json(&p)?;
    let (id, epoch, sequence, offset) = (p.producer_id, p.producer_epoch, p.last_sequence, p.last_offset);
    report.text(format_args!(
        "  producerId {id}, producerEpoch {epoch}, lastSequence {sequence}, lastOffset {offset}, offsetDelta {}",
        p.offset_delta
    ))?;
    let open = if p.current_txn_first_offset < 0 {
        "none".to_string()
    } else {
        format!("from offset {}", p.current_txn_first_offset)
    };
    let time = format!("{} ({})", p.timestamp, iso(p.timestamp));
    report.text(format_args!(
        "    timestamp {time}, coordinatorEpoch {}, open transaction: {open}",
        p.coordinator_epoch
    ))?;
    let fields: [(usize, usize, &str, String); 8] = [
        (0, 8, "producerId", id.to_string()),
        (8, 2, "producerEpoch", epoch.to_string()),
        (10, 4, "lastSequence", sequence.to_string()),
        (14, 8, "lastOffset", offset.to_string()),
        (22, 4, "offsetDelta", p.offset_delta.to_string()),
        (26, 8, "timestamp", format!("{}: {}", p.timestamp, iso(p.timestamp))),
        (34, 4, "coordinatorEpoch", p.coordinator_epoch.to_string()),
        (38, 8, "currentTxnFirstOffset", format!("{}: {open}", p.current_txn_first_offset)),
    ];
    for (from, length, name, value) in fields {
        report.row(at + from as Position, &e[from..from + length], name, value)?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<(Vec<u8>, Offset), Failure> {
    let bytes = std::fs::read(path).map_err(|e| Failure::file(path, "cannot be read", &e))?;
    let base = base_offset(path).ok_or_else(|| format!("{}: the name should begin with an offset", path.display()))?;
    Ok((bytes, base))
}

/// The entries with their positions, without the room behind them that was not used yet.
fn entries<'a>(report: &mut Report, path: &Path, bytes: &'a [u8], len: usize) -> io::Result<Vec<(Position, &'a [u8])>> {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let mut used = end.div_ceil(len) * len;
    if used == 0 && bytes.len() == len {
        // A lone entry may be all zeros: a record at the very beginning, from the first of January 1970.
        used = len;
    }
    if used > bytes.len() {
        let whole = bytes.len() / len * len;
        let problem = format!("{} bytes that are no whole entry", bytes.len() - whole);
        report.damage(path, whole as Position, None, problem)?;
        used = whole;
    } else if used < bytes.len() {
        report
            .note(path, format_args!("{} zero bytes from byte {used} on: room for more entries", bytes.len() - used))?;
    }
    Ok((0..used).step_by(len).map(|at| (at as Position, &bytes[at..at + len])).collect())
}
