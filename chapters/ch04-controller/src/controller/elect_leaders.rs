//! ElectLeaders: administrators move leaders back to where they belong, or to whoever is left.

use ch00_wire::error_code::ErrorCode;

use super::draft::Draft;
use super::{At, Controller, Election, Outcome};
use crate::messages::{ElectLeadersRequest, ElectLeadersResponse, PartitionElectionResult, ReplicaElectionResult};
use crate::records::NO_LEADER;

impl Controller {
    /// Elects leaders of the partitions that were named, or of all that need one.
    pub fn elect_leaders(&mut self, _at: At, request: &ElectLeadersRequest) -> Outcome<ElectLeadersResponse> {
        let election = match request.election_type {
            0 => Election::Preferred,
            1 => Election::Unclean,
            _ => {
                let error_code = ErrorCode::INVALID_REQUEST;
                return Outcome::nothing(ElectLeadersResponse { error_code, ..Default::default() });
            }
        };
        let mut draft = self.draft();
        let wanted: Vec<(String, Vec<i32>)> = match &request.topic_partitions {
            Some(topics) => topics.iter().map(|topic| (topic.topic.clone(), topic.partitions.clone())).collect(),
            None => {
                let topics = draft.image.topics.iter();
                topics.map(|topic| (topic.name.clone(), topic.partitions.keys().copied().collect())).collect()
            }
        };
        let is_for_all = request.topic_partitions.is_none();
        let mut replica_election_results = Vec::new();
        for (topic, partitions) in wanted {
            let elected = partitions.iter().map(|&index| (index, draft.elect(&topic, index, election).err()));
            // Who asks for all wants to know what has happened, and not where nothing had to.
            let reported = elected.filter(|(_, error)| !is_for_all || *error != Some(ErrorCode::ELECTION_NOT_NEEDED));
            let result = |(partition_id, error): (i32, Option<ErrorCode>)| PartitionElectionResult {
                partition_id,
                error_code: error.unwrap_or(ErrorCode::NONE),
                error_message: None,
            };
            let partition_result = reported.map(result).collect();
            replica_election_results.push(ReplicaElectionResult { topic, partition_result });
        }
        draft.done(ElectLeadersResponse { replica_election_results, ..Default::default() })
    }
}

impl Draft<'_> {
    fn elect(&mut self, topic: &str, index: i32, election: Election) -> Result<(), ErrorCode> {
        let topic = self.image.topics.by_name(topic).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let partition = topic.partitions.get(&index).ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
        let (is_needed, error) = match election {
            Election::Unclean => (partition.leader == NO_LEADER, ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE),
            _ => (partition.replicas.first() != Some(&partition.leader), ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE),
        };
        if !is_needed {
            return Err(ErrorCode::ELECTION_NOT_NEEDED);
        }
        match self.change(topic.id, index, |target| target.election = election) {
            true => Ok(()),
            false => Err(error),
        }
    }
}
