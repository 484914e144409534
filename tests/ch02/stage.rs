//! A log in a log directory of its own, with what the broker would do to it: append, compact, delete, crash, start again.

#![allow(dead_code)]

use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ch01_log::batch::{Offset, Timestamp};
use ch01_log::disk::Disk;
use ch01_log::log::{Log, LogConfig};
use ch01_log::log_dir::{FolderLock, LogDir};
use ch01_log::recovery::OpenOptions;
use ch01_log::scan::LogError;
use ch01_log::text_checkpoint::TopicPartition;
use ch02_retention::cleanable::{CleanableFacts, LogToClean, log_to_clean};
use ch02_retention::cleaner::{CleanError, Cleaner, Pass};
use ch02_retention::cleanup::CleanupConfig;
use ch02_retention::deletion::{Deleted, delete_old_segments};
use ch02_retention::swap_recovery::complete_swaps;

use crate::support::*;

/// Small segments, and an index entry for every batch.
pub fn small_segments() -> LogConfig {
    log_config(|c| {
        c.internal_segment_bytes = Some(400);
        c.index_interval_bytes = 0;
    })
}

/// Compaction whenever anything is dirty; tombstones stay for a second.
pub fn compact() -> CleanupConfig {
    CleanupConfig {
        delete: false,
        compact: true,
        min_cleanable_dirty_ratio: 0.0,
        delete_retention_ms: 1000,
        ..CleanupConfig::default()
    }
}

/// A log, opened.
pub struct Stage {
    pub dir: LogDir,
    pub log: Mutex<Log>,
    pub now: Timestamp,
}

pub fn name() -> TopicPartition {
    TopicPartition::new("test", 0)
}

impl Stage {
    /// Opens a folder as a broker does at its start.
    pub fn open(disk: &Disk, path: &Path, clean: bool) -> Result<Stage, LogError> {
        let dir = FolderLock::take(path)
            .and_then(|lock| LogDir::open(disk, lock, 1, None, Arc::default()))
            .map_err(std::io::Error::other)?;
        let checkpoints = dir.checkpoints()?;
        let options = OpenOptions {
            recovery_point: checkpoints.recovery_points.get(&name()).copied().unwrap_or(0),
            log_start_offset: checkpoints.log_starts.get(&name()).copied(),
            lenient: checkpoints.cleaned.contains_key(&name()),
            clean,
            ..options(small_segments())
        };
        let folder = dir.folder(&name());
        if !folder.exists() {
            disk.create_dir(&folder)?;
        }
        if was_interrupted(&folder)? {
            complete_swaps(disk, &folder)?;
        }
        let mut log = Log::open(disk, &folder, name(), options)?;
        if log.epochs().latest().is_none() {
            log.begin_epoch(0)?;
        }
        Ok(Stage { dir, log: Mutex::new(log), now: NOW })
    }

    pub fn new(path: &Path) -> Stage {
        Stage::open(&Disk::default(), path, false).unwrap()
    }

    /// The same after a crash.
    pub fn crash(self) -> Stage {
        let path = self.dir.path().to_owned();
        drop(self);
        Stage::new(&path)
    }

    /// The same after a clean stop, with its checkpoints written.
    pub fn restart(self) -> Stage {
        let path = self.dir.path().to_owned();
        self.log.lock().unwrap().close(self.now).unwrap();
        self.checkpoint().unwrap();
        drop(self);
        Stage::open(&Disk::default(), &path, true).unwrap()
    }

    /// Writes the checkpoints that a broker writes.
    pub fn checkpoint(&self) -> std::io::Result<()> {
        let log = self.log.lock().unwrap();
        let one = |offset: Offset| [(name(), offset)].into();
        self.dir.write_checkpoints(&one(log.recovery_point()), &one(log.log_start_offset()), &one(log.log_end_offset()))
    }

    pub fn append(&self, batch: Bytes) -> Offset {
        append(&mut self.log.lock().unwrap(), batch).base_offset
    }

    pub fn roll(&self) {
        self.log.lock().unwrap().roll().unwrap();
    }

    pub fn to_clean(&self, config: &CleanupConfig) -> LogToClean {
        let mut log = self.log.lock().unwrap();
        let segments = log.segment_infos().unwrap();
        let facts = CleanableFacts {
            segments: &segments,
            log_start_offset: log.log_start_offset(),
            last_stable_offset: log.last_stable_offset(),
            log_end_offset: log.log_end_offset(),
            checkpoint: self.dir.checkpoints().unwrap().cleaned.get(&name()).copied(),
        };
        log_to_clean(facts, config, self.now)
    }

    /// Compacts, with a map of so many bytes.
    pub fn try_clean(&self, config: &CleanupConfig, map_bytes: usize) -> Result<Pass, CleanError> {
        let range = self.to_clean(config);
        Cleaner::new(map_bytes).clean(&self.log, &self.dir, &range, config, self.now, &|_| Ok(()))
    }

    pub fn clean(&self, config: &CleanupConfig) -> Pass {
        self.try_clean(config, 24_000).unwrap()
    }

    pub fn delete(&self, config: &CleanupConfig) -> Result<Deleted, LogError> {
        let mut log = self.log.lock().unwrap();
        let readable_end = log.log_end_offset();
        delete_old_segments(&mut log, readable_end, config, self.now)
    }

    /// What a reader sees.
    pub fn records(&self) -> Vec<Seen> {
        let mut log = self.log.lock().unwrap();
        let start = log.log_start_offset();
        records(&read_batches(&mut log, start), start)
    }

    /// The same, shorter: offset, key and value as text.
    pub fn text(&self) -> Vec<String> {
        let text = |bytes: Option<Vec<u8>>| bytes.map_or("-".into(), |b| String::from_utf8(b).unwrap());
        self.records().into_iter().map(|r| format!("{} {}={}", r.offset, text(r.key), text(r.value))).collect()
    }

    /// The names in the log's folder.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.folder(&name())).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Files that a start should have completed or removed.
    pub fn strays(&self) -> Vec<String> {
        let bases = self.log.lock().unwrap().segment_offsets();
        let is_stray = |name: &String| {
            let path = Path::new(name);
            let base = ch01_log::segment::base_offset_of(path);
            let is_index = path.extension().is_some_and(|e| e == "index" || e == "timeindex" || e == "txnindex");
            [".cleaned", ".swap", ".deleted", ".tmp"].iter().any(|suffix| name.ends_with(suffix))
                || is_index && base.is_none_or(|base| !bases.contains(&base))
        };
        self.files().into_iter().filter(is_stray).collect()
    }
}

fn was_interrupted(folder: &Path) -> std::io::Result<bool> {
    let names = std::fs::read_dir(folder)?.map(|entry| entry.map(|e| e.file_name().into_string().unwrap()));
    let names: Vec<String> = names.collect::<Result<_, _>>()?;
    Ok(names.iter().any(|name| [".cleaned", ".swap"].iter().any(|suffix| name.ends_with(suffix))))
}

/// A batch of keys and values; a value of `-` is a tombstone.
pub fn keyed(records: &[(&str, &str)], time: Timestamp) -> ch01_log::builder::BatchBuilder {
    records.iter().fold(ch01_log::builder::BatchBuilder::new(0), |batch, (key, value)| {
        batch.record(time, Some(key.as_bytes()), (*value != "-").then_some(value.as_bytes()))
    })
}
