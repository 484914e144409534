//! The cluster: which brokers there are, and where partitions go.
//!
//! ```text
//! cluster.brokers=1@a:9092,2@b:9092,3@c:9092     a topic with three partitions and two copies
//!
//!               partition 0    partition 1    partition 2
//! broker 1      leader                        follower
//! broker 2      follower       leader
//! broker 3                     follower       leader
//! ```
//!
//! The first broker of the list decides about topics. The first broker of a partition leads it. Nobody can take either
//! place: that is this chapter's open wound.

use ch00_wire::error_code::ErrorCode;
use ch01_log::partition::PartitionError;

use crate::config::ClusterBroker;
use crate::isr::BrokerId;

/// The brokers of a cluster, as one of them sees it.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// This broker.
    pub me: BrokerId,
    /// All brokers, this one among them; never empty.
    brokers: Vec<ClusterBroker>,
}

impl Cluster {
    /// From `cluster.brokers`, or what is wrong with it.
    pub fn new(me: BrokerId, brokers: Vec<ClusterBroker>) -> Result<Cluster, String> {
        if brokers.is_empty() {
            return Ok(Cluster { me, brokers: vec![ClusterBroker { id: me, address: String::new() }] });
        }
        if brokers.iter().all(|broker| broker.id != me) {
            return Err(format!("cluster.brokers: this is broker {me}, which is not among them; set broker.id"));
        }
        Ok(Cluster { me, brokers })
    }

    /// Whether this broker decides about topics.
    pub fn is_first(&self) -> bool {
        self.first() == self.me
    }

    /// The broker that decides about topics.
    pub fn first(&self) -> BrokerId {
        self.brokers[0].id
    }

    /// The other brokers.
    pub fn others(&self) -> impl Iterator<Item = &ClusterBroker> {
        self.brokers.iter().filter(|broker| broker.id != self.me)
    }

    /// Where a broker is reached by the others.
    pub fn address_of(&self, id: BrokerId) -> Option<&str> {
        self.brokers.iter().find(|broker| broker.id == id).map(|broker| broker.address.as_str())
    }

    // ANCHOR: place
    /// The brokers that get copies of a partition, round robin; the first of them leads.
    pub fn place(&self, partition: i32, copies: i32) -> Result<Vec<BrokerId>, PartitionError> {
        let count = self.brokers.len();
        if !(1..=count as i32).contains(&copies) {
            let why = match count {
                1 => "there is one broker, so there is one copy".to_string(),
                _ => format!("there are {count} brokers, each has one copy at most"),
            };
            return Err(PartitionError { code: ErrorCode::INVALID_REPLICATION_FACTOR, message: Some(why) });
        }
        let broker = |copy: i32| self.brokers[(partition as usize + copy as usize) % count].id;
        Ok((0..copies).map(broker).collect())
    }
    // ANCHOR_END: place

    /// Whether the brokers that a client has chosen can have copies.
    pub fn check(&self, brokers: &[BrokerId]) -> Result<(), PartitionError> {
        let refuse =
            |why: String| Err(PartitionError { code: ErrorCode::INVALID_REPLICA_ASSIGNMENT, message: Some(why) });
        let is_unknown = |id: &&BrokerId| self.brokers.iter().all(|broker| broker.id != **id);
        if brokers.is_empty() {
            return refuse("a partition has at least one copy".to_string());
        }
        if let Some(unknown) = brokers.iter().find(is_unknown) {
            return match self.brokers.len() {
                1 => refuse(format!("brokers {brokers:?}: broker {} is the only one there is", self.me)),
                _ => refuse(format!("brokers {brokers:?}: there is no broker {unknown}")),
            };
        }
        match brokers.iter().enumerate().find(|(at, id)| brokers[..*at].contains(id)) {
            Some((_, twice)) => refuse(format!("brokers {brokers:?}: broker {twice} is there twice")),
            None => Ok(()),
        }
    }
}
