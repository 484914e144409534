//! A broker says in which of its log directories its copies are, where the metadata does not know that or knows another: so
//! that the controller can tell, when a directory fails, which partitions need another leader.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::tasks::Tasks;
use ch00_wire::uuid::Uuid;
use ch01_log::text_checkpoint::TopicPartition;
use tokio::time::sleep;
use tracing::debug;

use crate::assigned_partitions::AssignedPartitions;
use crate::controller_channel::ControllerChannel;
use crate::messages::{AssignReplicasToDirsRequest, AssignedDirectory, AssignedPartition, AssignedTopic};

/// The pause before what was not answered is sent again, and between what comes one by one.
const PAUSE: Duration = Duration::from_millis(500);

/// Topics and partitions, by directory.
type Assignments = BTreeMap<Uuid, BTreeMap<Uuid, Vec<AssignedPartition>>>;

/// Tells the controller where copies are.
pub struct DirectoryAssignments {
    /// The copies.
    pub partitions: Arc<AssignedPartitions>,
    /// The way to the controller.
    pub channel: ControllerChannel,
}

impl DirectoryAssignments {
    // ANCHOR: run
    /// Goes on for as long as the broker runs.
    pub async fn run(mut self, tasks: Tasks) {
        loop {
            tokio::select! {
                () = tasks.stopping() => return,
                () = self.partitions.misplaced().wait() => {}
            }
            tokio::select! {
                () = tasks.stopping() => return,
                () = self.send() => {}
            }
            tokio::select! {
                () = tasks.stopping() => return,
                () = sleep(PAUSE) => {}
            }
        }
    }
    // ANCHOR_END: run

    async fn send(&mut self) {
        let names = self.partitions.misplaced().take();
        let mut found = Assignments::new();
        for name in &names {
            let (Some(partition), Some(directory)) = (self.partitions.get(name), self.partitions.directory_of(name))
            else {
                continue;
            };
            let topic = found.entry(directory).or_default().entry(partition.topic_id()).or_default();
            topic.push(AssignedPartition { partition_index: name.partition });
        }
        if found.is_empty() {
            return;
        }
        let topic = |(topic_id, partitions)| AssignedTopic { topic_id, partitions };
        let directory = |(id, topics): (Uuid, BTreeMap<Uuid, Vec<AssignedPartition>>)| AssignedDirectory {
            id,
            topics: topics.into_iter().map(topic).collect(),
        };
        let request = AssignReplicasToDirsRequest {
            broker_id: self.partitions.context().me,
            broker_epoch: self.partitions.broker_epoch(),
            directories: found.into_iter().map(directory).collect(),
        };
        let answer = self.channel.ask(&request, None).await.map(|answer| answer.error_code);
        if !matches!(answer, Ok(ErrorCode::NONE)) {
            debug!("log directories of {} partitions: {answer:?}", names.len());
            self.partitions.misplaced().put(names);
        }
    }
}

/// Partitions that are in another directory than the metadata says.
#[derive(Debug, Default)]
pub struct Misplaced {
    names: std::sync::Mutex<BTreeSet<TopicPartition>>,
    are_there: tokio::sync::Notify,
}

impl Misplaced {
    /// Puts some in.
    pub fn put(&self, names: impl IntoIterator<Item = TopicPartition>) {
        self.names.lock().unwrap().extend(names);
        self.are_there.notify_one();
    }

    fn take(&self) -> BTreeSet<TopicPartition> {
        std::mem::take(&mut self.names.lock().unwrap())
    }

    async fn wait(&self) {
        while self.names.lock().unwrap().is_empty() {
            self.are_there.notified().await;
        }
    }
}
