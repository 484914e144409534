//! Administrators move copies to other brokers: how a move begins, is given up, and is listed. How it ends is decided
//! where in-sync replicas change.

use ch00_wire::error_code::ErrorCode;
use ch01_log::partition::PartitionError;

use super::draft::{Draft, refusal};
use super::{At, Controller, Moved, Moving, Outcome, begin, give_up};
use crate::image::{PartitionRegistration, Topic};
use crate::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse, OngoingPartitionReassignment, OngoingTopicReassignment, ReassignablePartition,
    ReassignablePartitionResponse, ReassignableTopicResponse,
};

impl Controller {
    /// Begins moves of copies, and gives up some that are under way.
    pub fn alter_partition_reassignments(
        &mut self,
        _at: At,
        request: &AlterPartitionReassignmentsRequest,
    ) -> Outcome<AlterPartitionReassignmentsResponse> {
        let allow_replication_factor_change = request.allow_replication_factor_change;
        let mut draft = self.draft();
        let mut responses = Vec::new();
        for topic in &request.topics {
            let mut partitions = Vec::new();
            for wanted in &topic.partitions {
                let decided = draft.reassign(&topic.name, wanted, allow_replication_factor_change);
                let e = decided.err().unwrap_or(ErrorCode::NONE.into());
                partitions.push(ReassignablePartitionResponse {
                    partition_index: wanted.partition_index,
                    error_code: e.code,
                    error_message: e.message,
                });
            }
            responses.push(ReassignableTopicResponse { name: topic.name.clone(), partitions });
        }
        let reply =
            AlterPartitionReassignmentsResponse { allow_replication_factor_change, responses, ..Default::default() };
        draft.done(reply)
    }

    /// The moves that are under way.
    pub fn list_partition_reassignments(
        &self,
        request: &ListPartitionReassignmentsRequest,
    ) -> ListPartitionReassignmentsResponse {
        let topics = match &request.topics {
            None => self.image.topics.iter().filter_map(|topic| ongoing(topic, |_| true)).collect(),
            Some(wanted) => {
                let of = |name: &str| self.image.topics.by_name(name);
                let asked = wanted
                    .iter()
                    .filter_map(|asked| ongoing(of(&asked.name)?, |index| asked.partition_indexes.contains(&index)));
                asked.collect()
            }
        };
        ListPartitionReassignmentsResponse { topics, ..Default::default() }
    }
}

fn ongoing(topic: &Topic, wanted: impl Fn(i32) -> bool) -> Option<OngoingTopicReassignment> {
    let moves = topic.partitions.values().filter(|partition| is_moving(partition) && wanted(partition.partition_id));
    let partitions = moves.map(|partition| OngoingPartitionReassignment {
        partition_index: partition.partition_id,
        replicas: partition.replicas.clone(),
        adding_replicas: partition.adding_replicas.clone(),
        removing_replicas: partition.removing_replicas.clone(),
    });
    let partitions: Vec<_> = partitions.collect();
    (!partitions.is_empty()).then(|| OngoingTopicReassignment { name: topic.name.clone(), partitions })
}

fn is_moving(partition: &PartitionRegistration) -> bool {
    !partition.adding_replicas.is_empty() || !partition.removing_replicas.is_empty()
}

impl Draft<'_> {
    // ANCHOR: reassign
    fn reassign(
        &mut self,
        topic: &str,
        wanted: &ReassignablePartition,
        may_change_count: bool,
    ) -> Result<(), PartitionError> {
        let unknown = || {
            let why = format!("Unable to find partition {topic}:{}.", wanted.partition_index);
            refusal(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, why)
        };
        let topic = self.image.topics.by_name(topic).cloned().ok_or_else(unknown)?;
        let partition = topic.partitions.get(&wanted.partition_index).ok_or_else(unknown)?;
        let Some(to) = &wanted.replicas else { return self.give_up(&topic, partition) };
        self.check_assignment(to, None)?;
        let has = partition.replicas.len() - partition.removing_replicas.len();
        if !may_change_count && has != to.len() {
            let why = format!("The replication factor is changed from {has} to {}", to.len());
            return Err(refusal(ErrorCode::INVALID_REPLICATION_FACTOR, why));
        }
        let Moving { replicas, adding, removing } = begin(&partition.replicas, &partition.adding_replicas, to);
        self.change(topic.id, partition.partition_id, |target| {
            (target.replicas, target.adding, target.removing) = (replicas, adding, removing);
        });
        Ok(())
    }
    // ANCHOR_END: reassign

    fn give_up(&mut self, topic: &Topic, partition: &PartitionRegistration) -> Result<(), PartitionError> {
        if !is_moving(partition) {
            return Err(ErrorCode::NO_REASSIGNMENT_IN_PROGRESS.into());
        }
        let PartitionRegistration { replicas, adding_replicas, isr, .. } = partition;
        let Some(Moved { replicas, isr }) = give_up(replicas, adding_replicas, isr) else {
            let why = format!(
                "Unable to revert partition assignment for {}:{} because it would require an unclean leader election.",
                topic.name, partition.partition_id
            );
            return Err(refusal(ErrorCode::INVALID_REPLICA_ASSIGNMENT, why));
        };
        self.change(topic.id, partition.partition_id, |target| {
            (target.replicas, target.isr) = (replicas, isr);
            (target.adding, target.removing) = (Vec::new(), Vec::new());
        });
        Ok(())
    }
}
