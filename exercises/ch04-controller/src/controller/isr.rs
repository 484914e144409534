//! AlterPartition: a leader asks for a change of its in-sync replicas, and the controller confirms it.
//!
//! The leader knows who has caught up; the controller knows who is there. A change is refused that comes from an earlier
//! epoch, goes by an earlier state of the partition, or would let somebody in who is fenced, about to stop, or has
//! restarted since the leader looked.

use std::collections::BTreeSet;

use ch00_wire::error_code::ErrorCode;

use super::{At, Controller, Outcome};
use crate::image::{Nodes, PartitionRegistration};
use crate::messages::{
    AlterPartitionPartition, AlterPartitionPartitionResponse, AlterPartitionRequest, AlterPartitionResponse,
    AlterPartitionTopicResponse, BrokerState,
};

impl Controller {
    /// Changes in-sync replicas as their leader asks.
    pub fn alter_partition(&mut self, _at: At, request: &AlterPartitionRequest) -> Outcome<AlterPartitionResponse> {
        let leader = self.image.nodes.broker(request.broker_id);
        if leader.is_none_or(|leader| leader.broker_epoch != request.broker_epoch) {
            let error_code = ErrorCode::STALE_BROKER_EPOCH;
            return Outcome::nothing(AlterPartitionResponse { error_code, ..Default::default() });
        }
        let mut draft = self.draft();
        let mut topics = Vec::new();
        for topic in &request.topics {
            let mut partitions = Vec::new();
            for wanted in &topic.partitions {
                let partition = draft.image.topics.partition(topic.topic_id, wanted.partition_index);
                let isr = wanted_isr(wanted);
                let checked = match partition {
                    None if draft.image.topics.get(topic.topic_id).is_none() => Err(ErrorCode::UNKNOWN_TOPIC_ID),
                    None => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
                    Some(partition) => {
                        check_alter_partition(request.broker_id, partition, wanted, &isr, &draft.image.nodes)
                    }
                };
                let altered = checked.and_then(|()| {
                    draft.change(topic.topic_id, wanted.partition_index, |target| {
                        target.isr = isr.iter().map(|replica| replica.broker_id).collect();
                        target.leader_recovery_state = wanted.leader_recovery_state;
                    });
                    let after =
                        &draft.image.topics.get(topic.topic_id).expect("checked").partitions[&wanted.partition_index];
                    // A reassignment that ends with this may take the leadership away.
                    if after.leader == request.broker_id { Ok(after) } else { Err(ErrorCode::NEW_LEADER_ELECTED) }
                });
                partitions.push(answer(wanted.partition_index, altered));
            }
            topics.push(AlterPartitionTopicResponse { topic_id: topic.topic_id, partitions });
        }
        draft.done(AlterPartitionResponse { topics, ..Default::default() })
    }
}

/// The ISR that a leader wants. Before version 3 it says nothing of epochs.
fn wanted_isr(wanted: &AlterPartitionPartition) -> Vec<BrokerState> {
    let without_epoch = |&broker_id: &i32| BrokerState { broker_id, broker_epoch: -1 };
    match wanted.new_isr_with_epochs.is_empty() {
        true => wanted.new_isr.iter().map(without_epoch).collect(),
        false => wanted.new_isr_with_epochs.clone(),
    }
}

fn answer(partition_index: i32, altered: Result<&PartitionRegistration, ErrorCode>) -> AlterPartitionPartitionResponse {
    match altered {
        Ok(partition) => AlterPartitionPartitionResponse {
            partition_index,
            error_code: ErrorCode::NONE,
            leader_id: partition.leader,
            leader_epoch: partition.leader_epoch,
            isr: partition.isr.clone(),
            leader_recovery_state: partition.leader_recovery_state,
            partition_epoch: partition.partition_epoch,
        },
        Err(error_code) => AlterPartitionPartitionResponse { partition_index, error_code, ..Default::default() },
    }
}

/// Whether a leader may change the in-sync replicas of a partition to `isr`.
pub fn check_alter_partition(
    leader: i32,
    partition: &PartitionRegistration,
    wanted: &AlterPartitionPartition,
    isr: &[BrokerState],
    nodes: &Nodes,
) -> Result<(), ErrorCode> {
    todo!("exercise isr-change")
}
