//! Reading requests and writing answers, by the number of partitions in them: 1, 100 and 10,000.
//!
//! The cost of a partition should be the same in a small message and in a large one. Records are slices of the frame and
//! regions of files: they are not in these numbers, however many bytes they have.

mod common;

use bytes::Bytes;
use ch00_wire::codec::{Reader, Writer};
use ch00_wire::table::Message;
use ch01_log::messages::*;
use common::{batch, settings};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const COUNTS: [i32; 3] = [1, 100, 10_000];

fn encoded<M: Message>(message: &M, version: i16) -> Bytes {
    let mut w = Writer::new();
    message.encode(&mut w, M::version(version));
    w.into_bytes()
}

fn decode<M: Message>(c: &mut Criterion, name: &str, version: i16, of: impl Fn(i32) -> M) {
    let mut group = c.benchmark_group(format!("decode {name} v{version}"));
    for count in COUNTS {
        let bytes = encoded(&of(count), version);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| M::decode(&mut Reader::new(bytes.clone()), M::version(version)).unwrap())
        });
    }
}

fn encode<M: Message>(c: &mut Criterion, name: &str, version: i16, of: impl Fn(i32) -> M) {
    let mut group = c.benchmark_group(format!("encode {name} v{version}"));
    for count in COUNTS {
        let message = of(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |b| b.iter(|| encoded(&message, version)));
    }
}

fn produce_request(count: i32) -> ProduceRequest {
    let records = batch(200, 100);
    let partition = |index| ProducePartitionData { index, records: Some(records.clone()) };
    let topic = ProduceTopicData {
        name: "orders".into(),
        partition_data: (0..count).map(partition).collect(),
        ..Default::default()
    };
    ProduceRequest { transactional_id: None, acks: -1, timeout_ms: 30_000, topic_data: vec![topic] }
}

fn produce_response(count: i32) -> ProduceResponse {
    let partition = |index| ProducePartitionResponse { index, base_offset: 1000, ..Default::default() };
    let partition_responses = (0..count).map(partition).collect();
    let topic = ProduceTopicResponse { name: "orders".into(), partition_responses, ..Default::default() };
    ProduceResponse { responses: vec![topic], ..Default::default() }
}

fn fetch_request(count: i32) -> FetchRequest {
    let partition = |partition| FetchPartition {
        partition,
        fetch_offset: 1000,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let topic =
        FetchTopic { topic: "orders".into(), partitions: (0..count).map(partition).collect(), ..Default::default() };
    FetchRequest { max_wait_ms: 500, min_bytes: 1, topics: vec![topic], ..Default::default() }
}

fn fetch_response(count: i32) -> FetchResponse {
    let partition =
        |partition_index| FetchPartitionResponse { partition_index, high_watermark: 1000, ..Default::default() };
    let topic = FetchTopicResponse {
        topic: "orders".into(),
        partitions: (0..count).map(partition).collect(),
        ..Default::default()
    };
    FetchResponse { responses: vec![topic], ..Default::default() }
}

fn metadata_response(count: i32) -> MetadataResponse {
    let partition = |partition_index| MetadataResponsePartition {
        partition_index,
        leader_id: 1,
        replica_nodes: vec![1, 2, 3],
        isr_nodes: vec![1, 2, 3],
        ..Default::default()
    };
    let partitions = (0..count).map(partition).collect();
    let topic = MetadataResponseTopic { name: Some("orders".into()), partitions, ..Default::default() };
    MetadataResponse { topics: vec![topic], ..Default::default() }
}

fn messages(c: &mut Criterion) {
    decode(c, "Produce request", 9, produce_request);
    encode(c, "Produce response", 9, produce_response);
    decode(c, "Fetch request", 12, fetch_request);
    encode(c, "Fetch response", 12, fetch_response);
    encode(c, "Metadata response", 9, metadata_response);
    decode(c, "Metadata response", 9, metadata_response);
}

criterion_group!(name = benches; config = settings(); targets = messages);
criterion_main!(benches);
