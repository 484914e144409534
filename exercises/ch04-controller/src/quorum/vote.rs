//! Who gets a vote. The whole safety of the election is these few lines, and that the promise is on the disk before it
//! is spoken.
//!
//! ```text
//! own log       [ 0 ... epoch 3 ... 40 )
//! candidate A   [ 0 ... epoch 4 . 12 )     yes: its last epoch is later, so it has all that was committed before epoch 4
//! candidate B   [ 0 ... epoch 3 ..... 41 ) yes: the same epoch, and no shorter
//! candidate C   [ 0 ... epoch 3 .. 39 )    no: we have a record that it has not, and it may be committed
//! ```
//!
//! What is committed is with a majority, and so is a granted vote: some voter has both, and it does not vote for a log
//! that lacks what it has.

use ch01_log::batch::{Epoch, Offset};

use super::election_state::ElectionState;
use super::voters::ReplicaKey;

/// Where a log ends, with the epoch of its last record; also what a snapshot contains, and its name. Compared by the epoch
/// first: that is how complete a log is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OffsetAndEpoch {
    /// The epoch of the last record; 0: there is none.
    pub epoch: Epoch,
    /// The offset after it.
    pub offset: Offset,
}

/// Whether a voter that has made the promises `own` in the candidate's epoch, and whose log ends at `own_end`, may vote
/// for a candidate whose log ends at `its_end`.
pub fn may_grant(own: &ElectionState, own_end: OffsetAndEpoch, candidate: ReplicaKey, its_end: OffsetAndEpoch) -> bool {
    todo!("exercise vote-rule")
}
