//! Replay: a record changes an image.

use std::sync::Arc;

use ch00_wire::uuid::Uuid;

use super::{ClusterImage, ConfigResource};
use crate::records::{BrokerRegistrationChangeRecord, MetadataRecord};

/// Why a record cannot be replayed: it does not go with those before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A broker that is not registered.
    #[error("broker {0} is not registered")]
    NoBroker(i32),
    /// An earlier or later process of a broker.
    #[error("the epoch of broker {id} is {current}, not {epoch}")]
    BrokerEpoch {
        /// The broker.
        id: i32,
        /// Its epoch according to the record.
        epoch: i64,
        /// Its epoch.
        current: i64,
    },
    /// A second topic of a name or an id.
    #[error("topic {name}, id {id}: there is one of this name or id already")]
    TopicExists {
        /// The topic's name.
        name: String,
        /// Its id.
        id: Uuid,
    },
    /// A topic id that nothing has.
    #[error("there is no topic of id {0}")]
    NoTopic(Uuid),
    /// A topic name that nothing has.
    #[error("there is no topic named {0}")]
    NoTopicNamed(String),
    /// A partition that the topic does not have.
    #[error("topic {topic} has no partition {partition}")]
    NoPartition {
        /// The topic's name.
        topic: String,
        /// The partition's index.
        partition: i32,
    },
    /// Not as many directories as replicas.
    #[error("partition {partition} of topic id {id}: not every replica has a directory")]
    Directories {
        /// The topic's id.
        id: Uuid,
        /// The partition's index.
        partition: i32,
    },
    /// A transaction within a transaction.
    #[error("a transaction begins before the one before it has ended")]
    Nested,
    /// The end of a transaction that has not begun.
    #[error("a transaction ends that has not begun")]
    NotBegun,
}

impl ClusterImage {
    // ANCHOR: replay
    /// Changes the image as a record says; records of a transaction wait for its end.
    pub fn replay(&mut self, record: &MetadataRecord) -> Result<(), ReplayError> {
        match (record, &mut self.open_transaction) {
            (MetadataRecord::BeginTransaction(_), Some(_)) => Err(ReplayError::Nested),
            (MetadataRecord::EndTransaction(_) | MetadataRecord::AbortTransaction(_), None) => {
                Err(ReplayError::NotBegun)
            }
            (MetadataRecord::BeginTransaction(_), open) => {
                *open = Some(Vec::new());
                Ok(())
            }
            (MetadataRecord::EndTransaction(_), open) => {
                open.take().into_iter().flatten().try_for_each(|waiting| self.apply(&waiting))
            }
            (MetadataRecord::AbortTransaction(_), open) => {
                *open = None;
                Ok(())
            }
            (record, Some(waiting)) => {
                waiting.push(record.clone());
                Ok(())
            }
            (record, None) => self.apply(record),
        }
    }
    // ANCHOR_END: replay

    /// Whether a transaction has begun and not ended. Then the image stands still, and no snapshot can be made of it.
    pub fn in_transaction(&self) -> bool {
        self.open_transaction.is_some()
    }

    fn apply(&mut self, record: &MetadataRecord) -> Result<(), ReplayError> {
        use MetadataRecord as R;
        match record {
            R::FeatureLevel(level) => Arc::make_mut(&mut self.features).set(level),
            R::RegisterBroker(broker) => Arc::make_mut(&mut self.nodes).register_broker(broker),
            R::UnregisterBroker(broker) => Arc::make_mut(&mut self.nodes).unregister_broker(broker)?,
            R::BrokerRegistrationChange(change) => Arc::make_mut(&mut self.nodes).change_broker(change)?,
            R::FenceBroker(broker) => self.fence(broker.id, broker.epoch, 1)?,
            R::UnfenceBroker(broker) => self.fence(broker.id, broker.epoch, -1)?,
            R::RegisterController(controller) => Arc::make_mut(&mut self.nodes).register_controller(controller),
            R::Topic(topic) => Arc::make_mut(&mut self.topics).create(topic)?,
            R::Partition(partition) => Arc::make_mut(&mut self.topics).put_partition(partition)?,
            R::PartitionChange(change) => Arc::make_mut(&mut self.topics).change_partition(change)?,
            R::ClearElr(clear) => Arc::make_mut(&mut self.topics).clear_elr(&clear.topic_name)?,
            R::RemoveTopic(topic) => {
                let name = Arc::make_mut(&mut self.topics).remove(topic.topic_id)?;
                Arc::make_mut(&mut self.configs).remove(&ConfigResource::topic(&name));
            }
            R::Config(config) => Arc::make_mut(&mut self.configs).set(config),
            R::ProducerIds(ids) => self.next_producer_id = ids.next_producer_id,
            R::AccessControlEntry(_)
            | R::RemoveAccessControlEntry(_)
            | R::ClientQuota(_)
            | R::UserScramCredential(_)
            | R::RemoveUserScramCredential(_)
            | R::DelegationToken(_)
            | R::RemoveDelegationToken(_) => Arc::make_mut(&mut self.kept).replay(record),
            // Nothing to note, or nothing that matters since there is no ZooKeeper.
            R::NoOp(_) | R::ZkMigrationState(_) => {}
            R::BeginTransaction(_) | R::EndTransaction(_) | R::AbortTransaction(_) => {
                unreachable!("replay has taken note of it")
            }
        }
        Ok(())
    }

    fn fence(&mut self, broker_id: i32, broker_epoch: i64, fenced: i8) -> Result<(), ReplayError> {
        let change = BrokerRegistrationChangeRecord { broker_id, broker_epoch, fenced, ..Default::default() };
        Arc::make_mut(&mut self.nodes).change_broker(&change)
    }
}
