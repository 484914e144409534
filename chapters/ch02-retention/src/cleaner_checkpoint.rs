//! How far logs have been cleaned: `cleaner-offset-checkpoint` in a log directory, in Kafka's format, a line for each log
//! with its first dirty offset.
//!
//! Caveat: the file says something else, too: a log that is listed may have holes in its offsets, and recovery takes holes
//! in any other for damage. So a log is listed before the first of its segments is replaced.

use std::io;
use std::path::{Path, PathBuf};

use ch01_log::batch::Offset;
use ch01_log::disk::Disk;
use ch01_log::text_checkpoint::{TopicPartition, read_offsets, write_offsets};

/// The checkpoint of one log directory.
pub struct CleanerCheckpoint {
    disk: Disk,
    path: PathBuf,
}

impl CleanerCheckpoint {
    /// That of the log directory `dir`.
    pub fn new(disk: &Disk, dir: &Path) -> CleanerCheckpoint {
        CleanerCheckpoint { disk: disk.clone(), path: dir.join("cleaner-offset-checkpoint") }
    }

    /// A log's first dirty offset; `None` if it was never cleaned.
    pub fn first_dirty_offset(&self, name: &TopicPartition) -> io::Result<Option<Offset>> {
        Ok(read_offsets(&self.path)?.get(name).copied())
    }

    /// Writes a log's first dirty offset down, durably.
    pub fn update(&self, name: &TopicPartition, first_dirty_offset: Offset) -> io::Result<()> {
        let mut offsets = read_offsets(&self.path)?;
        if offsets.insert(name.clone(), first_dirty_offset) == Some(first_dirty_offset) {
            return Ok(());
        }
        write_offsets(&self.disk, &self.path, &offsets)
    }

    /// Forgets a log that is not here any more.
    pub fn remove(&self, name: &TopicPartition) -> io::Result<()> {
        let mut offsets = read_offsets(&self.path)?;
        if offsets.remove(name).is_none() { Ok(()) } else { write_offsets(&self.disk, &self.path, &offsets) }
    }
}
