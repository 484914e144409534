//! Segments leave a log, their files the disk; and how far that may go when a log's ends are apart.

use ch01_log::log::ReadError;
use ch02_retention::cleanable::{CleanableFacts, log_to_clean};
use ch02_retention::cleanup::CleanupConfig;
use ch02_retention::deletion::{DoomedFiles, READABLE_END, delete_old_segments, delete_records, remove_files};

use crate::stage::*;
use crate::support::*;

/// Twenty records in segments of about five.
fn twenty(stage: &Stage) {
    for i in 0..20 {
        stage.append(keyed(&[(&format!("k{}", i % 2), &format!("v{i}"))], NOW + i).build());
    }
}

#[test]
fn nothing_that_consumers_cannot_see_is_deleted_trimmed_or_compacted() {
    let dir = TempDir::new();
    let stage = Stage::new(dir.path());
    twenty(&stage);
    stage.roll();
    let mut log = stage.log.lock().unwrap();
    let bases = log.segment_offsets();
    let (third, end) = (bases[2], log.log_end_offset());
    // Consumers see half of the third segment; a transaction is open in the second.
    let (readable_end, last_stable_offset) = (third + 1, bases[1] + 1);
    let segments = log.segment_infos().unwrap();
    let facts = CleanableFacts {
        segments: &segments,
        log_start_offset: 0,
        last_stable_offset,
        log_end_offset: end,
        checkpoint: None,
    };
    assert_eq!(
        log_to_clean(facts, &compact(), NOW).first_uncleanable_offset,
        bases[1],
        "the segment with the open one stays as a whole"
    );
    assert_eq!(delete_records(&mut log, readable_end + 1, readable_end), None, "beyond what can be read");
    assert_eq!(delete_records(&mut log, -2, readable_end), None);
    assert_eq!(delete_records(&mut log, 2, readable_end), Some(2));
    assert_eq!(delete_records(&mut log, 1, readable_end), Some(2), "it never moves down");
    let everything = CleanupConfig { retention_ms: 0, ..CleanupConfig::default() };
    let deleted = delete_old_segments(&mut log, readable_end, &everything, NOW + 1000).unwrap();
    assert_eq!(deleted.plan.log_start_offset, Some(third), "the segment that reaches above it stays");
    assert_eq!(delete_records(&mut log, READABLE_END, readable_end), Some(readable_end));
    let all = delete_old_segments(&mut log, end, &everything, NOW + 1000).unwrap();
    assert_eq!(all.plan.log_start_offset, Some(end), "once everything can be read, everything goes");
    assert!(matches!(log.read(third, end, 1000, true, false), Err(ReadError::OutOfRange)));
}

#[test]
fn who_reads_a_segment_when_it_goes_can_finish() {
    let dir = TempDir::new();
    let stage = Stage::new(dir.path());
    twenty(&stage);
    let region = stage.log.lock().unwrap().read(0, 20, 1 << 20, true, false).unwrap().region.unwrap();
    let before = region.read().unwrap();
    let everything = CleanupConfig { retention_ms: 0, ..CleanupConfig::default() };
    let mut log = stage.log.lock().unwrap();
    let deleted = delete_old_segments(&mut log, 20, &everything, NOW + 1000).unwrap();
    assert_eq!(region.read().unwrap(), before, "renamed");
    assert!(deleted.doomed.iter().all(|file| file.exists() && file.to_string_lossy().ends_with(".deleted")));
    remove_files(&Default::default(), &deleted.doomed);
    assert!(!deleted.doomed.iter().any(|file| file.exists()));
    assert_eq!(region.read().unwrap(), before, "removed");
}

#[test]
fn files_wait_for_their_time() {
    let mut doomed = DoomedFiles::default();
    assert_eq!(doomed.next_due(), None);
    doomed.add(vec!["late".into()], 200);
    doomed.add(vec!["early".into()], 100);
    doomed.add(vec![], 50);
    assert_eq!(doomed.next_due(), Some(100));
    assert!(doomed.take_due(99).is_empty());
    assert_eq!(doomed.take_due(100), [std::path::PathBuf::from("early")]);
    assert_eq!(doomed.take_due(i64::MAX), [std::path::PathBuf::from("late")]);
    assert_eq!(doomed.next_due(), None);
}

#[test]
fn thousands_of_segments_are_judged_without_a_file_kept_open() {
    let dir = TempDir::new();
    let stage = Stage::new(dir.path());
    for i in 0..2000 {
        stage.append(keyed(&[("k", "v")], NOW + i).build());
        stage.roll();
    }
    let stage = stage.restart();
    let open_files = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let before = open_files();
    let config = CleanupConfig { retention_ms: 500, ..CleanupConfig::default() };
    let deleted = {
        let mut log = stage.log.lock().unwrap();
        delete_old_segments(&mut log, 2000, &config, NOW + 2000).unwrap()
    };
    assert_eq!(deleted.plan.log_start_offset, Some(1500));
    assert!(open_files() < before + 50, "tests that run beside this one have some open");
}
