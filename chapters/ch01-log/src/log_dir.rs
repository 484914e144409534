//! A log directory: the folder of one disk, with a folder for each partition on it.
//!
//! ```text
//! .lock                              held by the one broker that uses the folder
//! meta.properties                    which broker's, which cluster's
//! .kafka_cleanshutdown               only after a clean stop; removed at the start
//! recovery-point-offset-checkpoint   up to where each log was synced
//! log-start-offset-checkpoint        where logs begin whose start is not their first segment's
//! replication-offset-checkpoint      up to where consumers could read when it was written
//! hello-kafka-0/                     a partition
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use ch00_wire::properties;
use ch00_wire::uuid::Uuid;
use tokio::sync::Notify;
use tracing::error;

use crate::batch::Offset;
use crate::disk::Disk;
use crate::text_checkpoint::{Offsets, TopicPartition, read_offsets, write_offsets};

const META: &str = "meta.properties";
/// Marks a folder that was closed cleanly.
pub const CLEAN: &str = ".kafka_cleanshutdown";
const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
const LOG_STARTS: &str = "log-start-offset-checkpoint";
/// How far consumers could read when it was written.
pub const READABLE_ENDS: &str = "replication-offset-checkpoint";
/// Written by compaction: a log that is listed may have holes in its offsets.
pub const CLEANED: &str = "cleaner-offset-checkpoint";

/// A log directory in use.
pub struct LogDir {
    path: PathBuf,
    disk: Disk,
    /// Its id.
    id: Uuid,
    cluster_id: String,
    was_clean: bool,
    /// Whether Apache Kafka wrote it: then offsets may have holes, and epochs may be missing from their list.
    is_foreign: bool,
    is_failed: AtomicBool,
    /// Held by whoever writes checkpoints.
    checkpoints_lock: Mutex<()>,
    partition_count: AtomicIsize,
    /// Woken when a disk fails.
    on_failure: Arc<Notify>,
    _lock: FolderLock,
}

/// A folder that this process uses, and no other. Apache Kafka takes the same lock.
pub struct FolderLock {
    path: PathBuf,
    _file: File,
}

impl FolderLock {
    /// Makes the folder if need be, and locks it.
    pub fn take(path: &Path) -> Result<FolderLock, String> {
        let fail = |what: &str, e: io::Error| format!("log directory {}: {what}: {e}", path.display());
        fs::create_dir_all(path).map_err(|e| fail("cannot be created", e))?;
        let file = File::create(path.join(".lock")).map_err(|e| fail("cannot be locked", e))?;
        file.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => format!("log directory {}: another broker uses it", path.display()),
            TryLockError::Error(e) => fail("cannot be locked", e),
        })?;
        Ok(FolderLock { path: path.to_owned(), _file: file })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What a log directory's checkpoints said at the start.
#[derive(Clone, Debug, Default)]
pub struct Checkpoints {
    /// Up to where each log was synced.
    pub recovery_points: Offsets,
    /// Where logs begin.
    pub log_starts: Offsets,
    /// Up to where consumers could read.
    pub readable_ends: Offsets,
    /// Logs that compaction has been through.
    pub cleaned: Offsets,
}

impl LogDir {
    // ANCHOR: open
    /// Takes a folder into use, or says why not. `cluster_id` is that of the folders opened before, if any; `on_failure`
    /// is woken when the disk fails.
    pub fn open(
        disk: &Disk,
        lock: FolderLock,
        broker_id: i32,
        cluster_id: Option<&str>,
        on_failure: Arc<Notify>,
    ) -> Result<LogDir, String> {
        let path = lock.path.clone();
        let (id, cluster_id) = read_or_write_meta(disk, &path, broker_id, cluster_id)?;
        let marker = path.join(CLEAN);
        let was_clean = marker.exists();
        disk.remove(&marker).map_err(|e| {
            format!("log directory {}: the marker of the clean stop cannot be removed: {e}", path.display())
        })?;
        Ok(LogDir {
            disk: disk.clone(),
            id,
            cluster_id,
            was_clean,
            is_foreign: path.join("__cluster_metadata-0").exists(),
            is_failed: AtomicBool::new(false),
            checkpoints_lock: Mutex::new(()),
            partition_count: AtomicIsize::new(0),
            on_failure,
            path,
            _lock: lock,
        })
    }
    // ANCHOR_END: open

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The disk.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Its id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The cluster it belongs to.
    pub fn cluster_id(&self) -> &str {
        &self.cluster_id
    }

    /// Whether the last stop was a clean one.
    pub fn was_clean(&self) -> bool {
        self.was_clean
    }

    /// Whether Apache Kafka wrote it.
    pub fn is_foreign(&self) -> bool {
        self.is_foreign
    }

    /// Reads the checkpoints.
    pub fn checkpoints(&self) -> io::Result<Checkpoints> {
        Ok(Checkpoints {
            recovery_points: read_offsets(&self.path.join(RECOVERY_POINTS))?,
            log_starts: read_offsets(&self.path.join(LOG_STARTS))?,
            readable_ends: read_offsets(&self.path.join(READABLE_ENDS))?,
            cleaned: read_offsets(&self.path.join(CLEANED))?,
        })
    }

    /// Writes the checkpoints that say where logs begin, up to where they were synced, and how far they could be read.
    pub fn write_checkpoints(&self, points: &Offsets, starts: &Offsets, ends: &Offsets) -> io::Result<()> {
        write_offsets(&self.disk, &self.path.join(RECOVERY_POINTS), points)?;
        write_offsets(&self.disk, &self.path.join(LOG_STARTS), starts)?;
        write_offsets(&self.disk, &self.path.join(READABLE_ENDS), ends)
    }

    /// Takes partitions out of the checkpoints.
    pub fn forget(&self, is_gone: impl Fn(&TopicPartition) -> bool) -> io::Result<()> {
        for file in [RECOVERY_POINTS, LOG_STARTS, READABLE_ENDS, CLEANED] {
            self.change_offsets(file, |offsets| offsets.retain(|name, _| !is_gone(name)))?;
        }
        Ok(())
    }

    /// Cuts a log off at an offset by `cut`. Before that its recovery point, and up to where it is compacted, are set back:
    /// a start after a crash would else take what is cut off for lost.
    pub fn truncating<T>(&self, name: &TopicPartition, offset: Offset, cut: impl FnOnce() -> T) -> io::Result<T> {
        let _writing = self.lock_checkpoints();
        for file in [RECOVERY_POINTS, READABLE_ENDS, CLEANED] {
            self.rewrite(file, |offsets| {
                offsets.entry(name.clone()).and_modify(|known| *known = offset.min(*known));
            })?;
        }
        Ok(cut())
    }

    /// Changes one checkpoint, durably, while nobody else writes one.
    pub fn change_offsets(&self, file: &str, change: impl FnOnce(&mut Offsets)) -> io::Result<()> {
        let _writing = self.lock_checkpoints();
        self.rewrite(file, change)
    }

    fn rewrite(&self, file: &str, change: impl FnOnce(&mut Offsets)) -> io::Result<()> {
        let path = self.path.join(file);
        let before = read_offsets(&path)?;
        let mut offsets = before.clone();
        change(&mut offsets);
        if offsets == before { Ok(()) } else { write_offsets(&self.disk, &path, &offsets) }
    }

    /// Keeps others from writing checkpoints for as long as the guard is kept.
    pub(crate) fn lock_checkpoints(&self) -> MutexGuard<'_, ()> {
        self.checkpoints_lock.lock().unwrap()
    }

    /// Marks the folder as closed cleanly, by this incarnation of the broker: the next start need not look at the logs.
    pub fn mark_clean(&self, incarnation: i64) -> io::Result<()> {
        let mark = format!(r#"{{"version":0,"brokerEpoch":{incarnation}}}"#);
        self.disk.replace(&self.path.join(CLEAN), mark.as_bytes(), true)
    }

    /// The partitions that have a folder here. Folders of partitions that were being deleted are removed.
    pub fn partitions(&self) -> io::Result<Vec<TopicPartition>> {
        let mut partitions = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_doomed(&name) && entry.path().is_dir() {
                self.disk.remove_dir(&entry.path())?;
            } else if let Some(partition) = TopicPartition::from_folder(&name)
                && entry.path().is_dir()
                && partition.topic != "__cluster_metadata"
            {
                partitions.push(partition);
            }
        }
        Ok(partitions)
    }

    /// How many partitions are open here.
    pub fn partition_count(&self) -> isize {
        self.partition_count.load(Ordering::Relaxed)
    }

    /// Counts a partition opened (1) or removed (-1).
    pub fn count_partition(&self, difference: isize) {
        self.partition_count.fetch_add(difference, Ordering::Relaxed);
    }

    /// A partition's folder.
    pub fn folder(&self, partition: &TopicPartition) -> PathBuf {
        self.path.join(partition.to_string())
    }

    /// Notes that the disk has failed: nothing on it is read or written any more.
    pub fn fail(&self, why: &str) {
        if !self.is_failed.swap(true, Ordering::AcqRel) {
            error!("log directory {} is offline: {why}", self.path.display());
            self.on_failure.notify_one();
        }
    }

    /// Whether the disk has failed.
    pub fn is_failed(&self) -> bool {
        self.is_failed.load(Ordering::Acquire)
    }
}

/// What a partition's folder is renamed to before it is removed: as Apache Kafka does, and no longer than names may be.
pub fn doomed_name(partition: &TopicPartition) -> String {
    renamed(partition, "delete")
}

/// What a partition's folder is renamed to that belongs to no topic here.
pub fn stray_name(partition: &TopicPartition) -> String {
    renamed(partition, "stray")
}

fn renamed(partition: &TopicPartition, what: &str) -> String {
    const LONGEST: usize = 255 - ".-delete".len() - 32;
    let name = partition.to_string();
    let id: String = Uuid::random().0.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}.{id}-{what}", name.get(..LONGEST).unwrap_or(&name))
}

fn is_doomed(folder: &str) -> bool {
    let id = folder.strip_suffix("-delete").and_then(|name| name.rsplit_once('.')).map_or("", |(_, id)| id);
    id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Who a folder belongs to. A new one gets an id, and a cluster's id if none is known yet.
fn read_or_write_meta(
    disk: &Disk,
    dir: &Path,
    broker_id: i32,
    cluster_id: Option<&str>,
) -> Result<(Uuid, String), String> {
    let path = dir.join(META);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let id = Uuid::random();
            let cluster_id = cluster_id.map_or_else(|| Uuid::random().to_string(), str::to_owned);
            let text = format!("#\nnode.id={broker_id}\ndirectory.id={id}\nversion=1\ncluster.id={cluster_id}\n");
            disk.replace(&path, text.as_bytes(), true).map_err(|e| format!("{}: {e}", path.display()))?;
            return Ok((id, cluster_id));
        }
        Err(e) => return Err(format!("{}: {e}", path.display())),
    };
    let properties = properties::parse(&text);
    let get = |key: &str| properties.iter().rfind(|p| p.key == key).map(|p| p.value.as_str());
    let wrong = |what: String| format!("{}: {what}", path.display());
    let owner = get("node.id").or(get("broker.id"));
    if owner.is_some_and(|id| id != broker_id.to_string()) {
        return Err(wrong(format!(
            "the folder belongs to broker {}, this is broker {broker_id}; set broker.id or log.dirs",
            owner.unwrap_or_default()
        )));
    }
    let stored = get("cluster.id").ok_or_else(|| wrong("cluster.id is missing".to_string()))?;
    if let Some(expected) = cluster_id.filter(|&expected| expected != stored) {
        return Err(wrong(format!("the folder belongs to cluster {stored}, the others to cluster {expected}")));
    }
    let id = get("directory.id").and_then(|id| id.parse().ok()).unwrap_or_else(Uuid::random);
    Ok((id, stored.to_owned()))
}
