//! Reading from a log, as a Fetch does: from an offset to a region of a file. No byte of the records is touched.
//!
//! The index brings the search close, a short walk over headers does the rest; so the cost should hardly grow with the
//! log. The walk is longest with small batches: up to 4 KiB of them lie between two entries of the index.

mod common;

use std::hint::black_box;

use ch01_log::log::Log;
use common::{Folder, filled, open, settings, valid};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn read_anywhere(log: &mut Log, target: &mut i64) {
    let end = log.log_end_offset();
    *target = (*target + 7_368_787) % end;
    let read = log.read(*target, end, 1 << 20, true, false).unwrap();
    black_box(read.region.unwrap());
}

fn read(c: &mut Criterion) {
    let mut group = c.benchmark_group("read, batches of 64 KiB");
    for mib in [1u64, 16, 256] {
        let folder = Folder::new("read");
        let mut log = filled(folder.path(), mib << 20);
        let mut target = 0;
        group.bench_function(BenchmarkId::from_parameter(format!("{mib} MiB log")), |b| {
            b.iter(|| read_anywhere(&mut log, &mut target))
        });
    }
    group.finish();

    let mut group = c.benchmark_group("read, batches of 200 bytes");
    for mib in [1u64, 16] {
        let folder = Folder::new("read-small");
        let mut log = open(folder.path(), true, 0);
        while log.size() < mib << 20 {
            log.append(valid(200, 100), 0).unwrap();
        }
        let mut target = 0;
        group.bench_function(BenchmarkId::from_parameter(format!("{mib} MiB log")), |b| {
            b.iter(|| read_anywhere(&mut log, &mut target))
        });
    }
    group.finish();
}

criterion_group!(name = benches; config = settings(); targets = read);
criterion_main!(benches);
