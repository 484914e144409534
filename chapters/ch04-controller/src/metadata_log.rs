//! The metadata log on a disk: `__cluster_metadata-0`, a log of chapter 1, with snapshots beside it.
//!
//! ```text
//! __cluster_metadata-0/
//!   00000000000000000000.log                       batches; the epoch in their headers is the quorum's
//!   00000000000000000088-0000000001.checkpoint     a snapshot: what the records below 88 add up to, the last of epoch 1
//!   quorum-state                                   what this node has promised
//! ```
//!
//! A log starts where its latest snapshot ends; what lies before that, segments and older snapshots, is removed.
//!
//! Caveat: nothing here counts before it is flushed. Who drives the quorum's machine calls `flush`, and then says so.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use ch00_wire::transfer::FileRegion;
use ch01_log::batch::{BatchHeader, Epoch, HEADER_LEN, Offset, Timestamp};
use ch01_log::disk::Disk;
use ch01_log::log::{AppendError, Log, LogConfig, is_temporary};
use ch01_log::log_copy::CopyError;
use ch01_log::recovery::OpenOptions;
use ch01_log::scan::LogError;
use ch01_log::text_checkpoint::TopicPartition;
use tracing::{info, warn};

use crate::quorum::QuorumLog;
use crate::quorum::vote::OffsetAndEpoch;
use crate::records::{BatchContent, ControlRecord, MetadataBatch, MetadataSnapshot, metadata_batches};

/// The folder's name, in the metadata log directory.
pub const FOLDER: &str = "__cluster_metadata-0";
/// The snapshot of nothing: what a formatted log begins with.
pub const FORMATTED: &str = "00000000000000000000-0000000000.checkpoint";
/// What a snapshot's name ends with.
const SNAPSHOT: &str = ".checkpoint";
/// What it ends with while it is being written.
const PART: &str = ".checkpoint.part";

/// Why the metadata log cannot be used. The quorum cannot go on without it.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The disk failed, or a file on it is damaged.
    #[error("the metadata log: {0}")]
    Log(#[from] LogError),
    /// Batches could not be appended.
    #[error("the metadata log: {0}")]
    Append(#[from] CopyError),
    /// The disk failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
}

impl StorageError {
    /// Whether something has run out, and may be there again later.
    pub fn is_temporary(&self) -> bool {
        match self {
            StorageError::Io { source, .. } | StorageError::Log(LogError::Io(source)) => is_temporary(source),
            StorageError::Append(CopyError::Append(AppendError::NoRoom(_))) => true,
            _ => false,
        }
    }
}

/// The metadata log and its snapshots.
pub struct MetadataLog {
    log: Log,
    disk: Disk,
    folder: PathBuf,
    config: LogConfig,
    /// The snapshots that are whole.
    snapshots: BTreeSet<OffsetAndEpoch>,
}

impl MetadataLog {
    // ANCHOR: open
    /// Opens what is in the folder, or makes a new log.
    pub fn open(disk: &Disk, folder: &Path, config: LogConfig, now: Timestamp) -> Result<MetadataLog, StorageError> {
        let at = |source| StorageError::Io { path: folder.to_owned(), source };
        disk.create_dir(folder).map_err(at)?;
        let mut snapshots = BTreeSet::new();
        let mut last_segment = None;
        for entry in std::fs::read_dir(folder).map_err(at)? {
            let name = entry.map_err(at)?.file_name().to_string_lossy().into_owned();
            if let Some(snapshot) = parse_name(&name) {
                snapshots.insert(snapshot);
            } else if name.ends_with(PART) {
                disk.remove(&folder.join(&name)).map_err(at)?;
            } else if let Some(base) = name.strip_suffix(".log").and_then(|base| base.parse().ok()) {
                last_segment = last_segment.max(Some(base));
            }
        }
        let latest = snapshots.last().copied().unwrap_or_default();
        // Closed segments were flushed before the next one was begun.
        let log = open_log(disk, folder, &config, now, last_segment.unwrap_or(latest.offset))?;
        let mut this = MetadataLog { log, disk: disk.clone(), folder: folder.to_owned(), config, snapshots };
        if this.log.log_end_offset() < latest.offset {
            info!(
                "{}: it ends at {}, before its snapshot: beginning anew",
                folder.display(),
                this.log.log_end_offset()
            );
            this.begin_at(latest, now)?;
        }
        this.log.increment_log_start_offset(latest.offset);
        this.flush(now)?;
        Ok(this)
    }
    // ANCHOR_END: open

    /// What the quorum's machine has to know of it.
    pub fn quorum_log(&self) -> QuorumLog {
        let start = self.latest_snapshot().unwrap_or_default();
        let epochs = self.log.epochs().entries().iter().copied();
        QuorumLog::new(start, epochs, self.log.log_end_offset())
    }

    /// The offset that the next record gets.
    pub fn end(&self) -> Offset {
        self.log.log_end_offset()
    }

    /// Where its log starts.
    pub fn start(&self) -> Offset {
        self.log.log_start_offset()
    }

    /// The control records from an offset on.
    pub fn read_control(&mut self, from: Offset) -> Result<Vec<ControlRecord>, StorageError> {
        let (mut next, mut found) = (from.max(self.start()), Vec::new());
        while next < self.end() {
            let bytes = self.read_batches(next, self.end(), 1 << 20)?;
            for batch in metadata_batches(&bytes) {
                let batch = batch.map_err(|e| LogError::from(io::Error::other(e)))?;
                next = batch.next_offset();
                if let BatchContent::Control(records) = batch.content {
                    found.extend(records);
                }
            }
        }
        Ok(found)
    }

    /// The latest snapshot, if there is one that says something.
    pub fn latest_snapshot(&self) -> Option<OffsetAndEpoch> {
        self.snapshots.last().copied()
    }

    /// What the first file says of a log that was made with its voters in it (`format --standalone`), and what every
    /// later snapshot says.
    pub fn read_snapshot(&self, snapshot: OffsetAndEpoch) -> Result<MetadataSnapshot, StorageError> {
        let path = self.path_of(snapshot);
        let damaged = |what: String| StorageError::Io { path: path.clone(), source: io::Error::other(what) };
        let bytes = std::fs::read(&path).map_err(|e| damaged(e.to_string()))?;
        MetadataSnapshot::read(&bytes).map_err(|e| damaged(e.to_string()))
    }

    /// The file of a snapshot, to be read in parts; `None`: there is no such snapshot (any more).
    pub fn snapshot_file(&self, snapshot: OffsetAndEpoch) -> Option<PathBuf> {
        self.snapshots.contains(&snapshot).then(|| self.path_of(snapshot))
    }

    // ANCHOR: append
    /// Appends a batch, as the leader of an epoch; where the log ends then.
    pub fn append(&mut self, epoch: Epoch, content: BatchContent, now: Timestamp) -> Result<Offset, StorageError> {
        let batch = MetadataBatch { base_offset: self.end(), leader_epoch: epoch, timestamp: now, content };
        self.append_copied(&batch.encode(), now)?;
        Ok(self.end())
    }

    /// Appends whole batches as the leader has sent them.
    pub fn append_copied(&mut self, batches: &[u8], now: Timestamp) -> Result<(), StorageError> {
        if self.log.append_copied(batches)? {
            // What a closed segment holds is not looked at again after a crash.
            self.flush(now)?;
        }
        Ok(())
    }
    // ANCHOR_END: append

    /// Puts everything on the disk; up to where that is.
    pub fn flush(&mut self, now: Timestamp) -> Result<Offset, StorageError> {
        let (files, end) = self.log.unflushed().map_err(LogError::from)?;
        for file in files {
            file.sync().map_err(|source| StorageError::Io { path: file.path().to_owned(), source })?;
        }
        self.log.flushed(end, now);
        Ok(end)
    }

    /// Removes everything from an offset on.
    pub fn truncate(&mut self, offset: Offset) -> Result<(), StorageError> {
        Ok(self.log.truncate(offset)?)
    }

    /// Batches from an offset on, below `end`: a stretch of a file, the last batch of which may be cut short.
    pub fn read(&mut self, offset: Offset, end: Offset, max_bytes: usize) -> Result<Option<FileRegion>, StorageError> {
        let read = self.log.read(offset, end, max_bytes, true, false);
        Ok(read.map_err(|e| LogError::from(io::Error::other(format!("reading at {offset}: {e:?}"))))?.region)
    }

    /// The batches from an offset on, below `end`, as many as are in about `max_bytes`.
    pub fn read_batches(&mut self, offset: Offset, end: Offset, max_bytes: usize) -> Result<Bytes, StorageError> {
        let Some(region) = self.read(offset, end, max_bytes)? else { return Ok(Bytes::new()) };
        let bytes = Bytes::from(region.read().map_err(LogError::from)?);
        Ok(bytes.slice(..whole_batches(&bytes)))
    }

    // ANCHOR: put_snapshot
    /// Writes a snapshot of what is committed, and removes what it makes superfluous.
    pub fn put_snapshot(
        &mut self,
        id: OffsetAndEpoch,
        batches: impl Iterator<Item = Bytes>,
    ) -> Result<(), StorageError> {
        let (part, whole) = (self.folder.join(file_name(id, PART)), self.path_of(id));
        let at = |source| StorageError::Io { path: part.clone(), source };
        let file = self.disk.open(&part).map_err(at)?;
        file.set_len(0).map_err(at)?;
        let mut position = 0;
        for batch in batches {
            file.write_at(&[], &batch, position).map_err(at)?;
            position += batch.len() as u64;
        }
        file.sync().map_err(at)?;
        self.disk.rename(&part, &whole).map_err(at)?;
        self.disk.sync_dir(&self.folder).map_err(at)?;
        self.snapshots.insert(id);
        self.clean()
    }
    // ANCHOR_END: put_snapshot

    /// The file that a snapshot from elsewhere is written to, until all of it is there.
    pub fn part_file(&self, id: OffsetAndEpoch) -> PathBuf {
        self.folder.join(file_name(id, PART))
    }

    /// Puts a snapshot that has come as a whole in the place of the log.
    pub fn install(&mut self, id: OffsetAndEpoch, now: Timestamp) -> Result<(), StorageError> {
        let whole = self.path_of(id);
        let at = |source| StorageError::Io { path: whole.clone(), source };
        self.disk.rename(&self.part_file(id), &whole).map_err(at)?;
        self.disk.sync_dir(&self.folder).map_err(at)?;
        self.snapshots.insert(id);
        self.begin_at(id, now)?;
        self.clean()
    }

    /// A new log that starts where a snapshot ends.
    fn begin_at(&mut self, snapshot: OffsetAndEpoch, now: Timestamp) -> Result<(), StorageError> {
        let at = |source| StorageError::Io { path: self.folder.clone(), source };
        for entry in std::fs::read_dir(&self.folder).map_err(at)? {
            let path = entry.map_err(at)?.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            let is_epochs = path.file_name().is_some_and(|name| name == "leader-epoch-checkpoint");
            if is_epochs || matches!(extension, Some("log" | "index" | "timeindex" | "txnindex" | "snapshot")) {
                self.disk.remove(&path).map_err(at)?;
            }
        }
        self.log = open_log(&self.disk, &self.folder, &self.config, now, snapshot.offset)?;
        Ok(())
    }

    /// Removes segments that lie wholly before the latest snapshot, and snapshots before it.
    fn clean(&mut self) -> Result<(), StorageError> {
        let Some(latest) = self.latest_snapshot() else { return Ok(()) };
        for old in std::mem::take(&mut self.snapshots) {
            let path = self.path_of(old);
            if old == latest {
                self.snapshots.insert(old);
            } else if let Err(e) = self.disk.remove(&path) {
                warn!("{}: cannot be removed: {e}", path.display());
            }
        }
        let bases = self.log.segment_offsets();
        let first_kept = bases.into_iter().rev().find(|&base| base <= latest.offset);
        let gone = match first_kept {
            Some(first_kept) => self.log.delete_segments_before(first_kept).map_err(LogError::from)?,
            None => Vec::new(),
        };
        self.log.increment_log_start_offset(latest.offset);
        for file in gone {
            if let Err(e) = self.disk.remove(&file) {
                warn!("{}: cannot be removed: {e}", file.display());
            }
        }
        Ok(())
    }

    /// Closes it after a stop.
    pub fn close(&mut self, now: Timestamp) -> Result<(), StorageError> {
        self.flush(now)?;
        Ok(self.log.close(now)?)
    }

    fn path_of(&self, snapshot: OffsetAndEpoch) -> PathBuf {
        self.folder.join(file_name(snapshot, SNAPSHOT))
    }
}

fn open_log(
    disk: &Disk,
    folder: &Path,
    config: &LogConfig,
    now: Timestamp,
    recovery_point: Offset,
) -> Result<Log, StorageError> {
    let base = folder.join(format!("{recovery_point:020}.log"));
    let has_no_segment = !base.exists();
    let options = OpenOptions {
        config: config.clone(),
        recovery_point,
        // A log without segments begins there; any other has its first segment.
        log_start_offset: has_no_segment.then_some(recovery_point),
        clean: false,
        lenient: false,
        now,
        producer_expiration_ms: i64::MAX / 2,
    };
    let log = Log::open(disk, folder, TopicPartition::new("__cluster_metadata", 0), options)?;
    match log.damage() {
        None => Ok(log),
        Some(damage) => Err(LogError::from(damage.clone()).into()),
    }
}

/// How many of the bytes are whole batches.
fn whole_batches(bytes: &[u8]) -> usize {
    let mut end = 0;
    while let Some(left) = bytes.get(end..).filter(|left| left.len() >= HEADER_LEN)
        && let Ok(header) = BatchHeader::parse(left)
        && left.len() >= header.size()
    {
        end += header.size();
    }
    end
}

fn file_name(snapshot: OffsetAndEpoch, suffix: &str) -> String {
    format!("{:020}-{:010}{suffix}", snapshot.offset, snapshot.epoch)
}

fn parse_name(name: &str) -> Option<OffsetAndEpoch> {
    let (offset, epoch) = name.strip_suffix(SNAPSHOT)?.split_once('-')?;
    (offset.len() == 20 && epoch.len() == 10).then_some(())?;
    Some(OffsetAndEpoch { epoch: epoch.parse().ok()?, offset: offset.parse().ok()? })
}
