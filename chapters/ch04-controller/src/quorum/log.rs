//! What a node has to know of its log: where it starts, ends, is flushed and committed, and where each epoch begins.
//!
//! ```text
//!  snapshot |------ committed ------|
//!           [ epoch 3 ... [ epoch 5 ........ )
//!           start         ^         ^      ^ ^
//!                         |         |      | end
//!                         |         |      flushed
//!                         |         high watermark
//!                         epochs
//! ```
//!
//! Caveat: the first entry of the epochs is the snapshot's own: the epoch of its last record, beginning at its end. So a
//! follower whose log ends exactly there can be checked as well.

use ch01_log::batch::{Epoch, Offset};
use ch03_replication::epoch_end::{EpochEnd, diverging, truncation};

use super::message::Fetched;
use super::vote::OffsetAndEpoch;

/// A log, as the quorum sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumLog {
    start: OffsetAndEpoch,
    epochs: Vec<(Epoch, Offset)>,
    end: Offset,
    flushed: Offset,
    high_watermark: Offset,
}

impl QuorumLog {
    /// A log that was opened: it starts after the latest snapshot (offset 0 and epoch 0: there is none), and has these
    /// epochs with their first offsets, both growing. All of it is on the disk.
    pub fn new(start: OffsetAndEpoch, epochs: impl IntoIterator<Item = (Epoch, Offset)>, end: Offset) -> QuorumLog {
        let mut log = QuorumLog::from_snapshot(start);
        log.epochs.extend(epochs.into_iter().filter(|&(epoch, _)| epoch > start.epoch));
        (log.end, log.flushed) = (end, end);
        log.check();
        log
    }

    /// A log that consists of a snapshot.
    pub(super) fn from_snapshot(snapshot: OffsetAndEpoch) -> QuorumLog {
        let OffsetAndEpoch { epoch, offset } = snapshot;
        QuorumLog {
            start: snapshot,
            epochs: vec![(epoch, offset)],
            end: offset,
            flushed: offset,
            high_watermark: offset,
        }
    }

    /// The latest snapshot: the log starts where it ends.
    pub fn start(&self) -> OffsetAndEpoch {
        self.start
    }

    /// Where it ends, and in which epoch.
    pub fn end(&self) -> OffsetAndEpoch {
        OffsetAndEpoch { epoch: self.epochs[self.epochs.len() - 1].0, offset: self.end }
    }

    /// Everything below is on the disk.
    pub fn flushed(&self) -> Offset {
        self.flushed
    }

    /// Where what is on the disk ends, and in which epoch.
    pub(super) fn flushed_end(&self) -> OffsetAndEpoch {
        let after = self.epochs.partition_point(|&(_, start)| start < self.flushed).max(1);
        OffsetAndEpoch { epoch: self.epochs[after - 1].0, offset: self.flushed }
    }

    /// Everything below is committed.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// What a leader has for a follower whose log ends at `from`.
    pub(super) fn read(&self, from: OffsetAndEpoch) -> Fetched {
        let OffsetAndEpoch { offset, epoch } = from;
        if offset < self.start.offset || epoch < self.start.epoch {
            return Fetched::Snapshot(self.start);
        }
        if let Some(theirs) = diverging(&self.epochs, self.end, offset, epoch) {
            return Fetched::Diverging(theirs);
        }
        let after = self.epochs.partition_point(|&(_, start)| start <= offset);
        let first = (self.epochs[after - 1].0, offset);
        let epochs = std::iter::once(first).chain(self.epochs[after..].iter().copied());
        let epochs = epochs.filter(|&(_, start)| start < self.end).collect();
        Fetched::Batches { end: self.end, epochs }
    }

    /// Whether batches with these epochs, up to `end`, can come next in `epoch`. They came from outside.
    pub(super) fn fits(&self, end: Offset, epochs: &[(Epoch, Offset)], epoch: Epoch) -> bool {
        let grow = epochs.is_sorted_by(|one, next| one.0 < next.0 && one.1 < next.1);
        let first = epochs.first().map(|&(epoch, start)| (start, epoch >= self.end().epoch));
        let last = epochs.last().is_some_and(|&(last, start)| last <= epoch && start < end);
        grow && first == Some((self.end, true)) && last
    }

    /// Records of one epoch were appended, up to `end`.
    pub(super) fn append(&mut self, epoch: Epoch, end: Offset) {
        assert!(epoch >= self.end().epoch && end >= self.end, "a log and its epochs only grow");
        if epoch > self.end().epoch {
            self.epochs.push((epoch, self.end));
        }
        self.end = end;
    }

    /// Where to cut when a leader says that its log parts from this one at `theirs`.
    pub(super) fn truncation(&self, theirs: EpochEnd) -> Offset {
        truncation(&self.epochs, self.end, theirs)
    }

    /// Everything from `offset` on is gone.
    pub(super) fn truncate(&mut self, offset: Offset) {
        assert!(offset >= self.high_watermark, "below {} all is committed: {offset}", self.high_watermark);
        self.epochs.retain(|&(epoch, start)| start < offset || epoch == self.start.epoch);
        self.end = self.end.min(offset);
        self.flushed = self.flushed.min(offset);
        self.check();
    }

    /// Everything below `offset` is on the disk.
    pub(super) fn flush(&mut self, offset: Offset) {
        assert!(offset <= self.end, "flushed up to {offset}, but the log ends at {}", self.end);
        self.flushed = self.flushed.max(offset);
    }

    /// Everything below `offset` is committed; whether that is news.
    pub(super) fn commit(&mut self, offset: Offset) -> bool {
        let is_news = offset > self.high_watermark;
        self.high_watermark = self.high_watermark.max(offset);
        self.check();
        is_news
    }

    /// Whether something of this epoch is committed, and with it all that was before.
    pub(super) fn has_committed_in(&self, epoch: Epoch) -> bool {
        let (last, start) = self.epochs[self.epochs.len() - 1];
        last == epoch && (start < self.high_watermark || self.start.epoch == epoch)
    }

    /// There is a snapshot of what is committed: the log starts where it ends.
    pub(super) fn start_at(&mut self, snapshot: OffsetAndEpoch) {
        assert!(snapshot.offset <= self.high_watermark, "only what is committed is in a snapshot");
        self.start = snapshot;
        self.epochs.retain(|&(epoch, _)| epoch > snapshot.epoch);
        self.epochs.insert(0, (snapshot.epoch, snapshot.offset));
        self.check();
    }

    fn check(&self) {
        let order = [self.start.offset, self.high_watermark, self.end];
        assert!(order.is_sorted() && self.flushed <= self.end, "{self:?}");
        assert!(self.epochs.is_sorted_by(|one, next| one.0 < next.0 && one.1 <= next.1), "{self:?}");
    }
}
