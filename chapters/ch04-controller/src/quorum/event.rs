//! What happens to a node of the quorum, and what it then has to do. Whoever drives the machine turns the one into the
//! other: it has the disk, the network and the clock.
//!
//! ```text
//! disk, network, clock --- Event ---> Quorum::step ---> Vec<Effect> ---> disk, network
//! ```
//!
//! The driver does effects in order, and each wholly before the next: a vote that is to be persisted is synced before the
//! answer that depends on it goes out. An append, a flush and a truncation wait for each other too: once the log was
//! truncated or replaced, no flush from before is reported any more; else every append is followed by a report that all of
//! it is flushed. The driver also calls `step` with `Event::Tick` when `Quorum::deadline` has come.

use ch01_log::batch::{Epoch, Offset};

use super::election_state::ElectionState;
use super::message::{Request, Response};
use super::vote::OffsetAndEpoch;
use super::voters::{NodeId, ReplicaKey, Voters};

/// Finds the request that a response belongs to. Chosen by the machine, growing.
pub type CorrelationId = u64;

/// Finds the connection that a request came from, and which of its requests it was. Chosen by the driver.
pub type RequestId = u64;

/// What happens to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Time has passed.
    Tick,
    /// Somebody asks.
    Request {
        /// To be named in the answer.
        request_id: RequestId,
        /// What.
        request: Request,
    },
    /// A request was answered.
    Response {
        /// Which one.
        correlation_id: CorrelationId,
        /// With what.
        response: Response,
    },
    /// A request will not be answered: its connection is gone, or it took longer than
    /// `controller.quorum.request.timeout.ms`. Each request ends with this or with `Response`, once.
    Failed {
        /// Which one.
        correlation_id: CorrelationId,
    },
    /// The connection to a node was closed and a new one is refused: its process is gone. To be noticed at once for the
    /// leader, also while no request is under way.
    Refused {
        /// Which node.
        node: NodeId,
    },
    /// As the leader: records of this epoch were appended.
    Appended {
        /// Where the log ends now.
        end: Offset,
    },
    /// The log is on the disk.
    Flushed {
        /// Up to here.
        end: Offset,
    },
    /// There is a snapshot of what is committed, made here: what it contains is gone from the log.
    SnapshotTaken(OffsetAndEpoch),
    /// A part of the snapshot that was asked for has come: the leader is alive.
    SnapshotPart {
        /// Of `Effect::FetchSnapshot`.
        correlation_id: CorrelationId,
    },
    /// All of it has come, and is on the disk beside the log.
    SnapshotFetched {
        /// Of `Effect::FetchSnapshot`.
        correlation_id: CorrelationId,
    },
    /// A follower reads a snapshot of this leader: it is alive.
    SnapshotRead {
        /// Which follower.
        replica: ReplicaKey,
        /// In which epoch.
        epoch: Epoch,
    },
    /// The log says who the voters are.
    Voters(Voters),
    /// The process is about to end.
    Stop,
}

/// What a node has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write `quorum-state`, and sync it.
    Persist(ElectionState),
    /// Send a request.
    Send {
        /// To whom.
        to: NodeId,
        /// To be named when it was answered, or will not be.
        correlation_id: CorrelationId,
        /// What.
        request: Request,
    },
    /// Answer a request.
    Answer {
        /// Which one.
        request_id: RequestId,
        /// With what.
        response: Response,
    },
    /// Append LeaderChange, the first record of an epoch, and report it as `Appended`; flush, and report that.
    AppendLeaderChange {
        /// The new epoch.
        epoch: Epoch,
        /// Who voted for its leader.
        granting: Vec<NodeId>,
    },
    /// Append the batches that came with the response of this step; flush, and report that.
    Append {
        /// Where they end.
        end: Offset,
    },
    /// Cut the log: everything from here on goes.
    Truncate(Offset),
    /// Ask for a snapshot with FetchSnapshot until all of it is there, and report that.
    FetchSnapshot {
        /// From whom.
        from: NodeId,
        /// To be named in what is reported of it; `Event::Failed` if it cannot be had.
        correlation_id: CorrelationId,
        /// Which one.
        snapshot: OffsetAndEpoch,
    },
    /// Put the snapshot that has come in the place of the log, which is empty then and starts where the snapshot ends.
    InstallSnapshot(OffsetAndEpoch),
    /// Everything below is committed: replay it, and answer whoever waits for it.
    HighWatermark(Offset),
    /// A node that was started with `may_vote: false` has all that was committed, and votes from now on: write down that
    /// it may.
    CaughtUp,
    /// The leader is another, or nobody that is known, or its epoch is.
    LeaderChange {
        /// Who leads now.
        leader: Option<NodeId>,
        /// Its epoch.
        epoch: Epoch,
    },
}
