//! What a follower does next: fetch, cut its log, begin anew, or stop.
//!
//! ```text
//!            +-- the leader's log parts from ours ---> truncate ---+
//!            |                                                      v
//!  fetch ----+-- batches ------------------> append ------------> fetch …
//!            |
//!            +-- out of range: we lie before its start -> begin anew there
//!            |                 we lie behind its end ---> truncate to its end
//!            +-- another epoch ---------------> wait until we are told who leads
//! ```
//!
//! Caveat: never below its own high watermark. What lies there was acknowledged and read; a leader that does not have it
//! has lost it, and then our copy may be the last.

use ch01_log::batch::Offset;

use crate::epoch_end::{EpochEnd, Epochs, truncation};

/// What is known of our own log.
#[derive(Clone, Copy, Debug)]
pub struct OwnLog<'a> {
    /// Its first offset.
    pub log_start: Offset,
    /// Where it ends.
    pub log_end: Offset,
    /// Everything below was acknowledged.
    pub high_watermark: Offset,
    /// Its leader epochs.
    pub epochs: Epochs<'a>,
}

/// What a leader has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Batches up to an offset (none, if it is where our log ends), and how far the leader's consumers may read.
    Batches {
        /// Where they end.
        end: Offset,
        /// The leader's high watermark.
        high_watermark: Offset,
        /// Where the leader's log starts.
        log_start: Offset,
    },
    /// Its log parts from ours.
    Diverging(EpochEnd),
    /// Our log's end lies outside its log, which goes from `log_start` to `log_end`.
    OutOfRange {
        /// Where its log starts.
        log_start: Offset,
        /// Where its log ends.
        log_end: Offset,
    },
    /// One of us does not know yet that the other's epoch is over.
    OtherEpoch,
    /// It could not answer, or was not reached.
    Failed,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Move {
    /// Append what came, and see consumers' end at `high_watermark`; then fetch from `next`.
    Append {
        /// The high watermark now.
        high_watermark: Offset,
        /// The log's start now: what lies before may go.
        log_start: Offset,
        /// Where to fetch next.
        next: Offset,
    },
    /// Cut the log there, then fetch.
    Truncate(Offset),
    /// Remove everything and begin anew there, then fetch.
    BeginAnew(Offset),
    /// Pause, then fetch.
    BackOff,
    /// Do nothing until there is a new leader or epoch.
    Wait,
    /// Stop, keep the log as it is, and tell the operator.
    Stop(Loss),
}

/// What a leader does not have any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Loss {
    /// Where we would have to cut.
    pub truncation: Offset,
    /// Everything below was acknowledged.
    pub high_watermark: Offset,
}

impl std::fmt::Display for Loss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Loss { truncation, high_watermark } = self;
        write!(
            f,
            "the leader's log parts from this one at {truncation}, but everything below {high_watermark} was \
             acknowledged: the leader has lost it; this copy is kept as it is"
        )
    }
}

/// What a follower does after an answer.
pub fn next_move(log: OwnLog<'_>, answer: Answer) -> Move {
    todo!("exercise truncation")
}

/// Cuts the log, but for what was acknowledged.
fn truncate(log: OwnLog<'_>, offset: Offset) -> Move {
    todo!("exercise truncation")
}
