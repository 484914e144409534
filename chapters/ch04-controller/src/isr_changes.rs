//! Changes of in-sync replicas go to the controller, with AlterPartition: it confirms them, or it knows better.
//!
//! All that wait go in one request. What was not answered is asked again: a leader that does not know whether a change has
//! happened is careful in both directions, for as long as it takes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::tasks::Tasks;
use ch00_wire::uuid::Uuid;
use ch03_replication::replica_context::Proposal;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::debug;

use crate::assigned_partitions::AssignedPartitions;
use crate::controller_channel::ControllerChannel;
use crate::messages::{
    AlterPartitionPartition, AlterPartitionPartitionResponse, AlterPartitionRequest, AlterPartitionTopic, BrokerState,
};

/// The pause before a request that was not answered is sent again.
const PAUSE: Duration = Duration::from_millis(50);

/// Has changes of in-sync replicas confirmed.
pub struct IsrChanges {
    /// The partitions that propose them.
    pub partitions: Arc<AssignedPartitions>,
    /// The way to the controller.
    pub channel: ControllerChannel,
}

impl IsrChanges {
    // ANCHOR: run
    /// Sends what is proposed, for as long as the broker runs.
    pub async fn run(mut self, mut proposals: mpsc::UnboundedReceiver<Proposal>, tasks: Tasks) {
        let mut waiting: Vec<Proposal> = Vec::new();
        loop {
            tokio::select! {
                () = tasks.stopping() => return,
                () = sleep(PAUSE), if !waiting.is_empty() => {}
                received = proposals.recv_many(&mut waiting, usize::MAX) => if received == 0 { return },
            }
            while let Ok(more) = proposals.try_recv() {
                waiting.push(more);
            }
            tokio::select! {
                () = tasks.stopping() => return,
                left = self.send(waiting) => waiting = left,
            }
        }
    }
    // ANCHOR_END: run

    /// Sends what waits; what has to be sent again is left.
    async fn send(&mut self, waiting: Vec<Proposal>) -> Vec<Proposal> {
        let me = self.partitions.context().me;
        let mut asked: BTreeMap<(Uuid, i32), Proposal> = BTreeMap::new();
        let mut topics: BTreeMap<Uuid, Vec<AlterPartitionPartition>> = BTreeMap::new();
        for proposal in waiting {
            // A partition that is gone has nobody who waits.
            let Some(partition) = self.partitions.get(&proposal.name) else { continue };
            let epoch_of = |id| if id == me { self.partitions.broker_epoch() } else { partition.broker_epoch_of(id) };
            let member = |&broker_id: &i32| BrokerState { broker_id, broker_epoch: epoch_of(broker_id) };
            let wanted = AlterPartitionPartition {
                partition_index: proposal.name.partition,
                leader_epoch: proposal.epoch,
                new_isr_with_epochs: proposal.isr.iter().map(member).collect(),
                partition_epoch: proposal.version,
                ..Default::default()
            };
            let key = (partition.topic_id(), proposal.name.partition);
            // Of two proposals of one partition the later one counts.
            if asked.insert(key, proposal).is_none() {
                topics.entry(key.0).or_default().push(wanted);
            } else if let Some(before) =
                topics.entry(key.0).or_default().iter_mut().find(|before| before.partition_index == key.1)
            {
                *before = wanted;
            }
        }
        let topic = |(topic_id, partitions)| AlterPartitionTopic { topic_id, partitions };
        let request = AlterPartitionRequest {
            broker_id: me,
            broker_epoch: self.partitions.broker_epoch(),
            topics: topics.into_iter().map(topic).collect(),
        };
        let answer = match self.channel.ask(&request, None).await {
            Ok(answer) if answer.error_code == ErrorCode::NONE => answer,
            Ok(answer) => {
                debug!("in-sync replicas: {}", answer.error_code);
                return asked.into_values().collect();
            }
            Err(e) => {
                debug!("in-sync replicas: {e}");
                return asked.into_values().collect();
            }
        };
        for topic in answer.topics {
            for partition in topic.partitions {
                if let Some(proposal) = asked.remove(&(topic.topic_id, partition.partition_index)) {
                    self.settle(&proposal, &partition);
                }
            }
        }
        asked.into_values().collect()
    }

    fn settle(&self, proposal: &Proposal, answer: &AlterPartitionPartitionResponse) {
        let Some(partition) = self.partitions.get(&proposal.name) else { return };
        let is_confirmed = answer.error_code == ErrorCode::NONE;
        if !is_confirmed {
            debug!("{}: in sync {:?}: {}", proposal.name, proposal.isr, answer.error_code);
        }
        partition.settled(proposal, is_confirmed);
    }
}
