//! What nodes of a quorum say to each other. Field by field this is Vote, BeginQuorumEpoch, EndQuorumEpoch and Fetch.
//!
//! ```text
//! Vote               candidate -> voters      will you vote for me? (or: would you, if I stood?)
//! BeginQuorumEpoch   leader    -> voters      I lead: fetch from me
//! Fetch              everybody -> leader      I have everything below this offset on my disk; what comes next?
//! EndQuorumEpoch     leader    -> voters      I do not lead any more: elect somebody
//! ```
//!
//! Every request carries its sender's epoch, every response its sender's epoch and leader. So whoever is behind learns
//! it from the next message, whatever that is.

use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::{Epoch, Offset};
use ch03_replication::epoch_end::EpochEnd;

use super::vote::OffsetAndEpoch;
use super::voters::{NodeId, ReplicaKey};

/// What one node asks of another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// The sender's epoch.
    pub epoch: Epoch,
    /// What it wants.
    pub call: Call,
}

/// The four requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// "Vote for me."
    Vote {
        /// Whose vote is asked for: one that has another directory is not meant.
        voter: ReplicaKey,
        /// Who stands.
        candidate: ReplicaKey,
        /// Where its log ends.
        end: OffsetAndEpoch,
        /// Only asked: nobody promises anything.
        pre_vote: bool,
    },
    /// "I lead this epoch."
    BeginQuorumEpoch {
        /// Who is told.
        voter: ReplicaKey,
        /// Who leads.
        leader: NodeId,
    },
    /// "I lead this epoch no longer."
    EndQuorumEpoch {
        /// Who led.
        leader: NodeId,
        /// Who should stand, best first.
        preferred: Vec<ReplicaKey>,
    },
    /// "What comes next?"
    Fetch(Fetch),
}

/// A fetch of the metadata log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fetch {
    /// Who asks.
    pub replica: ReplicaKey,
    /// It has everything below, on its disk.
    pub offset: Offset,
    /// The epoch of its last record; 0: it has none.
    pub last_fetched_epoch: Epoch,
    /// The high watermark that it knows of: a leader that knows a higher one does not let it wait.
    pub high_watermark: Offset,
    /// How long it may be kept waiting when there is nothing new, in milliseconds.
    pub max_wait_ms: i64,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Response {
    /// Kafka's code.
    pub error: ErrorCode,
    /// The epoch of who answers.
    pub epoch: Epoch,
    /// Whom it takes for the leader of that epoch; one that it does not hear of any more it does not name.
    pub leader: Option<NodeId>,
    /// What was asked for.
    pub body: Body,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Body {
    /// An error, or an acknowledgement of BeginQuorumEpoch or EndQuorumEpoch.
    Nothing,
    /// To Vote.
    Vote {
        /// Whether the candidate has the vote.
        granted: bool,
    },
    /// To Fetch.
    Fetch {
        /// Everything below is committed.
        high_watermark: Offset,
        /// What comes next.
        data: Fetched,
    },
}

/// What comes next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fetched {
    /// Batches from the offset that was asked for on. Who answers fills in what it has; how much of it is sent at once is
    /// not decided here. Who receives fills in what has come.
    Batches {
        /// Where they end; the offset that was asked for: there are none.
        end: Offset,
        /// Their epochs, each with its first offset among them.
        epochs: Vec<(Epoch, Offset)>,
    },
    /// The two logs part: see `ch03_replication::epoch_end`.
    Diverging(EpochEnd),
    /// What comes next is only in a snapshot, the one with this name.
    Snapshot(OffsetAndEpoch),
}
