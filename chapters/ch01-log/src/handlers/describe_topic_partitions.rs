//! DescribeTopicPartitions: what Metadata says of topics, in pages (KIP-966).

use std::collections::BTreeSet;
use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};

use crate::broker::State;
use crate::handlers::ALL_TOPIC_OPERATIONS;
use crate::handlers::metadata::partition_error;
use crate::messages::{
    DescribeTopicPartitionsCursor, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use crate::metadata::{TopicImage, check_topic_name, is_internal};

/// Answers from the image: topics in the order of their names, from the cursor on, until the page is full.
pub async fn handle(
    state: Arc<State>,
    _context: Context,
    request: DescribeTopicPartitionsRequest,
) -> Reply<DescribeTopicPartitionsResponse> {
    let image = state.image();
    let cursor = request.cursor.unwrap_or_default();
    let asked: BTreeSet<String> = match request.topics.is_empty() {
        true => image.topics().map(|topic| topic.name.clone()).collect(),
        false => request.topics.into_iter().map(|topic| topic.name).collect(),
    };
    let mut left = request.response_partition_limit.clamp(1, state.config.max_request_partition_size_limit) as usize;
    let mut response = DescribeTopicPartitionsResponse::default();
    for name in asked.range(cursor.topic_name.clone()..) {
        let first = if *name == cursor.topic_name { cursor.partition_index.max(0) as usize } else { 0 };
        if left == 0 {
            response.next_cursor = Some(DescribeTopicPartitionsCursor { topic_name: name.clone(), partition_index: 0 });
            break;
        }
        let Some(topic) = image.topic(name) else {
            response.topics.push(unknown(name));
            continue;
        };
        let page = describe(topic, first, left);
        let shown = page.partitions.len();
        left -= shown;
        response.topics.push(page);
        if first + shown < topic.partitions.len() {
            let partition_index = (first + shown) as i32;
            response.next_cursor = Some(DescribeTopicPartitionsCursor { topic_name: name.clone(), partition_index });
            break;
        }
    }
    response.into()
}

fn unknown(name: &str) -> DescribeTopicPartitionsResponseTopic {
    let error_code = match check_topic_name(name) {
        Ok(()) => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        Err(_) => ErrorCode::INVALID_TOPIC_EXCEPTION,
    };
    DescribeTopicPartitionsResponseTopic { error_code, name: Some(name.to_owned()), ..Default::default() }
}

fn describe(topic: &TopicImage, first: usize, most: usize) -> DescribeTopicPartitionsResponseTopic {
    let partitions = (0..).zip(&topic.partitions).skip(first).take(most);
    let describe_one = |(partition_index, partition): (i32, &crate::metadata::PartitionImage)| {
        DescribeTopicPartitionsResponsePartition {
            error_code: partition_error(partition),
            partition_index,
            leader_id: partition.leader,
            leader_epoch: partition.leader_epoch,
            replica_nodes: partition.replicas.clone(),
            isr_nodes: partition.isr.clone(),
            eligible_leader_replicas: Some(Vec::new()),
            last_known_elr: Some(Vec::new()),
            offline_replicas: Vec::new(),
        }
    };
    DescribeTopicPartitionsResponseTopic {
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        is_internal: is_internal(&topic.name),
        partitions: partitions.map(describe_one).collect(),
        topic_authorized_operations: ALL_TOPIC_OPERATIONS,
        ..Default::default()
    }
}
