//! A retention plan for many segments: `cargo bench -p ch02-retention --bench retention`.

use std::hint::black_box;

use ch01_log::segment_info::SegmentInfo;
use ch02_retention::cleanup::CleanupConfig;
use ch02_retention::retention::{LogFacts, plan};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn segments(count: i64) -> Vec<SegmentInfo> {
    let segment = |i| SegmentInfo {
        base_offset: i * 1000,
        size: 1 << 20,
        offset_index_size: 2000,
        time_index_size: 3000,
        largest_timestamp: i * 1000,
        first_batch_timestamp: i * 1000 - 999,
    };
    (0..count).map(segment).collect()
}

fn plans(c: &mut Criterion) {
    let mut group = c.benchmark_group("retention plan, half of the segments go");
    for count in [100, 1000, 10_000] {
        let segments = segments(count);
        let end = count * 1000;
        let config = CleanupConfig { retention_ms: end / 2, ..CleanupConfig::default() };
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| {
                let facts =
                    LogFacts { segments: &segments, log_start_offset: 0, readable_end: end, log_end_offset: end };
                black_box(plan(facts, &config, end))
            });
        });
    }
    group.finish();
}

criterion_group!(benches, plans);
criterion_main!(benches);
