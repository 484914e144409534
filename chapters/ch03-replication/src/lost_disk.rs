//! A leader that has lost its disk: what it has led, and how far, only its followers know.
//!
//! It finds topics that it is to lead, and has nothing of them: no record, no epoch. Perhaps there never was anything. So
//! every other replica is asked, and all of them have to answer, for what was acknowledged may be with a single one:
//!
//! ```text
//! leader      nothing, no epoch
//! follower 2  has heard of epoch 4, and has 0 .. 100     the leader will lead in epoch 5,
//! follower 3  has heard of epoch 4, and has 0 .. 95      after it has fetched 0 .. 100 from 2
//! ```
//!
//! Caveat: until the last of them has answered, the partition has no leader.

use std::sync::Arc;
use std::time::Duration;

use ch00_wire::client::ClientError;
use ch00_wire::tasks::Tasks;
use ch01_log::batch::Epoch;
use ch01_log::messages::{MetadataRequest, MetadataRequestTopic};
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::catch_up::PATIENCE;
use crate::isr::BrokerId;
use crate::replica::ReplicatedPartition;
use crate::replica_manager::ReplicaManager;

/// The pause before a replica that has not answered is asked again.
const PAUSE: Duration = Duration::from_millis(500);

impl ReplicaManager {
    /// Finds out about what is lost, for as long as the broker runs.
    pub async fn keep_finding(self: Arc<Self>, tasks: Tasks) {
        let mut has_complained = false;
        loop {
            let lost: Vec<_> = self.all().into_iter().filter(|partition| partition.is_lost()).collect();
            for partition in &lost {
                let found = tokio::select! {
                    () = tasks.stopping() => return,
                    found = self.find(partition, &tasks) => found,
                };
                if let Err(why) = found
                    && !std::mem::replace(&mut has_complained, true)
                {
                    warn!(
                        "{}: nothing of it is here, and it has no leader until all replicas have answered: {why}",
                        partition.name()
                    );
                }
            }
            has_complained &= !lost.is_empty();
            tokio::select! {
                () = tasks.stopping() => return,
                () = self.lost.notified() => {}
                () = sleep(PAUSE), if !lost.is_empty() => {}
            }
        }
    }

    // ANCHOR: find
    /// Leads a partition after all its replicas have said what they know of it, and with all that they have.
    async fn find(self: &Arc<Self>, partition: &Arc<ReplicatedPartition>, tasks: &Tasks) -> Result<(), String> {
        let others: Vec<_> = partition.replicas().into_iter().filter(|&id| id != self.context.me).collect();
        let mut known = partition.log_end().0;
        for &broker in &others {
            let epoch = self.ask_epoch(broker, partition).await;
            known = known.max(epoch.map_err(|e| format!("broker {broker}: {e}"))?);
        }
        partition.will_lead_in(known + 1);
        if known >= 0 {
            info!("{}: it was led up to epoch {known}, and nothing of that is here", partition.name());
            self.changed.notify_one();
            self.fetch_longest(partition, &others).await?;
        }
        let (manager, found) = (self.clone(), partition.clone());
        tasks.blocking(move || manager.lead_found(&found)).await.map_err(|e| e.to_string())
    }
    // ANCHOR_END: find

    async fn fetch_longest(&self, partition: &Arc<ReplicatedPartition>, others: &[BrokerId]) -> Result<(), String> {
        let mut longest = (-1, 0, -1);
        for &broker in others {
            let deadline = Instant::now() + PATIENCE;
            let (_, end) = self.ask_all(broker, vec![partition.clone()], deadline).await.pop().ok_or("no answer")?;
            longest = longest.max(end);
        }
        let (_, end, broker) = longest;
        if end > partition.log_end().1 {
            info!("{}: broker {broker} has the most, up to {end}; fetching it", partition.name());
            self.fetch_missing(partition, broker, end).await?;
        }
        Ok(())
    }

    /// The latest epoch of a partition that another replica has heard of; -1: none, or it does not know the topic.
    async fn ask_epoch(&self, broker: BrokerId, partition: &ReplicatedPartition) -> Result<Epoch, ClientError> {
        let mut client = self.connect(broker).await?;
        let topic = MetadataRequestTopic { name: Some(partition.name().topic.clone()), ..Default::default() };
        let request =
            MetadataRequest { topics: Some(vec![topic]), allow_auto_topic_creation: false, ..Default::default() };
        let topics = client.call(&request).await?.topics.into_iter();
        let same = topics.filter(|topic| topic.topic_id == partition.topic_id());
        let index = partition.name().partition;
        let epoch = same.flat_map(|topic| topic.partitions).find(|found| found.partition_index == index);
        Ok(epoch.map_or(-1, |found| found.leader_epoch))
    }
}
