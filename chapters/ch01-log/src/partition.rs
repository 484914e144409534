//! A partition, as handlers see it: append, read, wait.
//!
//! Handlers know nothing of files, and logs nothing of requests; between them stands this trait. What a partition lets
//! its readers see is its *progress*: four numbers that whoever waits (a consumer for new records, a producer for its
//! acknowledgement) watches until they have passed what it waits for.

use bytes::Bytes;
use ch00_wire::codec::Chunk;
use ch00_wire::error_code::ErrorCode;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::batch::{Epoch, Offset, Timestamp};
use crate::log_search::FoundTimestamp;
use crate::txn_index::AbortedTransaction;

// ANCHOR: progress
/// How far a partition has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The offset that the next record gets.
    pub log_end_offset: Offset,
    /// Consumers may read up to here.
    pub readable_end: Offset,
    /// Consumers that read committed may read up to here.
    pub last_stable_offset: Offset,
    /// Whether enough brokers have copies to acknowledge `acks=all`. One broker has all the copies there are.
    pub enough_replicas: bool,
}
// ANCHOR_END: progress

/// A watch on a partition's progress. It ends (its sender is dropped) when this broker no longer serves the partition
/// in the same leader epoch: whoever waits must then not be told that all went well.
pub type ProgressReceiver = watch::Receiver<Progress>;

/// How many copies a producer wants before it is told that its records are safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredAcks {
    /// None: there is no answer.
    None,
    /// The leader's.
    Leader,
    /// Those of all in-sync replicas (`acks=all`, -1).
    All,
}

/// Why a partition refused something: the error code, and words for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionError {
    /// What the client's code acts on.
    pub code: ErrorCode,
    /// What its user reads.
    pub message: Option<String>,
}

impl From<ErrorCode> for PartitionError {
    fn from(code: ErrorCode) -> PartitionError {
        PartitionError { code, message: None }
    }
}

/// A batch that is in the log.
#[derive(Debug)]
pub struct Accepted {
    /// Its first record's offset.
    pub base_offset: Offset,
    /// Its last record's offset.
    pub last_offset: Offset,
    /// The time of the append, if the topic wants that; else -1.
    pub log_append_time: Timestamp,
    /// Where the log starts.
    pub log_start_offset: Offset,
    /// The term it was appended in.
    pub leader_epoch: Epoch,
    /// What has to pass `last_offset` before `acks=all` is answered. Taken together with the offsets, under one lock, so
    /// that it belongs to the term in which the batch was appended.
    pub progress: ProgressReceiver,
    /// Whether the log has to be synced before the batch is acknowledged (`flush.messages`).
    pub must_flush: bool,
}

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A consumer.
    Consumer {
        /// Whether it wants committed records only.
        committed: bool,
    },
    /// Another broker that copies the partition.
    Replica {
        /// The broker's number.
        id: i32,
        /// Its incarnation, -1 if it does not say.
        epoch: i64,
    },
}

/// One partition's part of a Fetch.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// Who reads.
    pub reader: Reader,
    /// The rack the reader stands in, empty if it does not say; `None`: a reader that cannot be sent to another broker.
    pub rack: Option<String>,
    /// The leader epoch that the reader knows, -1 if it does not say.
    pub current_leader_epoch: Epoch,
    /// Where it wants to read.
    pub offset: Offset,
    /// The epoch of the last batch it has, -1 if it does not say.
    pub last_fetched_epoch: Epoch,
    /// Where its own log starts, -1 if it does not say.
    pub log_start_offset: Offset,
    /// The readable end that a copying broker knows of; `Offset::MAX` if it does not say.
    pub known_readable_end: Offset,
    /// The most bytes it wants.
    pub max_bytes: usize,
    /// Whether the first batch is to be given although it is larger than `max_bytes`.
    pub at_least_one: bool,
}

/// The point where a reader's log parts from the leader's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The last epoch that both have.
    pub epoch: Epoch,
    /// Where it ends in the leader's log.
    pub end_offset: Offset,
}

impl ReadRequest {
    /// Whether a copying broker is to learn of a new readable end, even if there is nothing to copy.
    pub fn has_news(&self, progress: &Progress) -> bool {
        matches!(self.reader, Reader::Replica { .. }) && progress.readable_end > self.known_readable_end
    }
}

/// One partition's part of the answer.
#[derive(Clone, Debug)]
pub struct ReadAnswer {
    /// How far the partition has come.
    pub progress: Progress,
    /// Where the log starts.
    pub log_start_offset: Offset,
    /// Set if the reader has to go back before it can read on.
    pub diverging: Option<Divergence>,
    /// Aborted transactions in what is returned; `None` if the reader did not ask for committed records.
    pub aborted: Option<Vec<AbortedTransaction>>,
    /// A replica that the reader had better ask, -1 for none.
    pub preferred_read_replica: i32,
    /// Whole batches, the last of which may be cut short.
    pub records: Chunk,
}

/// What ListOffsets can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetQuery {
    /// The log's start.
    Earliest,
    /// Its end, for the reader at hand.
    Latest,
    /// The first record at or after a time.
    Timestamp(Timestamp),
    /// The record with the largest timestamp.
    MaxTimestamp,
}

// ANCHOR: partition
/// A partition that this broker serves.
pub trait Partition: Send + Sync {
    /// Appends what a producer sent.
    fn append(&self, records: Bytes, acks: RequiredAcks) -> Result<Accepted, PartitionError>;

    /// Whether its log knows a producer.
    fn has_producer(&self, id: i64) -> bool;

    /// If another broker has served it until a moment ago: what those are told who have not settled here yet.
    fn has_moved(&self) -> Option<ErrorCode> {
        None
    }

    /// Reads batches.
    fn read(&self, request: &ReadRequest) -> Result<ReadAnswer, PartitionError>;

    /// Its progress, to wait for more.
    fn progress(&self) -> Result<ProgressReceiver, PartitionError>;

    /// Finds an offset, `None` if there is none.
    fn find_offset(
        &self,
        query: OffsetQuery,
        reader: Reader,
        current_leader_epoch: Epoch,
    ) -> Result<Option<FoundTimestamp>, PartitionError>;

    /// Whether clients may change it here.
    fn check_changeable(&self) -> Result<(), PartitionError> {
        Ok(())
    }

    /// Syncs the log to the disk. Blocks.
    fn flush(&self) -> Result<(), PartitionError>;
}
// ANCHOR_END: partition

// ANCHOR: wait
/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// What was waited for is there.
    Passed,
    /// The deadline came first.
    TimedOut,
    /// This broker no longer serves the partition in the same epoch.
    NoLonger,
}

/// Waits until progress passes something, or until a deadline.
pub async fn wait_until(
    progress: &mut ProgressReceiver,
    deadline: Instant,
    passed: impl Fn(&Progress) -> bool,
) -> Waited {
    match tokio::time::timeout_at(deadline, progress.wait_for(|p| passed(p))).await {
        Ok(Ok(_)) => Waited::Passed,
        Ok(Err(_)) => Waited::NoLonger,
        Err(_) => Waited::TimedOut,
    }
}

/// Waits until any of several partitions has moved, or until a deadline.
pub async fn wait_for_any(watched: &mut [ProgressReceiver], deadline: Instant) -> Waited {
    let mut changes: Vec<_> = watched.iter_mut().map(|progress| Box::pin(progress.changed())).collect();
    let any = std::future::poll_fn(|context| {
        for change in &mut changes {
            if let std::task::Poll::Ready(result) = change.as_mut().poll(context) {
                return std::task::Poll::Ready(result);
            }
        }
        std::task::Poll::Pending
    });
    match tokio::time::timeout_at(deadline, any).await {
        Ok(Ok(())) => Waited::Passed,
        Ok(Err(_)) => Waited::NoLonger,
        Err(_) => Waited::TimedOut,
    }
}
// ANCHOR_END: wait
