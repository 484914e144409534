//! Leader epochs: under which leader's term which offsets were appended.
//!
//! Every batch carries the epoch of the leader that appended it, and a partition's folder has the list of epochs with
//! their first offsets in `leader-epoch-checkpoint`. In this chapter the only broker leads for ever, in epoch 0 (or in the
//! last epoch of a folder that came from elsewhere); chapter 3 gives epochs their meaning.

use std::io;
use std::path::PathBuf;

use crate::batch::{Epoch, Offset};
use crate::disk::Disk;
use crate::text_checkpoint::{read_epochs, write_epochs};

/// The epochs of one partition, both columns growing.
pub struct LeaderEpochs {
    disk: Disk,
    path: PathBuf,
    entries: Vec<(Epoch, Offset)>,
}

impl LeaderEpochs {
    /// Reads the list; a missing file is an empty one.
    pub fn open(disk: &Disk, path: PathBuf) -> io::Result<LeaderEpochs> {
        let entries = read_epochs(&path)?;
        Ok(LeaderEpochs { disk: disk.clone(), path, entries })
    }

    /// Epochs and their first offsets.
    pub fn entries(&self) -> &[(Epoch, Offset)] {
        &self.entries
    }

    /// The latest epoch.
    pub fn latest(&self) -> Option<Epoch> {
        self.entries.last().map(|&(epoch, _)| epoch)
    }

    /// The epoch that an offset was appended in.
    pub fn epoch_of(&self, offset: Offset) -> Option<Epoch> {
        let after = self.entries.partition_point(|&(_, start)| start <= offset);
        after.checked_sub(1).map(|i| self.entries[i].0)
    }

    /// Notes that an epoch begins at an offset, if it is a new one. Written durably: a batch must not be in the log under
    /// an epoch that the list does not know.
    pub fn assign(&mut self, epoch: Epoch, start: Offset, durable: bool) -> io::Result<()> {
        if self.entries.last().is_some_and(|&(latest, since)| latest == epoch && since <= start) {
            return Ok(());
        }
        // An epoch in which nothing was appended leaves no trace.
        let mut entries: Vec<_> = self.entries.iter().copied().filter(|&(_, since)| since < start).collect();
        if entries.last().is_none_or(|&(latest, _)| latest < epoch) {
            entries.push((epoch, start));
        }
        if entries == self.entries { Ok(()) } else { self.replace(entries, durable) }
    }

    /// Forgets epochs that begin at or after the log's end.
    pub fn truncate_from_end(&mut self, log_end: Offset) -> io::Result<()> {
        // The latest epoch may begin exactly at the end: with the next batch.
        let kept: Vec<_> = self.entries.iter().copied().filter(|&(_, start)| start <= log_end).collect();
        if kept.len() == self.entries.len() { Ok(()) } else { self.replace(kept, true) }
    }

    /// Forgets what lies before the log's start; the epoch that reaches across it then begins there.
    pub fn truncate_from_start(&mut self, log_start: Offset) -> io::Result<()> {
        let first_kept = self.entries.partition_point(|&(_, start)| start <= log_start).saturating_sub(1);
        if self.entries.first().is_none_or(|&(_, start)| start >= log_start) {
            return Ok(());
        }
        let mut kept = self.entries[first_kept..].to_vec();
        kept[0].1 = kept[0].1.max(log_start);
        self.replace(kept, true)
    }

    /// Changes the file first: recovery cuts off batches of an epoch that the file does not know.
    fn replace(&mut self, entries: Vec<(Epoch, Offset)>, durable: bool) -> io::Result<()> {
        write_epochs(&self.disk, &self.path, &entries, durable)?;
        self.entries = entries;
        Ok(())
    }
}
