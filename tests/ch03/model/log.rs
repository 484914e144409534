//! A copy of the partition: its records, and its list of epochs with their first offsets.
//!
//! ```text
//! records   A0 B0 C2        epochs   0 from 0, 2 from 2
//! ```
//!
//! Caveat: an epoch that begins where the log was cut stays in the list until the next record comes: there, the list's
//! last epoch is not that of the last record.

use ch01_log::batch::{Epoch, Offset};

/// A record: two of one name are the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Record {
    /// The epoch of the leader that appended it.
    pub epoch: Epoch,
    /// What a producer wrote.
    pub name: char,
}

/// A copy of the partition: its records, and its list of epochs with their first offsets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Log {
    records: Vec<Record>,
    epochs: Vec<(Epoch, Offset)>,
}

impl Log {
    /// Where it ends.
    pub fn end(&self) -> Offset {
        self.records.len() as Offset
    }

    /// The records from offset 0 on.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The records below an offset.
    pub fn below(&self, offset: Offset) -> &[Record] {
        &self.records[..offset.min(self.end()) as usize]
    }

    /// The records from an offset on.
    pub fn from(&self, offset: Offset) -> &[Record] {
        &self.records[offset.min(self.end()) as usize..]
    }

    /// Epochs with their first offsets.
    pub fn epochs(&self) -> &[(Epoch, Offset)] {
        &self.epochs
    }

    /// The epoch of its last record.
    pub fn last_epoch(&self) -> Option<Epoch> {
        self.records.last().map(|record| record.epoch)
    }

    /// Appends a record; its epoch begins with it if that is a new one.
    pub fn append(&mut self, record: Record) {
        let end = self.end();
        // Whatever else was to begin here has not.
        self.epochs.retain(|&(epoch, start)| start < end || epoch == record.epoch);
        if self.epochs.last().is_none_or(|&(latest, _)| latest < record.epoch) {
            self.epochs.push((record.epoch, end));
        }
        self.records.push(record);
    }

    /// Removes what lies at an offset and behind.
    pub fn truncate(&mut self, end: Offset) {
        self.records.truncate(end as usize);
        self.epochs.retain(|&(_, start)| start <= end);
    }
}
