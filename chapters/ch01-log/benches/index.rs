//! A lookup in the offset index, by the size of the segment: from 1 MiB to 1 GiB.
//!
//! With an entry for each 4 KiB of log the index of 1 GiB has 262,144 entries, a thousand times as many as that of 1 MiB;
//! a binary search takes ten steps more. The map's first touch of a page, which costs a read, is not in these numbers.

mod common;

use std::hint::black_box;

use ch01_log::offset_index::{self, ENTRY_LEN, IndexEntry};
use common::settings;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

const INTERVAL: u64 = 4096;
/// Records between two entries.
const RECORDS: i64 = 40;

fn lookup(c: &mut Criterion) {
    let mut group = c.benchmark_group("index lookup");
    for mib in [1u64, 16, 128, 1024] {
        let count = (mib << 20) / INTERVAL;
        let entry = |i: u64| IndexEntry { offset: i as i64 * RECORDS + 7, position: i * INTERVAL };
        let entries: Vec<u8> = (1..=count).flat_map(|i| offset_index::encode(entry(i), 0)).collect();
        assert_eq!(entries.len() as u64, count * ENTRY_LEN as u64);
        let end = count as i64 * RECORDS;
        let mut target = 0;
        group.bench_function(BenchmarkId::from_parameter(format!("{mib} MiB segment")), |b| {
            b.iter(|| {
                // Another place each time, so that no cache has it ready.
                target = (target + 7_368_787) % end;
                black_box(offset_index::lookup(&entries, 0, black_box(target)))
            })
        });
    }
    group.finish();
}

criterion_group!(name = benches; config = settings(); targets = lookup);
criterion_main!(benches);
