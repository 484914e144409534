//! Topics get more partitions.

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch01_log::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult,
};
use ch01_log::partition::PartitionError;

use super::draft::{Draft, refusal, repeated};
use super::{At, Controller, Outcome, UsableBroker, place};
use crate::image::PartitionRegistration;

impl Controller {
    /// Gives topics more partitions; those that there are stay as they are.
    pub fn create_partitions(
        &mut self,
        _at: At,
        request: &CreatePartitionsRequest,
    ) -> Outcome<CreatePartitionsResponse> {
        let starts: Vec<_> = request.topics.iter().map(|_| self.random.below(u16::MAX.into())).collect();
        let repeated = repeated(request.topics.iter().map(|topic| topic.name.as_str()));
        let mut draft = self.draft();
        let mut results = Vec::new();
        for (topic, start) in request.topics.iter().zip(starts) {
            let planned = match repeated.contains(topic.name.as_str()) {
                true => Err(refusal(ErrorCode::INVALID_REQUEST, "Duplicate topic name.")),
                false => draft.plan_growth(topic, start),
            };
            let grown = planned.map(|(topic_id, first, replicas)| {
                for (index, replicas) in (first..).zip(&replicas) {
                    draft.create_partition(topic_id, index, replicas);
                }
            });
            let e = grown.err().unwrap_or(ErrorCode::NONE.into());
            let name = topic.name.clone();
            results.push(CreatePartitionsTopicResult { name, error_code: e.code, error_message: e.message });
        }
        draft.done_unless(request.validate_only, CreatePartitionsResponse { results, ..Default::default() })
    }
}

/// A topic's id, the index of the first new partition, and the replicas of all new ones.
type Growth = (Uuid, i32, Vec<Vec<i32>>);

impl Draft<'_> {
    fn plan_growth(&self, wanted: &CreatePartitionsTopic, start: usize) -> Result<Growth, PartitionError> {
        let topic = self.image.topics.by_name(&wanted.name).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let has = topic.partitions.len() as i32;
        let more = wanted.count.saturating_sub(has);
        if more <= 0 {
            let why = match more {
                0 => format!("Topic already has {has} partition(s)."),
                _ => format!(
                    "The topic {} currently has {has} partition(s); {} would not be an increase.",
                    wanted.name, wanted.count
                ),
            };
            return Err(refusal(ErrorCode::INVALID_PARTITIONS, why));
        }
        let assigned = wanted.assignments.as_ref();
        if let Some(assigned) = assigned.filter(|assigned| assigned.len() as i32 != more) {
            let why = format!(
                "Attempted to add {more} additional partition(s), but only {} assignment(s) were specified.",
                assigned.len()
            );
            return Err(refusal(ErrorCode::INVALID_REPLICA_ASSIGNMENT, why));
        }
        self.check_room(more as usize)?;
        // As many copies as the first has, or will have when what moves has moved.
        let copies = |first: &PartitionRegistration| first.replicas.len() - first.removing_replicas.len();
        let copies = topic.partitions.first_key_value().map_or(1, |(_, first)| copies(first));
        let replicas = match assigned {
            None => self.place(more as usize, copies, start)?,
            Some(assigned) => {
                for (index, assignment) in (has..).zip(assigned) {
                    self.check_assignment(&assignment.broker_ids, Some(copies))?;
                    self.check_someone_is_there(index, &assignment.broker_ids)?;
                }
                assigned.iter().map(|assignment| assignment.broker_ids.clone()).collect()
            }
        };
        Ok((topic.id, has, replicas))
    }

    /// Brokers for new partitions.
    pub(super) fn place(
        &self,
        partitions: usize,
        copies: usize,
        start: usize,
    ) -> Result<Vec<Vec<i32>>, PartitionError> {
        let usable = |id, rack: &Option<String>| UsableBroker { id, rack: rack.clone(), fenced: !self.is_active(id) };
        let brokers: Vec<_> = self.image.nodes.brokers().map(|broker| usable(broker.broker_id, &broker.rack)).collect();
        place(&brokers, partitions, copies, start)
    }
}
