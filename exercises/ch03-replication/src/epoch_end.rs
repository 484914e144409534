//! Where two logs part: by the list of leader epochs that each has.
//!
//! ```text
//! leader     epoch 0: 0 ..  6   epoch 2: 6 .. 10
//! follower   epoch 0: 0 ..  8   epoch 1: 8 ..  9
//!
//! the follower's last epoch is 1; the leader knows none of it: its last at or below is 0, which ends at 6
//! the follower's epoch 0 goes on up to 8: from 6 on the two differ, and the follower cuts its log there
//! ```
//!
//! Two batches of the same offset and the same epoch are the same batch, for one leader appended it. So the last epoch
//! that both have, cut at where it ends first, is what they share.

use ch01_log::batch::{Epoch, Offset};

/// Leader epochs with their first offsets, both growing.
pub type Epochs<'a> = &'a [(Epoch, Offset)];

/// An epoch and where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EpochEnd {
    /// The epoch.
    pub epoch: Epoch,
    /// The first offset that is not its own.
    pub end: Offset,
}

/// The last epoch at or below `wanted` that a log has, and where it ends. A log that has none so old ends it where its
/// first one begins: the records of that time are gone, or never were.
pub fn end_of_epoch(epochs: Epochs<'_>, log_end: Offset, wanted: Epoch) -> EpochEnd {
    todo!("exercise epoch-lookup")
}

/// What a leader answers a follower whose log ends at `offset` with a batch of epoch `last_epoch`: the epoch from whose
/// end on they differ; `None`: the leader's log has all that the follower's has.
pub fn diverging(epochs: Epochs<'_>, log_end: Offset, offset: Offset, last_epoch: Epoch) -> Option<EpochEnd> {
    todo!("exercise epoch-lookup")
}

/// Where a follower cuts its log when a leader's answer says that theirs part: `theirs` is the leader's. What is left may
/// still differ, where both have epochs that the other has not; then the next answer says so again.
pub fn truncation(epochs: Epochs<'_>, log_end: Offset, theirs: EpochEnd) -> Offset {
    todo!("exercise truncation")
}
