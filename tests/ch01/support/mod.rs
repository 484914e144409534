//! What the tests of chapter 1 share: folders of their own, a clock that stands still, logs made in one line.

#![allow(dead_code)]

#[path = "../../support/files.rs"]
mod files;
pub mod one_segment;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ch01_log::batch::{BatchHeader, HEADER_LEN, Offset, Timestamp};
use ch01_log::builder::BatchBuilder;
use ch01_log::clock::Clock;
use ch01_log::compression::Compression;
use ch01_log::config::TopicConfig;
use ch01_log::disk::Disk;
use ch01_log::log::{Appended, Log, LogConfig};
use ch01_log::record::Records;
use ch01_log::recovery::OpenOptions;
use ch01_log::scan::LogError;
use ch01_log::text_checkpoint::TopicPartition;
use ch01_log::validate::{Valid, validate};

#[allow(unused_imports, reason = "no binary uses all of it")]
pub use files::{TempDir, copy_dir};

impl TempDir {
    /// In memory, where there is some to be had: the exhaustive tests sync thousands of files.
    pub fn new() -> TempDir {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() { TempDir::below(memory) } else { TempDir::below(&std::env::temp_dir()) }
    }
}

/// The time in all tests: 2023-11-14T22:13:20Z.
pub const NOW: Timestamp = 1_700_000_000_000;

pub struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

pub fn clock() -> Arc<dyn Clock> {
    Arc::new(FixedClock)
}

/// Kafka's defaults, but for what `change` changes.
pub fn log_config(change: impl FnOnce(&mut TopicConfig)) -> LogConfig {
    let mut config = TopicConfig::default();
    change(&mut config);
    config.log_config()
}

pub fn options(config: LogConfig) -> OpenOptions {
    OpenOptions {
        config,
        recovery_point: 0,
        log_start_offset: None,
        clean: false,
        lenient: false,
        now: NOW,
        producer_expiration_ms: 86_400_000,
    }
}

pub fn open(dir: &Path, options: OpenOptions) -> Result<Log, LogError> {
    open_on(&Disk::default(), dir, options)
}

pub fn open_on(disk: &Disk, dir: &Path, options: OpenOptions) -> Result<Log, LogError> {
    std::fs::create_dir_all(dir).unwrap();
    Log::open(disk, dir, TopicPartition::new("test", 0), options)
}

/// A batch with these values, keys null, timestamps a millisecond apart from NOW on.
pub fn batch(values: &[&str]) -> BatchBuilder {
    values.iter().zip(NOW..).fold(BatchBuilder::new(0), |b, (value, time)| b.record(time, None, Some(value.as_bytes())))
}

pub fn valid(batch: Bytes, config: &LogConfig) -> Valid {
    validate(batch, &config.rules, NOW).unwrap()
}

pub fn append(log: &mut Log, batch: Bytes) -> Appended {
    let config = log.config().clone();
    log.append(valid(batch, &config), 0).unwrap()
}

/// Everything from an offset on, as a reader without limits gets it, segment after segment.
pub fn read_batches(log: &mut Log, from: Offset) -> Vec<u8> {
    let (mut offset, mut bytes) = (from, Vec::new());
    while offset < log.log_end_offset() {
        let Some(region) = log.read(offset, log.log_end_offset(), usize::MAX >> 1, true, false).unwrap().region else {
            break;
        };
        let stretch = region.read().unwrap();
        let last = ch01_log::batch::split(&stretch).last().unwrap().0;
        offset = last.next_offset();
        bytes.extend(stretch);
    }
    bytes
}

/// A record as a consumer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub offset: Offset,
    pub timestamp: Timestamp,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// The records in these batches from an offset on, control batches left out.
pub fn records(batches: &[u8], from: Offset) -> Vec<Seen> {
    let mut seen = Vec::new();
    for (header, bytes) in ch01_log::batch::split(batches) {
        if !header.attributes.is_control() {
            seen.extend(records_of(&header, bytes).into_iter().filter(|record| record.offset >= from));
        }
    }
    seen
}

pub fn records_of(header: &BatchHeader, batch: &[u8]) -> Vec<Seen> {
    ch01_log::batch::check(batch).unwrap();
    let codec = Compression::from_codec(header.attributes.codec()).unwrap();
    let body = codec.decompress(&batch[HEADER_LEN..]).unwrap();
    let see = |record: ch01_log::record::Record<'_>| Seen {
        offset: header.base_offset + Offset::from(record.offset_delta),
        timestamp: if header.attributes.is_append_time() {
            header.max_timestamp
        } else {
            record.timestamp(header.base_timestamp)
        },
        key: record.key.map(<[u8]>::to_vec),
        value: record.value.map(<[u8]>::to_vec),
        headers: record.headers.iter().map(|(n, v)| (n.to_vec(), v.map(<[u8]>::to_vec))).collect(),
    };
    Records::new(&body, header.record_count).map(|record| see(record.unwrap())).collect()
}

/// The values of a log's records, as text.
pub fn values(log: &mut Log) -> Vec<String> {
    let start = log.log_start_offset();
    let batches = read_batches(log, start);
    records(&batches, start).into_iter().map(|r| String::from_utf8(r.value.unwrap_or_default()).unwrap()).collect()
}

/// The folder of golden data.
pub fn golden(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden")).join(path)
}

pub fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
