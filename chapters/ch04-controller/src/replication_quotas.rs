//! Replication quotas (KIP-73): copies that are made anew must not take all of the network from those that serve clients.
//!
//! ```text
//! broker   leader.replication.throttled.rate        bytes a second that this broker gives
//!          follower.replication.throttled.rate      …                          that it fetches
//! topic    leader.replication.throttled.replicas    0:1,0:2     partition 0, where broker 1 or 2 gives
//!          follower.replication.throttled.replicas  0:4         …            where broker 4 fetches;  *: all
//! ```
//!
//! What is given or fetched of throttled partitions is measured. While that is more than the rate, those that are behind
//! get nothing; whoever is in sync does, always, and is measured, too: it is the same network.
//!
//! Caveat: the answer is yes or no. A fetch that begins just below the rate may bring megabytes; nobody fetches until they
//! are paid for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use ch00_wire::config::Value;
use ch01_log::batch::Timestamp;
use ch01_log::text_checkpoint::TopicPartition;
use ch02_retention::whole_config::WholeConfig;
use ch03_replication::copy_limits::CopyLimits;

use crate::config::BrokerConfig;
use crate::image::{ClusterImage, TOPIC_RESOURCE};
use crate::rate_meter::RateMeter;

/// Bytes a second that leaders give.
pub const LEADER_RATE: &str = "leader.replication.throttled.rate";
/// Bytes a second that followers fetch.
pub const FOLLOWER_RATE: &str = "follower.replication.throttled.rate";
/// A topic's copies that the first is for.
pub const LEADER_REPLICAS: &str = "leader.replication.throttled.replicas";
/// A topic's copies that the second is for.
pub const FOLLOWER_REPLICAS: &str = "follower.replication.throttled.replicas";

/// Which copies of a topic are throttled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ThrottledReplicas {
    /// All.
    All,
    /// These: partition and broker.
    Some(BTreeSet<(i32, i32)>),
}

impl ThrottledReplicas {
    /// Whether a broker's copy of a partition is.
    pub fn contains(&self, partition: i32, broker: i32) -> bool {
        match self {
            ThrottledReplicas::All => true,
            ThrottledReplicas::Some(replicas) => replicas.contains(&(partition, broker)),
        }
    }
}

impl Value for ThrottledReplicas {
    const KIND: &'static str = "LIST";

    fn parse(text: &str) -> Result<ThrottledReplicas, String> {
        if text.trim() == "*" {
            return Ok(ThrottledReplicas::All);
        }
        let number = |text: &str| text.parse().ok().filter(|&number: &i32| number >= 0);
        let replica = |word: &str| {
            let (partition, broker) = word.split_once(':')?;
            Some((number(partition)?, number(broker)?))
        };
        let wrong = |word| format!("has `{word}`: legal are `*`, and PARTITION:BROKER, separated by commas");
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        words
            .map(|word| replica(word).ok_or_else(|| wrong(word)))
            .collect::<Result<_, _>>()
            .map(ThrottledReplicas::Some)
    }

    fn show(&self) -> String {
        match self {
            ThrottledReplicas::All => "*".to_owned(),
            ThrottledReplicas::Some(replicas) => {
                replicas.iter().map(|(partition, broker)| format!("{partition}:{broker}")).collect::<Vec<_>>().join(",")
            }
        }
    }
}

/// What one of the two rates is for.
struct Side {
    /// Bytes a second.
    rate: u64,
    /// By topic.
    throttled: BTreeMap<String, ThrottledReplicas>,
    meter: RateMeter,
}

/// The two quotas of a broker.
pub struct ReplicationQuotas {
    me: i32,
    /// Rates are measured by a clock that nobody sets.
    started: Instant,
    leader: Mutex<Side>,
    follower: Mutex<Side>,
}

impl ReplicationQuotas {
    /// Nothing is throttled.
    pub fn new(config: &BrokerConfig) -> ReplicationQuotas {
        let window_ms = i64::from(config.replication_quota_window_size_seconds) * 1000;
        let meter = RateMeter::new(config.replication_quota_window_num, window_ms);
        let side = || Mutex::new(Side { rate: u64::MAX, throttled: BTreeMap::new(), meter: meter.clone() });
        ReplicationQuotas { me: config.node_id(), started: Instant::now(), leader: side(), follower: side() }
    }

    // ANCHOR: follow
    /// Takes rates and lists into use. What was measured before counts.
    pub fn follow(&self, cluster: &ClusterImage, config: &dyn WholeConfig) {
        let sides = [(&self.leader, LEADER_RATE, LEADER_REPLICAS), (&self.follower, FOLLOWER_RATE, FOLLOWER_REPLICAS)];
        for (side, rate, replicas) in sides {
            let topics = cluster.configs.resources().filter(|(resource, _)| resource.resource_type == TOPIC_RESOURCE);
            // They were checked before they were stored.
            let listed = topics.filter_map(|(topic, settings)| {
                Some((topic.name.clone(), ThrottledReplicas::parse(settings.get(replicas)?).ok()?))
            });
            let mut side = side.lock().unwrap();
            side.throttled = listed.collect();
            side.rate = config.get(rate).and_then(|rate| rate.parse().ok()).unwrap_or(u64::MAX);
        }
    }
    // ANCHOR_END: follow

    fn now(&self) -> Timestamp {
        self.started.elapsed().as_millis() as Timestamp
    }

    // ANCHOR: limits
    /// One side of a partition, if it is throttled there.
    fn throttled<'a>(&self, side: &'a Mutex<Side>, partition: &TopicPartition) -> Option<MutexGuard<'a, Side>> {
        let side = side.lock().unwrap();
        let listed = side.throttled.get(&partition.topic)?.contains(partition.partition, self.me);
        listed.then_some(side)
    }

    fn has_room(&self, side: &Mutex<Side>, partition: &TopicPartition) -> bool {
        let Some(mut side) = self.throttled(side, partition) else { return true };
        side.meter.rate(self.now()) <= side.rate as f64
    }

    fn record(&self, side: &Mutex<Side>, partition: &TopicPartition, bytes: usize) {
        if let Some(mut side) = self.throttled(side, partition) {
            side.meter.record(bytes as u64, self.now());
        }
    }
}

impl CopyLimits for ReplicationQuotas {
    fn may_give(&self, partition: &TopicPartition) -> bool {
        self.has_room(&self.leader, partition)
    }

    fn gave(&self, partition: &TopicPartition, bytes: usize) {
        self.record(&self.leader, partition, bytes);
    }

    fn may_fetch(&self, partition: &TopicPartition) -> bool {
        self.has_room(&self.follower, partition)
    }

    fn fetched(&self, partition: &TopicPartition, bytes: usize) {
        self.record(&self.follower, partition, bytes);
    }
}
// ANCHOR_END: limits
