//! A replication quota: how many bytes a follower may fetch now, so that copying leaves room for those who wait.
//!
//! A broker that comes back after a day fetches as fast as disks and network let it, and producers and consumers wait
//! behind it. Kafka (KIP-73) lets an operator say at what rate such copies may be made. Replicas that are in sync are
//! never slowed down: `acks=all` waits for them.
//!
//! Nothing here is the book's. What it has to do stands on the page of this exercise; everything else is yours: fields,
//! helpers, other modules of this crate that you use.

use std::collections::BTreeSet;

use ch01_log::batch::Timestamp;
use ch01_log::text_checkpoint::TopicPartition;

/// How long a window lasts from its first fetch on (`replica.quota.window.size.seconds`).
pub const WINDOW_MS: Timestamp = 1000;

/// How long a window is kept after its last fetch: eleven times as long (`replica.quota.window.num`).
pub const KEPT_MS: Timestamp = 11 * WINDOW_MS;

/// A replica that is about to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Its partition.
    pub partition: TopicPartition,
    /// Whether it has everything that its leader has.
    pub in_sync: bool,
    /// The most bytes it wants.
    pub max_bytes: u64,
}

/// What they may fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grants {
    /// The most bytes of each, in the order of the wishes; 0: it is not to fetch now.
    pub bytes: Vec<u64>,
    /// When someone had to be sent away: the first time at which there will be something.
    pub again_at: Option<Timestamp>,
}

/// How much may be fetched, and how much was.
#[derive(Clone, Debug)]
pub struct ReplicationQuota {}

impl ReplicationQuota {
    /// Nothing has been fetched, and no replica is throttled. `rate`: bytes in a second.
    pub fn new(rate: u64) -> ReplicationQuota {
        todo!("exercise quota")
    }

    /// Another rate from now on (`follower.replication.throttled.rate`).
    pub fn set_rate(&mut self, rate: u64) {
        todo!("exercise quota")
    }

    /// Whom the quota is for from now on (`follower.replication.throttled.replicas`), and for nobody else.
    pub fn set_throttled(&mut self, partitions: BTreeSet<TopicPartition>) {
        todo!("exercise quota")
    }

    /// Bytes in a second, as measured, rounded down.
    pub fn measured(&self, now: Timestamp) -> u64 {
        todo!("exercise quota")
    }

    /// Who may fetch how much. Each partition has at most one wish.
    pub fn ask(&mut self, wishes: &[Wish], now: Timestamp) -> Grants {
        todo!("exercise quota")
    }

    /// A replica's fetch has come back with so many bytes, perhaps none.
    pub fn fetched(&mut self, partition: &TopicPartition, bytes: u64, now: Timestamp) {
        todo!("exercise quota")
    }
}
