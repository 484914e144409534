//! Metadata: as before, but for two things. Topics that are created because someone asks about them are created by the
//! controller. And answers come a little later: when a leader has just died, the next one should be known.
//!
//! Clients notice a dead leader as soon as brokers do, and ask at once who leads now. The controller needs some milliseconds
//! to decide that. Who is told the old leader again asks the next time a second later.

use std::sync::Arc;
use std::time::Duration;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch00_wire::table::Request;
use ch01_log::handlers::metadata;
use ch01_log::messages::{
    CreatableTopic, CreatableTopicResult, CreateTopicsRequest, MetadataRequest, MetadataResponse,
};
use ch01_log::metadata::is_internal;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::assigned_partitions::Suspects;
use crate::broker::State;
use crate::handlers::decided::send_on;

/// What a client knows of a broker's death this one knows by then, too.
const NEWS: Duration = Duration::from_millis(3);
/// How long an answer may wait for the controller.
const MOMENT: Duration = Duration::from_millis(250);

/// Answers from the image.
pub async fn handle(state: Arc<State>, context: Context, mut request: MetadataRequest) -> Reply<MetadataResponse> {
    let may_create = state.log.config.auto_create_topics_enable && request.allow_auto_topic_creation;
    let image = state.log.image();
    let asked = request.topics.iter().flatten().filter(|topic| topic.topic_id.is_zero());
    let names = asked.filter_map(|topic| topic.name.clone());
    // Kafka's own topics are created by those who need them, with settings of their own.
    let missing: Vec<String> = names.filter(|name| image.topic(name).is_none() && !is_internal(name)).collect();
    request.allow_auto_topic_creation = false;
    let suspects = state.partitions.suspects();
    if missing.is_empty() || !may_create {
        // Nobody else could lead.
        if image.brokers.len() == 1 {
            return metadata::handle(state.log.clone(), context, request).await;
        }
        return Reply::Later(Box::pin(async move {
            wait_for_leaders(suspects).await;
            answer(state, context, request).await
        }));
    }
    Reply::Later(Box::pin(async move {
        // As this broker's configuration says, which is not the controller's.
        let config = &state.log.config;
        let (num_partitions, copies) = (config.num_partitions, config.default_replication_factor as i16);
        let topic = |name| CreatableTopic { name, num_partitions, replication_factor: copies, ..Default::default() };
        let create = CreateTopicsRequest { topics: missing.into_iter().map(topic).collect(), ..Default::default() };
        let by_us = Context { version: CreateTopicsRequest::MAX_VERSION, ..context.clone() };
        let Reply::Later(created) = send_on(state.clone(), by_us, create).await else { unreachable!("it is sent on") };
        let created = created.await;
        let mut answer = answer(state, context, request).await;
        let unknown =
            answer.topics.iter_mut().filter(|topic| topic.error_code == ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        for topic in unknown {
            let is_it = |refused: &&CreatableTopicResult| Some(&refused.name) == topic.name.as_ref();
            let mut refused = created.topics.iter().filter(|created| created.error_code.is_error());
            topic.error_code = refused.find(is_it).map_or(topic.error_code, |refused| refused.error_code);
        }
        answer
    }))
}

async fn answer(state: Arc<State>, context: Context, request: MetadataRequest) -> MetadataResponse {
    match metadata::handle(state.log.clone(), context, request).await {
        Reply::Now(answer) => answer,
        Reply::Later(answer) => answer.await,
        Reply::None | Reply::Close => MetadataResponse::default(),
    }
}

// ANCHOR: wait_for_leaders
/// Completes when nobody is suspected any more, or after a while. Of whom nothing has become known in that time, he may
/// well be alive: other answers do not wait for it again.
async fn wait_for_leaders(mut suspects: watch::Receiver<Suspects>) {
    sleep(NEWS).await;
    let is_settled = |suspects: &Suspects| suspects.values().all(|since| since.elapsed() > MOMENT);
    let _ = timeout(MOMENT, suspects.wait_for(is_settled)).await;
}
// ANCHOR_END: wait_for_leaders
