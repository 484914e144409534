//! Metadata: which brokers are there, which topics, who leads their partitions?
//!
//! The answer is a view of the image. One thing is more than a view: a topic that is asked for and does not exist is
//! created, where both the client and `auto.create.topics.enable` allow it.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch00_wire::uuid::Uuid;

use crate::broker::{State, endpoint_for};
use crate::config::TopicSettings;
use crate::handlers::{ALL_CLUSTER_OPERATIONS, ALL_TOPIC_OPERATIONS, operations};
use crate::messages::{
    MetadataRequest, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::metadata::{BrokerImage, PartitionImage, TopicImage, check_topic_name, is_internal};
use crate::topics::NewTopic;

// ANCHOR: handle
/// Answers from the image, after creating what may be created.
pub async fn handle(state: Arc<State>, context: Context, request: MetadataRequest) -> Reply<MetadataResponse> {
    let wanted = match request.topics {
        // Version 0 has no null: there an empty list asks for everything.
        Some(topics) if !(topics.is_empty() && context.version == 0) => Some(topics),
        _ => None,
    };
    let may_create = state.config.auto_create_topics_enable && request.allow_auto_topic_creation;
    let mut refused = Vec::new();
    if may_create && let Some(wanted) = &wanted {
        let image = state.image();
        let missing = wanted.iter().filter(|t| t.topic_id.is_zero()).filter_map(|t| t.name.as_ref());
        let missing: Vec<_> = missing.filter(|name| image.topic(name).is_none()).cloned().collect();
        if !missing.is_empty() {
            refused = create(&state, missing).await;
        }
    }
    let image = state.image();
    let with_operations = request.include_topic_authorized_operations;
    let topics = match wanted {
        None => image.topics().map(|topic| describe(topic, with_operations)).collect(),
        Some(wanted) => {
            let describe_one = |t: crate::messages::MetadataRequestTopic| match (&t.name, t.topic_id) {
                (_, id) if !id.is_zero() => match image.topic_by_id(id) {
                    Some(topic) => describe(topic, with_operations),
                    None => unknown(None, id, ErrorCode::UNKNOWN_TOPIC_ID, context.version),
                },
                (Some(name), _) => match image.topic(name) {
                    Some(topic) => describe(topic, with_operations),
                    None => unknown(Some(name.clone()), Uuid::ZERO, why_missing(name, &refused), context.version),
                },
                (None, _) => unknown(None, Uuid::ZERO, ErrorCode::INVALID_REQUEST, context.version),
            };
            wanted.into_iter().map(describe_one).collect()
        }
    };
    MetadataResponse {
        brokers: image.brokers.values().filter_map(|broker| describe_broker(broker, &context)).collect(),
        cluster_id: Some(image.cluster_id.clone()),
        controller_id: image.controller_id,
        topics,
        cluster_authorized_operations: operations(
            request.include_cluster_authorized_operations,
            ALL_CLUSTER_OPERATIONS,
        ),
        ..Default::default()
    }
    .into()
}
// ANCHOR_END: handle

/// Creates topics with the broker's defaults; returns those that could not be, and why.
async fn create(state: &Arc<State>, names: Vec<String>) -> Vec<(String, ErrorCode)> {
    let new = |name: &String| NewTopic {
        name: name.clone(),
        partitions: -1,
        replication_factor: -1,
        assignments: Vec::new(),
        settings: TopicSettings::new(),
    };
    let topics = state.topics.clone();
    let create = move || {
        let wanted: Vec<_> = names.iter().map(new).collect();
        let results = topics.lock().unwrap().create(&wanted, false);
        let refused = names.into_iter().zip(results).filter_map(|(name, result)| Some((name, result.err()?.code)));
        refused.collect()
    };
    state.tasks.blocking(create).await
}

fn why_missing(name: &str, refused: &[(String, ErrorCode)]) -> ErrorCode {
    if check_topic_name(name).is_err() {
        return ErrorCode::INVALID_TOPIC_EXCEPTION;
    }
    let refusal = refused.iter().find(|(topic, _)| topic == name).map(|(_, code)| *code);
    refusal.unwrap_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
}

fn unknown(name: Option<String>, topic_id: Uuid, error_code: ErrorCode, version: i16) -> MetadataResponseTopic {
    // Before version 12 a name is never null.
    let name = if version < 12 { Some(name.unwrap_or_default()) } else { name };
    MetadataResponseTopic { error_code, name, topic_id, ..Default::default() }
}

fn describe(topic: &TopicImage, with_operations: bool) -> MetadataResponseTopic {
    let partitions = (0..).zip(&topic.partitions).map(|(partition_index, partition)| MetadataResponsePartition {
        error_code: partition_error(partition),
        partition_index,
        leader_id: partition.leader,
        leader_epoch: partition.leader_epoch,
        replica_nodes: partition.replicas.clone(),
        isr_nodes: partition.isr.clone(),
        offline_replicas: Vec::new(),
    });
    MetadataResponseTopic {
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        is_internal: is_internal(&topic.name),
        partitions: partitions.collect(),
        topic_authorized_operations: operations(with_operations, ALL_TOPIC_OPERATIONS),
        ..Default::default()
    }
}

/// What a client is told of a partition: without a leader it has to ask again later.
pub fn partition_error(partition: &PartitionImage) -> ErrorCode {
    if partition.leader < 0 { ErrorCode::LEADER_NOT_AVAILABLE } else { ErrorCode::NONE }
}

fn describe_broker(broker: &BrokerImage, context: &Context) -> Option<MetadataResponseBroker> {
    let endpoint = endpoint_for(broker, context)?;
    let (host, port) = (endpoint.host.clone(), i32::from(endpoint.port));
    Some(MetadataResponseBroker { node_id: broker.id, host, port, rack: broker.rack.clone() })
}
