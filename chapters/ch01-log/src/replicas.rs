//! Who has copies of a partition, and who serves it: what topics and handlers have to know of a cluster.
//!
//! In this chapter the answer is always the same: this broker has the only copy there is. Topics ask before they make a
//! partition, and say when its log is open or gone; handlers ask for the partition to append to or to read from.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

use crate::batch::Offset;
use crate::config::TopicSettings;
use crate::local_partition::LocalPartition;
use crate::log_manager::LogManager;
use crate::metadata::PartitionImage;
use crate::partition::{Partition, PartitionError};
use crate::text_checkpoint::TopicPartition;

/// A log that is open and waits to be served.
pub struct OpenedLog {
    /// Its partition.
    pub name: TopicPartition,
    /// The topic's id.
    pub topic_id: Uuid,
    /// The brokers that have a copy.
    pub replicas: Vec<i32>,
    /// The topic's own settings.
    pub settings: TopicSettings,
    /// The log.
    pub log: Arc<LocalPartition>,
}

/// What becomes of a partition's folder that no topic has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownFolders {
    /// It becomes a topic: somebody has brought it.
    Adopt,
    /// It stays where it is: who decides about topics may not have told yet.
    Leave,
    /// It is renamed and reported, never deleted: the topic is gone, or was never here.
    SetAside,
}

// ANCHOR: replicas
/// Who has copies, and who serves them.
pub trait Replicas: Send + Sync {
    /// The brokers that get a copy of a new partition.
    fn place(&self, partition: i32, copies: i32) -> Result<Vec<i32>, PartitionError>;

    /// Whether the brokers that a client has chosen can have one.
    fn check(&self, brokers: &[i32]) -> Result<(), PartitionError>;

    /// What becomes of partitions that are found on the disk, and that no topic has.
    fn unknown_folders(&self) -> UnknownFolders;

    /// What others are told of a partition. `log`: this broker's copy, if it is open.
    fn describe(&self, name: &TopicPartition, replicas: &[i32], log: Option<&LocalPartition>) -> PartitionImage;

    /// The partition that this broker serves, or the error that clients know.
    fn partition(&self, name: &TopicPartition, logs: &LogManager) -> Result<Arc<dyn Partition>, ErrorCode>;

    /// Up to where consumers can read a log, if not up to its end.
    fn readable_end(&self, name: &TopicPartition) -> Option<Offset>;

    /// Logs are open: those of a new topic, or all of them at the start. Blocks.
    fn opened(&self, logs: Vec<OpenedLog>) -> Result<(), PartitionError>;

    /// A topic's settings have changed.
    fn configured(&self, name: &TopicPartition, settings: &TopicSettings);

    /// A log is about to go.
    fn closing(&self, name: &TopicPartition);

    /// Which run of the broker this is, by a number that others know, too; -1: nobody counts.
    fn incarnation(&self) -> i64 {
        -1
    }
}
// ANCHOR_END: replicas

/// One broker, one copy.
pub struct OneCopy {
    /// The broker's number.
    pub broker_id: i32,
}

impl Replicas for OneCopy {
    fn place(&self, _partition: i32, copies: i32) -> Result<Vec<i32>, PartitionError> {
        if copies != 1 {
            let why = "there is one broker, so there is one copy".to_string();
            return Err(PartitionError { code: ErrorCode::INVALID_REPLICATION_FACTOR, message: Some(why) });
        }
        Ok(vec![self.broker_id])
    }

    fn check(&self, brokers: &[i32]) -> Result<(), PartitionError> {
        if brokers != [self.broker_id] {
            let why = format!("brokers {brokers:?}: broker {} is the only one there is", self.broker_id);
            return Err(PartitionError { code: ErrorCode::INVALID_REPLICA_ASSIGNMENT, message: Some(why) });
        }
        Ok(())
    }

    fn unknown_folders(&self) -> UnknownFolders {
        UnknownFolders::Adopt
    }

    fn describe(&self, _name: &TopicPartition, _replicas: &[i32], log: Option<&LocalPartition>) -> PartitionImage {
        PartitionImage {
            leader: if log.is_some() { self.broker_id } else { -1 },
            leader_epoch: log.map_or(0, LocalPartition::leader_epoch),
            replicas: vec![self.broker_id],
            isr: vec![self.broker_id],
        }
    }

    fn partition(&self, name: &TopicPartition, logs: &LogManager) -> Result<Arc<dyn Partition>, ErrorCode> {
        logs.get(name).map(|log| log as Arc<dyn Partition>).ok_or(ErrorCode::KAFKA_STORAGE_ERROR)
    }

    fn readable_end(&self, _name: &TopicPartition) -> Option<Offset> {
        None
    }

    fn opened(&self, _logs: Vec<OpenedLog>) -> Result<(), PartitionError> {
        Ok(())
    }

    fn configured(&self, _name: &TopicPartition, _settings: &TopicSettings) {}

    fn closing(&self, _name: &TopicPartition) {}
}
