//! All logs of a broker: opened at start, created and deleted with their topics. `log_housekeeping` looks after them.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use ch00_wire::tasks::Tasks;
use ch00_wire::uuid::Uuid;
use tokio::sync::Notify;
use tracing::{error, warn};

use crate::batch::{Offset, Timestamp};
use crate::clock::Clock;
use crate::config::{BrokerConfig, LogHooks};
use crate::disk::Disk;
use crate::local_partition::LocalPartition;
use crate::log::{Log, LogConfig};
use crate::log_dir::{Checkpoints, LogDir, doomed_name, stray_name};
use crate::recovery::OpenOptions;
use crate::replicas::Replicas;
use crate::scan::LogError;
use crate::text_checkpoint::{Offsets, TopicPartition};

/// Looks up a topic's log configuration while logs are opened.
pub type ConfigOf<'a> = &'a (dyn Fn(&str) -> LogConfig + Sync);

/// The file in a partition's folder that says which topic it belongs to.
const PARTITION_METADATA: &str = "partition.metadata";

/// The logs of a broker.
pub struct LogManager {
    pub(crate) dirs: Vec<Arc<LogDir>>,
    pub(crate) partitions: RwLock<HashMap<TopicPartition, Arc<LocalPartition>>>,
    /// Sets a partition's folder right before its log is opened.
    before_open: fn(&Disk, &Path) -> Result<(), LogError>,
    pub(crate) replicas: Arc<dyn Replicas>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tasks: Tasks,
    pub(crate) producer_expiration_ms: i64,
    /// Woken when a closed segment waits to be synced.
    pub(crate) rolled: Arc<Notify>,
    /// Partitions with a closed segment that waits to be synced.
    pub(crate) to_flush: Arc<Mutex<Vec<TopicPartition>>>,
    /// Folders of deleted partitions, the oldest first, each with the time from which it may be removed.
    pub(crate) doomed: Mutex<VecDeque<(Timestamp, Arc<LogDir>, PathBuf)>>,
    /// Woken when there is one more.
    pub(crate) was_doomed: Notify,
    /// How long such a folder stays, in milliseconds.
    pub(crate) delete_delay_ms: i64,
    pub(crate) highest_producer_id: AtomicI64,
    /// Woken when a disk fails.
    pub(crate) disk_failed: Arc<Notify>,
}

impl LogManager {
    /// Takes the configured folders into use.
    pub fn new(
        config: &BrokerConfig,
        hooks: &LogHooks,
        disk: &Disk,
        clock: Arc<dyn Clock>,
        tasks: Tasks,
    ) -> Result<LogManager, String> {
        let disk_failed = Arc::new(Notify::new());
        let mut dirs: Vec<Arc<LogDir>> = Vec::new();
        for path in config.log_folders() {
            let cluster_id = dirs.first().map(|dir| dir.cluster_id().to_owned());
            let lock = hooks.lock(&path)?;
            let dir = LogDir::open(disk, lock, config.wire.broker_id, cluster_id.as_deref(), disk_failed.clone())?;
            dirs.push(Arc::new(dir));
        }
        Ok(LogManager {
            dirs,
            partitions: RwLock::default(),
            before_open: hooks.before_open,
            replicas: hooks.replicas.clone(),
            clock,
            tasks,
            producer_expiration_ms: i64::from(config.producer_id_expiration_ms),
            rolled: Arc::default(),
            to_flush: Arc::default(),
            doomed: Mutex::default(),
            was_doomed: Notify::new(),
            delete_delay_ms: config.log_segment_delete_delay_ms,
            highest_producer_id: AtomicI64::new(-1),
            disk_failed,
        })
    }

    /// The folders.
    pub fn dirs(&self) -> &[Arc<LogDir>] {
        &self.dirs
    }

    /// Their paths.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.dirs.iter().map(|dir| dir.path().to_owned()).collect()
    }

    /// The partition's log, if it is here.
    pub fn get(&self, name: &TopicPartition) -> Option<Arc<LocalPartition>> {
        self.partitions.read().unwrap().get(name).cloned()
    }

    /// All partitions.
    pub fn all(&self) -> Vec<(TopicPartition, Arc<LocalPartition>)> {
        let partitions = self.partitions.read().unwrap();
        partitions.iter().map(|(name, partition)| (name.clone(), partition.clone())).collect()
    }

    /// The highest producer id met in logs and snapshots while they were opened, -1 for none.
    pub fn highest_producer_id(&self) -> i64 {
        self.highest_producer_id.load(Ordering::Relaxed)
    }

    /// The highest producer id in any batch, -1 for none. Reads every header of every log: for folders of which nothing is
    /// known, once.
    pub fn highest_producer_id_in_batches(&self) -> io::Result<i64> {
        let mut highest = self.highest_producer_id();
        for (_, partition) in self.all() {
            highest = highest.max(partition.log().highest_producer_id_in_batches()?);
        }
        self.highest_producer_id.fetch_max(highest, Ordering::Relaxed);
        Ok(highest)
    }

    /// Whether a partition has a folder that could not be opened.
    pub fn is_offline(&self, name: &TopicPartition) -> bool {
        self.get(name).is_none() && self.dirs.iter().any(|dir| dir.folder(name).join(PARTITION_METADATA).exists())
    }

    /// Opens every log that has a folder, several at once. Each log that ends below what consumers could read before is
    /// reported, once: the checkpoint is written anew with what there is.
    pub fn load(&self, config_of: ConfigOf<'_>, threads: usize) -> Result<(), String> {
        let mut lost = false;
        for dir in &self.dirs {
            let fail = |e: io::Error| format!("log directory {}: {e}", dir.path().display());
            let checkpoints = dir.checkpoints().map_err(fail)?;
            let names = dir.partitions().map_err(fail)?;
            let next = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                for _ in 0..threads.min(names.len()) {
                    scope.spawn(|| {
                        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                            self.load_one(dir, name, &checkpoints, config_of(&name.topic));
                        }
                    });
                }
            });
            lost |= self.report_lost(&checkpoints.readable_ends);
        }
        if lost {
            self.checkpoint();
        }
        Ok(())
    }

    fn load_one(&self, dir: &Arc<LogDir>, name: &TopicPartition, checkpoints: &Checkpoints, config: LogConfig) {
        if let Some(other) = self.get(name) {
            error!(
                "{name} is in {} and in {}; the second is left alone",
                other.dir().path().display(),
                dir.path().display()
            );
            return;
        }
        match self.open(dir, name, checkpoints, config, dir.was_clean()) {
            Ok(partition) => drop(self.insert(name, partition)),
            Err(e) => error!("{name} is offline: {e}"),
        }
    }

    fn open(
        &self,
        dir: &Arc<LogDir>,
        name: &TopicPartition,
        checkpoints: &Checkpoints,
        config: LogConfig,
        clean: bool,
    ) -> Result<LocalPartition, LogError> {
        let options = OpenOptions {
            config,
            recovery_point: checkpoints.recovery_points.get(name).copied().unwrap_or(0),
            log_start_offset: checkpoints.log_starts.get(name).copied(),
            clean,
            lenient: dir.is_foreign() || checkpoints.cleaned.contains_key(name),
            now: self.clock.now(),
            producer_expiration_ms: self.producer_expiration_ms,
        };
        (self.before_open)(dir.disk(), &dir.folder(name))?;
        let log = Log::open(dir.disk(), &dir.folder(name), name.clone(), options)?;
        self.highest_producer_id.fetch_max(log.highest_producer_id(), Ordering::Relaxed);
        let (rolled, to_flush, name) = (self.rolled.clone(), self.to_flush.clone(), name.clone());
        let on_roll = Box::new(move || {
            to_flush.lock().unwrap().push(name.clone());
            rolled.notify_one();
        });
        Ok(LocalPartition::new(log, dir.clone(), self.clock.clone(), on_roll))
    }

    fn report_lost(&self, readable_ends: &Offsets) -> bool {
        let mut lost = false;
        for (name, &readable_end) in readable_ends {
            let Some(partition) = self.get(name) else { continue };
            let end = partition.log().log_end_offset();
            if end < readable_end {
                error!(
                    "{name}: records from {end} to {} are LOST: consumers could read up to {readable_end}, \
                        the log now ends at {end}",
                    readable_end - 1
                );
                lost = true;
            }
        }
        lost
    }

    /// Makes the log of a new partition, on the disk that has the fewest.
    pub fn create(&self, name: &TopicPartition, topic_id: Uuid, config: LogConfig) -> Result<(), LogError> {
        if let Some(partition) = self.get(name) {
            let file = partition.dir().folder(name).join(PARTITION_METADATA);
            match std::fs::read_to_string(&file).ok().as_deref().map(topic_id_in) {
                // A crash may have come before the id was written.
                None => return Ok(write_topic_id(partition.dir(), name, topic_id)?),
                Some(Some(found)) if found != topic_id => self.set_aside(name)?,
                Some(_) => return Ok(()),
            }
        }
        self.create_at(name, topic_id, config, 0)?.log().begin_epoch(0)?;
        Ok(())
    }

    fn create_at(
        &self,
        name: &TopicPartition,
        topic_id: Uuid,
        config: LogConfig,
        start: Offset,
    ) -> Result<Arc<LocalPartition>, LogError> {
        let dir = self.emptiest_dir()?;
        dir.disk().create_dir(&dir.folder(name))?;
        write_topic_id(&dir, name, topic_id)?;
        let mut checkpoints = Checkpoints::default();
        checkpoints.log_starts.insert(name.clone(), start);
        let partition = self.open(&dir, name, &checkpoints, config, true)?;
        Ok(self.insert(name, partition))
    }

    /// Removes what a partition has, and begins again at an offset.
    pub fn begin_anew(
        &self,
        name: &TopicPartition,
        topic_id: Uuid,
        config: LogConfig,
        start: Offset,
    ) -> Result<Arc<LocalPartition>, LogError> {
        self.delete_one(name)?;
        self.create_at(name, topic_id, config, start)
    }

    /// Deletes one partition of a topic that stays, and what is kept about it.
    pub fn delete_one(&self, name: &TopicPartition) -> io::Result<()> {
        self.delete(name)?;
        let mut working = self.dirs.iter().filter(|dir| !dir.is_failed());
        working.try_for_each(|dir| dir.forget(|other| other == name))
    }

    /// Renames a folder that belongs to another topic of the same name, or to none, so that nobody serves it and nothing is
    /// lost.
    pub(crate) fn set_aside(&self, name: &TopicPartition) -> io::Result<()> {
        let Some(partition) = self.partitions.write().unwrap().remove(name) else { return Ok(()) };
        partition.retire();
        let dir = partition.dir();
        dir.count_partition(-1);
        let aside = dir.path().join(stray_name(name));
        dir.disk().rename(&dir.folder(name), &aside)?;
        dir.forget(|other| other == name)?;
        warn!("{name}: the folder belongs to no topic that there is; it is kept as {}", aside.display());
        Ok(())
    }

    fn emptiest_dir(&self) -> io::Result<Arc<LogDir>> {
        let working = self.dirs.iter().filter(|dir| !dir.is_failed());
        let emptiest = working.min_by_key(|dir| dir.partition_count()).cloned();
        emptiest.ok_or_else(|| io::Error::other("every log directory has failed"))
    }

    fn insert(&self, name: &TopicPartition, partition: LocalPartition) -> Arc<LocalPartition> {
        partition.dir().count_partition(1);
        let partition = Arc::new(partition);
        self.partitions.write().unwrap().insert(name.clone(), partition.clone());
        partition
    }

    /// Removes a partition: no longer served at once, its folder renamed so that no restart takes it for a partition,
    /// and removed after a while. Readers that hold a region of its files still get it sent.
    pub fn delete(&self, name: &TopicPartition) -> io::Result<()> {
        if let Some(partition) = self.partitions.write().unwrap().remove(name) {
            partition.retire();
            partition.dir().count_partition(-1);
        }
        // A folder whose log could not be opened would come back at the next start, so folders are what counts.
        for dir in self.dirs.iter().filter(|dir| dir.folder(name).exists()) {
            if dir.is_failed() {
                return Err(io::Error::other(format!("log directory {} is offline", dir.path().display())));
            }
            let doomed = dir.path().join(doomed_name(name));
            dir.disk().rename(&dir.folder(name), &doomed)?;
            let due = self.clock.now().saturating_add(self.delete_delay_ms);
            self.doomed.lock().unwrap().push_back((due, dir.clone(), doomed));
            self.was_doomed.notify_one();
        }
        Ok(())
    }

    /// Takes a topic's partitions, which are gone, out of the checkpoints.
    pub fn forget(&self, topic: &str) -> io::Result<()> {
        let mut working = self.dirs.iter().filter(|dir| !dir.is_failed());
        working.try_for_each(|dir| dir.forget(|name| name.topic == topic))
    }

    /// Completes when the last log directory has failed.
    pub async fn all_failed(&self) {
        while !self.dirs.iter().all(|dir| dir.is_failed()) {
            self.disk_failed.notified().await;
        }
    }
}

/// The topic id in the text of a `partition.metadata`.
pub fn topic_id_in(text: &str) -> Option<Uuid> {
    text.lines().find_map(|line| line.strip_prefix("topic_id: ")?.trim().parse().ok())
}

fn write_topic_id(dir: &LogDir, name: &TopicPartition, topic_id: Uuid) -> io::Result<()> {
    let metadata = format!("version: 0\ntopic_id: {topic_id}");
    dir.disk().replace(&dir.folder(name).join(PARTITION_METADATA), metadata.as_bytes(), false)
}
