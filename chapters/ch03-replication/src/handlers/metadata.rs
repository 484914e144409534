//! Metadata: as before, but for topics that are created because someone asks about them. That is the first broker's
//! business: another one sends the question on, and answers when it has what came of it.

use std::sync::Arc;

use ch00_wire::router::{Context, Reply};
use ch01_log::handlers::metadata;
use ch01_log::messages::{MetadataRequest, MetadataResponse};

use crate::broker::State;
use crate::handlers::decided::forward;

/// Answers from the image.
pub async fn handle(state: Arc<State>, context: Context, mut request: MetadataRequest) -> Reply<MetadataResponse> {
    if state.decides() {
        return metadata::handle(state.log.clone(), context, request).await;
    }
    let may_create = state.log.config.auto_create_topics_enable && request.allow_auto_topic_creation;
    let image = state.log.image();
    let is_missing = |name: &Option<String>| name.as_deref().is_some_and(|name| image.topic(name).is_none());
    let asked = request.topics.iter().flatten();
    if may_create && asked.into_iter().any(|topic| topic.topic_id.is_zero() && is_missing(&topic.name)) {
        // Whatever is answered there, what is there is copied.
        let _ = forward(&state, &context, &request).await;
    }
    request.allow_auto_topic_creation = false;
    metadata::handle(state.log.clone(), context, request).await
}
