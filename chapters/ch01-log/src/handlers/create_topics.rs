//! CreateTopics: new topics, each accepted or refused for itself.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};

use crate::broker::State;
use crate::messages::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
};
use crate::metadata::TopicImage;
use crate::partition::PartitionError;
use crate::topics::NewTopic;

/// Where a setting comes from: the topic's own settings.
const DYNAMIC_TOPIC_CONFIG: i8 = 1;

/// Creates topics.
pub async fn handle(state: Arc<State>, _context: Context, request: CreateTopicsRequest) -> Reply<CreateTopicsResponse> {
    let validate_only = request.validate_only;
    let names: Vec<_> = request.topics.iter().map(|topic| topic.name.clone()).collect();
    let wanted: Vec<_> = request.topics.into_iter().map(new_topic).collect();
    let topics = state.topics.clone();
    let create = move || {
        // What is wrong with the request itself is found before anyone is asked to create anything.
        let possible: Vec<_> = wanted.iter().filter_map(|topic| topic.as_ref().ok().cloned()).collect();
        let mut created = topics.lock().unwrap().create(&possible, validate_only).into_iter();
        let result =
            |topic: Result<NewTopic, PartitionError>| topic.and_then(|_| created.next().expect("one for each"));
        wanted.into_iter().map(result).collect::<Vec<_>>()
    };
    let results = state.tasks.blocking(create).await;
    let topics = names.into_iter().zip(results).map(|(name, result)| answer(name, result, validate_only)).collect();
    CreateTopicsResponse { topics, ..Default::default() }.into()
}

fn new_topic(topic: CreatableTopic) -> Result<NewTopic, PartitionError> {
    let mut settings = std::collections::BTreeMap::new();
    for config in topic.configs {
        let value = config.value.ok_or_else(|| PartitionError {
            code: ErrorCode::INVALID_CONFIG,
            message: Some(format!("{}: null is no value", config.name)),
        })?;
        settings.insert(config.name, value);
    }
    Ok(NewTopic {
        name: topic.name,
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: topic.assignments.into_iter().map(|a| (a.partition_index, a.broker_ids)).collect(),
        settings,
    })
}

fn answer(name: String, result: Result<Arc<TopicImage>, PartitionError>, validate_only: bool) -> CreatableTopicResult {
    let topic = match result {
        Ok(topic) => topic,
        Err(e) => {
            let (error_code, error_message) = (e.code, e.message);
            return CreatableTopicResult { name, error_code, error_message, ..Default::default() };
        }
    };
    let config = |(name, value): (&String, &String)| CreatableTopicConfigs {
        name: name.clone(),
        value: Some(value.clone()),
        config_source: DYNAMIC_TOPIC_CONFIG,
        ..Default::default()
    };
    CreatableTopicResult {
        name,
        topic_id: if validate_only { Default::default() } else { topic.id },
        num_partitions: topic.partitions.len() as i32,
        replication_factor: topic.partitions.first().map_or(-1, |p| p.replicas.len() as i16),
        configs: Some(topic.settings.iter().map(config).collect()),
        ..Default::default()
    }
}
