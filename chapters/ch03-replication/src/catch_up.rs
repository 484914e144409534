//! Before a leader leads again after a crash: does another in-sync replica have more than it has?
//!
//! What it had acknowledged may have been lost with the power, for records are not flushed one by one. Then it is in the
//! logs of the others, and is fetched from there. Without this the leader would have the others throw it away.
//!
//! ```text
//! leader      0 .. 90        and everything up to 100 was acknowledged
//! follower 2  0 .. 100       asked where its last epoch ends: 100. So 90 to 100 is fetched from it
//! follower 3  0 .. 95
//! ```
//!
//! Caveat: who does not answer in time cannot be asked. If all others are down, the leader goes on with what it has; a
//! follower that has more of what was acknowledged then refuses to throw it away, and stops.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ch00_wire::client::{Client, ClientError};
use ch00_wire::codec::Chunk;
use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::{Epoch, Offset};
use ch01_log::messages::{FetchPartition, FetchReplicaState, FetchRequest, FetchTopic};
use ch01_log::text_checkpoint::TopicPartition;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{info, warn};

use crate::fetcher::log_range;
use crate::isr::BrokerId;
use crate::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic};
use crate::replica::ReplicatedPartition;
use crate::replica_manager::ReplicaManager;

/// How long a broker that does not answer, or does not know the new epoch yet, is asked again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);
/// The pause in between.
const PAUSE: Duration = Duration::from_millis(50);
/// The most bytes that are fetched at a time.
const MOST_BYTES: i32 = 1 << 20;

/// A last epoch, where a log ends, and whose.
pub(crate) type LogEnd = (Epoch, Offset, BrokerId);

impl ReplicaManager {
    // ANCHOR: catch_up
    /// Has every partition that waits for it lead, after asking the others. Brokers are asked all at once, partitions one
    /// after the other.
    pub async fn catch_up(self: &Arc<Self>) {
        let waiting: Vec<_> = self.all().into_iter().filter(|partition| partition.is_starting()).collect();
        let deadline = Instant::now() + PATIENCE;
        let mut askings = tokio::task::JoinSet::new();
        for broker in self.cluster.others() {
            let of_this: Vec<_> =
                waiting.iter().filter(|partition| partition.stored_isr().contains(&broker.id)).cloned().collect();
            if !of_this.is_empty() {
                let (manager, id) = (self.clone(), broker.id);
                askings.spawn(async move { manager.ask_all(id, of_this, deadline).await });
            }
        }
        let mut ahead: BTreeMap<_, LogEnd> = BTreeMap::new();
        while let Some(asked) = askings.join_next().await {
            // A panic is a bug, wherever it happens.
            for (name, found) in asked.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic())) {
                let best = ahead.entry(name).or_insert(found);
                *best = (*best).max(found);
            }
        }
        for partition in waiting {
            if let Some(&(_, end, broker)) = ahead.get(partition.name())
                && end > partition.log_end().1
            {
                info!("{}: broker {broker} has more, up to {end}; fetching it", partition.name());
                if let Err(e) = self.fetch_missing(&partition, broker, end).await {
                    warn!("{}: could not be fetched from broker {broker}: {e}", partition.name());
                }
            }
            partition.lead();
        }
        self.changed.notify_one();
    }
    // ANCHOR_END: catch_up

    /// Where the logs of a broker end, for those partitions of which it says so in time.
    pub(crate) async fn ask_all(
        &self,
        broker: BrokerId,
        mut left: Vec<Arc<ReplicatedPartition>>,
        deadline: Instant,
    ) -> Vec<(TopicPartition, LogEnd)> {
        let mut found = Vec::new();
        while !left.is_empty() && Instant::now() < deadline {
            let asked = timeout_at(deadline, self.ask_once(broker, &left)).await;
            if let Ok(Ok(ends)) = asked {
                for (at, (epoch, end)) in ends.into_iter().rev() {
                    let partition = left.swap_remove(at);
                    found.push((partition.name().clone(), (epoch, end, broker)));
                }
            }
            if !left.is_empty() {
                sleep(PAUSE).await;
            }
        }
        for partition in left {
            warn!("{}: broker {broker} was in sync, and does not say what it has", partition.name());
        }
        found
    }

    /// Asks once: the positions in `partitions` of those that were answered, growing, and where their logs end.
    async fn ask_once(
        &self,
        broker: BrokerId,
        partitions: &[Arc<ReplicatedPartition>],
    ) -> Result<Vec<(usize, (Epoch, Offset))>, ClientError> {
        let mut client = self.connect(broker).await?;
        let topic = |partition: &Arc<ReplicatedPartition>| OffsetForLeaderTopic {
            topic: partition.name().topic.clone(),
            partitions: vec![OffsetForLeaderPartition {
                partition: partition.name().partition,
                current_leader_epoch: partition.starting_epoch(),
                // Its last epoch, whichever that is.
                leader_epoch: Epoch::MAX,
            }],
        };
        let request =
            OffsetForLeaderEpochRequest { replica_id: self.context.me, topics: partitions.iter().map(topic).collect() };
        let answer = client.call(&request).await?;
        let ends = answer.topics.into_iter().map(|topic| topic.partitions.into_iter().next());
        let said = ends.enumerate().filter_map(|(at, end)| Some((at, end.filter(|end| !end.error_code.is_error())?)));
        Ok(said.map(|(at, end)| (at, (end.leader_epoch, end.end_offset))).collect())
    }

    pub(crate) async fn connect(&self, broker: BrokerId) -> Result<Client, ClientError> {
        let address = self.cluster.address_of(broker).unwrap_or_default();
        let mut client = Client::connect(address, &format!("broker-{}-catching-up", self.context.me)).await?;
        client.set_timeout(PATIENCE);
        Ok(client)
    }

    // ANCHOR: fetch_missing
    /// Fetches what this broker lacks, as a follower would; tries again as long as something comes now and then.
    pub(crate) async fn fetch_missing(
        &self,
        partition: &Arc<ReplicatedPartition>,
        broker: BrokerId,
        end: Offset,
    ) -> Result<(), String> {
        let mut deadline = Instant::now() + PATIENCE;
        while partition.log_end().1 < end {
            let (_, before) = partition.log_end();
            let failure = match timeout_at(deadline, self.fetch_some(partition, broker, end)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(failure)) => failure,
                Err(_) => "it does not answer".to_string(),
            };
            if partition.log_end().1 > before {
                deadline = Instant::now() + PATIENCE;
            } else if Instant::now() >= deadline {
                return Err(failure);
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }
    // ANCHOR_END: fetch_missing

    async fn fetch_some(
        &self,
        partition: &Arc<ReplicatedPartition>,
        broker: BrokerId,
        end: Offset,
    ) -> Result<(), String> {
        let mut client = self.connect(broker).await.map_err(|e| e.to_string())?;
        while partition.log_end().1 < end {
            let (last_fetched_epoch, fetch_offset) = partition.log_end();
            let wanted = FetchPartition {
                partition: partition.name().partition,
                current_leader_epoch: partition.starting_epoch(),
                fetch_offset,
                last_fetched_epoch,
                partition_max_bytes: MOST_BYTES,
                ..Default::default()
            };
            let topic = FetchTopic { topic_id: partition.topic_id(), partitions: vec![wanted], ..Default::default() };
            let request = FetchRequest {
                replica_state: FetchReplicaState { replica_id: self.context.me, replica_epoch: -1 },
                max_bytes: MOST_BYTES,
                topics: vec![topic],
                ..Default::default()
            };
            let answer = client.call(&request).await.map_err(|e| e.to_string())?;
            let answer = answer.responses.into_iter().flat_map(|topic| topic.partitions).next().unwrap_or_default();
            if answer.error_code == ErrorCode::OFFSET_OUT_OF_RANGE {
                // What is old is gone there, too.
                let range = log_range(&mut client, self.context.me, partition, partition.starting_epoch()).await;
                match range.map_err(|e| e.to_string())? {
                    Some((start, _)) if start > fetch_offset => partition.begin_missing(start, self.logs())?,
                    _ => return Err(answer.error_code.to_string()),
                }
                continue;
            }
            if answer.error_code.is_error() || answer.diverging_epoch.epoch >= 0 {
                return Err(format!("{}, diverging: {:?}", answer.error_code, answer.diverging_epoch));
            }
            match answer.records {
                Some(Chunk::Bytes(records)) if !records.is_empty() => partition.append_missing(&records)?,
                _ => return Err(format!("nothing came from {fetch_offset} on")),
            }
        }
        Ok(())
    }
}
