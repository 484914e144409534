//! A pass of the cleaner over a log: what is left, where it stands, and what a crash at any moment leaves.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ch01_log::builder::BatchBuilder;
use ch01_log::compression::Compression;
use ch01_log::disk::{Change, Disk, Fault, Faults};
use ch02_retention::cleaner::{CleanError, Cleaner};
use ch02_retention::cleanup::CleanupConfig;

use crate::stage::*;
use crate::support::*;

#[test]
fn the_newest_record_of_each_key_stays_where_it_was() {
    let dir = TempDir::new();
    let stage = Stage::new(dir.path());
    for i in 0..30 {
        stage.append(keyed(&[(["a", "b", "c"][i % 3], &format!("v{i}"))], NOW).build());
    }
    stage.roll();
    stage.append(keyed(&[("b", "after")], NOW).build());
    let pass = stage.clean(&compact());
    assert_eq!(stage.text(), ["27 a=v27", "28 b=v28", "29 c=v29", "30 b=after"], "what is not closed is not looked at");
    assert_eq!(pass.first_dirty_offset, 30);
    assert!(pass.bytes_after < pass.bytes_before / 5);
    let (files, logs) = (stage.files(), |name: &String| name.ends_with(".log"));
    for log in files.iter().filter(|name| logs(name)).rev().skip(1) {
        assert!(
            files.contains(&log.replace(".log", ".index")) && files.contains(&log.replace(".log", ".timeindex")),
            "{log} of {files:?}"
        );
    }
    let stage = stage.restart();
    assert_eq!(stage.to_clean(&compact()).first_dirty_offset, 30);
    stage.roll();
    stage.clean(&compact());
    assert_eq!(stage.text(), ["27 a=v27", "29 c=v29", "30 b=after"]);
    let stage = stage.crash();
    assert_eq!(stage.text(), ["27 a=v27", "29 c=v29", "30 b=after"]);
    assert_eq!(stage.append(keyed(&[("a", "next")], NOW).build()), 31, "offsets go on");
}

#[test]
fn a_fetch_in_a_hole_begins_at_the_next_record() {
    let dir = TempDir::new();
    let stage = Stage::new(dir.path());
    for i in 0..20 {
        let key = if i == 7 { "once" } else { "often" };
        stage.append(keyed(&[(key, &format!("v{i}"))], NOW + i).build());
    }
    stage.roll();
    stage.append(keyed(&[("end", "x")], NOW + 99).build());
    stage.clean(&compact());
    let mut log = stage.log.lock().unwrap();
    let first_from = |log: &mut ch01_log::log::Log, offset| records(&read_batches(log, offset), offset)[0].offset;
    for (asked, expected) in [(0, 7), (7, 7), (8, 19), (19, 19), (20, 20)] {
        assert_eq!(first_from(&mut log, asked), expected, "fetched from {asked}");
    }
    let by_time = |log: &mut ch01_log::log::Log, time| log.find_timestamp(time, 21).unwrap().map(|found| found.offset);
    for (time, expected) in
        [(NOW, Some(7)), (NOW + 7, Some(7)), (NOW + 8, Some(19)), (NOW + 50, Some(20)), (NOW + 100, None)]
    {
        assert_eq!(by_time(&mut log, time), expected, "the first at or after {}", time - NOW);
    }
}

#[test]
fn every_codec_headers_and_timestamps_outlive_a_pass() {
    let dir = TempDir::new();
    let stage = Stage::new(dir.path());
    use Compression::*;
    for (i, codec) in [None, Gzip, Snappy, Lz4, Zstd].into_iter().enumerate() {
        let twice: &[(&[u8], Option<&[u8]>)] = &[(b"h", Some(b"1")), (b"h", Some(b"2")), (b"n", Option::None)];
        let own = format!("only {i}");
        let batch = BatchBuilder::new(0)
            .record_with_headers(NOW - 5, Some(own.as_bytes()), Some(b"kept"), twice)
            .record_with_headers(NOW + 7, Some(b"shared"), Some(own.as_bytes()), twice)
            .record_with_headers(NOW - 9, Some(b"shared"), Some(b"last"), twice);
        stage.append(batch.build_compressed(codec));
    }
    stage.roll();
    let before = stage.records();
    stage.clean(&compact());
    let expected: Vec<Seen> =
        before.iter().filter(|r| r.key.as_deref() != Some(b"shared") || r.offset == 14).cloned().collect();
    assert_eq!(stage.records(), expected);
    let stage = stage.crash();
    assert_eq!(stage.records(), expected);
}

#[test]
fn a_tombstone_stays_for_its_time_and_goes() {
    let dir = TempDir::new();
    let mut stage = Stage::new(dir.path());
    stage.append(keyed(&[("a", "1"), ("b", "1")], NOW).build());
    stage.append(keyed(&[("a", "-")], NOW).build());
    stage.roll();
    stage.clean(&compact());
    assert_eq!(stage.text(), ["1 b=1", "2 a=-"]);
    for (wait, left) in [(999, &["1 b=1", "2 a=-"][..]), (1000, &["1 b=1"])] {
        stage.now = NOW + wait;
        // Only a pass that has something to do looks at old tombstones again.
        stage.append(keyed(&[("c", "-")], NOW).build());
        stage.roll();
        stage.clean(&compact());
        let text: Vec<_> = stage.text().into_iter().filter(|record| !record.contains('c')).collect();
        assert_eq!(text, left, "{wait} ms after the first pass");
    }
}

#[test]
fn a_map_that_is_full_cleans_a_part_and_the_next_pass_goes_on() {
    let dir = TempDir::new();
    let stage = Stage::new(dir.path());
    for round in 0..2 {
        for key in 0..40 {
            stage.append(keyed(&[(&format!("k{key}"), &format!("{round}"))], NOW).build());
        }
    }
    stage.roll();
    let mut ends = vec![0];
    while *ends.last().unwrap() < 80 {
        // Room for 21 keys.
        let pass = stage.try_clean(&compact(), 24 * 24).unwrap();
        assert!(pass.first_dirty_offset > *ends.last().unwrap(), "{ends:?}");
        ends.push(pass.first_dirty_offset);
    }
    assert!(ends.len() > 3, "{ends:?}");
    assert_eq!(stage.text(), (40..80).map(|i| format!("{i} k{}=1", i - 40)).collect::<Vec<_>>());
    let big: Vec<(String, String)> = (0..30).map(|i| (format!("x{i}"), String::new())).collect();
    let big: Vec<(&str, &str)> = big.iter().map(|(k, v)| (&**k, &**v)).collect();
    stage.append(keyed(&big, NOW).build());
    stage.roll();
    let error = stage.try_clean(&compact(), 24 * 24).unwrap_err();
    assert!(matches!(error, CleanError::MapTooSmall(21)), "{error}");
    assert_eq!(stage.records().len(), 70);
}

#[test]
fn what_a_producer_sent_last_is_remembered_though_its_records_are_gone() {
    let dir = TempDir::new();
    let stage = Stage::new(dir.path());
    for sequence in 0..3 {
        stage.append(keyed(&[("a", "1")], NOW).producer(7, 0, sequence).build());
    }
    stage.append(keyed(&[("a", "2")], NOW).build());
    stage.roll();
    stage.clean(&compact());
    assert_eq!(stage.text(), ["3 a=2"]);
    // Without the snapshot, what is in the log has to do.
    let stage = stage.crash();
    let again = keyed(&[("a", "1")], NOW).producer(7, 0, 2).build();
    let appended = append(&mut stage.log.lock().unwrap(), again);
    assert!(appended.is_duplicate && appended.base_offset == 2, "{appended:?}");
    stage.append(keyed(&[("a", "3")], NOW).producer(7, 0, 3).build());
}

#[test]
fn a_log_that_is_deleted_meanwhile_is_left_alone() {
    let dir = TempDir::new();
    let stage = Stage::new(dir.path());
    stage.append(keyed(&[("a", "1"), ("a", "2")], NOW).build());
    stage.roll();
    let range = stage.to_clean(&compact());
    let files = stage.files();
    stage.log.lock().unwrap().retire();
    let pass = Cleaner::new(24_000).clean(&stage.log, &stage.dir, &range, &compact(), NOW, &|_| Ok(()));
    assert!(matches!(pass, Err(CleanError::Log(_))));
    assert_eq!(stage.files(), files);
}

#[test]
fn a_pass_that_is_interrupted_leaves_what_was_there() {
    let dir = TempDir::new();
    let stage = Stage::new(dir.path());
    for i in 0..12 {
        stage.append(keyed(&[("a", &i.to_string())], NOW).build());
    }
    stage.roll();
    let before = stage.text();
    for last in 0..12 {
        let count = AtomicUsize::new(0);
        let pace = |_| match count.fetch_add(1, Ordering::Relaxed) {
            n if n == last => Err(CleanError::Interrupted),
            _ => Ok(()),
        };
        let range = stage.to_clean(&compact());
        let pass = Cleaner::new(24_000).clean(&stage.log, &stage.dir, &range, &compact(), NOW, &pace);
        assert!(matches!(pass, Err(CleanError::Interrupted)));
        assert_eq!(stage.text(), before);
        assert_eq!(stage.strays(), Vec::<String>::new());
    }
}

/// Lets so many changes happen, and none after that.
struct Stops {
    left: AtomicUsize,
    part: fn(usize) -> usize,
}

impl Faults for Stops {
    fn before(&self, change: &Change) -> Option<Fault> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        if left.is_ok() {
            return None;
        }
        let bytes = if let Change::Write { len, .. } = change { (self.part)(*len) } else { 0 };
        Some(Fault { bytes, error: io::Error::other("the machine has stopped") })
    }
}

/// A log of three kinds of keys, two of which will go, in eight segments.
fn prepare(path: &std::path::Path) -> Vec<Seen> {
    let stage = Stage::new(path);
    for i in 0..40 {
        let key = if i % 5 == 0 { format!("once {i}") } else { format!("k{}", i % 3) };
        let value = if i == 31 { "-".to_string() } else { format!("v{i}") };
        stage.append(keyed(&[(&key, &value)], NOW).producer(5, 0, i).build());
    }
    stage.roll();
    stage.append(keyed(&[("k0", "open")], NOW).build());
    let records = stage.records();
    stage.restart();
    records
}

// ANCHOR: stop_everywhere
/// Does something on a disk that stops after every possible number of changes, and looks at what the next start finds.
fn stop_everywhere(act: impl Fn(&Stage) -> bool, check: impl Fn(&Stage, &[Seen], bool)) {
    let template = TempDir::new();
    let before = prepare(template.path());
    for part in [|_| 0, |len| len / 2] {
        for changes in 0.. {
            let dir = TempDir::new();
            copy_dir(template.path(), dir.path());
            let disk = Disk::with_faults(Arc::new(Stops { left: AtomicUsize::new(changes), part }));
            // Whatever a stop at this moment keeps the start from, the next one makes up for.
            let done = Stage::open(&disk, dir.path(), false).is_ok_and(|stage| act(&stage));
            let stage = Stage::new(dir.path());
            assert_eq!(stage.strays(), Vec::<String>::new(), "after {changes} changes");
            check(&stage, &before, done);
            let again = stage.text();
            let stage = stage.crash();
            assert_eq!(stage.text(), again, "a second start after {changes} changes");
            if done {
                break;
            }
            assert!(changes < 1000);
        }
    }
}
// ANCHOR_END: stop_everywhere

#[test]
fn a_crash_at_any_step_of_a_pass_loses_no_newest_record() {
    let act = |stage: &Stage| match stage.try_clean(&compact(), 24_000) {
        Ok(pass) => {
            assert!(pass.bytes_after < pass.bytes_before);
            true
        }
        Err(_) => false,
    };
    stop_everywhere(act, |stage, before, done| {
        let now: BTreeSet<_> = stage.records().iter().map(|r| r.offset).collect();
        for record in stage.records() {
            assert!(before.contains(&record), "{record:?} is not as it was");
        }
        for record in before {
            let is_newest = !before[..before.len() - 1].iter().any(|r| r.key == record.key && r.offset > record.offset);
            assert!(now.contains(&record.offset) || !is_newest, "{record:?} is missing");
        }
        let log = stage.log.lock().unwrap();
        assert_eq!((log.log_start_offset(), log.log_end_offset()), (0, 41));
        assert_eq!(log.producers().producers()[&5].batches.back().unwrap().last_sequence, 39);
        assert!(!done || now.len() < before.len() / 2);
    });
}

#[test]
fn a_crash_at_any_step_of_deleting_brings_nothing_back_and_loses_nothing_else() {
    let config = CleanupConfig { retention_bytes: 700, ..CleanupConfig::default() };
    let act = |stage: &Stage| {
        // A client had everything below 3 deleted.
        stage.log.lock().unwrap().increment_log_start_offset(3);
        if stage.checkpoint().is_err() {
            return false;
        }
        let Ok(deleted) = stage.delete(&config) else { return false };
        assert!(deleted.plan.log_start_offset.unwrap() > 10);
        true
    };
    stop_everywhere(act, |stage, before, done| {
        let start = stage.log.lock().unwrap().log_start_offset();
        let expected: Vec<Seen> = before.iter().filter(|r| r.offset >= start).cloned().collect();
        assert_eq!(stage.records(), expected);
        assert!(!done || start > 10);
    });
}

#[test]
fn an_error_half_way_through_a_swap_is_one_that_does_not_pass() {
    let template = TempDir::new();
    prepare(template.path());
    let mut half_done = 0;
    for nth in 0..60 {
        let dir = TempDir::new();
        copy_dir(template.path(), dir.path());
        let stage = Stage::new(dir.path());
        drop(stage);
        struct Full(AtomicUsize);
        impl Faults for Full {
            fn before(&self, change: &Change) -> Option<Fault> {
                let is_swap = matches!(change, Change::Rename(from, _) if from.ancestors().nth(1).is_some_and(|dir| dir.ends_with("test-0")));
                let is_due = is_swap
                    && self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n.wrapping_sub(1))) == Ok(0);
                is_due.then(|| Fault { bytes: 0, error: io::ErrorKind::StorageFull.into() })
            }
        }
        let disk = Disk::with_faults(Arc::new(Full(AtomicUsize::new(nth))));
        let Ok(stage) = Stage::open(&disk, dir.path(), false) else { continue };
        match stage.try_clean(&compact(), 24_000) {
            Ok(_) => {}
            Err(CleanError::Log(ch01_log::scan::LogError::Io(e))) => {
                half_done += 1;
                assert!(!ch01_log::log::is_temporary(&e), "{e}");
            }
            Err(e) => panic!("{e}"),
        }
    }
    assert!(half_done > 5);
}
