//! What the benchmarks share: a folder on a disk, logs, batches. `TMPDIR` says which disk.

#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use ch01_log::builder::BatchBuilder;
use ch01_log::config::TopicConfig;
use ch01_log::disk::Disk;
use ch01_log::log::{Log, LogConfig};
use ch01_log::recovery::OpenOptions;
use ch01_log::text_checkpoint::TopicPartition;
use ch01_log::validate::{Valid, validate};
use criterion::Criterion;

/// The time of all records.
pub const NOW: i64 = 1_700_000_000_000;

/// A folder that is removed at the end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("mini-kafka-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub fn config() -> LogConfig {
    TopicConfig { max_message_bytes: 2 << 20, ..TopicConfig::default() }.log_config()
}

pub fn open(dir: &Path, clean: bool, recovery_point: i64) -> Log {
    let options = OpenOptions {
        config: config(),
        recovery_point,
        log_start_offset: None,
        clean,
        lenient: false,
        now: NOW,
        producer_expiration_ms: 86_400_000,
    };
    Log::open(&Disk::default(), dir, TopicPartition::new("bench", 0), options).unwrap()
}

/// A batch of about `size` bytes, of records with values of `value` bytes.
pub fn batch(size: usize, value: usize) -> Bytes {
    let value = vec![b'v'; value];
    let mut builder = BatchBuilder::new(0);
    while builder.len() + value.len() < size {
        builder.push(NOW, None, Some(&value), &[]);
    }
    builder.build()
}

/// The same, ready to be appended.
pub fn valid(size: usize, value: usize) -> Valid {
    validate(batch(size, value), &config().rules, NOW).unwrap()
}

/// A log of `size` bytes in batches of 64 KiB.
pub fn filled(dir: &Path, size: u64) -> Log {
    let mut log = open(dir, true, 0);
    while log.size() < size {
        log.append(valid(64 << 10, 1024), 0).unwrap();
    }
    log
}

/// Short: the whole suite is to end within three minutes.
pub fn settings() -> Criterion {
    let (warm_up, measure) = (Duration::from_millis(300), Duration::from_secs(1));
    Criterion::default().sample_size(20).warm_up_time(warm_up).measurement_time(measure)
}
