//! Checking what a producer sent: the checksum over all of it, and a walk over its records.
//!
//! Small records cost more for each byte than large ones, because the walk goes record by record. What is compressed has to be
//! unpacked first, which costs more than all the rest.

mod common;

use std::hint::black_box;

use ch01_log::batch;
use ch01_log::builder::BatchBuilder;
use ch01_log::compression::Compression;
use ch01_log::validate::validate;
use common::{NOW, config, settings};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const SIZE: usize = 64 << 10;

/// Records whose values are hexadecimal digits without order: gzip and zstd halve them, snappy and lz4 find little.
fn builder(value_len: usize) -> BatchBuilder {
    let mut builder = BatchBuilder::new(0);
    let mut state = 1u64;
    while builder.len() + value_len < SIZE {
        let mut value = String::new();
        while value.len() < value_len {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            value.push_str(&format!("{:016x}", state));
        }
        builder.push(NOW, None, Some(&value.as_bytes()[..value_len]), &[]);
    }
    builder
}

fn validation(c: &mut Criterion) {
    let rules = config().rules;
    let mut group = c.benchmark_group("validate 64 KiB");
    for value_len in [100, 1024] {
        let sent = builder(value_len).build();
        group.throughput(Throughput::Bytes(sent.len() as u64));
        group.bench_function(BenchmarkId::new("none", value_len), |b| {
            b.iter(|| black_box(validate(sent.clone(), &rules, NOW).unwrap()))
        });
    }
    let sent = builder(1024).build();
    group.bench_function("the checksum alone", |b| b.iter(|| black_box(batch::check(&sent).unwrap())));
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        let packed = builder(1024).build_compressed(codec);
        group.throughput(Throughput::Bytes(sent.len() as u64));
        group.bench_function(BenchmarkId::new(format!("{codec:?}"), 1024), |b| {
            b.iter(|| black_box(validate(packed.clone(), &rules, NOW).unwrap()))
        });
    }
    group.finish();
}

criterion_group!(name = benches; config = settings(); targets = validation);
criterion_main!(benches);
