//! A pass over a log that keeps the newest record of each key.
//!
//! ```text
//! 1  the dirty part is read: key -> newest offset          (dedupe_map)
//! 2  the log is read from its start, group by group; what is left is written to a .cleaned segment
//! 3  the .cleaned segment takes the place of its group     (ch01_log::segment_swap)
//! 4  the first dirty offset is written down                (cleaner_checkpoint)
//! ```
//!
//! The log's lock is held only to look at its segments and for the renames of step 3; appends and fetches go on.
//!
//! Caveat: groups are replaced oldest first. After a crash between two of them older records are gone and the newer ones,
//! which took their place, are all there: the log is right, only not as clean as it will be.

use std::collections::HashMap;
use std::hash::RandomState;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use ch01_log::batch::{BatchHeader, Offset, Position, Timestamp};
use ch01_log::compression::Compression;
use ch01_log::local_partition::LocalPartition;
use ch01_log::log::Log;
use ch01_log::log_dir::LogDir;
use ch01_log::record::Records;
use ch01_log::scan::{Corruption, LogError, Scanner, WHOLE_SEGMENT, body};
use ch01_log::segment::Segment;
use ch01_log::segment_info::{SegmentInfo, SegmentSource};

use crate::clean_batch::{
    BatchRetention, CleanBatchError, CleanedBatch, Horizon, clean_batch, delete_horizon, retain_record,
};
use crate::cleanable::{GroupLimits, LogToClean, group_segments_by_size};
use crate::cleaner_checkpoint;
use crate::cleanup::CleanupConfig;
use crate::dedupe_map::DedupeMap;
use crate::transactions::{CleanedTransactions, LastRecord, Standing};

/// A log behind a lock.
pub trait LockedLog {
    /// The log, for as long as the guard is kept: never while something is read or written.
    fn lock(&self) -> MutexGuard<'_, Log>;
}

impl LockedLog for LocalPartition {
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.log()
    }
}

impl LockedLog for Mutex<Log> {
    fn lock(&self) -> MutexGuard<'_, Log> {
        Mutex::lock(self).unwrap()
    }
}

/// What a pass did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// The first dirty offset now.
    pub first_dirty_offset: Offset,
    /// Bytes of the segments that were replaced.
    pub bytes_before: u64,
    /// Bytes of those that took their place.
    pub bytes_after: u64,
    /// Files that are to be removed after `file.delete.delay.ms`.
    pub doomed: Vec<PathBuf>,
}

/// Why a pass ended early. What it had replaced by then stays replaced.
#[derive(Debug, thiserror::Error)]
pub enum CleanError {
    /// The disk failed, or the log is damaged.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Not even the first batch's keys fit into the map.
    #[error("log.cleaner.dedupe.buffer.size is too small: it holds {0} keys, the first dirty batch has more")]
    MapTooSmall(usize),
    /// The broker stops, or the partition was deleted.
    #[error("interrupted")]
    Interrupted,
}

/// Called with the bytes that were read or written; it may take its time, and may end the pass.
pub type Pace<'a> = &'a dyn Fn(usize) -> Result<(), CleanError>;

impl From<std::io::Error> for CleanError {
    fn from(e: std::io::Error) -> CleanError {
        LogError::from(e).into()
    }
}

/// Cleans one log at a time.
pub struct Cleaner {
    map: DedupeMap,
}

impl Cleaner {
    /// A cleaner whose map takes so many bytes (`log.cleaner.dedupe.buffer.size`), for as long as it lives.
    pub fn new(dedupe_buffer_size: usize) -> Cleaner {
        Cleaner { map: DedupeMap::new(dedupe_buffer_size, [RandomState::new(), RandomState::new()]) }
    }

    // ANCHOR: clean
    /// One pass over a log.
    pub fn clean(
        &mut self,
        log: &impl LockedLog,
        dir: &LogDir,
        range: &LogToClean,
        config: &CleanupConfig,
        now: Timestamp,
        pace: Pace<'_>,
    ) -> Result<Pass, CleanError> {
        let (name, limits, mut segments, producers) = {
            let mut log = log.lock();
            let limits = GroupLimits {
                max_size: u64::from(log.config().segment.max_bytes),
                max_index_size: log.config().segment.max_index_bytes as u64,
                end: range.first_uncleanable_offset,
            };
            (log.name().clone(), limits, log.segment_infos()?, last_records(&log))
        };
        segments.retain(|segment| segment.base_offset < range.first_uncleanable_offset);
        self.build_map(log, &segments, range, pace)?;
        let first_dirty_offset = self.map.latest_offset() + 1;
        if range.cleanable_bytes > 0 && first_dirty_offset <= range.first_dirty_offset {
            return Err(CleanError::MapTooSmall(self.map.capacity()));
        }
        segments.retain(|segment| segment.base_offset < first_dirty_offset);
        // Before the first hole appears the next start has to know that there may be some.
        let listed = cleaner_checkpoint::first_dirty_offset(dir, &name)?.unwrap_or(range.first_dirty_offset);
        cleaner_checkpoint::update(dir, &name, listed)?;
        log.lock().allow_holes();
        let horizon = Horizon { now, delete_retention_ms: config.delete_retention_ms };
        let transactions = CleanedTransactions::default();
        let end = range.first_uncleanable_offset;
        let mut walk = Walk { map: &self.map, transactions, producers, horizon, end, pace };
        let mut pass = Pass { first_dirty_offset: first_dirty_offset.max(range.first_dirty_offset), ..Pass::default() };
        for group in group_segments_by_size(&segments, limits) {
            walk.clean_group(log, group, &mut pass)?;
        }
        cleaner_checkpoint::update(dir, &name, pass.first_dirty_offset)?;
        self.map.reset(0);
        Ok(pass)
    }
    // ANCHOR_END: clean

    // ANCHOR: build_map
    /// Reads the dirty part and notes each key's newest offset, until the map is full.
    fn build_map(
        &mut self,
        log: &impl LockedLog,
        segments: &[SegmentInfo],
        range: &LogToClean,
        pace: Pace<'_>,
    ) -> Result<(), CleanError> {
        self.map.reset((range.first_uncleanable_offset - range.first_dirty_offset).max(0) as u64);
        let first = segments.partition_point(|s| s.base_offset <= range.first_dirty_offset).saturating_sub(1);
        let mut transactions = CleanedTransactions::default();
        for (i, segment) in segments.iter().enumerate().skip(first) {
            let end = segments.get(i + 1).map_or(range.first_uncleanable_offset, |next| next.base_offset);
            let source = open_source(log, segment.base_offset, end, &mut transactions)?;
            let from = range.first_dirty_offset;
            if !self.add_segment(&source, segment.base_offset, from, &mut transactions, pace)? {
                return Ok(());
            }
            // The last batches may have gone before.
            self.map.update_latest_offset(end - 1);
        }
        Ok(())
    }
    // ANCHOR_END: build_map

    /// `false`: the map is full.
    fn add_segment(
        &mut self,
        source: &SegmentSource,
        base: Offset,
        from: Offset,
        transactions: &mut CleanedTransactions,
        pace: Pace<'_>,
    ) -> Result<bool, CleanError> {
        let mut walk = Scanner::new(&source.file, 0, source.size, base, WHOLE_SEGMENT).may_skip(true);
        while let Some((position, header)) = walk.next_checked()? {
            pace(header.size())?;
            let batch = walk.batch(position, &header)?;
            let is_data = transactions.meet(&header, batch) == Standing::Valid && !header.attributes.is_control();
            if is_data && header.record_count > 0 && header.last_offset() >= from {
                let added = add_batch(&mut self.map, &header, batch, from);
                match added.map_err(|e| damage(source, position, &header, &e))? {
                    true => {}
                    false => return Ok(false),
                }
            }
            self.map.update_latest_offset(header.last_offset());
        }
        Ok(true)
    }
}

fn add_batch(map: &mut DedupeMap, header: &BatchHeader, batch: &[u8], from: Offset) -> Result<bool, CleanBatchError> {
    let codec = header.attributes.codec();
    let codec = Compression::from_codec(codec).ok_or(CleanBatchError::Codec(codec))?;
    let records = codec.decompress(body(batch))?;
    for record in Records::new(&records, header.record_count) {
        let record = record?;
        let offset = header.base_offset + Offset::from(record.offset_delta);
        if let Some(key) = record.key.filter(|_| offset >= from)
            && !map.put(key, offset)
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn damage(source: &SegmentSource, position: Position, header: &BatchHeader, what: &CleanBatchError) -> LogError {
    let (file, offset, what) = (source.file.path().to_owned(), header.base_offset, what.to_string());
    Corruption { file, position, offset, what }.into()
}

/// A segment to be read, and the aborted transactions up to where it ends.
fn open_source(
    log: &impl LockedLog,
    base: Offset,
    end: Offset,
    transactions: &mut CleanedTransactions,
) -> Result<SegmentSource, CleanError> {
    let mut log = log.lock();
    transactions.add_aborted(log.aborted_in(base, base, end)?);
    let source = log.segment_source(base)?;
    source.ok_or_else(|| std::io::Error::other(format!("{}: segment {base} is gone meanwhile", log.name())).into())
}

/// Which batch says how far each producer has come.
fn last_records(log: &Log) -> HashMap<i64, LastRecord> {
    let producers = log.producers().producers().iter();
    let last = producers.map(|(&id, producer)| {
        let last_data_offset = producer.batches.back().map(|batch| batch.last_offset);
        (id, LastRecord { last_data_offset, producer_epoch: producer.epoch })
    });
    last.collect()
}

/// The walk from the log's start that writes what is left.
struct Walk<'a> {
    map: &'a DedupeMap,
    transactions: CleanedTransactions,
    producers: HashMap<i64, LastRecord>,
    horizon: Horizon,
    /// The first uncleanable offset: the batch before it stays, so that nobody takes the log for shorter than it is.
    end: Offset,
    pace: Pace<'a>,
}

impl Walk<'_> {
    // ANCHOR: clean_group
    /// Makes one segment of a group and puts it in its place.
    fn clean_group(&mut self, log: &impl LockedLog, group: &[SegmentInfo], pass: &mut Pass) -> Result<(), CleanError> {
        let bases: Vec<Offset> = group.iter().map(|segment| segment.base_offset).collect();
        let mut cleaned = log.lock().create_cleaned_segment(bases[0])?;
        if let Err(e) = self.write_group(log, &bases, &mut cleaned) {
            // The disk may be full: what was written is of no use to anyone.
            let _ = cleaned.discard();
            return Err(e);
        }
        pass.bytes_before += group.iter().map(|segment| segment.size).sum::<u64>();
        pass.bytes_after += cleaned.size();
        pass.doomed.extend(log.lock().replace_segments(cleaned, &bases)?);
        Ok(())
    }
    // ANCHOR_END: clean_group

    fn write_group(&mut self, log: &impl LockedLog, bases: &[Offset], cleaned: &mut Segment) -> Result<(), CleanError> {
        let mut last_modified = None;
        for (i, &base) in bases.iter().enumerate() {
            let end = bases.get(i + 1).copied().unwrap_or(self.end);
            let source = open_source(log, base, end, &mut self.transactions)?;
            self.write_segment(&source, base, cleaned)?;
            last_modified = Some(source.last_modified);
        }
        cleaned.seal()?;
        // Apache Kafka looks for them beside every closed segment, and recovers those that have none.
        cleaned.seal_indexes()?;
        cleaned.sync()?;
        if let Some(time) = last_modified {
            cleaned.file()?.set_modified(time)?;
        }
        Ok(())
    }

    fn write_segment(&mut self, source: &SegmentSource, base: Offset, cleaned: &mut Segment) -> Result<(), CleanError> {
        let mut walk = Scanner::new(&source.file, 0, source.size, base, WHOLE_SEGMENT).may_skip(true);
        while let Some((position, header)) = walk.next_checked()? {
            let batch = walk.batch(position, &header)?;
            let before = cleaned.size();
            let standing = self.transactions.meet(&header, batch);
            let left = self.clean_batch(&header, batch, standing);
            match left.map_err(|e| damage(source, position, &header, &e))? {
                CleanedBatch::Kept => cleaned.append(&header, body(batch))?,
                CleanedBatch::Rewritten(header, records) => cleaned.append(&header, &records)?,
                CleanedBatch::Emptied(header) => cleaned.append(&header, &[])?,
                CleanedBatch::Dropped => {}
            }
            if let Standing::Marker(Some(aborted)) = standing {
                cleaned.add_aborted(&aborted)?;
            }
            (self.pace)(header.size() + (cleaned.size() - before) as usize)?;
        }
        Ok(())
    }

    // ANCHOR: judge
    /// What is left of a batch.
    fn clean_batch(
        &self,
        header: &BatchHeader,
        batch: &[u8],
        standing: Standing,
    ) -> Result<CleanedBatch, CleanBatchError> {
        let now = self.horizon.now;
        let goes = match standing {
            Standing::Aborted => true,
            Standing::EmptyMarker => delete_horizon(header).is_some_and(|horizon| horizon <= now),
            Standing::Valid | Standing::Marker(_) => false,
        };
        let is_last_of_producer = self.producers.get(&header.producer_id).is_some_and(|last| last.is_of(header));
        let retention = if is_last_of_producer || header.next_offset() == self.end {
            BatchRetention::RetainEmpty
        } else {
            BatchRetention::DeleteEmpty
        };
        clean_batch(header, batch, retention, standing == Standing::EmptyMarker, self.horizon, |record| {
            let newest = record.key.and_then(|key| self.map.get(key));
            let is_control = header.attributes.is_control();
            !goes && (is_control || retain_record(header, record, newest, self.map.latest_offset(), now))
        })
    }
    // ANCHOR_END: judge
}
