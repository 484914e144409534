//! What all replicas of a broker share: who they are, the time, where their proposals go, and where brokers stand.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Instant;

use ch01_log::batch::{Epoch, Timestamp};
use ch01_log::partition::ReadRequest;
use ch01_log::text_checkpoint::TopicPartition;
use tokio::sync::mpsc;

use crate::copy_limits::{CopyLimits, Unlimited};
use crate::isr::BrokerId;
use crate::leader::Leader;
use crate::metrics::Metrics;

// ANCHOR: proposal
/// A change of in-sync replicas that someone has to confirm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The partition.
    pub name: TopicPartition,
    /// The epoch of the leader that proposes.
    pub epoch: Epoch,
    /// The version of the set that it would follow.
    pub version: i32,
    /// The set.
    pub isr: Vec<BrokerId>,
}
// ANCHOR_END: proposal

/// What replicas share.
pub struct ReplicaContext {
    /// This broker.
    pub me: BrokerId,
    /// `replica.lag.time.max.ms`.
    pub lag_max_ms: i64,
    /// Whether consumers are sent to a replica in their rack.
    pub rack_aware: bool,
    /// What operators watch.
    pub metrics: Arc<Metrics>,
    /// How fast copies are made.
    pub limits: Arc<dyn CopyLimits>,
    /// The racks of the brokers that are alive.
    racks: RwLock<BTreeMap<BrokerId, String>>,
    /// To whoever confirms changes of in-sync replicas. At most one for each partition is under way.
    proposals: mpsc::UnboundedSender<Proposal>,
    /// When the broker started: lag is measured by a clock that nobody sets.
    started: Instant,
}

impl ReplicaContext {
    /// Proposals go to the receiver. Nobody limits copying.
    pub fn new(
        me: BrokerId,
        lag_max_ms: i64,
        rack_aware: bool,
        metrics: Arc<Metrics>,
    ) -> (Self, mpsc::UnboundedReceiver<Proposal>) {
        let (proposals, receiver) = mpsc::unbounded_channel();
        let context = ReplicaContext {
            me,
            lag_max_ms,
            rack_aware,
            metrics,
            limits: Arc::new(Unlimited),
            racks: RwLock::default(),
            proposals,
            started: Instant::now(),
        };
        (context, receiver)
    }

    /// Milliseconds since the broker started.
    pub fn now(&self) -> Timestamp {
        self.started.elapsed().as_millis() as Timestamp
    }

    pub(crate) fn propose(&self, proposal: Proposal) {
        // Nobody listens any more when the broker stops.
        let _ = self.proposals.send(proposal);
    }

    /// Takes note of who is alive, and where.
    pub fn set_racks(&self, racks: BTreeMap<BrokerId, String>) {
        *self.racks.write().unwrap() = racks;
    }

    // ANCHOR: preferred_replica
    /// The replica that a consumer had better ask: in its rack, with what it wants to read, and the furthest of those.
    /// `None`: the leader itself.
    pub fn preferred_replica(&self, leader: &Leader, replicas: &[BrokerId], request: &ReadRequest) -> Option<BrokerId> {
        let rack = request.rack.as_deref().filter(|rack| self.rack_aware && !rack.is_empty())?;
        let racks = self.racks.read().unwrap();
        let is_near = |replica: &BrokerId| racks.get(replica).is_some_and(|other| other == rack);
        if is_near(&self.me) {
            return None;
        }
        let near = replicas.iter().filter(|replica| is_near(replica));
        let with_ends = near.filter_map(|&replica| Some((leader.followers().get(&replica)?.log_end?, replica)));
        let furthest = with_ends.filter(|&(log_end, _)| log_end >= request.offset).max_by_key(|&(log_end, _)| log_end);
        furthest.map(|(_, replica)| replica)
    }
    // ANCHOR_END: preferred_replica
}
