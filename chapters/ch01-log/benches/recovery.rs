//! Opening a log, by its size: after a crash and after a clean stop.
//!
//! After a crash what lies above the recovery point is read as a whole, with checksums: the time grows with it, and that is
//! why recovery points are written down now and then. After a clean stop a glance at the end is enough, whatever the size.

mod common;

use std::hint::black_box;

use common::{Folder, filled, open, settings};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn recovery(c: &mut Criterion) {
    let sizes = [16u64, 64, 256];
    let folders = sizes.map(|mib| {
        let folder = Folder::new(&format!("recovery-{mib}"));
        let mut log = filled(folder.path(), mib << 20);
        log.close(common::NOW).unwrap();
        (mib, folder, log.log_end_offset())
    });
    let mut group = c.benchmark_group("open after a crash");
    group.sample_size(10);
    for (mib, folder, _) in &folders {
        group.throughput(Throughput::Bytes(mib << 20));
        group.bench_function(BenchmarkId::from_parameter(format!("{mib} MiB")), |b| {
            b.iter(|| black_box(open(folder.path(), false, 0)))
        });
    }
    group.finish();
    let mut group = c.benchmark_group("open after a clean stop");
    for (mib, folder, end) in &folders {
        group.bench_function(BenchmarkId::from_parameter(format!("{mib} MiB")), |b| {
            b.iter(|| black_box(open(folder.path(), true, *end)))
        });
    }
    group.finish();
}

criterion_group!(name = benches; config = settings(); targets = recovery);
criterion_main!(benches);
