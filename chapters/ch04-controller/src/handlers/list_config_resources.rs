//! ListConfigResources: for what are there settings?

use std::collections::BTreeSet;
use std::sync::Arc;

use ch00_wire::router::{Context, Reply};

use crate::broker::State;
use crate::image::{BROKER_RESOURCE, TOPIC_RESOURCE};
use crate::messages::{ListConfigResourcesRequest, ListConfigResourcesResponse, ListedConfigResource};

/// Metrics that clients are asked for: the only kind that version 0 knows.
const CLIENT_METRICS: i8 = 16;

/// Answers from the image: topics and brokers have settings whether any were made or not.
pub async fn handle(
    state: Arc<State>,
    context: Context,
    request: ListConfigResourcesRequest,
) -> Reply<ListConfigResourcesResponse> {
    let cluster = state.partitions.cluster();
    let kinds = if context.version == 0 { vec![CLIENT_METRICS] } else { request.resource_types };
    let mut found: BTreeSet<(i8, String)> = BTreeSet::new();
    found.extend(cluster.topics.iter().map(|topic| (TOPIC_RESOURCE, topic.name.clone())));
    found.extend(cluster.nodes.brokers().map(|broker| (BROKER_RESOURCE, broker.broker_id.to_string())));
    found.extend(cluster.configs.resources().map(|(resource, _)| (resource.resource_type, resource.name.clone())));
    let listed = found.into_iter().filter(|(kind, _)| kinds.is_empty() || kinds.contains(kind));
    let config_resources =
        listed.map(|(resource_type, resource_name)| ListedConfigResource { resource_name, resource_type }).collect();
    ListConfigResourcesResponse { config_resources, ..Default::default() }.into()
}
