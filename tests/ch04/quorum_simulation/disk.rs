//! What a node has on its disk, and what of it survives.

use ch01_log::batch::{Epoch, Offset};
use ch04_controller::quorum::vote::OffsetAndEpoch;
use ch04_controller::quorum::{ElectionState, QuorumLog};

/// A record of the metadata log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The epoch of the leader that appended it.
    pub epoch: Epoch,
    /// Another for each record of a run.
    pub value: u64,
    /// A hash of this record and all before it: two logs that agree on it agree up to here.
    pub prefix: u64,
}

/// A disk.
#[derive(Clone, Default)]
pub struct Disk {
    /// `quorum-state`.
    pub election: ElectionState,
    /// The log from offset 0 on; what lies below `start` is in the snapshot only.
    pub records: Vec<Record>,
    /// The latest snapshot.
    pub start: OffsetAndEpoch,
    /// How many records survive a crash for certain.
    pub flushed: usize,
    /// Whether the node may vote: it is not a new disk that has yet to be filled.
    pub may_vote: bool,
}

impl Disk {
    pub fn end(&self) -> Offset {
        self.records.len() as Offset
    }

    pub fn append(&mut self, epoch: Epoch, value: u64) {
        let before = self.records.last().map_or(0, |record| record.prefix);
        let prefix = [u64::from(epoch.unsigned_abs()), value].into_iter().fold(before, mix);
        self.records.push(Record { epoch, value, prefix });
    }

    pub fn truncate(&mut self, offset: Offset) {
        self.records.truncate(offset as usize);
        self.flushed = self.flushed.min(self.records.len());
    }

    /// Each epoch among the records of a range, with its first offset there.
    pub fn epochs(&self, from: Offset, to: Offset) -> Vec<(Epoch, Offset)> {
        let mut epochs: Vec<(Epoch, Offset)> = Vec::new();
        for offset in from..to {
            let epoch = self.records[offset as usize].epoch;
            if epochs.last().is_none_or(|&(last, _)| last != epoch) {
                epochs.push((epoch, offset));
            }
        }
        epochs
    }

    /// The log as it is found when the node starts.
    pub fn open(&self) -> QuorumLog {
        QuorumLog::new(self.start, self.epochs(self.start.offset, self.end()), self.end())
    }

    /// The name of a snapshot of everything below an offset.
    pub fn snapshot_at(&self, offset: Offset) -> OffsetAndEpoch {
        OffsetAndEpoch { offset, epoch: self.records[offset as usize - 1].epoch }
    }

    /// Whether a record is here, flushed.
    pub fn has_flushed(&self, offset: usize, record: &Record) -> bool {
        offset < self.flushed && self.records[offset] == *record
    }
}

/// A hash that goes on.
pub fn mix(hash: u64, with: u64) -> u64 {
    (hash ^ with).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29).wrapping_add(with)
}
