//! Looking after a log: syncing it, cutting its end off, checking it, closing it.

use std::io;
use std::path::Path;

use tracing::{info, warn};

use crate::batch::{Offset, Timestamp};
use crate::disk::DiskFile;
use crate::log::Log;
use crate::scan::LogError;
use crate::segment::file_name;

impl Log {
    /// Writes the state of its producers as it is at the log's end, and removes snapshots that no segment needs.
    pub(crate) fn write_snapshot(&mut self) -> io::Result<()> {
        let path = self.dir.join(file_name(self.log_end_offset, "snapshot"));
        self.disk.replace(&path, &self.producers.encode(), false)?;
        for old in snapshots(&self.dir)? {
            if old != self.log_end_offset && !self.segments.contains_key(&old) {
                self.disk.remove(&self.dir.join(file_name(old, "snapshot")))?;
            }
        }
        Ok(())
    }

    /// Reads everything in order and compares what can be compared: checksums, offsets, leader epochs. Damage takes the
    /// log offline from there on.
    pub fn check_all(&mut self) -> Result<(), LogError> {
        let Log { segments, epochs, is_lenient, .. } = self;
        let mut result = Ok(());
        for segment in segments.values_mut() {
            result = segment.check_all(|header| match epochs.epoch_of(header.base_offset) {
                Some(epoch) if epoch != header.partition_leader_epoch && !*is_lenient => {
                    Err(format!("leader epoch {} where {epoch} is expected", header.partition_leader_epoch))
                }
                _ => Ok(()),
            });
            if result.is_err() {
                break;
            }
        }
        result.map_err(|e| self.note_damage(e))
    }

    /// The highest producer id in any batch, -1 for none. Walks all headers; damage ends the walk of its segment.
    pub fn highest_producer_id_in_batches(&mut self) -> io::Result<i64> {
        let mut highest = self.highest_producer_id;
        for segment in self.segments.values_mut() {
            highest = highest.max(segment.highest_producer_id()?);
        }
        Ok(highest)
    }

    /// What a flush has to sync: the files that reach above the recovery point, and the offset it will move to.
    pub fn unflushed(&mut self) -> io::Result<(Vec<DiskFile>, Offset)> {
        let (recovery_point, end) = (self.recovery_point, self.log_end_offset);
        let first = self.segments.range(..=recovery_point).next_back().map_or(0, |(&base, _)| base);
        let mut files = Vec::new();
        if end > recovery_point {
            for segment in self.segments.range_mut(first..).map(|(_, segment)| segment) {
                files.push(segment.file()?.clone());
            }
        }
        Ok((files, end))
    }

    /// Whether no flush has put anything of it on the disk yet.
    pub fn is_never_flushed(&self) -> bool {
        self.segments.first_key_value().is_some_and(|(&base, _)| self.recovery_point <= base)
    }

    /// Notes that everything below an offset is on the disk.
    pub fn flushed(&mut self, up_to: Offset, now: Timestamp) {
        self.recovery_point = self.recovery_point.max(up_to.min(self.log_end_offset));
        self.last_flush = now;
    }

    /// Whether `flush.messages` or `flush.ms` asks for a flush.
    pub fn must_flush(&self, now: Timestamp) -> bool {
        let unflushed = self.log_end_offset - self.recovery_point;
        unflushed >= self.config.flush_messages || unflushed > 0 && now - self.last_flush >= self.config.flush_ms
    }

    /// Removes everything from an offset on. A batch that reaches across it goes as a whole.
    pub fn truncate(&mut self, offset: Offset) -> Result<(), LogError> {
        todo!("exercise torn-tail")
    }

    /// Where the log ends in a hole, no batch tells the next start so, only the name of a segment can.
    fn name_the_end(&mut self) -> Result<(), LogError> {
        if self.active().next_offset()? < self.log_end_offset {
            let mut last = self.open_segment(self.log_end_offset)?;
            last.file()?;
            self.active().seal()?;
            self.segments.insert(self.log_end_offset, last);
        }
        Ok(())
    }

    /// Removes the segments after the one at `base`, last first, so that a crash leaves no hole.
    pub(crate) fn remove_segments_after(&mut self, base: Offset) -> io::Result<()> {
        for (_, segment) in self.segments.split_off(&(base + 1)).into_iter().rev() {
            warn!("{}: removing segment {}", self.name, segment.base_offset());
            for file in segment.files() {
                self.disk.remove(&file)?;
            }
        }
        Ok(())
    }

    /// Forgets producers that have been silent for too long.
    pub fn expire_producers(&mut self, oldest: Timestamp) {
        self.producers.expire(oldest);
    }

    /// Puts everything on the disk and the folder in order, so that the next start need not look at the batches.
    pub fn close(&mut self, now: Timestamp) -> Result<(), LogError> {
        let (files, end) = self.unflushed()?;
        if !files.is_empty() {
            for file in files {
                file.sync()?;
            }
            self.disk.sync_dir(&self.dir)?;
        }
        self.flushed(end, now);
        // A damaged log is left as it is: what lies behind the damage may still be of use to someone.
        if self.damage.is_some() {
            return Ok(());
        }
        self.active().seal()?;
        if self.log_end_offset > 0 {
            self.write_snapshot()?;
        }
        Ok(())
    }
}

/// The offsets of a folder's producer snapshots, in order.
pub(crate) fn snapshots(dir: &Path) -> io::Result<Vec<Offset>> {
    let mut offsets = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "snapshot") {
            offsets.extend(crate::segment::base_offset_of(&path));
        }
    }
    offsets.sort_unstable();
    Ok(offsets)
}
