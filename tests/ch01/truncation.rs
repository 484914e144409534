//! What is left when a log is cut: which files, how long, and what is remembered.

use std::collections::BTreeMap;
use std::path::Path;

use ch01_log::batch::{Offset, Timestamp};
use ch01_log::builder::BatchBuilder;
use ch01_log::log::Log;
use ch01_log::recovery::OpenOptions;

use crate::support::*;

/// Bytes of a batch of `two_each`.
const BATCH: u64 = 79;

/// The page's example: segments 0, 4 and 8, each of two batches, each batch of two records and 79 bytes. The indexes
/// have an entry for each segment's second batch.
fn two_each(dir: &Path) -> OpenOptions {
    let config = log_config(|c| {
        c.internal_segment_bytes = Some(2 * BATCH as i32);
        c.index_interval_bytes = 0;
    });
    let options = options(config);
    let mut log = open(dir, options.clone()).unwrap();
    for i in 0..6 {
        let time = NOW + Timestamp::from(i);
        let two = BatchBuilder::new(0).record(time, None, Some(b"aa")).record(time, None, Some(b"bb"));
        append(&mut log, two.producer(7, 0, i * 2).build());
    }
    assert_eq!(log.segment_offsets(), [0, 4, 8]);
    // A crash leaves space that was reserved; this is about what is in the files.
    for base in [0, 4, 8] {
        let file = std::fs::OpenOptions::new().write(true).open(dir.join(format!("{base:020}.log"))).unwrap();
        file.set_len(2 * BATCH).unwrap();
    }
    options
}

/// The files of a folder whose names begin with an offset, as `offset.extension`, with their length.
fn lengths(dir: &Path) -> BTreeMap<String, u64> {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    let named = entries.map(|e| (e.file_name().into_string().unwrap(), e.metadata().unwrap().len()));
    let short = |(name, length): (String, u64)| {
        let (offset, extension) = name.split_once('.')?;
        Some((format!("{}.{extension}", offset.parse::<Offset>().ok()?), length))
    };
    named.filter_map(short).collect()
}

/// Lengths of `.log`, `.index` and `.timeindex` of one segment; `None` for a file that is not there.
fn segment(dir: &Path, base: Offset) -> [Option<u64>; 3] {
    let lengths = lengths(dir);
    ["log", "index", "timeindex"].map(|extension| lengths.get(&format!("{base}.{extension}")).copied())
}

const GONE: [Option<u64>; 3] = [None; 3];

fn open_log(dir: &Path) -> Log {
    let options = two_each(dir);
    open(dir, options).unwrap()
}

#[test]
fn a_cut_inside_a_batch_takes_the_whole_batch() {
    for offset in [6, 7] {
        let dir = TempDir::new();
        let mut log = open_log(dir.path());
        let first = segment(dir.path(), 0);
        log.truncate(offset).unwrap();
        assert_eq!((log.log_end_offset(), log.segment_offsets()), (6, vec![0, 4]), "truncate({offset})");
        assert_eq!(segment(dir.path(), 0), first, "truncate({offset}): what is below stays as it is");
        assert_eq!(
            segment(dir.path(), 4),
            [Some(BATCH), Some(0), Some(0)],
            "truncate({offset}): its entries went, too"
        );
        assert_eq!(segment(dir.path(), 8), GONE, "truncate({offset})");
    }
}

#[test]
fn a_segment_of_which_nothing_is_left_stays_empty() {
    for offset in [8, 9] {
        let dir = TempDir::new();
        let mut log = open_log(dir.path());
        let second = segment(dir.path(), 4);
        log.truncate(offset).unwrap();
        assert_eq!((log.log_end_offset(), log.segment_offsets()), (8, vec![0, 4, 8]), "truncate({offset})");
        assert_eq!(segment(dir.path(), 4), second);
        assert_eq!(segment(dir.path(), 8)[0], Some(0));
    }
    let dir = TempDir::new();
    let mut log = open_log(dir.path());
    log.truncate(0).unwrap();
    assert_eq!((log.log_end_offset(), log.segment_offsets()), (0, vec![0]));
    assert_eq!(segment(dir.path(), 0)[0], Some(0));
    assert_eq!([segment(dir.path(), 4), segment(dir.path(), 8)], [GONE, GONE]);
    assert_eq!(append(&mut log, batch(&["anew"]).build()).base_offset, 0);
}

#[test]
fn at_the_end_and_above_there_is_nothing_to_cut() {
    for offset in [12, 13, Offset::MAX] {
        let dir = TempDir::new();
        let mut log = open_log(dir.path());
        log.flushed(12, NOW);
        let before = lengths(dir.path());
        log.truncate(offset).unwrap();
        assert_eq!((log.log_end_offset(), log.recovery_point()), (12, 12), "truncate({offset})");
        assert_eq!(lengths(dir.path()), before, "truncate({offset})");
    }
}

#[test]
fn nothing_above_the_new_end_is_promised_or_remembered() {
    let dir = TempDir::new();
    let options = two_each(dir.path());
    let mut log = open(dir.path(), options.clone()).unwrap();
    append(&mut log, batch(&["c", "d"]).producer(8, 0, 0).build());
    log.begin_epoch(5).unwrap();
    log.flushed(14, NOW);
    assert_eq!((log.epochs().latest(), log.recovery_point()), (Some(5), 14));
    log.truncate(9).unwrap();
    assert_eq!(log.recovery_point(), 8, "the next batches have yet to reach the disk");
    assert_eq!(log.epochs().entries(), [(0, 0)], "epoch 5 began at 14");
    let snapshots: Vec<_> = lengths(dir.path()).into_keys().filter(|name| name.ends_with("snapshot")).collect();
    assert_eq!(snapshots, ["4.snapshot", "8.snapshot"], "the one at 12 speaks of batches that are gone");
    assert!(!log.producers().producers().contains_key(&8));
    let next = batch(&["again", "b"]).producer(7, 0, 8).build();
    assert_eq!(append(&mut log, next).base_offset, 8, "the producer follows on what is left");
    log.truncate(4).unwrap();
    log.flushed(4, NOW);
    log.truncate(4).unwrap();
    assert_eq!(log.recovery_point(), 4, "what is below stays promised");
}

#[test]
fn aborted_transactions_that_were_cut_off_are_forgotten() {
    let dir = TempDir::new();
    let transaction = |offset| BatchBuilder::new(offset).producer(3, 0, offset as i32).attributes(0x10);
    let abort = |offset| {
        let marker = BatchBuilder::new(offset).producer(3, 0, -1).attributes(0x30);
        marker.record(NOW, Some(&[0; 4]), Some(&[0; 6])).build()
    };
    let bytes: Vec<u8> = [
        transaction(0).record(NOW, None, Some(b"x")).build(),
        abort(1),
        transaction(2).record(NOW, None, Some(b"y")).build(),
        abort(3),
    ]
    .concat();
    std::fs::write(dir.path().join("00000000000000000000.log"), bytes).unwrap();
    let mut log = open(dir.path(), options(log_config(|_| {}))).unwrap();
    let aborted = |log: &Log| log.aborted_in(0, 0, 100).unwrap().iter().map(|t| t.first_offset).collect::<Vec<_>>();
    assert_eq!(aborted(&log), [0, 2]);
    log.truncate(3).unwrap();
    assert_eq!(aborted(&log), [0], "the second is not aborted yet");
    assert_eq!(log.last_stable_offset(), 2, "it is open");
    log.truncate(2).unwrap();
    assert_eq!((aborted(&log), log.last_stable_offset()), (vec![0], 2));
    log.truncate(0).unwrap();
    assert!(aborted(&log).is_empty());
}

/// Flips a bit in a batch's last byte, which is one of its records'.
fn damage(dir: &Path, base: Offset, batch: u64) {
    let file = dir.join(format!("{base:020}.log"));
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[((batch + 1) * BATCH - 1) as usize] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn damage_that_was_cut_off_is_forgotten() {
    for cut in [11, 10, 8, 0] {
        let dir = TempDir::new();
        let mut log = open_log(dir.path());
        damage(dir.path(), 8, 1);
        log.check_all().unwrap_err();
        assert_eq!(log.damage().unwrap().offset, 10);
        log.truncate(cut).unwrap();
        assert!(log.damage().is_none(), "cut at {cut}");
        append(&mut log, batch(&["goes", "on"]).build());
        log.check_all().unwrap();
    }
}

#[test]
fn damage_below_a_cut_is_not_forgotten() {
    let dir = TempDir::new();
    let mut log = open_log(dir.path());
    damage(dir.path(), 0, 1);
    log.check_all().unwrap_err();
    log.truncate(6).unwrap();
    assert_eq!(log.damage().map(|damage| damage.offset), Some(2));
}

#[test]
fn a_start_cuts_what_nobody_was_promised() {
    for recovery_point in [0, 4, 6] {
        let dir = TempDir::new();
        let options = OpenOptions { recovery_point, ..two_each(dir.path()) };
        damage(dir.path(), 4, 1);
        let log = open(dir.path(), options).unwrap();
        assert_eq!((log.log_end_offset(), log.segment_offsets()), (6, vec![0, 4]), "recovery point {recovery_point}");
        assert!(log.damage().is_none());
        assert_eq!(segment(dir.path(), 0)[0], Some(2 * BATCH));
        assert_eq!(segment(dir.path(), 4)[0], Some(BATCH), "recovery point {recovery_point}: the file itself is cut");
        assert_eq!(segment(dir.path(), 8), GONE, "recovery point {recovery_point}");
    }
}

#[test]
fn a_start_leaves_an_empty_segment_of_which_all_is_damaged() {
    let dir = TempDir::new();
    let options = two_each(dir.path());
    damage(dir.path(), 4, 0);
    let mut log = open(dir.path(), options).unwrap();
    assert_eq!((log.log_end_offset(), log.segment_offsets()), (4, vec![0, 4]));
    assert_eq!((segment(dir.path(), 4)[0], segment(dir.path(), 8)), (Some(0), GONE));
    assert_eq!(append(&mut log, batch(&["next"]).build()).base_offset, 4);
}

#[test]
fn a_start_touches_no_file_for_damage_in_what_was_promised() {
    for recovery_point in [7, 8, 12] {
        let dir = TempDir::new();
        let options = OpenOptions { recovery_point, ..two_each(dir.path()) };
        damage(dir.path(), 4, 1);
        let before = [0, 4, 8].map(|base| std::fs::read(dir.path().join(format!("{base:020}.log"))).unwrap());
        let mut log = open(dir.path(), options).unwrap();
        let found = log.check_all();
        let damage = log.damage().unwrap_or_else(|| panic!("recovery point {recovery_point}: {found:?}"));
        assert_eq!((damage.offset, damage.position), (6, BATCH), "recovery point {recovery_point}");
        assert!(log.read(6, 12, 1000, true, false).is_err(), "for readers the log ends at 6");
        let next = valid(batch(&["no"]).build(), log.config());
        assert!(log.append(next, 0).is_err(), "recovery point {recovery_point}: no appends");
        let after = [0, 4, 8].map(|base| std::fs::read(dir.path().join(format!("{base:020}.log"))).unwrap());
        assert!(before == after, "recovery point {recovery_point}: nothing is cut");
    }
}

/// A log with a hole from 2 to 9, as compaction leaves: batches of two records at 0 and at 10.
fn with_a_hole(dir: &Path) -> OpenOptions {
    let two =
        |base| BatchBuilder::new(base).leader_epoch(0).record(NOW, None, Some(b"aa")).record(NOW, None, Some(b"bb"));
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join(format!("{:020}.log", 0)), [two(0).build(), two(10).build()].concat()).unwrap();
    OpenOptions { lenient: true, ..options(log_config(|_| {})) }
}

#[test]
fn a_cut_in_a_hole_ends_the_log_there_and_the_next_start_knows() {
    let dir = TempDir::new();
    let options = with_a_hole(dir.path());
    let mut log = open(dir.path(), options.clone()).unwrap();
    assert_eq!(log.log_end_offset(), 12);
    log.truncate(5).unwrap();
    assert_eq!(log.log_end_offset(), 5, "the batch behind the hole begins at 10, but 5 was asked for");
    drop(log);
    let mut log = open(dir.path(), options).unwrap();
    assert_eq!(log.log_end_offset(), 5, "after a restart");
    assert_eq!(append(&mut log, batch(&["next"]).build()).base_offset, 5);
}

#[test]
fn a_log_never_ends_before_its_start() {
    let dir = TempDir::new();
    let mut log = open_log(dir.path());
    log.increment_log_start_offset(3);
    // The batch of 2 and 3 goes as a whole; but 2 is not there to be read or written again.
    log.truncate(3).unwrap();
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (3, 3));
    assert_eq!(append(&mut log, batch(&["next"]).build()).base_offset, 3);
}
