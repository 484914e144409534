//! A node of the quorum, as the rest of the process sees it: what it is started with, what it says, and what it can be
//! asked. The task behind it is in `quorum_driver`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ch00_wire::codec::Chunk;
use ch00_wire::tasks::Tasks;
use ch01_log::batch::{Epoch, Offset, Timestamp};
use ch01_log::clock::Clock;
use ch01_log::disk::Disk;
use ch01_log::log::LogConfig;
use ch01_log::log_dir::FolderLock;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::error;

use crate::image::ClusterImage;
use crate::quorum::message::{Request, Response};
use crate::quorum::vote::OffsetAndEpoch;
use crate::quorum::{NodeId, Replica, ReplicaKey, Timeouts, Voters};
use crate::quorum_driver::Driver;
use crate::quorum_state::{MayVote, VotersHome};
use crate::quorum_wire::Identity;
use crate::records::MetadataRecord;

/// Requests that may wait for the task.
pub(crate) const WAITING: usize = 1024;

/// What a node is started with.
pub struct NodeConfig {
    /// Who it is, and in which cluster.
    pub identity: Identity,
    /// Who votes, until the log says otherwise.
    pub voters: Voters,
    /// Where they are named.
    pub voters_home: VotersHome,
    /// Where the others are; the log may know better.
    pub addresses: BTreeMap<NodeId, String>,
    /// Whether it may vote at once: see `quorum::Start`.
    pub may_vote: MayVote,
    /// How long it waits.
    pub timeouts: Timeouts,
    /// `controller.quorum.request.timeout.ms`.
    pub request_timeout: Duration,
    /// The metadata log's folder.
    pub folder: PathBuf,
    /// Keeps others from using it, if it is not one of the log directories.
    pub lock: Option<FolderLock>,
    /// How its segments are.
    pub log: LogConfig,
    /// `metadata.log.max.record.bytes.between.snapshots`.
    pub max_bytes_between_snapshots: u64,
    /// The disk.
    pub disk: Disk,
    /// What time it is, for timestamps.
    pub clock: Arc<dyn Clock>,
    /// Where its random numbers begin.
    pub seed: u64,
}

/// What is committed.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// What the records below `offset` add up to.
    pub image: Arc<ClusterImage>,
    /// The offset after the last of them.
    pub offset: Offset,
    /// Its epoch.
    pub epoch: Epoch,
    /// When it was appended, in milliseconds since 1970.
    pub timestamp: Timestamp,
    /// The level of `kraft.version`: 1 if the log says who votes.
    pub kraft_version: i16,
}

/// Who leads the quorum, as far as this node knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    /// The leader; `None`: nobody that is known.
    pub leader: Option<NodeId>,
    /// Its epoch.
    pub epoch: Epoch,
}

/// What a node says of the quorum.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// Who leads, in which epoch.
    pub leadership: Leadership,
    /// What the leader knows of the others; of itself it is the first.
    pub replicas: Vec<Replica>,
    /// The voters.
    pub voters: Vec<ReplicaKey>,
    /// The role that this node plays, as Kafka writes it.
    pub role: &'static str,
    /// Who has this node's vote in this epoch.
    pub voted_for: Option<NodeId>,
    /// Where this node's log ends.
    pub log_end: Offset,
    /// What is committed.
    pub high_watermark: Offset,
    /// The time by the machine's clock: milliseconds since the node started.
    pub now: Timestamp,
}

/// An answer with the batches that belong to it.
pub struct Answer {
    /// The machine's.
    pub response: Response,
    /// Batches.
    pub records: Chunk,
    /// Where the log starts.
    pub log_start_offset: Offset,
}

/// What the node's task is told.
pub(crate) enum Input {
    Request { request: Request, max_bytes: usize, reply: oneshot::Sender<Answer> },
    Append { epoch: Epoch, records: Vec<MetadataRecord> },
    Describe(oneshot::Sender<Description>),
    Snapshot { replica: ReplicaKey, epoch: Epoch, id: OffsetAndEpoch, reply: oneshot::Sender<Option<PathBuf>> },
}

/// A node, as others see it. Clones speak to the same one.
#[derive(Clone)]
pub struct QuorumNode {
    me: NodeId,
    inputs: mpsc::Sender<Input>,
    committed: watch::Receiver<Committed>,
    leadership: watch::Receiver<Leadership>,
    addresses: Arc<Mutex<BTreeMap<NodeId, String>>>,
}

impl QuorumNode {
    /// Opens the log and starts the node's task, on the runtime it is called from. `failed` is told when its disk has
    /// failed: then the process has to end.
    pub fn start(
        config: NodeConfig,
        failed: impl FnOnce(String) + Send + 'static,
        tasks: &Tasks,
    ) -> Result<QuorumNode, String> {
        let (inputs, receiver) = mpsc::channel(WAITING);
        let driver = Driver::open(config, tasks)?;
        let node = QuorumNode {
            me: driver.quorum.me().id,
            inputs,
            committed: driver.committed.subscribe(),
            leadership: driver.leadership.subscribe(),
            addresses: driver.addresses.clone(),
        };
        let stop = tasks.clone();
        tasks.spawn(async move {
            if let Err(e) = driver.run(receiver, stop).await {
                error!("{e}");
                failed(e.to_string());
            }
        });
        Ok(node)
    }

    /// This node.
    pub fn id(&self) -> NodeId {
        self.me
    }

    /// What is committed; changes as it grows.
    pub fn committed(&self) -> watch::Receiver<Committed> {
        self.committed.clone()
    }

    /// Who leads; changes as that does.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        self.leadership.clone()
    }

    /// Where a node of the quorum is reached.
    pub fn address_of(&self, node: NodeId) -> Option<String> {
        self.addresses.lock().unwrap().get(&node).cloned()
    }

    /// The nodes whose addresses are known.
    pub fn known_nodes(&self) -> Vec<NodeId> {
        self.addresses.lock().unwrap().keys().copied().collect()
    }

    /// What another node asks. `None`: this one is stopping.
    pub async fn request(&self, request: Request, max_bytes: usize) -> Option<Answer> {
        let (reply, answer) = oneshot::channel();
        self.inputs.send(Input::Request { request, max_bytes, reply }).await.ok()?;
        answer.await.ok()
    }

    /// Appends records in one batch, if this node leads in this epoch. Whether they are committed is seen in `committed`,
    /// and that they never will be in `leadership`.
    pub async fn append(&self, epoch: Epoch, records: Vec<MetadataRecord>) {
        // A node that stops leads no longer.
        let _ = self.inputs.send(Input::Append { epoch, records }).await;
    }

    /// What this node knows of the quorum.
    pub async fn describe(&self) -> Option<Description> {
        let (reply, answer) = oneshot::channel();
        self.inputs.send(Input::Describe(reply)).await.ok()?;
        answer.await.ok()
    }

    /// The file of a snapshot that a follower fetches.
    pub async fn snapshot(&self, replica: ReplicaKey, epoch: Epoch, id: OffsetAndEpoch) -> Option<PathBuf> {
        let (reply, answer) = oneshot::channel();
        self.inputs.send(Input::Snapshot { replica, epoch, id, reply }).await.ok()?;
        answer.await.ok()?
    }
}
