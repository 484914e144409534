//! What a log remembers of its producers: which batch is next, which is a repeat, where transactions stand, and how that
//! survives in snapshot files.

use std::path::Path;

use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::{Attributes, BatchHeader, HEADER_LEN, Offset, add_sequence, split};
use ch01_log::compression::Compression;
use ch01_log::producer_state::{MOST_PRODUCERS, Marker, ProducerState, REMEMBERED, StoredBatch, Verdict};
use ch01_log::record::Records;
use ch01_log::recovery::OpenOptions;
use ch01_log::txn_index::AbortedTransaction;
use serde_json::Value;

use crate::support::*;

/// Producer 7 in epoch 1, unless a test says otherwise.
const ID: i64 = 7;
const EPOCH: i16 = 1;

/// The header of a batch of `count` records at an offset.
fn header(epoch: i16, base_sequence: i32, count: i32, base_offset: Offset) -> BatchHeader {
    BatchHeader {
        base_offset,
        batch_length: 100,
        partition_leader_epoch: 0,
        magic: 2,
        crc: 0,
        attributes: Attributes(0),
        last_offset_delta: count - 1,
        base_timestamp: NOW,
        max_timestamp: NOW,
        producer_id: ID,
        producer_epoch: epoch,
        base_sequence,
        record_count: count,
    }
}

fn transactional(mut header: BatchHeader, id: i64) -> BatchHeader {
    header.attributes = Attributes(0x10);
    header.producer_id = id;
    header
}

/// Puts batches of two records each into a new state, from sequence number `first` on.
fn state_after(batches: i32, first: i32) -> ProducerState {
    let mut state = ProducerState::default();
    for i in 0..batches {
        state.apply(&header(EPOCH, add_sequence(first, 2 * i), 2, Offset::from(2 * i)), None);
    }
    state
}

const OUT_OF_ORDER: Result<Verdict, ErrorCode> = Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);

#[test]
fn sequence_numbers_follow_on_after_the_largest() {
    assert_eq!(add_sequence(5, 3), 8);
    assert_eq!(add_sequence(i32::MAX, 1), 0);
    assert_eq!(add_sequence(i32::MAX - 1, 3), 1);
    assert_eq!(add_sequence(1, -3), i32::MAX - 1, "and back");
    assert_eq!(add_sequence(0, i32::MAX), i32::MAX);
}

#[test]
fn after_seven_batches_the_next_is_taken_and_the_last_five_are_known() {
    let state = state_after(7, 0);
    for (base_sequence, count, expected) in [
        (14, 2, Ok(Verdict::Append)),
        (14, 1, Ok(Verdict::Append)),
        (15, 2, OUT_OF_ORDER),
        (16, 2, OUT_OF_ORDER),
        // Of seven batches, the two oldest are forgotten: they are no repeats any more, but out of order.
        (0, 2, OUT_OF_ORDER),
        (2, 2, OUT_OF_ORDER),
        // Not the same batch as before, although it begins or ends where one did.
        (12, 1, OUT_OF_ORDER),
        (12, 3, OUT_OF_ORDER),
        (11, 2, OUT_OF_ORDER),
        (13, 1, OUT_OF_ORDER),
    ] {
        assert_eq!(state.judge(&header(EPOCH, base_sequence, count, 0)), expected, "{count} from {base_sequence} on");
    }
    for base_sequence in [4, 6, 8, 10, 12] {
        let Ok(Verdict::Duplicate(stored)) = state.judge(&header(EPOCH, base_sequence, 2, 0)) else {
            panic!("{base_sequence} is a repeat")
        };
        assert_eq!(stored.base_offset(), Offset::from(base_sequence), "answered with the offset it got");
        assert_eq!(stored.last_sequence, base_sequence + 1);
    }
    assert_eq!(state.producers()[&ID].batches.len(), REMEMBERED);
}

// ANCHOR: epochs
#[test]
fn epochs_only_grow_and_begin_at_sequence_number_0() {
    let state = state_after(3, 0);
    for (epoch, base_sequence, expected) in [
        (EPOCH, 6, Ok(Verdict::Append)),
        (EPOCH - 1, 6, Err(ErrorCode::INVALID_PRODUCER_EPOCH)),
        (EPOCH - 1, 0, Err(ErrorCode::INVALID_PRODUCER_EPOCH)),
        (EPOCH - 1, 4, Err(ErrorCode::INVALID_PRODUCER_EPOCH)),
        (EPOCH + 1, 0, Ok(Verdict::Append)),
        (EPOCH + 1, 6, OUT_OF_ORDER),
        (EPOCH + 1, 4, OUT_OF_ORDER),
        (i16::MAX, 0, Ok(Verdict::Append)),
    ] {
        assert_eq!(state.judge(&header(epoch, base_sequence, 2, 0)), expected, "epoch {epoch}, {base_sequence}");
    }
    let mut state = state;
    state.apply(&header(EPOCH + 1, 0, 2, 6), None);
    assert_eq!(state.judge(&header(EPOCH + 1, 4, 2, 0)), OUT_OF_ORDER, "a repeat in the epoch before is none in this");
    assert_eq!(state.judge(&header(EPOCH, 6, 2, 0)), Err(ErrorCode::INVALID_PRODUCER_EPOCH));
}
// ANCHOR_END: epochs

#[test]
fn a_producer_that_nobody_remembers_may_go_on_anywhere() {
    let state = ProducerState::default();
    for base_sequence in [0, 1, 1_000_000, i32::MAX] {
        assert_eq!(state.judge(&header(EPOCH, base_sequence, 2, 0)), Ok(Verdict::Append));
    }
}

#[test]
fn batches_without_a_producer_are_neither_judged_nor_remembered() {
    let mut state = state_after(1, 0);
    let anonymous = BatchHeader { producer_id: -1, producer_epoch: -1, base_sequence: -1, ..header(0, 0, 1, 2) };
    assert_eq!(state.judge(&anonymous), Ok(Verdict::Append));
    assert_eq!(state.apply(&anonymous, None), None);
    assert_eq!(state.producers().len(), 1);
}

#[test]
fn sequence_numbers_wrap_between_batches_and_within_one() {
    for first in (0..6).map(|before| i32::MAX - before) {
        let state = state_after(3, first);
        let next = add_sequence(first, 6);
        assert!(next < 10, "they have wrapped");
        assert_eq!(state.judge(&header(EPOCH, next, 2, 0)), Ok(Verdict::Append), "from {first} on");
        assert_eq!(state.judge(&header(EPOCH, next + 1, 2, 0)), OUT_OF_ORDER);
        for repeat in 0..3 {
            let verdict = state.judge(&header(EPOCH, add_sequence(first, 2 * repeat), 2, 0));
            assert!(
                matches!(verdict, Ok(Verdict::Duplicate(stored)) if stored.base_offset() == Offset::from(2 * repeat))
            );
        }
    }
}

#[test]
fn silent_producers_are_forgotten_unless_their_transaction_is_open() {
    let mut state = ProducerState::default();
    for (id, age) in [(1, 100), (2, 101), (3, 500)] {
        let mut batch = header(0, 0, 1, id);
        (batch.producer_id, batch.max_timestamp) = (id, NOW - age);
        state.apply(&batch, None);
    }
    state.apply(&BatchHeader { max_timestamp: NOW - 500, ..transactional(header(0, 0, 1, 4), 4) }, None);
    state.expire(NOW - 100);
    let mut left: Vec<i64> = state.producers().keys().copied().collect();
    left.sort();
    assert_eq!(left, [1, 4]);
    assert_eq!(state.first_open_transaction(), Some(4));
}

#[test]
fn a_newcomer_to_a_full_state_takes_the_place_of_whoever_was_silent_longest() {
    let mut state = ProducerState::default();
    let batch = |id: i64, time: i64| BatchHeader { producer_id: id, max_timestamp: time, ..header(0, 0, 1, id) };
    for id in 0..MOST_PRODUCERS as i64 {
        // Producer 0 is the one that was silent longest; its transaction is open, and it stays. Producer 1 is next.
        let batch = batch(id, NOW + id);
        state.apply(&if id == 0 { transactional(batch, 0) } else { batch }, None);
    }
    assert_eq!(state.producers().len(), MOST_PRODUCERS);
    state.apply(&batch(5, NOW * 2), None);
    assert_eq!(state.producers().len(), MOST_PRODUCERS, "someone who is there needs no new place");
    assert!(state.producers().contains_key(&1));
    state.apply(&batch(1 << 40, NOW * 2), None);
    assert_eq!(state.producers().len(), MOST_PRODUCERS);
    let known = [0, 1, 2, 1 << 40].map(|id| state.producers().contains_key(&id));
    assert_eq!(known, [true, false, true, true]);
}

/// A transaction's end: a marker in the log.
fn end(state: &mut ProducerState, id: i64, epoch: i16, offset: Offset, committed: bool) -> Option<AbortedTransaction> {
    let marker = BatchHeader {
        attributes: Attributes(0x30),
        base_sequence: -1,
        producer_id: id,
        ..header(epoch, -1, 1, offset)
    };
    state.apply(&marker, Some(Marker { committed, coordinator_epoch: 3 }))
}

#[test]
fn the_oldest_open_transaction_is_where_committed_readers_stop() {
    let mut state = ProducerState::default();
    assert_eq!(state.first_open_transaction(), None);
    state.apply(&transactional(header(0, 0, 2, 10), 1), None);
    state.apply(&transactional(header(0, 0, 2, 12), 2), None);
    state.apply(&transactional(header(0, 2, 2, 14), 1), None);
    assert_eq!(state.first_open_transaction(), Some(10), "a second batch opens no second transaction");
    assert_eq!(end(&mut state, 1, 0, 16, true), None, "a commit leaves nothing to skip");
    assert_eq!(state.first_open_transaction(), Some(12));
    let aborted = end(&mut state, 2, 0, 17, false);
    let expected = AbortedTransaction { producer_id: 2, first_offset: 12, last_offset: 17, last_stable_offset: 18 };
    assert_eq!(aborted, Some(expected));
    assert_eq!(state.first_open_transaction(), None);
    assert_eq!(state.producers()[&2].coordinator_epoch, 3);
}

#[test]
fn an_abort_below_another_open_transaction_knows_where_readers_stop() {
    let mut state = ProducerState::default();
    state.apply(&transactional(header(0, 0, 1, 5), 1), None);
    state.apply(&transactional(header(0, 0, 1, 6), 2), None);
    let aborted = end(&mut state, 2, 0, 7, false).unwrap();
    assert_eq!((aborted.first_offset, aborted.last_stable_offset), (6, 5));
}

#[test]
fn a_marker_without_a_transaction_ends_nothing() {
    let mut state = ProducerState::default();
    assert_eq!(end(&mut state, 1, 0, 0, false), None);
    assert_eq!(state.producers()[&1].epoch, 0, "but its epoch counts");
}

/// From transaction version 2 on the marker has the producer's next epoch, which begins at sequence number 0 again.
#[test]
fn a_marker_in_a_new_epoch_begins_the_numbers_again() {
    let mut state = ProducerState::default();
    state.apply(&transactional(header(4, 0, 3, 0), ID), None);
    end(&mut state, ID, 5, 3, true);
    assert_eq!(state.judge(&header(5, 0, 1, 0)), Ok(Verdict::Append));
    assert_eq!(state.judge(&header(5, 3, 1, 0)), OUT_OF_ORDER);
    assert_eq!(state.judge(&header(4, 3, 1, 0)), Err(ErrorCode::INVALID_PRODUCER_EPOCH));
    // In the version before, epoch and numbers went on.
    let mut state = ProducerState::default();
    state.apply(&transactional(header(4, 0, 3, 0), ID), None);
    end(&mut state, ID, 4, 3, true);
    assert_eq!(state.judge(&header(4, 3, 1, 0)), Ok(Verdict::Append));
}

#[test]
fn an_open_transaction_holds_back_the_last_stable_offset_of_a_log() {
    let dir = TempDir::new();
    let mut log = open(dir.path(), options(log_config(|_| {}))).unwrap();
    append(&mut log, batch(&["plain"]).build());
    assert_eq!(log.last_stable_offset(), 1);
    append(&mut log, batch(&["in", "transaction"]).producer(3, 0, 0).attributes(0x10).build());
    append(&mut log, batch(&["behind"]).build());
    assert_eq!((log.last_stable_offset(), log.log_end_offset()), (1, 4));
    log.truncate(1).unwrap();
    assert_eq!(log.last_stable_offset(), 1, "what is cut off is open no more");
    append(&mut log, batch(&["plain"]).build());
    assert_eq!(log.last_stable_offset(), 2);
}

/// Every snapshot in a golden folder, with what it means.
fn golden_snapshots(folder: &str, expected: &str) -> Vec<(std::path::PathBuf, Value)> {
    let expected: Value = serde_json::from_slice(&std::fs::read(golden(expected)).unwrap()).unwrap();
    let mut all = Vec::new();
    for (partition, contents) in expected["partitions"].as_object().unwrap() {
        for (file, entries) in contents["producerSnapshots"].as_object().unwrap() {
            all.push((golden(folder).join(partition).join(file), entries.clone()));
        }
    }
    all
}

fn sorted_entries(snapshot: &[u8]) -> Vec<&[u8]> {
    let (head, entries) = snapshot.split_at(10);
    assert_eq!(u32::from_be_bytes(head[6..].try_into().unwrap()) as usize * 46, entries.len());
    let mut entries: Vec<_> = entries.chunks(46).collect();
    entries.sort();
    entries
}

#[test]
fn snapshots_are_those_of_apache_kafka() {
    let mut all = golden_snapshots("data/single/logs", "data/single/EXPECTED.json");
    all.extend(golden_snapshots("data/cluster/broker-1", "data/cluster/EXPECTED.json"));
    let (mut entries, mut same, mut files) = (0, 0, 0);
    for (path, expected) in all {
        let bytes = std::fs::read(&path).unwrap();
        let state = ProducerState::decode(&bytes).unwrap_or_else(|| panic!("{}", path.display()));
        let expected = expected.as_array().unwrap();
        assert_eq!(state.producers().len(), expected.len(), "{}", path.display());
        for entry in expected {
            let producer = &state.producers()[&entry["producerId"].as_i64().unwrap()];
            let none = StoredBatch { last_sequence: -1, last_offset: -1, offset_delta: 0, timestamp: -1 };
            let last = producer.batches.back().unwrap_or(&none);
            assert_eq!(entry["producerEpoch"], producer.epoch);
            assert_eq!(entry["lastSequence"], last.last_sequence, "{}", path.display());
            assert_eq!(entry["lastOffset"], last.last_offset);
            assert_eq!(entry["offsetDelta"], last.offset_delta);
            assert_eq!(entry["timestamp"], producer.last_timestamp);
            assert_eq!(entry["coordinatorEpoch"], producer.coordinator_epoch);
            assert_eq!(entry["currentTxnFirstOffset"], producer.open_transaction.unwrap_or(-1));
            entries += 1;
        }
        let open =
            expected.iter().filter_map(|e| e["currentTxnFirstOffset"].as_i64().filter(|&offset| offset >= 0)).min();
        assert_eq!(state.first_open_transaction(), open, "{}", path.display());
        // Apache Kafka writes them in the order of a hash table, here they are sorted. Most snapshots have few.
        let encoded = state.encode();
        assert_eq!(sorted_entries(&encoded), sorted_entries(&bytes), "{}", path.display());
        same += usize::from(encoded == bytes);
        files += 1;
    }
    assert!(entries > 20, "{entries}");
    assert!(same * 10 > files * 8, "{same} of {files} have the very same bytes");
}

/// What a transaction marker says.
fn marker_of(header: &BatchHeader, bytes: &[u8]) -> Option<Marker> {
    if !header.attributes.is_control() {
        return None;
    }
    let body = Compression::from_codec(header.attributes.codec()).unwrap().decompress(&bytes[HEADER_LEN..]).unwrap();
    let record = Records::new(&body, 1).next().unwrap().unwrap();
    let coordinator_epoch = i32::from_be_bytes(record.value.unwrap()[2..6].try_into().unwrap());
    Some(Marker { committed: record.key.unwrap()[3] == 1, coordinator_epoch })
}

/// Puts all batches of a golden partition into a new state, and compares it with each snapshot on the way.
fn replay(partition: &Path) -> (usize, Vec<AbortedTransaction>) {
    let names = |extension: &str| {
        let paths = std::fs::read_dir(partition).unwrap().map(|entry| entry.unwrap().path());
        let mut paths: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
        paths.sort();
        paths
    };
    let (mut state, mut aborted, mut compared) = (ProducerState::default(), Vec::new(), 0);
    for path in names("log") {
        let log = std::fs::read(path).unwrap();
        for (header, bytes) in split(&log) {
            aborted.extend(state.apply(&header, marker_of(&header, bytes)));
            let snapshot = partition.join(format!("{:020}.snapshot", header.next_offset()));
            if snapshot.exists() {
                assert_eq!(
                    to_hex(&state.encode()),
                    to_hex(&std::fs::read(&snapshot).unwrap()),
                    "{}",
                    snapshot.display()
                );
                compared += 1;
            }
        }
    }
    assert_eq!(compared, names("snapshot").len());
    let indexed: Vec<_> = names("txnindex").iter().flat_map(|path| ch01_log::txn_index::read(path).unwrap()).collect();
    assert_eq!(aborted, indexed, "{}: aborted transactions", partition.display());
    (compared, aborted)
}

#[test]
fn the_batches_of_a_log_lead_to_the_snapshots_and_aborted_transactions_that_apache_kafka_wrote() {
    let logs = golden("data/single/logs");
    let counts =
        ["idem-0", "txn-0", "txn-1", "plain-0"].map(|name| replay(&logs.join(name))).map(|(n, a)| (n, a.len()));
    assert_eq!(counts[0], (3, 0));
    assert!(counts[1].0 >= 4 && counts[1].1 > 1, "{counts:?}");
    assert!(counts[3].0 >= 3);
}

#[test]
fn a_snapshot_damaged_anywhere_is_none() {
    let mut state = state_after(3, 0);
    state.apply(&transactional(header(2, 0, 1, 9), 8), None);
    let bytes = state.encode();
    assert_eq!(bytes.len(), 10 + 2 * 46);
    for cut in 0..bytes.len() {
        assert!(ProducerState::decode(&bytes[..cut]).is_none(), "cut at {cut}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 0x80 >> (bit % 8);
        assert!(ProducerState::decode(&flipped).is_none(), "bit {bit}");
    }
    assert!(ProducerState::decode(&[&bytes[..], b"x"].concat()).is_none(), "longer");
    assert_eq!(ProducerState::decode(&bytes).unwrap().encode(), bytes);
    assert_eq!(ProducerState::default().encode().len(), 10, "without any producer");
}

/// The snapshots in a folder, by the offset in their names.
fn snapshots(dir: &Path) -> Vec<Offset> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let snapshots = paths.filter(|path| path.extension().is_some_and(|extension| extension == "snapshot"));
    let mut offsets: Vec<_> = snapshots.map(|path| ch01_log::segment::base_offset_of(&path).unwrap()).collect();
    offsets.sort();
    offsets
}

/// Two batches of two records fill a segment.
fn small_segments() -> OpenOptions {
    options(log_config(|c| c.internal_segment_bytes = Some(170)))
}

fn send(log: &mut ch01_log::log::Log, id: i64, sequence: i32) -> ch01_log::log::Appended {
    append(log, batch(&["a", "b"]).producer(id, 0, sequence).build())
}

#[test]
fn there_is_a_snapshot_for_each_segment_and_for_the_end_of_a_closed_log() {
    let dir = TempDir::new();
    let mut log = open(dir.path(), small_segments()).unwrap();
    for i in 0..5 {
        send(&mut log, ID, 2 * i);
    }
    assert_eq!(log.segment_offsets(), [0, 4, 8]);
    assert_eq!(snapshots(dir.path()), [4, 8]);
    log.close(NOW).unwrap();
    assert_eq!(snapshots(dir.path()), [4, 8, 10]);
    drop(log);
    let reopened = OpenOptions { clean: true, recovery_point: 10, ..small_segments() };
    let mut log = open(dir.path(), reopened).unwrap();
    send(&mut log, ID, 10);
    log.close(NOW).unwrap();
    assert_eq!(snapshots(dir.path()), [4, 8, 12], "the one of the last stop is of no use any more");
}

#[test]
fn an_empty_log_has_no_snapshot() {
    let dir = TempDir::new();
    open(dir.path(), small_segments()).unwrap().close(NOW).unwrap();
    assert!(snapshots(dir.path()).is_empty());
}

#[test]
fn damaged_and_missing_snapshots_cost_nothing_but_time() {
    let dir = TempDir::new();
    let mut log = open(dir.path(), small_segments()).unwrap();
    for i in 0..5 {
        send(&mut log, ID, 2 * i);
    }
    log.close(NOW).unwrap();
    drop(log);
    let damages: [fn(&Path); 3] = [
        |path| std::fs::remove_file(path).unwrap(),
        |path| std::fs::write(path, b"").unwrap(),
        |path| std::fs::write(path, [0xff; 56]).unwrap(),
    ];
    for damage in damages {
        for clean in [true, false] {
            for damaged in [&[10][..], &[8, 10], &[4, 8, 10]] {
                let copy = TempDir::new();
                copy_dir(dir.path(), copy.path());
                damaged.iter().for_each(|offset| damage(&copy.path().join(format!("{offset:020}.snapshot"))));
                let mut log = open(copy.path(), OpenOptions { clean, recovery_point: 10, ..small_segments() }).unwrap();
                let repeat = send(&mut log, ID, 8);
                assert!(repeat.is_duplicate && repeat.base_offset == 8, "clean {clean}, {damaged:?} damaged");
                assert_eq!(send(&mut log, ID, 10).base_offset, 10);
            }
        }
    }
}

#[test]
fn snapshots_of_a_past_that_was_cut_off_are_forgotten() {
    let dir = TempDir::new();
    let mut log = open(dir.path(), small_segments()).unwrap();
    for i in 0..3 {
        send(&mut log, ID, 2 * i);
    }
    send(&mut log, 8, 0);
    send(&mut log, ID, 6);
    assert_eq!(snapshots(dir.path()), [4, 8]);
    log.truncate(4).unwrap();
    // Other batches come to stand at these offsets, all in one segment; then the log is cut again, above the old snapshot.
    log.set_config(log_config(|_| {}));
    for i in 2..7 {
        send(&mut log, ID, 2 * i);
    }
    log.truncate(12).unwrap();
    assert!(!log.producers().producers().contains_key(&8), "producer 8 was never here");
    assert_eq!(send(&mut log, ID, 12).base_offset, 12);
}

#[test]
fn old_producers_are_not_remembered_across_a_restart() {
    let dir = TempDir::new();
    let mut log = open(dir.path(), small_segments()).unwrap();
    send(&mut log, ID, 0);
    log.close(NOW).unwrap();
    drop(log);
    let day = small_segments().producer_expiration_ms;
    for (age, is_known) in [(day, true), (day + 2, false)] {
        let log = open(dir.path(), OpenOptions { now: NOW + age, ..small_segments() }).unwrap();
        assert_eq!(log.producers().producers().contains_key(&ID), is_known, "after {age} ms");
        assert_eq!(log.highest_producer_id(), ID, "its id is not given to anyone else");
    }
}
