//! Metadata: as before, but for topics that are created because someone asks about them: the controller creates them.

use std::sync::Arc;

use ch00_wire::router::{Context, Reply};
use ch00_wire::table::Request;
use ch01_log::handlers::metadata;
use ch01_log::messages::{CreatableTopic, CreateTopicsRequest, MetadataRequest, MetadataResponse};

use crate::broker::State;
use crate::handlers::decided::send_on;

/// Answers from the image.
pub async fn handle(state: Arc<State>, context: Context, mut request: MetadataRequest) -> Reply<MetadataResponse> {
    let may_create = state.log.config.auto_create_topics_enable && request.allow_auto_topic_creation;
    let image = state.log.image();
    let asked = request.topics.iter().flatten().filter(|topic| topic.topic_id.is_zero());
    let names = asked.filter_map(|topic| topic.name.clone());
    let missing: Vec<String> = names.filter(|name| image.topic(name).is_none()).collect();
    request.allow_auto_topic_creation = false;
    if !may_create || missing.is_empty() {
        return metadata::handle(state.log.clone(), context, request).await;
    }
    Reply::Later(Box::pin(async move {
        let topic = |name| CreatableTopic { name, num_partitions: -1, replication_factor: -1, ..Default::default() };
        let create = CreateTopicsRequest { topics: missing.into_iter().map(topic).collect(), ..Default::default() };
        let by_us = Context { version: CreateTopicsRequest::MAX_VERSION, ..context.clone() };
        if let Reply::Later(created) = send_on(state.clone(), by_us, create).await {
            // Whatever is answered there, what is there is told.
            let _ = created.await;
        }
        match metadata::handle(state.log.clone(), context, request).await {
            Reply::Now(answer) => answer,
            Reply::Later(answer) => answer.await,
            Reply::None | Reply::Close => MetadataResponse::default(),
        }
    }))
}
