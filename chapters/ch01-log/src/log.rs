//! The log of one partition: segments one after the other, of which the last is written to.
//!
//! ```text
//! log start            recovery point                      log end
//!     |                      |                                |
//!  [ 0 .. 9 ][ 10 .. 19 ][ 20 .. (active) ................... )
//!     closed, never         what lies after the recovery point
//!     written again         may not be on the disk yet
//! ```
//!
//! A log knows nothing of requests. It is owned by one partition, behind a short lock; what reads and sends it are file
//! regions, which stay readable when the lock is gone.
//!
//! Here a log is written and read; `recovery` opens it, `log_search` finds records by time, `log_upkeep` looks after it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use ch00_wire::error_code::ErrorCode;
use ch00_wire::transfer::FileRegion;

use crate::batch::{self, BatchHeader, Epoch, Offset, Timestamp};
use crate::disk::Disk;
use crate::leader_epochs::LeaderEpochs;
use crate::producer_state::{ProducerState, StoredBatch, Verdict};
use crate::scan::{Corruption, LogError};
use crate::segment::{Segment, SegmentConfig};
use crate::text_checkpoint::TopicPartition;
use crate::txn_index::AbortedTransaction;
use crate::validate::{Rules, Valid};

/// The configuration of one log: the broker's defaults with the topic's own settings over them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// When segments end.
    pub segment: SegmentConfig,
    /// What batches must be like.
    pub rules: Rules,
    /// Records after which the log is flushed (`flush.messages`).
    pub flush_messages: i64,
    /// Milliseconds after which it is flushed (`flush.ms`).
    pub flush_ms: i64,
}

// ANCHOR: struct
/// A log.
pub struct Log {
    pub(crate) dir: PathBuf,
    pub(crate) name: TopicPartition,
    pub(crate) disk: Disk,
    pub(crate) config: LogConfig,
    /// By base offset; never empty.
    pub(crate) segments: BTreeMap<Offset, Segment>,
    pub(crate) log_start_offset: Offset,
    pub(crate) log_end_offset: Offset,
    /// Everything below it is on the disk for good.
    pub(crate) recovery_point: Offset,
    /// When the log was last flushed, in milliseconds since 1970.
    pub(crate) last_flush: Timestamp,
    pub(crate) producers: ProducerState,
    pub(crate) epochs: LeaderEpochs,
    pub(crate) highest_producer_id: i64,
    /// Whether offsets may have holes and epochs may be missing from the list.
    pub(crate) is_lenient: bool,
    /// Damage that was met below the recovery point: nothing is written any more, and nothing read from there on.
    pub(crate) damage: Option<Corruption>,
    /// Set when the partition is deleted: its folder may by now be that of another topic of the same name.
    pub(crate) is_retired: bool,
}
// ANCHOR_END: struct

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The first record's offset.
    pub base_offset: Offset,
    /// The last record's offset.
    pub last_offset: Offset,
    /// The time of the append, if that is what the batch's records have; else -1.
    pub log_append_time: Timestamp,
    /// Whether the batch had been appended before, and nothing was done.
    pub is_duplicate: bool,
    /// Whether a new segment was begun, and the last one is to be flushed.
    pub rolled: bool,
}

/// Why a batch was not appended.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// It may not be appended.
    #[error("{0}")]
    Refused(ErrorCode),
    /// There is no room: later appends may work again.
    #[error("{0}")]
    NoRoom(io::Error),
    /// The disk failed, or the log is damaged.
    #[error("{0}")]
    Failed(LogError),
}

impl From<LogError> for AppendError {
    fn from(e: LogError) -> AppendError {
        match e {
            LogError::Io(e) if is_temporary(&e) => AppendError::NoRoom(e),
            e => AppendError::Failed(e),
        }
    }
}

impl From<io::Error> for AppendError {
    fn from(e: io::Error) -> AppendError {
        LogError::from(e).into()
    }
}

// ANCHOR: is_temporary
/// Whether an error says that something has run out (room on the disk, file descriptors) rather than that the disk is
/// broken.
pub fn is_temporary(e: &io::Error) -> bool {
    use io::ErrorKind::*;
    // ENFILE and EMFILE have no kind of their own.
    let out_of_files = cfg!(unix) && matches!(e.raw_os_error(), Some(23 | 24));
    matches!(e.kind(), StorageFull | QuotaExceeded | FileTooLarge | OutOfMemory) || out_of_files
}
// ANCHOR_END: is_temporary

/// What a reader gets.
#[derive(Debug, Default)]
pub struct Read {
    /// Whole batches, the last of which may be cut short; `None` if there is nothing.
    pub region: Option<FileRegion>,
    /// Transactions among them that were aborted, if asked for.
    pub aborted: Vec<AbortedTransaction>,
}

impl Log {
    /// The partition it belongs to.
    pub fn name(&self) -> &TopicPartition {
        &self.name
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The first offset that readers may ask for.
    pub fn log_start_offset(&self) -> Offset {
        self.log_start_offset
    }

    /// The offset that the next record gets.
    pub fn log_end_offset(&self) -> Offset {
        self.log_end_offset
    }

    /// Everything below it is on the disk for good.
    pub fn recovery_point(&self) -> Offset {
        self.recovery_point
    }

    /// What readers of committed records may see ends here: the first open transaction begins, or the log ends.
    pub fn last_stable_offset(&self) -> Offset {
        self.producers.first_open_transaction().unwrap_or(self.log_end_offset).min(self.log_end_offset)
    }

    /// Its producers.
    pub fn producers(&self) -> &ProducerState {
        &self.producers
    }

    /// The highest producer id met when the log was opened, even of a producer since forgotten; -1 for none.
    pub fn highest_producer_id(&self) -> i64 {
        self.highest_producer_id
    }

    /// Notes that a leader's term begins at the log's end, if it is a new one.
    pub fn begin_epoch(&mut self, epoch: Epoch) -> io::Result<()> {
        self.epochs.assign(epoch, self.log_end_offset, false)
    }

    /// Its leader epochs.
    pub fn epochs(&self) -> &LeaderEpochs {
        &self.epochs
    }

    /// Damage that took it offline.
    pub fn damage(&self) -> Option<&Corruption> {
        self.damage.as_ref()
    }

    /// The base offsets of its segments.
    pub fn segment_offsets(&self) -> Vec<Offset> {
        self.segments.keys().copied().collect()
    }

    /// The first of them.
    pub fn first_segment_offset(&self) -> Offset {
        *self.segments.first_key_value().expect("a log has a segment").0
    }

    /// Bytes of all its segments' batches.
    pub fn size(&self) -> u64 {
        self.segments.values().map(Segment::size).sum()
    }

    /// Its configuration.
    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Changes its configuration; the active segment is measured by the new one from the next append on.
    pub fn set_config(&mut self, config: LogConfig) {
        self.config = config;
    }

    /// Its folder is about to go: from now on no file is made or renamed there.
    pub fn retire(&mut self) {
        self.is_retired = true;
    }

    pub(crate) fn check_not_retired(&self) -> io::Result<()> {
        match self.is_retired {
            true => Err(io::Error::new(io::ErrorKind::NotFound, format!("{}: the partition was deleted", self.name))),
            false => Ok(()),
        }
    }

    pub(crate) fn active(&mut self) -> &mut Segment {
        self.segments.last_entry().expect("a log has a segment").into_mut()
    }

    // ANCHOR: append
    /// Appends a batch that has been validated, at the log's end.
    pub fn append(&mut self, batch: Valid, leader_epoch: Epoch) -> Result<Appended, AppendError> {
        if let Some(damage) = &self.damage {
            return Err(LogError::from(damage.clone()).into());
        }
        if self.is_retired {
            return Err(AppendError::Refused(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
        }
        if let Verdict::Duplicate(stored) = self.producers.judge(&batch.header).map_err(AppendError::Refused)? {
            return Ok(Appended::duplicate(&stored));
        }
        let mut header = batch.header;
        header.base_offset = self.log_end_offset;
        header.partition_leader_epoch = leader_epoch;
        self.epochs.assign(leader_epoch, header.base_offset, true)?;
        let segment_config = self.config.segment.clone();
        let rolled = self.active().must_roll(&header, &segment_config)?;
        if rolled {
            self.roll()?;
        }
        self.active().append(&header, &batch.body)?;
        self.producers.apply(&header, None);
        self.log_end_offset = header.next_offset();
        let log_append_time =
            if header.attributes.is_append_time() { header.max_timestamp } else { batch::NO_TIMESTAMP };
        let (base_offset, last_offset) = (header.base_offset, header.last_offset());
        Ok(Appended { base_offset, last_offset, log_append_time, is_duplicate: false, rolled })
    }
    // ANCHOR_END: append

    // ANCHOR: roll
    /// Closes the active segment and begins a new one at the log's end.
    pub fn roll(&mut self) -> Result<(), LogError> {
        self.check_not_retired()?;
        let base = self.log_end_offset;
        let next = self.open_segment(base)?;
        self.active().seal()?;
        self.write_snapshot()?;
        self.segments.insert(base, next);
        Ok(())
    }
    // ANCHOR_END: roll

    pub(crate) fn open_segment(&self, base: Offset) -> io::Result<Segment> {
        Segment::open(&self.disk, &self.dir, base, self.config.segment.index_interval_bytes, self.is_lenient)
    }

    // ANCHOR: read
    /// Reads batches from the one that holds `offset` on, up to `end`, which no reader may see beyond. The first batch is
    /// given whole even if it is larger than `max_bytes`, when `at_least_one` says so: else a reader could never pass it.
    pub fn read(
        &mut self,
        offset: Offset,
        end: Offset,
        max_bytes: usize,
        at_least_one: bool,
        with_aborted: bool,
    ) -> Result<Read, ReadError> {
        if offset < self.log_start_offset || offset > self.log_end_offset {
            return Err(ReadError::OutOfRange);
        }
        self.check_damage(offset)?;
        let end = self.damage.as_ref().map_or(end, |damage| damage.offset.min(end));
        if offset >= end {
            return Ok(Read::default());
        }
        let result = self.read_region(offset, end, max_bytes, at_least_one, with_aborted);
        result.map_err(|e| self.note_damage(e).into())
    }
    // ANCHOR_END: read

    fn read_region(
        &mut self,
        offset: Offset,
        end: Offset,
        max_bytes: usize,
        at_least_one: bool,
        with_aborted: bool,
    ) -> Result<Read, LogError> {
        let Some((base, position, first)) = self.find(offset)? else { return Ok(Read::default()) };
        if first.base_offset >= end || first.size() > max_bytes && !at_least_one {
            return Ok(Read::default());
        }
        let next_base = self.segments.range(base + 1..).next().map_or(self.log_end_offset, |(&next, _)| next);
        let segment = self.segments.get_mut(&base).expect("found there");
        let end_position = if end >= next_base { segment.size() } else { segment.position_of(end)? };
        let region = segment.region(position, end_position, max_bytes.max(first.size()))?;
        let upper = if with_aborted { segment.upper_bound(position, region.len)? } else { None };
        let aborted =
            if with_aborted { self.aborted_in(base, offset, upper.unwrap_or(next_base))? } else { Vec::new() };
        Ok(Read { region: Some(region), aborted })
    }

    /// The batch that holds an offset or follows it: its segment, position and header.
    pub(crate) fn find(&mut self, offset: Offset) -> Result<Option<(Offset, batch::Position, BatchHeader)>, LogError> {
        let Some((&first, _)) = self.segments.range(..=offset).next_back() else { return Ok(None) };
        let next = self.segments.range(first + 1..).next().map(|(&base, _)| base);
        for (&base, segment) in self.segments.range_mut(first..) {
            if let Some((position, header)) = segment.find(offset)? {
                return Ok(Some((base, position, header)));
            }
            // Compaction may have emptied the end of a segment: then the batch is in the next one.
            if let Some(next) = next.filter(|_| !self.is_lenient) {
                let what = format!("the segment ends before offset {offset}, and the next one begins at {next}");
                let (file, position) = (segment.path().to_owned(), segment.size());
                return Err(Corruption { file, position, offset, what }.into());
            }
        }
        Ok(None)
    }

    /// Aborted transactions that overlap `[from, upper)`, of the segments from the one at `first` on. The marker may be
    /// in a later segment than the records.
    pub fn aborted_in(&self, first: Offset, from: Offset, upper: Offset) -> io::Result<Vec<AbortedTransaction>> {
        let mut aborted = Vec::new();
        for segment in self.segments.range(first..).map(|(_, segment)| segment) {
            for transaction in segment.aborted_transactions()? {
                if transaction.last_offset >= from && transaction.first_offset < upper {
                    aborted.push(transaction);
                }
                if transaction.last_stable_offset >= upper {
                    return Ok(aborted);
                }
            }
        }
        Ok(aborted)
    }

    fn check_damage(&self, offset: Offset) -> Result<(), ReadError> {
        match &self.damage {
            Some(damage) if offset >= damage.offset => Err(LogError::from(damage.clone()).into()),
            _ => Ok(()),
        }
    }

    /// Remembers damage that a reader met: the log is offline from there on.
    pub(crate) fn note_damage(&mut self, error: LogError) -> LogError {
        if let LogError::Corrupt(damage) = &error
            && self.damage.as_ref().is_none_or(|known| damage.offset < known.offset)
        {
            tracing::error!("{damage}: the log is offline from there on");
            self.damage = Some(damage.clone());
        }
        error
    }
}

impl Appended {
    fn duplicate(stored: &StoredBatch) -> Appended {
        Appended {
            base_offset: stored.base_offset(),
            last_offset: stored.last_offset,
            log_append_time: batch::NO_TIMESTAMP,
            is_duplicate: true,
            rolled: false,
        }
    }
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Before the log's start or after its end.
    #[error("offset out of range")]
    OutOfRange,
    /// The disk failed, or the log is damaged there.
    #[error(transparent)]
    Failed(#[from] LogError),
}
