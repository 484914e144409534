//! What is left of one batch: records, offsets, timestamps, delete horizons.

use std::collections::BTreeSet;

use bytes::Bytes;
use ch01_log::batch::{Attributes, BatchHeader, HEADER_LEN, split};
use ch01_log::builder::BatchBuilder;
use ch01_log::compression::Compression;
use ch02_retention::clean_batch::{BatchRetention, CleanedBatch, Horizon, clean_batch, delete_horizon, retain_record};

use crate::support::*;

const HORIZON: Horizon = Horizon { now: NOW + 5000, delete_retention_ms: 1000 };

/// Records k0 to k4 at offsets 100 to 104, a second apart from NOW on; k3 is a tombstone if asked for.
fn five(with_tombstone: bool) -> BatchBuilder {
    (0..5i64).fold(BatchBuilder::new(100).leader_epoch(3), |builder, i| {
        let (key, value) = (format!("k{i}"), format!("value {i}"));
        let value = (!with_tombstone || i != 3).then_some(value.as_bytes());
        builder.record_with_headers(NOW + 1000 * i, Some(key.as_bytes()), value, &[(b"h", None), (b"h", Some(b"x"))])
    })
}

fn header_of(batch: &[u8]) -> BatchHeader {
    BatchHeader::parse(batch).unwrap()
}

/// Cleans a batch, keeping the records of these offset deltas.
fn keep(batch: &[u8], deltas: &[i32], retention: BatchRetention) -> CleanedBatch {
    let deltas: BTreeSet<i32> = deltas.iter().copied().collect();
    let retain = |record: &ch01_log::record::Record<'_>| deltas.contains(&record.offset_delta);
    clean_batch(&header_of(batch), batch, retention, false, HORIZON, retain).unwrap()
}

fn rewritten(cleaned: CleanedBatch) -> Bytes {
    match cleaned {
        CleanedBatch::Rewritten(header, records) => [&header.encode()[..], &records].concat().into(),
        CleanedBatch::Emptied(header) => header.encode().to_vec().into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_batch_that_keeps_all_its_records_stays_byte_for_byte() {
    let batch = five(false).build_compressed(Compression::Lz4);
    assert_eq!(keep(&batch, &[0, 1, 2, 3, 4], BatchRetention::DeleteEmpty), CleanedBatch::Kept);
}

#[test]
fn records_keep_offset_timestamp_key_value_and_headers_in_every_codec() {
    use Compression::*;
    for codec in [None, Gzip, Snappy, Lz4, Zstd] {
        let batch = five(false).producer(7, 2, 40).build_compressed(codec);
        let (before, all) = (header_of(&batch), records(&batch, 0));
        for kept in [&[1, 3][..], &[0], &[4], &[0, 1, 2, 3], &[2, 4]] {
            let after = rewritten(keep(&batch, kept, BatchRetention::DeleteEmpty));
            let header = ch01_log::batch::check(&after).unwrap();
            let expected: Vec<Seen> = kept.iter().map(|&i| all[i as usize].clone()).collect();
            assert_eq!(records(&after, 0), expected);
            assert_eq!(header.record_count, kept.len() as i32);
            assert_eq!((header.base_offset, header.last_offset()), (100, 104), "the offsets it spans stay");
            assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (7, 2, 40));
            assert_eq!(header.last_sequence(), before.last_sequence());
            assert_eq!(header.partition_leader_epoch, 3);
            assert_eq!(header.attributes, before.attributes, "codec and flags stay");
            assert_eq!(header.max_timestamp, expected.iter().map(|r| r.timestamp).max().unwrap());
            assert_eq!(header.base_timestamp, expected[0].timestamp, "that of the first that is left, as Kafka does");
        }
    }
}

#[test]
fn without_records_a_batch_goes_or_leaves_its_header() {
    let batch = five(true).producer(7, 2, 40).attributes(0x10).build_compressed(Compression::Zstd);
    assert_eq!(keep(&batch, &[], BatchRetention::DeleteEmpty), CleanedBatch::Dropped);
    let empty = rewritten(keep(&batch, &[], BatchRetention::RetainEmpty));
    assert_eq!(empty.len(), HEADER_LEN);
    let (before, header) = (header_of(&batch), ch01_log::batch::check(&empty).unwrap());
    assert_eq!((header.record_count, header.base_timestamp, header.attributes.0), (0, -1, 0x10));
    assert_eq!((header.base_offset, header.last_offset()), (100, 104));
    assert_eq!((header.last_sequence(), header.max_timestamp), (before.last_sequence(), before.max_timestamp));
    assert_eq!(keep(&empty, &[], BatchRetention::DeleteEmpty), CleanedBatch::Dropped, "until nobody needs it");
    assert_eq!(rewritten(keep(&empty, &[], BatchRetention::RetainEmpty)), empty);
}

#[test]
fn the_first_pass_that_meets_a_tombstone_says_when_it_may_go() {
    let batch = five(true).build();
    let all = records(&batch, 0);
    let first = rewritten(keep(&batch, &[0, 1, 2, 3, 4], BatchRetention::DeleteEmpty));
    let header = ch01_log::batch::check(&first).unwrap();
    assert_eq!(delete_horizon(&header), Some(HORIZON.now + HORIZON.delete_retention_ms));
    assert_eq!(records(&first, 0), all, "the records' own times stay");
    let again = keep(&first, &[0, 1, 2, 3, 4], BatchRetention::DeleteEmpty);
    assert_eq!(again, CleanedBatch::Kept, "the horizon does not move");
    let without = rewritten(keep(&first, &[0, 4], BatchRetention::DeleteEmpty));
    assert_eq!(delete_horizon(&header_of(&without)), delete_horizon(&header), "it stays when the tombstone has gone");
    assert_eq!(records(&without, 0), [all[0].clone(), all[4].clone()]);
    let never = rewritten(keep(&batch, &[0, 4], BatchRetention::DeleteEmpty));
    assert_eq!(delete_horizon(&header_of(&never)), None, "the tombstone went at once: there is a newer record");
}

#[test]
fn append_time_counts_for_all_records_of_the_batch() {
    let batch = five(true).attributes(0x08).build();
    let after = rewritten(keep(&batch, &[0, 3], BatchRetention::DeleteEmpty));
    let (before, header) = (header_of(&batch), header_of(&after));
    assert_eq!(header.max_timestamp, before.max_timestamp);
    assert!(records(&after, 0).iter().all(|record| record.timestamp == before.max_timestamp));
}

/// Whether the record at offset 101 (k1) or, without a value, 103 (k3) stays.
fn stays(batch: &[u8], delta: i32, newest: Option<i64>, latest_offset: i64, now: i64) -> bool {
    let header = header_of(batch);
    let mut records = ch01_log::record::Records::new(&batch[HEADER_LEN..], header.record_count);
    let record = records.find_map(|record| record.ok().filter(|record| record.offset_delta == delta)).unwrap();
    retain_record(&header, &record, newest, latest_offset, now)
}

#[test]
fn a_value_stays_if_it_is_the_newest_of_its_key() {
    let batch = five(false).build();
    assert!(stays(&batch, 1, Some(101), 200, NOW), "it is the newest");
    assert!(stays(&batch, 1, Some(100), 200, NOW), "and if the map knows an older one only");
    assert!(!stays(&batch, 1, Some(102), 200, NOW), "there is a newer one");
    assert!(stays(&batch, 1, None, 200, NOW), "none of its key is in the map");
}

#[test]
fn what_nobody_has_looked_at_stays() {
    let batch = five(false).build();
    assert!(stays(&batch, 3, Some(104), 102, NOW));
    assert!(!stays(&batch, 3, Some(104), 103, NOW), "the latest offset has been looked at");
}

#[test]
fn a_batch_has_a_delete_horizon_if_its_attributes_say_so() {
    let batch = |bits| header_of(&BatchBuilder::new(0).attributes(bits).record(NOW, Some(b"k"), None).build());
    assert_eq!(delete_horizon(&batch(0)), None, "the base timestamp is a record's");
    assert_eq!(delete_horizon(&batch(0x40)), Some(NOW));
    assert_eq!(delete_horizon(&batch(0x78)), Some(NOW), "other bits say other things");
    assert_eq!(delete_horizon(&batch(0x38)), None);
}

#[test]
fn a_marker_that_says_nothing_any_more_gets_a_delete_horizon_too() {
    let key = [0, 0, 0, 1];
    let batch = BatchBuilder::new(9).attributes(0x30).producer(7, 0, -1).record(NOW, Some(&key), Some(&[0; 6])).build();
    let clean = |batch: &[u8], is_empty_marker| {
        clean_batch(&header_of(batch), batch, BatchRetention::DeleteEmpty, is_empty_marker, HORIZON, |_| true).unwrap()
    };
    assert_eq!(clean(&batch, false), CleanedBatch::Kept, "its transaction has records");
    let first = rewritten(clean(&batch, true));
    let header = ch01_log::batch::check(&first).unwrap();
    assert_eq!(delete_horizon(&header), Some(HORIZON.now + HORIZON.delete_retention_ms));
    assert_eq!((header.attributes.0, header.max_timestamp, header.record_count), (0x70, NOW, 1));
    assert_eq!(clean(&first, true), CleanedBatch::Kept);
}

#[test]
fn a_delete_horizon_may_be_as_far_as_time_goes() {
    let batch = five(true).build();
    for (now, delete_retention_ms, expected) in [(NOW, i64::MAX, i64::MAX), (NOW, 0, NOW), (i64::MAX, 1, i64::MAX)] {
        let horizon = Horizon { now, delete_retention_ms };
        let cleaned = clean_batch(&header_of(&batch), &batch, BatchRetention::DeleteEmpty, false, horizon, |_| true);
        let after = rewritten(cleaned.unwrap());
        assert_eq!(delete_horizon(&header_of(&after)), Some(expected));
    }
}

#[test]
fn a_header_without_records_has_nothing_to_unpack() {
    for bits in 0..5 {
        let header = BatchHeader { record_count: 0, attributes: Attributes(bits), ..header_of(&five(false).build()) };
        let header = header.sealed(&[]);
        let batch = header.encode();
        let clean = |retention| clean_batch(&header, &batch, retention, false, HORIZON, |_| true).unwrap();
        assert_eq!(clean(BatchRetention::DeleteEmpty), CleanedBatch::Dropped, "codec {bits}");
        assert!(matches!(clean(BatchRetention::RetainEmpty), CleanedBatch::Emptied(_)), "codec {bits}");
    }
}

#[test]
fn a_tombstone_stays_until_its_time_is_over() {
    let batch = five(true).build();
    assert!(stays(&batch, 3, Some(103), 200, i64::MAX), "a tombstone without a horizon stays");
    let with_horizon = rewritten(keep(&batch, &[0, 1, 2, 3, 4], BatchRetention::DeleteEmpty));
    let due = HORIZON.now + HORIZON.delete_retention_ms;
    assert!(stays(&with_horizon, 3, Some(103), 200, due - 1));
    assert!(!stays(&with_horizon, 3, Some(103), 200, due), "its time is over");
    assert!(!stays(&with_horizon, 3, Some(104), 200, due - 1), "there is a newer one");
    assert!(stays(&with_horizon, 3, Some(103), 102, due), "nobody has looked at it");
    assert!(stays(&with_horizon, 1, Some(101), 200, due), "a value has no such time");
}

#[test]
fn without_a_key_nothing_can_be_newer() {
    let no_key = BatchBuilder::new(100).record(NOW, None, Some(b"v")).build();
    assert!(!stays(&no_key, 0, None, 200, NOW), "it has no place in a compacted log");
    assert!(stays(&no_key, 0, None, 99, NOW), "nobody has looked at it");
    let empty_key = BatchBuilder::new(100).record(NOW, Some(b""), Some(b"v")).build();
    assert!(stays(&empty_key, 0, None, 200, NOW), "an empty key is a key");
}

#[test]
fn a_batch_that_cannot_be_read_is_an_error_not_a_loss() {
    for bits in [5, 7] {
        let batch = five(false).build();
        let header = BatchHeader { attributes: Attributes(bits), ..header_of(&batch) };
        clean_batch(&header, &batch, BatchRetention::DeleteEmpty, false, HORIZON, |_| true).unwrap_err();
    }
    let mut batch = five(false).build().to_vec();
    batch[HEADER_LEN] = 0x7f;
    clean_batch(&header_of(&batch), &batch, BatchRetention::DeleteEmpty, false, HORIZON, |_| true).unwrap_err();
    assert_eq!(split(&batch).count(), 1);
}
