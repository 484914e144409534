//! A log: segments that follow on each other, reads that cross them, searches by time, truncation.

use ch01_log::batch::{BatchHeader, HEADER_LEN};
use ch01_log::disk::Disk;
use ch01_log::log::ReadError;
use ch01_log::recovery::OpenOptions;
use ch01_log::segment::Segment;

use crate::support::*;

/// The book's example: topic `hello.kafka`, 22 records of which ten fill a segment.
#[test]
fn twenty_two_records_of_which_ten_fill_a_segment_make_three() {
    let dir = TempDir::new();
    let one = batch(&["hello"]).build().len() as i32;
    let mut log = open(dir.path(), options(log_config(|c| c.internal_segment_bytes = Some(one * 10)))).unwrap();
    for _ in 0..22 {
        append(&mut log, batch(&["hello"]).build());
    }
    assert_eq!(log.segment_offsets(), [0, 10, 20]);
    assert_eq!(append(&mut log, batch(&["next"]).build()).base_offset, 22);
    assert_eq!(*log.segment_offsets().last().unwrap(), 20);
    let region = log.read(15, 23, 1, true, false).unwrap().region.unwrap();
    assert_eq!(region.offset, 5 * one as u64);
    assert_eq!(records(&region.read().unwrap(), 0)[0].offset, 15);
}

#[test]
fn every_offset_is_found_in_every_segment() {
    let dir = TempDir::new();
    let mut log = open(dir.path(), options(log_config(|c| c.internal_segment_bytes = Some(1000)))).unwrap();
    for i in 0..100 {
        let values: Vec<String> = (0..=i % 4).map(|j| format!("{i}/{j}")).collect();
        append(&mut log, batch(&values.iter().map(String::as_str).collect::<Vec<_>>()).build());
    }
    let end = log.log_end_offset();
    assert_eq!(end, 250);
    for offset in 0..end {
        let region = log.read(offset, end, 1, true, false).unwrap().region.unwrap();
        let seen = records(&region.read().unwrap(), offset);
        assert_eq!(seen[0].offset, offset);
    }
    assert!(log.read(end, end, 1, true, false).unwrap().region.is_none());
    assert!(matches!(log.read(end + 1, end, 1, true, false), Err(ReadError::OutOfRange)));
    assert!(matches!(log.read(-1, end, 1, true, false), Err(ReadError::OutOfRange)));
}

#[test]
fn a_reader_sees_nothing_at_or_above_its_end() {
    let dir = TempDir::new();
    let mut log = open(dir.path(), options(log_config(|c| c.internal_segment_bytes = Some(400)))).unwrap();
    for i in 0..20 {
        append(&mut log, batch(&[&format!("{i}"), "x"]).build());
    }
    for end in (0..=40).step_by(2) {
        let mut offset = 0;
        let mut seen = Vec::new();
        while let Some(region) = log.read(offset, end, 100_000, true, false).unwrap().region {
            seen.extend(records(&region.read().unwrap(), 0));
            offset = seen.last().unwrap().offset + 1;
        }
        assert_eq!(seen.len() as i64, end, "end {end}");
    }
}

#[test]
fn limits_are_kept_but_for_the_first_batch() {
    let dir = TempDir::new();
    let mut log = open(dir.path(), options(log_config(|_| {}))).unwrap();
    let size = batch(&["12345"]).build().len();
    for _ in 0..10 {
        append(&mut log, batch(&["12345"]).build());
    }
    let read = |log: &mut ch01_log::log::Log, max, one| log.read(0, 10, max, one, false).unwrap().region.map(|r| r.len);
    assert_eq!(read(&mut log, 1, true), Some(size));
    assert_eq!(read(&mut log, 1, false), None);
    assert_eq!(read(&mut log, size * 3, false), Some(size * 3));
    assert_eq!(read(&mut log, size * 3 + 7, false), Some(size * 3 + 7), "the last batch may be cut short");
    assert_eq!(read(&mut log, usize::MAX >> 1, true), Some(size * 10));
}

#[test]
fn a_region_stays_readable_when_the_log_is_cut_and_written_again() {
    let dir = TempDir::new();
    let mut log = open(dir.path(), options(log_config(|_| {}))).unwrap();
    append(&mut log, batch(&["kept"]).build());
    let region = log.read(0, 1, 1000, true, false).unwrap().region.unwrap();
    append(&mut log, batch(&["gone"]).build());
    log.truncate(1).unwrap();
    assert_eq!(records(&region.read().unwrap(), 0)[0].value.as_deref(), Some(&b"kept"[..]));
}

#[test]
fn a_search_by_time_finds_the_first_record_at_or_after_it() {
    // Out of order on purpose: 0 15 10 25 20 35 30 ...
    let out_of_order: Vec<i64> = (0..60).map(|i| NOW + if i % 2 == 0 { i * 5 } else { i * 5 + 10 }).collect();
    let in_order: Vec<i64> = (0..60).map(|i| NOW + i * 5).collect();
    for records_in_a_batch in [1, 3] {
        search_by_time(&out_of_order, records_in_a_batch);
        search_by_time(&in_order, records_in_a_batch);
    }
}

fn search_by_time(times: &[i64], records_in_a_batch: usize) {
    let dir = TempDir::new();
    let config = log_config(|c| {
        c.internal_segment_bytes = Some(300);
        c.index_interval_bytes = 0;
    });
    let mut log = open(dir.path(), options(config)).unwrap();
    for batch in times.chunks(records_in_a_batch) {
        let builder = batch.iter().fold(ch01_log::builder::BatchBuilder::new(0), |b, &t| b.record(t, None, Some(b"x")));
        append(&mut log, builder.build());
    }
    assert!(log.segment_offsets().len() > 3);
    for target in NOW - 1..NOW + 320 {
        let expected = times.iter().position(|&t| t >= target).map(|i| (i as i64, times[i]));
        let found = log.find_timestamp(target, 60).unwrap().map(|f| (f.offset, f.timestamp));
        assert_eq!(found, expected, "target {}", target - NOW);
    }
    let largest = *times.iter().max().unwrap();
    let first_largest = times.iter().position(|&t| t == largest).unwrap() as i64;
    assert_eq!(log.find_max_timestamp(60).unwrap().unwrap().offset, first_largest);
    assert_eq!(log.find_timestamp(NOW, 0).unwrap(), None, "nothing below the end of what may be read");
}

#[test]
fn a_search_by_time_gives_nothing_from_before_the_logs_start() {
    let dir = TempDir::new();
    let config = log_config(|c| c.index_interval_bytes = 0);
    let mut log = open(dir.path(), options(config.clone())).unwrap();
    for _ in 0..10 {
        append(&mut log, batch(&["a", "b", "c"]).build());
    }
    drop(log);
    for start in [4, 5, 6] {
        let mut log =
            open(dir.path(), OpenOptions { log_start_offset: Some(start), ..options(config.clone()) }).unwrap();
        // Every batch has a record of NOW, and one a millisecond later.
        let found = |log: &mut ch01_log::log::Log, target| log.find_timestamp(target, 30).unwrap().unwrap().offset;
        assert_eq!(found(&mut log, NOW), start);
        assert_eq!(found(&mut log, NOW + 1), if start == 6 { 7 } else { start });
    }
}

#[test]
fn a_segment_holds_offsets_up_to_two_billion_above_its_first() {
    let dir = TempDir::new();
    let config = log_config(|_| {}).segment;
    let mut segment = Segment::open(&Disk::default(), dir.path(), 7, 4096, false).unwrap();
    let bytes = batch(&["x"]).build();
    let (mut header, body) = (BatchHeader::parse(&bytes).unwrap(), &bytes[HEADER_LEN..]);
    header.base_offset = 7;
    segment.append(&header, body).unwrap();
    for (offset, rolls) in [(8, false), (7 + (1 << 31) - 1, false), (7 + (1 << 31), true)] {
        header.base_offset = offset;
        assert_eq!(segment.must_roll(&header, &config).unwrap(), rolls, "offset {offset}");
    }
}

#[test]
fn a_jump_in_time_begins_a_segment() {
    let dir = TempDir::new();
    let mut log = open(dir.path(), options(log_config(|c| c.segment_ms = 1000))).unwrap();
    let at = |t: i64| ch01_log::builder::BatchBuilder::new(0).record(t, None, Some(b"x")).build();
    append(&mut log, at(NOW - 5000));
    append(&mut log, at(NOW - 4000));
    assert_eq!(log.segment_offsets(), [0], "exactly segment.ms is allowed");
    append(&mut log, at(NOW - 3999));
    assert_eq!(log.segment_offsets(), [0, 2]);
    append(&mut log, at(NOW - 9000));
    assert_eq!(log.segment_offsets(), [0, 2], "older records do not");
}

#[test]
fn time_alone_ends_no_segment() {
    let dir = TempDir::new();
    let options = options(log_config(|c| c.segment_ms = 1));
    let mut log = open(dir.path(), options.clone()).unwrap();
    let at = |t: i64| ch01_log::builder::BatchBuilder::new(0).record(t, None, Some(b"x")).build();
    append(&mut log, at(NOW));
    // A day goes by in which everything happens that a broker does without being asked.
    let tomorrow = NOW + 86_400_000;
    log.must_flush(tomorrow);
    log.flushed(1, tomorrow);
    log.expire_producers(tomorrow);
    log.close(tomorrow).unwrap();
    drop(log);
    let mut log = open(dir.path(), OpenOptions { now: tomorrow, recovery_point: 1, clean: true, ..options }).unwrap();
    assert_eq!(log.segment_offsets(), [0]);
    append(&mut log, at(NOW + 1));
    assert_eq!(log.segment_offsets(), [0], "the records are a millisecond apart, and that counts");
    append(&mut log, at(NOW + 2));
    assert_eq!(log.segment_offsets(), [0, 2]);
}

#[test]
fn a_full_index_begins_a_segment() {
    let dir = TempDir::new();
    let config = log_config(|c| {
        c.index_interval_bytes = 0;
        c.segment_index_bytes = 40;
    });
    let mut log = open(dir.path(), options(config)).unwrap();
    for _ in 0..12 {
        append(&mut log, batch(&["x"]).build());
    }
    assert!(log.segment_offsets().len() > 1);
    for offset in 0..12 {
        assert!(log.read(offset, 12, 1, true, false).unwrap().region.is_some());
    }
}

#[test]
fn truncation_removes_batches_as_a_whole_and_the_log_goes_on() {
    for target in 0..=24 {
        let dir = TempDir::new();
        let options = options(log_config(|c| c.internal_segment_bytes = Some(250)));
        let mut log = open(dir.path(), options.clone()).unwrap();
        for i in 0..8 {
            append(&mut log, batch(&[&format!("a{i}"), "b", "c"]).producer(1, 0, i * 3).build());
        }
        log.truncate(target).unwrap();
        let end = target / 3 * 3;
        assert_eq!(log.log_end_offset(), end, "truncate to {target}");
        assert_eq!(values(&mut log).len() as i64, end);
        // The producer goes on where the log now ends: what was cut is not remembered.
        append(&mut log, batch(&["again", "b", "c"]).producer(1, 0, end as i32).build());
        drop(log);
        let mut log = open(dir.path(), options).unwrap();
        assert_eq!(values(&mut log).len() as i64, end + 3, "after a crash");
    }
}

#[test]
fn a_log_opens_after_a_clean_stop_as_it_was() {
    let dir = TempDir::new();
    let options = options(log_config(|c| c.internal_segment_bytes = Some(300)));
    let mut log = open(dir.path(), options.clone()).unwrap();
    for i in 0..10 {
        append(&mut log, batch(&[&format!("{i}")]).producer(3, 1, i).build());
    }
    let before = values(&mut log);
    log.close(NOW).unwrap();
    assert_eq!(log.recovery_point(), 10);
    drop(log);
    let mut log = open(dir.path(), OpenOptions { clean: true, recovery_point: 10, ..options }).unwrap();
    assert_eq!(values(&mut log), before);
    assert!(append(&mut log, batch(&["9"]).producer(3, 1, 9).build()).is_duplicate);
    assert_eq!(append(&mut log, batch(&["10"]).producer(3, 1, 10).build()).base_offset, 10);
}

#[test]
fn what_is_stored_is_what_came_but_for_offset_and_epoch() {
    let dir = TempDir::new();
    let mut log = open(dir.path(), options(log_config(|_| {}))).unwrap();
    append(&mut log, batch(&["first"]).build());
    let sent = batch(&["one", "two"]).build();
    append(&mut log, sent.clone());
    let stored = read_batches(&mut log, 1);
    assert_eq!(stored[..8], 1i64.to_be_bytes());
    assert_eq!(stored[8..12], sent[8..12]);
    assert_eq!(stored[12..16], 0i32.to_be_bytes());
    assert_eq!(stored[16..], sent[16..]);
    assert_eq!(stored.len(), HEADER_LEN + sent.len() - HEADER_LEN);
}

#[test]
fn a_flush_moves_the_recovery_point() {
    let dir = TempDir::new();
    let mut log = open(dir.path(), options(log_config(|c| c.flush_messages = 3))).unwrap();
    append(&mut log, batch(&["1", "2"]).build());
    assert!(!log.must_flush(NOW));
    append(&mut log, batch(&["3"]).build());
    assert!(log.must_flush(NOW));
    let (files, end) = log.unflushed().unwrap();
    assert_eq!((files.len(), end), (1, 3));
    log.flushed(end, NOW);
    assert!(!log.must_flush(NOW));
    assert_eq!(log.recovery_point(), 3);
}

#[test]
fn time_asks_for_a_flush_too() {
    let dir = TempDir::new();
    let mut log = open(dir.path(), options(log_config(|c| c.flush_ms = 100))).unwrap();
    assert!(!log.must_flush(NOW + 1000), "nothing to flush");
    append(&mut log, batch(&["1"]).build());
    assert!(!log.must_flush(NOW + 99));
    assert!(log.must_flush(NOW + 100));
}
