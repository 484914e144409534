//! FindCoordinator: which broker is a group's coordinator? The leader of its partition of `__consumer_offsets`, which is
//! created when somebody asks for the first time.

use std::sync::Arc;
use std::time::Duration;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch00_wire::table::Request;
use ch01_log::broker::endpoint_for;
use ch01_log::messages::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use ch01_log::metadata::MetadataImage;
use ch04_controller::handlers::decided::send_on;

use crate::coordinator::{GroupCoordinator, OFFSETS_TOPIC};
use crate::messages::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse, GROUP_KEY};
use crate::shard::shard_of;

/// The first version that asks for many.
const MANY: i16 = 4;
/// How long somebody who asks too early waits for leaders of a topic that has just been created.
const MOMENT: Duration = Duration::from_millis(500);

// ANCHOR: handle
/// Says who it is, for one key or many.
pub async fn handle(
    groups: Arc<GroupCoordinator>,
    context: Context,
    request: FindCoordinatorRequest,
) -> Reply<FindCoordinatorResponse> {
    Reply::Later(Box::pin(async move {
        if request.key_type == GROUP_KEY && groups.offsets_topic().is_none() {
            create(&groups, &context).await;
        }
        let image = groups.broker.log.image();
        let find = |key: String| match request.key_type {
            GROUP_KEY => find(&image, &context, key),
            other => {
                let why = format!("this broker has no coordinators for keys of type {other}, only for groups");
                nobody(key, ErrorCode::INVALID_REQUEST, why)
            }
        };
        if context.version >= MANY {
            let coordinators = request.coordinator_keys.into_iter().map(find).collect();
            return FindCoordinatorResponse { coordinators, ..Default::default() };
        }
        let Coordinator { node_id, host, port, error_code, error_message, .. } = find(request.key);
        FindCoordinatorResponse { node_id, host, port, error_code, error_message, ..Default::default() }
    }))
}
// ANCHOR_END: handle

fn find(image: &MetadataImage, context: &Context, key: String) -> Coordinator {
    let Some(topic) = image.topic(OFFSETS_TOPIC).filter(|topic| !topic.partitions.is_empty()) else {
        let why = format!("{OFFSETS_TOPIC} is not there yet");
        return nobody(key, ErrorCode::COORDINATOR_NOT_AVAILABLE, why);
    };
    let shard = shard_of(&key, topic.partitions.len() as i32);
    let leader = image.brokers.get(&topic.partitions[shard as usize].leader);
    let Some((leader, endpoint)) = leader.and_then(|leader| Some((leader, endpoint_for(leader, context)?))) else {
        let why = format!("{OFFSETS_TOPIC}-{shard} has no leader");
        return nobody(key, ErrorCode::COORDINATOR_NOT_AVAILABLE, why);
    };
    Coordinator {
        key,
        node_id: leader.id,
        host: endpoint.host.clone(),
        port: endpoint.port.into(),
        error_code: ErrorCode::NONE,
        error_message: None,
    }
}

fn nobody(key: String, error_code: ErrorCode, why: String) -> Coordinator {
    Coordinator { key, node_id: -1, host: String::new(), port: -1, error_code, error_message: Some(why) }
}

// ANCHOR: create
/// Has the controller create the topic. With fewer brokers than copies are wanted, there are fewer copies; but all brokers
/// that the cluster knows count, also those that are down: else the first group would decide for ever.
async fn create(groups: &Arc<GroupCoordinator>, context: &Context) {
    let config = &groups.config;
    let brokers = groups.broker.partitions.cluster().nodes.brokers().count();
    let copies = (config.offsets_topic_replication_factor as usize).min(brokers) as i16;
    let segment_bytes = config.offsets_topic_segment_bytes.to_string();
    let settings = [("cleanup.policy", "compact"), ("segment.bytes", &segment_bytes)];
    let setting = |(name, value): (&str, &str)| CreatableTopicConfig { name: name.into(), value: Some(value.into()) };
    let topic = CreatableTopic {
        name: OFFSETS_TOPIC.to_owned(),
        num_partitions: config.offsets_topic_num_partitions,
        replication_factor: copies,
        configs: settings.map(setting).into(),
        ..Default::default()
    };
    let request = CreateTopicsRequest { topics: vec![topic], timeout_ms: 30_000, ..Default::default() };
    let by_us = Context { version: CreateTopicsRequest::MAX_VERSION, ..context.clone() };
    if let Reply::Later(created) = send_on(groups.broker.clone(), by_us, request).await {
        // Whoever was faster has created the same.
        created.await;
    }
    let mut images = groups.broker.log.image.clone();
    let has_leaders = |image: &Arc<MetadataImage>| {
        let topic = image.topic(OFFSETS_TOPIC);
        topic.is_some_and(|topic| topic.partitions.iter().all(|partition| partition.leader >= 0))
    };
    let _ = tokio::time::timeout(MOMENT, images.wait_for(has_leaders)).await;
}
// ANCHOR_END: create
