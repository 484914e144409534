//! Topics are created and deleted.
//!
//! Each topic of a request is accepted or refused for itself; those that are accepted are created together, in one batch.
//! A topic's records are its name and id, its settings, then its partitions.

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch01_log::messages::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest,
    CreateTopicsResponse, DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use ch01_log::metadata::{check_topic_name, metric_name};
use ch01_log::partition::PartitionError;

use super::draft::{Draft, refusal, repeated};
use super::{At, Controller, Outcome};
use crate::image::{ConfigResource, Settings};
use crate::records::{PartitionRecord, RemoveTopicRecord, TopicRecord};

/// The metadata log's own name, which is none for a topic.
const CLUSTER_METADATA: &str = "__cluster_metadata";
/// Where a setting comes from: the topic's own.
const DYNAMIC_TOPIC_CONFIG: i8 = 1;

/// A topic that can be created.
struct Plan {
    settings: Settings,
    /// The replicas of each partition.
    replicas: Vec<Vec<i32>>,
}

impl Controller {
    // ANCHOR: create_topics
    /// Creates topics, or only says whether they could be created.
    pub fn create_topics(&mut self, _at: At, request: &CreateTopicsRequest) -> Outcome<CreateTopicsResponse> {
        // Drawn before anything is decided: what a draft looks at stands still.
        let drawn: Vec<_> =
            request.topics.iter().map(|_| (self.random.id(), self.random.below(u16::MAX.into()))).collect();
        let repeated = repeated(request.topics.iter().map(|topic| topic.name.as_str()));
        let mut draft = self.draft();
        let mut topics = Vec::new();
        for (topic, (topic_id, start)) in request.topics.iter().zip(drawn) {
            let plan = match repeated.contains(topic.name.as_str()) {
                true => Err(refusal(ErrorCode::INVALID_REQUEST, "Duplicate topic name.")),
                false => draft.plan(topic, start),
            };
            topics.push(match plan {
                Ok(plan) => {
                    draft.create(&topic.name, topic_id, &plan);
                    created(topic, if request.validate_only { Uuid::ZERO } else { topic_id }, &plan)
                }
                Err(e) => {
                    let (name, error_code, error_message) = (topic.name.clone(), e.code, e.message);
                    CreatableTopicResult { name, error_code, error_message, ..Default::default() }
                }
            });
        }
        draft.done_unless(request.validate_only, CreateTopicsResponse { topics, ..Default::default() })
    }
    // ANCHOR_END: create_topics

    /// Deletes topics, by name or id.
    pub fn delete_topics(&mut self, _at: At, request: &DeleteTopicsRequest) -> Outcome<DeleteTopicsResponse> {
        let by_name = |name: &String| DeleteTopicState { name: Some(name.clone()), topic_id: Uuid::ZERO };
        let wanted = request.topics.iter().cloned().chain(request.topic_names.iter().map(by_name));
        let mut draft = self.draft();
        let responses = wanted.map(|topic| draft.delete(&topic)).collect();
        draft.done(DeleteTopicsResponse { responses, ..Default::default() })
    }
}

fn created(topic: &CreatableTopic, topic_id: Uuid, plan: &Plan) -> CreatableTopicResult {
    let config = |(name, value): (&String, &String)| CreatableTopicConfigs {
        name: name.clone(),
        value: Some(value.clone()),
        config_source: DYNAMIC_TOPIC_CONFIG,
        ..Default::default()
    };
    CreatableTopicResult {
        name: topic.name.clone(),
        topic_id,
        num_partitions: plan.replicas.len() as i32,
        replication_factor: plan.replicas[0].len() as i16,
        configs: Some(plan.settings.iter().map(config).collect()),
        ..Default::default()
    }
}

impl Draft<'_> {
    // ANCHOR: plan
    /// Checks what is asked, and fills in what is left open.
    fn plan(&self, topic: &CreatableTopic, start: usize) -> Result<Plan, PartitionError> {
        self.check_name(&topic.name)?;
        let null_values: Vec<_> =
            topic.configs.iter().filter(|config| config.value.is_none()).map(|config| config.name.as_str()).collect();
        if !null_values.is_empty() {
            let why = format!("Null value not supported for topic configs: {}", null_values.join(","));
            return Err(refusal(ErrorCode::INVALID_CONFIG, why));
        }
        let setting =
            |config: &ch01_log::messages::CreatableTopicConfig| Some((config.name.clone(), config.value.clone()?));
        let settings: Settings = topic.configs.iter().filter_map(setting).collect();
        self.controller.settings.rules.check(&ConfigResource::topic(&topic.name), &Settings::new(), &settings)?;
        let replicas = match topic.assignments.is_empty() {
            true => self.place_topic(topic, settings.len(), start)?,
            false => self.check_assignments(topic)?,
        };
        self.check_room(1 + settings.len() + replicas.len())?;
        Ok(Plan { settings, replicas })
    }
    // ANCHOR_END: plan

    fn check_name(&self, name: &str) -> Result<(), PartitionError> {
        if name == CLUSTER_METADATA {
            let why = format!("Creation of internal topic {name} is prohibited.");
            return Err(refusal(ErrorCode::INVALID_REQUEST, why));
        }
        if self.image.topics.by_name(name).is_some() {
            return Err(refusal(ErrorCode::TOPIC_ALREADY_EXISTS, format!("Topic '{name}' already exists.")));
        }
        check_topic_name(name).map_err(|why| refusal(ErrorCode::INVALID_TOPIC_EXCEPTION, why))?;
        // `.` and `_` are the same where metrics are named.
        let metric = metric_name(name);
        let collides = |other: &&str| other.len() == name.len() && metric_name(other) == metric;
        match self.image.topics.iter().map(|topic| topic.name.as_str()).find(collides) {
            Some(other) => Err(refusal(
                ErrorCode::INVALID_TOPIC_EXCEPTION,
                format!("Topic '{name}' collides with existing topic: {other}"),
            )),
            None => Ok(()),
        }
    }

    /// Brokers for the partitions of a topic whose creator only gave numbers.
    fn place_topic(
        &self,
        topic: &CreatableTopic,
        settings: usize,
        start: usize,
    ) -> Result<Vec<Vec<i32>>, PartitionError> {
        let defaults = &self.controller.settings;
        if topic.replication_factor < -1 || topic.replication_factor == 0 {
            let why = "Replication factor must be larger than 0, or -1 to use the default value.";
            return Err(refusal(ErrorCode::INVALID_REPLICATION_FACTOR, why));
        }
        if topic.num_partitions < -1 || topic.num_partitions == 0 {
            let why = "Number of partitions was set to an invalid non-positive value.";
            return Err(refusal(ErrorCode::INVALID_PARTITIONS, why));
        }
        let partitions = if topic.num_partitions == -1 { defaults.num_partitions } else { topic.num_partitions };
        let copies =
            if topic.replication_factor == -1 { defaults.default_replication_factor } else { topic.replication_factor };
        self.check_room(1 + settings + partitions as usize)?;
        self.place(partitions as usize, copies as usize, start)
    }

    fn check_assignments(&self, topic: &CreatableTopic) -> Result<Vec<Vec<i32>>, PartitionError> {
        let both = |what: &str| format!("A manual partition assignment was specified, but {what} was not set to -1.");
        if topic.replication_factor != -1 {
            return Err(refusal(ErrorCode::INVALID_REQUEST, both("replication factor")));
        }
        if topic.num_partitions != -1 {
            return Err(refusal(ErrorCode::INVALID_REQUEST, both("numPartitions")));
        }
        let invalid = |why: String| refusal(ErrorCode::INVALID_REPLICA_ASSIGNMENT, why);
        let mut replicas: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        let copies = topic.assignments[0].broker_ids.len();
        for CreatableReplicaAssignment { partition_index, broker_ids } in &topic.assignments {
            self.check_assignment(broker_ids, Some(copies))?;
            self.check_someone_is_there(*partition_index, broker_ids)?;
            if replicas.insert(*partition_index, broker_ids.clone()).is_some() {
                let why = format!("Found multiple manual partition assignments for partition {partition_index}");
                return Err(invalid(why));
            }
        }
        match replicas.keys().copied().eq(0..replicas.len() as i32) {
            true => Ok(replicas.into_values().collect()),
            false => Err(invalid("partitions should be a consecutive 0-based integer sequence".to_owned())),
        }
    }

    fn create(&mut self, name: &str, topic_id: Uuid, plan: &Plan) {
        self.write(TopicRecord { name: name.to_owned(), topic_id });
        self.write_settings(&ConfigResource::topic(name), &Settings::new(), &plan.settings);
        for (index, replicas) in (0..).zip(&plan.replicas) {
            self.create_partition(topic_id, index, replicas);
        }
    }

    /// A partition begins with all active replicas in sync: they are all empty.
    pub(super) fn create_partition(&mut self, topic_id: Uuid, partition_id: i32, replicas: &[i32]) {
        let isr: Vec<i32> = replicas.iter().copied().filter(|&replica| self.is_active(replica)).collect();
        self.write(PartitionRecord {
            partition_id,
            topic_id,
            replicas: replicas.to_vec(),
            leader: *isr.first().expect("checked: somebody is there to lead"),
            isr,
            leader_epoch: 0,
            partition_epoch: 0,
            directories: replicas.iter().map(|&replica| self.default_directory(replica)).collect(),
            ..Default::default()
        });
    }

    fn delete(&mut self, wanted: &DeleteTopicState) -> DeletableTopicResult {
        let found = match &wanted.name {
            _ if !self.controller.settings.delete_topic_enable => Err(ErrorCode::TOPIC_DELETION_DISABLED),
            Some(_) if !wanted.topic_id.is_zero() => Err(ErrorCode::INVALID_REQUEST),
            Some(name) => self.image.topics.by_name(name).cloned().ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            None => self.image.topics.get(wanted.topic_id).cloned().ok_or(ErrorCode::UNKNOWN_TOPIC_ID),
        };
        match found {
            Ok(topic) => {
                self.write(RemoveTopicRecord { topic_id: topic.id });
                let (name, topic_id) = (Some(topic.name.clone()), topic.id);
                DeletableTopicResult { name, topic_id, ..Default::default() }
            }
            Err(error_code) => {
                let (name, topic_id) = (wanted.name.clone(), wanted.topic_id);
                DeletableTopicResult { name, topic_id, error_code, ..Default::default() }
            }
        }
    }

    /// Whether brokers chosen by hand can have the copies of a partition.
    pub(super) fn check_assignment(&self, brokers: &[i32], copies: Option<usize>) -> Result<(), PartitionError> {
        let invalid = |why: String| Err(refusal(ErrorCode::INVALID_REPLICA_ASSIGNMENT, why));
        if brokers.is_empty() {
            return invalid("The manual partition assignment includes an empty replica list.".to_owned());
        }
        if let Some(unknown) = brokers.iter().find(|&&broker| self.image.nodes.broker(broker).is_none()) {
            let why = format!("includes broker {unknown}, but no such broker is registered.");
            return invalid(format!("The manual partition assignment {why}"));
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = brokers.iter().find(|&broker| !seen.insert(broker)) {
            return invalid(format!("The manual partition assignment includes the broker {twice} more than once."));
        }
        match copies {
            Some(copies) if copies != brokers.len() => invalid(format!(
                "The manual partition assignment includes a partition with {} replica(s), but this is not consistent \
                 with previous partitions, which have {copies} replica(s).",
                brokers.len()
            )),
            _ => Ok(()),
        }
    }

    /// A new partition needs a broker that can lead it at once.
    pub(super) fn check_someone_is_there(&self, index: i32, brokers: &[i32]) -> Result<(), PartitionError> {
        match brokers.iter().any(|&broker| self.is_active(broker)) {
            true => Ok(()),
            false => Err(refusal(
                ErrorCode::INVALID_REPLICA_ASSIGNMENT,
                format!(
                    "All brokers specified in the manual partition assignment for partition {index} are fenced or in \
                     controlled shutdown."
                ),
            )),
        }
    }
}
