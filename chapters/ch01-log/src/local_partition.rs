//! The partition of this chapter: one log on one disk, with no copy anywhere.

use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use bytes::Bytes;
use ch00_wire::codec::Chunk;
use ch00_wire::error_code::ErrorCode;
use tokio::sync::watch;
use tracing::warn;

use crate::batch::{Epoch, Offset, Timestamp};
use crate::clock::Clock;
use crate::log::{AppendError, Log, LogConfig, ReadError, is_temporary};
use crate::log_dir::LogDir;
use crate::log_search::FoundTimestamp;
use crate::partition::{
    Accepted, OffsetQuery, Partition, PartitionError, Progress, ProgressReceiver, ReadAnswer, ReadRequest, Reader,
    RequiredAcks,
};
use crate::scan::LogError;
use crate::validate::{Valid, validate};

/// A log, its disk, and those who wait for it.
pub struct LocalPartition {
    log: Mutex<Log>,
    /// Read by every producer before it takes the log's lock.
    config: RwLock<Arc<LogConfig>>,
    dir: Arc<LogDir>,
    leader_epoch: Epoch,
    clock: Arc<dyn Clock>,
    /// `None` once the partition is deleted.
    progress: RwLock<Option<watch::Sender<Progress>>>,
    on_roll: Box<dyn Fn() + Send + Sync>,
}

impl LocalPartition {
    /// Serves a log. `on_roll` is called when a segment was closed and waits to be synced.
    pub fn new(
        log: Log,
        dir: Arc<LogDir>,
        clock: Arc<dyn Clock>,
        on_roll: Box<dyn Fn() + Send + Sync>,
    ) -> LocalPartition {
        let leader_epoch = log.epochs().latest().unwrap_or(0);
        LocalPartition {
            config: RwLock::new(Arc::new(log.config().clone())),
            progress: RwLock::new(Some(watch::Sender::new(progress_of(&log)))),
            log: Mutex::new(log),
            dir,
            leader_epoch,
            clock,
            on_roll,
        }
    }

    /// The term in which this broker leads: in this chapter always the same.
    pub fn leader_epoch(&self) -> Epoch {
        self.leader_epoch
    }

    /// The disk it is on.
    pub fn dir(&self) -> &Arc<LogDir> {
        &self.dir
    }

    /// The log, for as long as the guard is kept: not across anything that waits.
    pub fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    /// Changes the log's configuration.
    pub fn set_config(&self, config: LogConfig) {
        self.log().set_config(config.clone());
        *self.config.write().unwrap() = Arc::new(config);
    }

    /// Ends all waits: the partition is no longer served, and nothing of it is written any more.
    pub fn retire(&self) {
        *self.progress.write().unwrap() = None;
        self.log().retire();
    }

    fn check_online(&self) -> Result<(), PartitionError> {
        if self.progress.read().unwrap().is_none() {
            return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into());
        }
        self.check_disk()
    }

    /// Notes what happened to the disk, and says what a client is told.
    pub fn storage_error(&self, error: &LogError) -> PartitionError {
        match error {
            LogError::Io(e) if !is_temporary(e) => self.dir.fail(&e.to_string()),
            // What has run out may come back; a damaged log is offline from the damage on, the disk is not.
            LogError::Io(_) | LogError::Corrupt(_) => {}
        }
        PartitionError { code: ErrorCode::KAFKA_STORAGE_ERROR, message: Some(error.to_string()) }
    }

    fn receiver(&self) -> Result<ProgressReceiver, PartitionError> {
        let progress = self.progress.read().unwrap();
        progress.as_ref().map(watch::Sender::subscribe).ok_or_else(|| ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into())
    }
}

fn progress_of(log: &Log) -> Progress {
    let log_end_offset = log.log_end_offset();
    Progress {
        log_end_offset,
        readable_end: log_end_offset,
        last_stable_offset: log.last_stable_offset(),
        enough_replicas: true,
    }
}

/// Whether a reader, who knows of an epoch (-1: of none), and this broker speak of the same one.
pub fn check_epoch(known: Epoch, current: Epoch) -> Result<(), PartitionError> {
    match known {
        -1 => Ok(()),
        known if known < current => Err(ErrorCode::FENCED_LEADER_EPOCH.into()),
        known if known > current => Err(ErrorCode::UNKNOWN_LEADER_EPOCH.into()),
        _ => Ok(()),
    }
}

/// Where a reader's view ends.
pub fn end_for(reader: Reader, progress: &Progress) -> Offset {
    match reader {
        Reader::Consumer { committed: true } => progress.last_stable_offset,
        Reader::Consumer { committed: false } => progress.readable_end,
        Reader::Replica { .. } => progress.log_end_offset,
    }
}

/// What any partition does with its log, whoever decides in which epoch and how far readers see.
impl LocalPartition {
    // ANCHOR: validate
    /// Checks what a producer sent.
    pub fn validate(&self, records: Bytes) -> Result<Valid, PartitionError> {
        self.check_disk()?;
        let config = self.config.read().unwrap().clone();
        validate(records, &config.rules, self.clock.now())
            .map_err(|e| PartitionError { code: e.error_code(), message: Some(e.to_string()) })
    }
    // ANCHOR_END: validate

    // ANCHOR: append_valid
    /// Appends a batch. `then` is called under the log's lock, and gives what has to belong to this very moment.
    pub fn append_valid(
        &self,
        batch: Valid,
        leader_epoch: Epoch,
        then: impl FnOnce(&Log) -> Result<ProgressReceiver, PartitionError>,
    ) -> Result<Accepted, PartitionError> {
        let now = self.clock.now();
        let mut log = self.log();
        let appended = log.append(batch, leader_epoch).map_err(|e| self.append_error(&log, e))?;
        let progress = then(&log)?;
        let (log_start_offset, must_flush) = (log.log_start_offset(), log.must_flush(now));
        drop(log);
        if appended.rolled {
            self.rolled();
        }
        Ok(Accepted {
            base_offset: appended.base_offset,
            last_offset: appended.last_offset,
            log_append_time: appended.log_append_time,
            log_start_offset,
            leader_epoch,
            progress,
            must_flush,
        })
    }
    // ANCHOR_END: append_valid

    /// What a client is told of an append that failed.
    pub fn append_error(&self, log: &Log, e: AppendError) -> PartitionError {
        match e {
            AppendError::Refused(code) => code.into(),
            AppendError::NoRoom(e) => {
                warn!("{}: no room to append: {e}", log.name());
                PartitionError { code: ErrorCode::KAFKA_STORAGE_ERROR, message: Some(e.to_string()) }
            }
            AppendError::Failed(e) => self.storage_error(&e),
        }
    }

    // ANCHOR: read_up_to
    /// Reads batches below an end. `progress`: how far the partition has come.
    pub fn read_up_to(
        &self,
        log: &mut Log,
        request: &ReadRequest,
        progress: Progress,
    ) -> Result<ReadAnswer, PartitionError> {
        let end = end_for(request.reader, &progress);
        let committed = request.reader == Reader::Consumer { committed: true };
        let read = log.read(request.offset, end, request.max_bytes, request.at_least_one, committed);
        let read = read.map_err(|e| match e {
            ReadError::OutOfRange => ErrorCode::OFFSET_OUT_OF_RANGE.into(),
            ReadError::Failed(e) => self.storage_error(&e),
        })?;
        Ok(ReadAnswer {
            progress,
            log_start_offset: log.log_start_offset(),
            diverging: None,
            aborted: committed.then_some(read.aborted),
            preferred_read_replica: -1,
            records: read.region.map_or(Chunk::Bytes(Bytes::new()), Chunk::File),
        })
    }
    // ANCHOR_END: read_up_to

    /// Finds an offset among those below `end`.
    pub fn find(&self, query: OffsetQuery, end: Offset) -> Result<Option<FoundTimestamp>, PartitionError> {
        let mut log = self.log();
        let at = |offset: Offset, epoch: Option<Epoch>| {
            Some(FoundTimestamp { timestamp: -1, offset, leader_epoch: epoch.unwrap_or(-1) })
        };
        let found = match query {
            OffsetQuery::Earliest => {
                let start = log.log_start_offset();
                Ok(at(start, log.epochs().epoch_of(start)))
            }
            OffsetQuery::Latest => Ok(at(end, log.epochs().latest())),
            OffsetQuery::Timestamp(timestamp) => log.find_timestamp(timestamp, end),
            OffsetQuery::MaxTimestamp => log.find_max_timestamp(end),
        };
        found.map_err(|e| {
            let e = log.note_damage(e);
            self.storage_error(&e)
        })
    }

    /// A segment was closed, and waits to be synced.
    pub fn rolled(&self) {
        (self.on_roll)();
    }

    /// Whether its disk works.
    pub fn check_disk(&self) -> Result<(), PartitionError> {
        if self.dir.is_failed() { Err(ErrorCode::KAFKA_STORAGE_ERROR.into()) } else { Ok(()) }
    }
}

impl Partition for LocalPartition {
    // ANCHOR: append
    fn append(&self, records: Bytes, _acks: RequiredAcks) -> Result<Accepted, PartitionError> {
        self.check_online()?;
        let batch = self.validate(records)?;
        self.append_valid(batch, self.leader_epoch, |log| {
            let progress = self.progress.read().unwrap();
            let sender = progress.as_ref().ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
            sender.send_replace(progress_of(log));
            Ok(sender.subscribe())
        })
    }
    // ANCHOR_END: append

    fn has_producer(&self, id: i64) -> bool {
        self.log().producers().producers().contains_key(&id)
    }

    // ANCHOR: read
    fn read(&self, request: &ReadRequest) -> Result<ReadAnswer, PartitionError> {
        self.check_online()?;
        check_epoch(request.current_leader_epoch, self.leader_epoch)?;
        let mut log = self.log();
        let progress = progress_of(&log);
        self.read_up_to(&mut log, request, progress)
    }
    // ANCHOR_END: read

    fn progress(&self) -> Result<ProgressReceiver, PartitionError> {
        self.receiver()
    }

    fn find_offset(
        &self,
        query: OffsetQuery,
        reader: Reader,
        current_leader_epoch: Epoch,
    ) -> Result<Option<FoundTimestamp>, PartitionError> {
        self.check_online()?;
        check_epoch(current_leader_epoch, self.leader_epoch)?;
        let end = end_for(reader, &progress_of(&self.log()));
        self.find(query, end)
    }

    // ANCHOR: flush
    fn flush(&self) -> Result<(), PartitionError> {
        self.check_online()?;
        let failed = |e: std::io::Error| self.storage_error(&e.into());
        let (files, end, is_first) = {
            let mut log = self.log();
            let (files, end) = log.unflushed().map_err(failed)?;
            (files, end, log.is_never_flushed())
        };
        // The lock is not held while the disk works: appends go on meanwhile.
        // After a failed sync nobody knows what is on the disk, whatever the reason was.
        let lost = |path: &std::path::Path, e: &std::io::Error| self.dir.fail(&format!("{}: {e}", path.display()));
        for file in &files {
            file.sync().inspect_err(|e| lost(file.path(), e)).map_err(failed)?;
        }
        // Names have to be on the disk as well: those of segments begun since the last flush, and the folder's own.
        let folder = (files.len() > 1 || is_first).then(|| self.log().dir().to_owned());
        let above = is_first.then(|| self.dir.path().to_owned());
        for path in folder.iter().chain(&above) {
            self.dir.disk().sync_dir(path).inspect_err(|e| lost(path, e)).map_err(failed)?;
        }
        self.log().flushed(end, self.clock.now());
        Ok(())
    }
    // ANCHOR_END: flush
}

/// What the periodic look at a log does.
impl LocalPartition {
    /// Whether `flush.ms` asks for a flush now.
    pub fn must_flush(&self) -> bool {
        !self.dir.is_failed() && self.log().must_flush(self.clock.now())
    }

    /// Forgets producers that have been silent since before a time.
    pub fn expire_producers(&self, oldest: Timestamp) {
        self.log().expire_producers(oldest);
    }
}
