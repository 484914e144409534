//! A partition whose leader has changed: the old one says so, and a client has to look for the new one.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ch00_wire::broker;
use ch00_wire::codec::Chunk;
use ch00_wire::config::{WireConfig, load};
use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply, Router};
use ch00_wire::tasks::Tasks;
use ch01_log::messages::*;

use super::command::{run, run_with};

/// Two brokers that do as they are told. Metadata gives broker 1 as the leader of `t-0`; once that has refused a request,
/// it is broker 2.
#[derive(Default)]
struct Script {
    addresses: Mutex<Vec<SocketAddr>>,
    /// Requests that broker 1 has refused.
    refused: AtomicUsize,
    /// The batch that broker 2 has taken; its offset is 0, as it came.
    stored: Mutex<Bytes>,
}

/// One of the two, by its id.
struct Node(i32, Arc<Script>);

impl Node {
    /// What the broker says to a request that only a leader serves.
    fn verdict(&self) -> ErrorCode {
        if self.0 == 2 {
            return ErrorCode::NONE;
        }
        self.1.refused.fetch_add(1, Ordering::SeqCst);
        ErrorCode::NOT_LEADER_OR_FOLLOWER
    }
}

async fn metadata(node: Arc<Node>, _: Context, _: MetadataRequest) -> Reply<MetadataResponse> {
    let leader_id = if node.1.refused.load(Ordering::SeqCst) > 0 { 2 } else { 1 };
    let broker = |(node_id, address): (i32, &SocketAddr)| MetadataResponseBroker {
        node_id,
        host: address.ip().to_string(),
        port: address.port().into(),
        ..Default::default()
    };
    let partition = MetadataResponsePartition { leader_id, replica_nodes: vec![1, 2], ..Default::default() };
    let topic = MetadataResponseTopic { name: Some("t".into()), partitions: vec![partition], ..Default::default() };
    Reply::Now(MetadataResponse {
        brokers: (1..).zip(node.1.addresses.lock().unwrap().iter()).map(broker).collect(),
        controller_id: 1,
        topics: vec![topic],
        ..Default::default()
    })
}

async fn produce(node: Arc<Node>, _: Context, mut request: ProduceRequest) -> Reply<ProduceResponse> {
    let error_code = node.verdict();
    let mut topic = request.topic_data.remove(0);
    if !error_code.is_error() {
        *node.1.stored.lock().unwrap() = topic.partition_data.remove(0).records.unwrap();
    }
    let partition = ProducePartitionResponse { error_code, ..Default::default() };
    let (name, topic_id) = (topic.name, topic.topic_id);
    let response = ProduceTopicResponse { name, topic_id, partition_responses: vec![partition] };
    Reply::Now(ProduceResponse { responses: vec![response], ..Default::default() })
}

async fn list_offsets(node: Arc<Node>, _: Context, _: ListOffsetsRequest) -> Reply<ListOffsetsResponse> {
    let partition = ListOffsetsPartitionResponse { error_code: node.verdict(), offset: 0, ..Default::default() };
    let topic = ListOffsetsTopicResponse { name: "t".into(), partitions: vec![partition] };
    Reply::Now(ListOffsetsResponse { topics: vec![topic], ..Default::default() })
}

async fn fetch(node: Arc<Node>, _: Context, mut request: FetchRequest) -> Reply<FetchResponse> {
    let records = Some(Chunk::Bytes(node.1.stored.lock().unwrap().clone()));
    let error_code = node.verdict();
    let partition = FetchPartitionResponse { error_code, high_watermark: 1, records, ..Default::default() };
    let topic = request.topics.remove(0);
    let (topic, topic_id) = (topic.topic, topic.topic_id);
    let response = FetchTopicResponse { topic, topic_id, partitions: vec![partition] };
    Reply::Now(FetchResponse { responses: vec![response], ..Default::default() })
}

/// Starts both; they end with the runtime.
fn start(script: &Arc<Script>, tasks: &Tasks) {
    for id in [1, 2] {
        let config = load::<WireConfig>(None, &["listeners=PLAINTEXT://127.0.0.1:0".to_owned()]).unwrap().config;
        let node = Arc::new(Node(id, script.clone()));
        let mut router = Router::new();
        router.add(&node, metadata);
        router.add(&node, produce);
        router.add(&node, list_offsets);
        router.add(&node, fetch);
        let listeners = broker::bind(&config).unwrap();
        script.addresses.lock().unwrap().push(listeners[0].0.address);
        let router = Arc::new(router);
        broker::serve(listeners, |_| router.clone(), &config, tasks);
    }
}

#[test]
fn a_client_that_is_told_of_another_leader_looks_for_it() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let script = Arc::<Script>::default();
    runtime.block_on(async { start(&script, &Tasks::new()) });
    let bootstrap = script.addresses.lock().unwrap()[0].to_string();
    let produced = run_with(&["produce", "t", "--verbose", "--idempotent", "false", "--bootstrap", &bootstrap], b"v\n");
    assert_eq!(produced.ok(), "0@0\n");
    assert_eq!(script.refused.swap(0, Ordering::SeqCst), 1, "the old leader is asked once, and not again");
    let consumed = run(&["consume", "t", "--from", "beginning", "--count", "1", "--bootstrap", &bootstrap]);
    assert_eq!(consumed.ok(), "v\n");
    assert_eq!(script.refused.swap(0, Ordering::SeqCst), 1, "asked for the first offset, and not again");
    let consumed = run(&["consume", "t", "--from", "0", "--count", "1", "--bootstrap", &bootstrap]);
    assert_eq!(consumed.ok(), "v\n");
    assert!(script.refused.load(Ordering::SeqCst) >= 1, "the old leader was asked first");
}
