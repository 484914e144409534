//! Reading and writing small messages: what every request costs before anything is done about it.
//!
//! Flexible versions pay for their varints and tagged fields; the answer to ApiVersions is a table of APIs, decoded
//! entry by entry. Messages that grow with the number of partitions are measured in chapter 1.

use bytes::Bytes;
use ch00_wire::codec::{Reader, Writer};
use ch00_wire::messages::{ApiVersion, ApiVersionsRequest, ApiVersionsResponse};
use ch00_wire::table::Message;
use criterion::{Criterion, criterion_group, criterion_main};

fn encoded<M: Message>(message: &M, version: i16) -> Bytes {
    let mut w = Writer::new();
    message.encode(&mut w, M::version(version));
    w.into_bytes()
}

fn both_ways<M: Message>(c: &mut Criterion, name: &str, version: i16, message: &M) {
    let bytes = encoded(message, version);
    c.bench_function(&format!("{name} v{version}/decode"), |b| {
        b.iter(|| M::decode(&mut Reader::new(bytes.clone()), M::version(version)).unwrap())
    });
    c.bench_function(&format!("{name} v{version}/encode"), |b| b.iter(|| encoded(message, version)));
}

fn api_versions(c: &mut Criterion) {
    let request = ApiVersionsRequest { client_software_name: "bench".into(), client_software_version: "1.0".into() };
    both_ways(c, "ApiVersionsRequest", 3, &request);
    let api_keys = (0..60).map(|api_key| ApiVersion { api_key, min_version: 0, max_version: 12 }).collect();
    let response = ApiVersionsResponse { api_keys, ..Default::default() };
    both_ways(c, "ApiVersionsResponse", 0, &response);
    both_ways(c, "ApiVersionsResponse", 3, &response);
}

fn settings() -> Criterion {
    let (warm_up, measure) = (std::time::Duration::from_millis(300), std::time::Duration::from_secs(1));
    Criterion::default().sample_size(20).warm_up_time(warm_up).measurement_time(measure)
}

criterion_group!(name = benches; config = settings(); targets = api_versions);
criterion_main!(benches);
