//! Opening a log: after a clean stop a glance at its end, after a crash a look at every batch that may not have reached
//! the disk.
//!
//! The recovery point says up to where the log was synced. What lies above it may be torn: it is read with checksums, cut
//! at the first batch that is not whole, and its indexes are written anew. What lies below it was whole once; if it is
//! not now, then the disk has lost something that was promised, and cutting would make it worse: that is reported, with
//! file and offset, and the log is taken offline from there on.
//!
//! Caveat: the checksum of a batch leaves out its base offset and its leader epoch. So offsets have to follow on each
//! other, and epochs have to be those of `leader-epoch-checkpoint`, which is written before the first batch of an epoch.
//! A folder that another broker wrote may have holes where it was compacted: there both checks are looser.

use std::fs;
use std::io;
use std::path::Path;

use tracing::{info, warn};

use crate::batch::{BatchHeader, Offset, Position, Timestamp};
use crate::compression::Compression;
use crate::disk::Disk;
use crate::leader_epochs::LeaderEpochs;
use crate::log::{Log, LogConfig};
use crate::log_upkeep::snapshots;
use crate::producer_state::{Marker, ProducerState};
use crate::record::Records;
use crate::scan::{Corruption, LogError, Scanner, WHOLE_SEGMENT, body};
use crate::segment::{EXTENSIONS, Segment, base_offset_of, file_name};
use crate::segment_swap::SWAP;
use crate::text_checkpoint::TopicPartition;

/// What is known about a log before it is opened.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Its configuration.
    pub config: LogConfig,
    /// Up to where it was synced (`recovery-point-offset-checkpoint`), 0 if unknown.
    pub recovery_point: Offset,
    /// Its first offset (`log-start-offset-checkpoint`), if it is not the first segment's.
    pub log_start_offset: Option<Offset>,
    /// Whether the log directory was closed cleanly.
    pub clean: bool,
    /// Whether offsets may have holes and epochs may be missing from the list: another broker wrote, or compaction ran.
    pub lenient: bool,
    /// The time, in milliseconds since 1970.
    pub now: Timestamp,
    /// How long producers are remembered, in milliseconds (`producer.id.expiration.ms`).
    pub producer_expiration_ms: i64,
}

impl Log {
    /// Opens the log of a folder, or makes a new one.
    pub fn open(disk: &Disk, dir: &Path, name: TopicPartition, options: OpenOptions) -> Result<Log, LogError> {
        let interval = options.config.segment.index_interval_bytes;
        let mut segments = std::collections::BTreeMap::new();
        let open_segment = |base| Segment::open(disk, dir, base, interval, options.lenient);
        for base in list_segments(disk, dir)? {
            segments.insert(base, open_segment(base)?);
        }
        let first = segments.first_key_value().map(|(&base, _)| base);
        let log_start_offset = options.log_start_offset.max(first).unwrap_or(0);
        if segments.is_empty() {
            let mut segment = open_segment(log_start_offset)?;
            segment.file()?;
            segments.insert(log_start_offset, segment);
        }
        let mut log = Log {
            dir: dir.to_owned(),
            name,
            disk: disk.clone(),
            config: options.config,
            segments,
            log_start_offset,
            log_end_offset: 0,
            recovery_point: options.recovery_point.max(log_start_offset),
            last_flush: options.now,
            producers: ProducerState::default(),
            epochs: LeaderEpochs::open(disk, dir.join("leader-epoch-checkpoint"))?,
            highest_producer_id: -1,
            is_lenient: options.lenient,
            damage: None,
            is_retired: false,
        };
        if options.clean {
            log.open_clean()?
        } else {
            log.recover()?
        }
        if log.log_end_offset < log.log_start_offset {
            match log.damage {
                None => log.start_over()?,
                // What lies behind the damage may have been promised: it stays where it is, and cannot be read.
                Some(_) => log.log_end_offset = log.log_start_offset,
            }
        }
        log.epochs.truncate_from_start(log.log_start_offset)?;
        log.highest_producer_id = log.producers.producers().keys().copied().max().unwrap_or(-1);
        log.producers.expire(options.now - options.producer_expiration_ms);
        Ok(log)
    }

    /// The log's end, and its producers, as the last stop left them.
    fn open_clean(&mut self) -> Result<(), LogError> {
        let active = self.segments.last_entry().expect("a log has a segment").into_mut();
        self.log_end_offset = match active.next_offset() {
            Ok(end) => end,
            Err(LogError::Corrupt(damage)) => self.meet_damage_below(damage),
            Err(e) => return Err(e),
        };
        if self.log_end_offset < self.recovery_point && self.damage.is_none() {
            let damage = self.missing_end();
            self.meet_damage_below(damage);
        }
        self.reload_producers()
    }

    /// Reads what may not have reached the disk, and keeps the whole valid batches before the first damage.
    fn recover(&mut self) -> Result<(), LogError> {
        let recovery_point = self.recovery_point;
        let bases: Vec<Offset> = self.segments.keys().copied().collect();
        let first = bases.iter().rposition(|&base| base <= recovery_point).unwrap_or(0);
        self.log_end_offset = bases[first];
        self.reload_producers()?;
        for &base in &bases[first..] {
            if let Err(damage) = self.recover_segment(base)? {
                self.end_at(damage)?;
                break;
            }
        }
        if self.log_end_offset < recovery_point && self.damage.is_none() {
            let damage = self.missing_end();
            self.meet_damage_below(damage);
        }
        self.remove_snapshots_after_end()?;
        if self.damage.is_none() {
            self.epochs.truncate_from_end(self.log_end_offset)?;
            let (files, end) = self.unflushed()?;
            files.iter().try_for_each(|file| file.sync())?;
            if !files.is_empty() {
                self.disk.sync_dir(&self.dir)?;
            }
            self.flushed(end, self.last_flush);
        }
        Ok(())
    }

    /// Reads one segment with checksums and writes its indexes anew. The inner error says where it is damaged.
    fn recover_segment(&mut self, base: Offset) -> Result<Result<(), Corruption>, LogError> {
        let Log { segments, producers, epochs, log_start_offset, log_end_offset, is_lenient: lenient, .. } = self;
        let learn_epochs = epochs.entries().is_empty() || *lenient;
        let mut aborted = Vec::new();
        let segment = segments.get_mut(&base).expect("a segment of the log");
        if *lenient {
            // A compacted log may end with a hole before a segment that is still empty.
            *log_end_offset = base.max(*log_end_offset);
        } else if base != *log_end_offset {
            let what = format!("the segment begins at {base}, the one before ends at {log_end_offset}");
            return Ok(Err(Corruption { file: segment.path().to_owned(), position: 0, offset: *log_end_offset, what }));
        }
        let result = segment.rescan(|walk, position, header| {
            let epoch = header.partition_leader_epoch;
            if learn_epochs {
                epochs.assign(epoch, header.base_offset, false)?;
            } else if header.base_offset >= *log_start_offset && epochs.epoch_of(header.base_offset) != Some(epoch) {
                let what = format!("leader epoch {epoch} is not in leader-epoch-checkpoint");
                return Err(walk.damage_at(position, header.base_offset, what));
            }
            let marker = read_marker(walk, position, header)?;
            aborted.extend(producers.apply(header, marker));
            *log_end_offset = header.next_offset();
            Ok(())
        });
        segment.truncate_aborted(base)?;
        aborted.iter().try_for_each(|transaction| segment.add_aborted(transaction))?;
        match result {
            Ok(_) => Ok(Ok(())),
            Err(LogError::Corrupt(damage)) => Ok(Err(damage)),
            Err(e) => Err(e),
        }
    }

    /// Ends the log where damage begins. Above the recovery point that is what a crash leaves: it is cut off. Below it
    /// nothing is cut: something is gone that was promised.
    fn end_at(&mut self, damage: Corruption) -> Result<(), LogError> {
        todo!("exercise torn-tail")
    }

    /// Damage where everything was synced once: the log ends there for readers, and is not written to any more.
    fn meet_damage_below(&mut self, damage: Corruption) -> Offset {
        let offset = damage.offset;
        self.note_damage(damage.into());
        offset
    }

    fn missing_end(&self) -> Corruption {
        let (_, active) = self.segments.last_key_value().expect("a log has a segment");
        let what = format!(
            "the log ends here, although everything up to {} was synced; to go on without what is missing, stop the \
             broker, remove .kafka_cleanshutdown and the line of {} from recovery-point-offset-checkpoint",
            self.recovery_point, self.name
        );
        Corruption { file: active.path().to_owned(), position: active.size(), offset: self.log_end_offset, what }
    }

    /// A log that ends before its start has nothing anyone may read: it goes on, empty, from its start.
    fn start_over(&mut self) -> Result<(), LogError> {
        warn!("{}: ends at {}, before its start {}", self.name, self.log_end_offset, self.log_start_offset);
        let start = self.log_start_offset;
        for segment in self.segments.values() {
            segment.files().iter().try_for_each(|file| self.disk.remove(file))?;
        }
        self.segments = [(start, self.open_segment(start)?)].into();
        self.log_end_offset = start;
        self.recovery_point = start;
        self.reload_producers()
    }

    /// The state of the producers at the log's end: the last snapshot at or before it, and the batches since.
    pub(crate) fn reload_producers(&mut self) -> Result<(), LogError> {
        let end = self.log_end_offset;
        let mut state = None;
        for offset in snapshots(&self.dir)?.into_iter().rev().filter(|&offset| offset <= end) {
            let path = self.dir.join(file_name(offset, "snapshot"));
            state = ProducerState::decode(&fs::read(&path)?).map(|state| (state, offset));
            if state.is_some() {
                break;
            }
            warn!("{}: damaged; going on without it", path.display());
        }
        let (mut state, from) = state.unwrap_or((ProducerState::default(), self.log_start_offset));
        let result = self.replay(&mut state, from);
        self.producers = state;
        match result {
            // What lies behind damage is not known; nothing is appended there any more.
            Err(LogError::Corrupt(damage)) => {
                if damage.offset < end {
                    self.note_damage(damage.into());
                }
                Ok(())
            }
            result => result,
        }
    }

    /// Brings producers' state from an offset to the log's end.
    fn replay(&mut self, state: &mut ProducerState, from: Offset) -> Result<(), LogError> {
        let end = self.log_end_offset;
        let first = self.segments.range(..=from).next_back().map_or(from, |(&base, _)| base);
        for segment in self.segments.range_mut(first..end.max(first)).map(|(_, segment)| segment) {
            let Some((start, first)) = segment.find(from.max(segment.base_offset()))? else { continue };
            let file = segment.file()?.clone();
            let mut walk = Scanner::new(&file, start, segment.size(), first.base_offset, WHOLE_SEGMENT).may_skip(true);
            while let Some((position, header)) = walk.next_header()?.filter(|(_, header)| header.base_offset < end) {
                let marker = read_marker(&mut walk, position, &header)?;
                state.apply(&header, marker);
            }
        }
        Ok(())
    }

    /// Snapshots above the end speak of batches that are gone; others may come to stand in their place.
    pub(crate) fn remove_snapshots_after_end(&self) -> io::Result<()> {
        for offset in snapshots(&self.dir)? {
            if offset > self.log_end_offset {
                self.disk.remove(&self.dir.join(file_name(offset, "snapshot")))?;
            }
        }
        Ok(())
    }
}

/// The base offsets of a folder's segments. What a crash left half done is removed.
fn list_segments(disk: &Disk, dir: &Path) -> Result<Vec<Offset>, LogError> {
    if let Some(swap) =
        fs::read_dir(dir)?.filter_map(Result::ok).find(|e| e.file_name().as_encoded_bytes().ends_with(SWAP.as_bytes()))
    {
        return Err(interrupted(&swap.path()).into());
    }
    let mut bases = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("log") => bases.extend(base_offset_of(&path)),
            Some("deleted" | "tmp") => {
                info!("{}: left by a crash, removed", path.display());
                disk.remove(&path)?;
            }
            _ => {}
        }
    }
    remove_orphans(disk, dir, &bases)?;
    Ok(bases)
}

fn interrupted(path: &Path) -> io::Error {
    let message = format!("{}: left by an interrupted compaction, which this broker does not complete", path.display());
    io::Error::new(io::ErrorKind::Unsupported, message)
}

/// Removes indexes without a log: a crash came while a segment's files were renamed one by one to be deleted.
fn remove_orphans(disk: &Disk, dir: &Path, bases: &[Offset]) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let is_index = path.extension().is_some_and(|extension| EXTENSIONS[1..].iter().any(|own| extension == *own));
        if is_index && base_offset_of(&path).is_some_and(|base| !bases.contains(&base)) {
            info!("{}: an index without a log, removed", path.display());
            disk.remove(&path)?;
        }
    }
    Ok(())
}

/// What a transaction marker says; `None` if the batch is none.
fn read_marker(walk: &mut Scanner<'_>, position: Position, header: &BatchHeader) -> Result<Option<Marker>, LogError> {
    if !header.attributes.is_control() || !header.has_producer() {
        return Ok(None);
    }
    let batch = walk.batch(position, header)?;
    let marker = parse_marker(body(batch), header);
    marker.map(Some).ok_or_else(|| walk.damage_at(position, header.base_offset, "a marker that cannot be read"))
}

/// A marker's key is a version and a type (0 abort, 1 commit), its value a version and the coordinator's epoch.
pub fn parse_marker(records: &[u8], header: &BatchHeader) -> Option<Marker> {
    // An empty control batch is one that compaction kept for its producer's sake: its transaction is long over.
    if header.record_count == 0 {
        return Some(Marker { committed: true, coordinator_epoch: -1 });
    }
    let records = Compression::from_codec(header.attributes.codec())?.decompress(records).ok()?;
    let record = Records::new(&records, 1).next()?.ok()?;
    let key = record.key?;
    let value = record.value.unwrap_or_default();
    let coordinator_epoch = value.get(2..6).map_or(-1, |v| i32::from_be_bytes(v.try_into().expect("4 bytes")));
    match key.get(2..4)? {
        [0, 0] => Some(Marker { committed: false, coordinator_epoch }),
        [0, 1] => Some(Marker { committed: true, coordinator_epoch }),
        _ => None,
    }
}
