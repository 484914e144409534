//! Appending batches that have been validated: a header written anew and one write to the file.
//!
//! Nothing is synced, as in Kafka's default: what is measured is the way into the operating system's memory. Larger batches
//! cost less for each byte, until copying is all there is.

mod common;

use std::hint::black_box;
use std::time::{Duration, Instant};

use ch01_log::log::Log;
use common::{Folder, open, settings, valid};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// The log is emptied now and then, while the clock stands still.
const MOST_BYTES: u64 = 256 << 20;

fn append_timed(log: &mut Log, size: usize, times: u64) -> Duration {
    let mut spent = Duration::ZERO;
    for _ in 0..times {
        if log.size() > MOST_BYTES {
            log.truncate(0).unwrap();
        }
        let batch = valid(size, 1024);
        let start = Instant::now();
        black_box(log.append(batch, 0).unwrap());
        spent += start.elapsed();
    }
    spent
}

fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("append");
    for (name, size) in [("1 KiB", 1200), ("64 KiB", 64 << 10), ("1 MiB", 1 << 20)] {
        let folder = Folder::new("append");
        let mut log = open(folder.path(), true, 0);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |b| b.iter_custom(|n| append_timed(&mut log, size, n)));
    }
    group.finish();
}

criterion_group!(name = benches; config = settings(); targets = append);
criterion_main!(benches);
