//! The two indexes: their entries, searches in them, and the very files that Apache Kafka writes.

use ch01_log::batch::split;
use ch01_log::offset_index::{self, IndexEntry};
use ch01_log::time_index::{self, TimeEntry};

use crate::support::*;

fn offset_entries(base: i64, entries: &[(i64, u64)]) -> Vec<u8> {
    entries.iter().flat_map(|&(offset, position)| offset_index::encode(IndexEntry { offset, position }, base)).collect()
}

#[test]
fn an_offset_entry_is_eight_bytes() {
    let entry = IndexEntry { offset: 1009, position: 0x0102 };
    assert_eq!(offset_index::encode(entry, 1000), [0, 0, 0, 9, 0, 0, 1, 2]);
    assert_eq!(offset_index::decode(&[0, 0, 0, 9, 0, 0, 1, 2], 1000), entry);
}

#[test]
fn a_search_gives_the_last_entry_not_above_the_target() {
    let entries = offset_entries(100, &[(109, 500), (119, 1000), (139, 2000)]);
    let found = |target| offset_index::lookup(&entries, 100, target).map(|e| (e.offset, e.position));
    assert_eq!(found(100), None);
    assert_eq!(found(108), None);
    assert_eq!(found(109), Some((109, 500)));
    assert_eq!(found(118), Some((109, 500)));
    assert_eq!(found(119), Some((119, 1000)));
    assert_eq!(found(138), Some((119, 1000)));
    assert_eq!(found(i64::MAX), Some((139, 2000)));
    assert_eq!(offset_index::lookup(&[], 100, 105), None);
}

#[test]
fn a_search_of_any_size_agrees_with_a_walk() {
    for count in 0..40i64 {
        let entries: Vec<_> = (0..count).map(|i| (i * 3 + 2, i as u64 * 10)).collect();
        let bytes = offset_entries(0, &entries);
        for target in -1..count * 3 + 3 {
            let walked = entries.iter().rev().find(|(offset, _)| *offset <= target).copied();
            assert_eq!(offset_index::lookup(&bytes, 0, target).map(|e| (e.offset, e.position)), walked);
        }
    }
}

#[test]
fn a_time_entry_is_twelve_bytes() {
    let entry = TimeEntry { timestamp: 0x0102_0304, offset: 1009 };
    assert_eq!(time_index::encode(entry, 1000), [0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 9]);
    assert_eq!(time_index::decode(&[0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 9], 1000), entry);
}

#[test]
fn a_search_by_time_gives_the_last_entry_that_is_earlier() {
    let entries: Vec<u8> = [(1000, 9), (2000, 19), (3000, 39)]
        .into_iter()
        .flat_map(|(timestamp, offset)| time_index::encode(TimeEntry { timestamp, offset }, 0))
        .collect();
    let found = |target| time_index::lookup(&entries, 0, target).map(|e| e.offset);
    assert_eq!(found(999), None);
    assert_eq!(found(1000), None, "the record may be the very one of the entry");
    assert_eq!(found(1001), Some(9));
    assert_eq!(found(3000), Some(19));
    assert_eq!(found(i64::MAX), Some(39));
}

/// Appends Apache Kafka's own batches again: the index files come out the same, byte for byte.
#[test]
fn index_files_are_those_that_apache_kafka_writes() {
    for (topic, segments, segment_bytes, interval) in [("plain-0", 4, 16384, 1024), ("idem-0", 3, 8192, 512)] {
        let theirs = golden("data/single/logs").join(topic);
        let dir = TempDir::new();
        let config = log_config(|c| {
            c.internal_segment_bytes = Some(segment_bytes);
            c.index_interval_bytes = interval;
            c.message_timestamp_before_max_ms = i64::MAX;
            c.message_timestamp_after_max_ms = i64::MAX;
        });
        let mut bases: Vec<_> = std::fs::read_dir(&theirs)
            .unwrap()
            .filter_map(|e| ch01_log::segment::base_offset_of(&e.unwrap().path()))
            .collect();
        bases.sort();
        bases.dedup();
        let mut log = open(dir.path(), options(config.clone())).unwrap();
        let mut rolled = Vec::new();
        for base in &bases {
            let Ok(bytes) = std::fs::read(theirs.join(format!("{base:020}.log"))) else { continue };
            rolled.push(*base);
            for (_, batch) in split(&bytes) {
                let mut sent = batch.to_vec();
                sent[..8].copy_from_slice(&[0; 8]);
                let mut rules = config.rules.clone();
                rules.max_message_bytes = usize::MAX;
                log.append(ch01_log::validate::validate(sent.into(), &rules, NOW).unwrap(), 0).unwrap();
            }
        }
        log.close(NOW).unwrap();
        assert_eq!(rolled.len(), segments);
        assert_eq!(log.segment_offsets(), rolled);
        for base in rolled {
            for extension in ["log", "index", "timeindex", "snapshot"] {
                let name = format!("{base:020}.{extension}");
                let expected = std::fs::read(theirs.join(&name)).ok();
                assert_eq!(std::fs::read(dir.path().join(&name)).ok(), expected, "{topic}/{name}");
            }
        }
    }
}
