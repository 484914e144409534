//! Searching one segment, by offset and by time; and what an index is worth that lies.

use ch01_log::batch::{Offset, Position, Timestamp};
use ch01_log::scan::LogError;
use ch01_log::segment::Segment;

use crate::support::one_segment::*;

/// The page's example: batches 10 to 19, one record and 76 bytes each, an entry for every third.
fn ten_batches() -> OneSegment {
    let here = OneSegment::new(10, 200);
    let mut segment = here.open();
    for offset in 10..20 {
        append(&mut segment, &batch_at(offset, 1, TIME));
    }
    segment.seal().unwrap();
    assert_eq!(here.read("index"), here.offset_index(&[(13, 228), (16, 456), (19, 684)]));
    here
}

/// Position and base offset of the batch that is found.
fn found(segment: &mut Segment, target: Offset) -> Option<(Position, Offset)> {
    segment.find(target).unwrap().map(|(position, header)| (position, header.base_offset))
}

#[test]
fn each_offset_is_found_where_it_stands() {
    let here = ten_batches();
    let mut segment = here.open();
    for offset in 10..20 {
        assert_eq!(found(&mut segment, offset), Some((76 * (offset as u64 - 10), offset)), "offset {offset}");
    }
    assert_eq!(found(&mut segment, 20), None);
    assert_eq!(found(&mut segment, Offset::MAX), None);
    assert_eq!(found(&mut segment, 3), Some((0, 10)), "below the first batch it is the first");
    assert_eq!(segment.next_offset().unwrap(), 20, "a walk from the last entry on");
}

#[test]
fn an_offset_inside_a_batch_gives_the_batch() {
    // An entry for each batch but the first, with the batch's last offset.
    let here = OneSegment::new(10, 0);
    let mut segment = here.open();
    let mut places = Vec::new();
    for (batch, records) in [3usize, 1, 5, 2, 4].into_iter().enumerate() {
        let first = 10 + [0, 3, 4, 9, 11][batch];
        places.extend((first..).take(records).map(|offset| (offset, (segment.size(), first))));
        append(&mut segment, &batch_at(first, records, TIME));
    }
    for mut segment in [segment, here.open()] {
        for &(offset, place) in &places {
            assert_eq!(found(&mut segment, offset), Some(place), "offset {offset}");
        }
        assert_eq!(found(&mut segment, 25), None);
        assert_eq!(segment.next_offset().unwrap(), 25);
    }
}

#[test]
fn a_hole_leads_to_the_next_batch() {
    let here = OneSegment { may_skip: true, ..OneSegment::new(10, 0) };
    let mut segment = here.open();
    for offset in [12, 20, 30] {
        append(&mut segment, &batch_at(offset, 3, TIME));
    }
    let size = segment.size() / 3;
    for (target, place) in [(10, (0, 12)), (14, (0, 12)), (15, (size, 20)), (19, (size, 20)), (23, (2 * size, 30))] {
        assert_eq!(found(&mut segment, target), Some(place), "offset {target}");
    }
    assert_eq!(found(&mut segment, 33), None);
}

#[test]
fn an_empty_segment_has_nothing_and_touches_no_file() {
    let here = OneSegment::new(10, 0);
    for target in [0, 10, 11, Offset::MAX] {
        assert_eq!(found(&mut here.open(), target), None);
    }
    assert_eq!(std::fs::read_dir(here.dir.path()).unwrap().count(), 0, "no file has come into being");
}

#[test]
fn a_walk_starts_at_the_last_entry_that_is_not_above_the_target() {
    let here = ten_batches();
    // Whoever walks over these three batches meets damage: their headers are gone.
    let mut log = here.read("log");
    log[..228].fill(0);
    here.write("log", &log);
    let mut segment = here.open();
    for offset in 13..20 {
        assert_eq!(found(&mut segment, offset), Some((76 * (offset as u64 - 10), offset)), "offset {offset}");
    }
    assert_eq!(found(&mut segment, 20), None);
    match segment.find(12) {
        Err(LogError::Corrupt(damage)) => assert_eq!((damage.position, damage.offset), (0, 10)),
        other => panic!("{other:?} where the damage is in the way"),
    }
}

#[test]
fn an_entry_that_lies_is_found_out_and_the_index_written_anew() {
    let here = ten_batches();
    let good = here.read("index");
    let lies: &[&[(Offset, Position)]] = &[
        &[(13, 100), (16, 456), (19, 684)],
        &[(13, 1 << 20), (16, 456), (19, 684)],
        // Whole batches begin there, but others.
        &[(13, 76), (16, 456), (19, 684)],
        &[(13, 304), (16, 456), (19, 684)],
    ];
    for lie in lies {
        here.write("index", &here.offset_index(lie));
        let mut segment = here.open();
        assert_eq!(found(&mut segment, 15), Some((380, 15)), "{lie:?}");
        assert_eq!(here.read("index"), good, "{lie:?}: the index was not written anew");
        assert_eq!(found(&mut segment, 13), Some((228, 13)), "{lie:?}");
    }
    // An entry that nobody asks is believed by nobody, and not looked at.
    let lie = here.offset_index(&[(13, 100), (16, 456), (19, 684)]);
    here.write("index", &lie);
    assert_eq!(found(&mut here.open(), 18), Some((608, 18)));
    assert_eq!(here.read("index"), lie);
}

#[test]
#[cfg(unix)]
fn an_index_that_lies_again_when_it_is_written_anew_is_given_up() {
    let here = ten_batches();
    // Two names for one file: what is written into one index overwrites the other's entries.
    std::fs::remove_file(here.file("index")).unwrap();
    std::os::unix::fs::symlink(here.file("timeindex"), here.file("index")).unwrap();
    here.write("timeindex", &here.offset_index(&[(13, 100), (16, 100), (19, 100)]));
    let mut segment = here.open();
    for offset in 10..20 {
        assert_eq!(found(&mut segment, offset), Some((76 * (offset as u64 - 10), offset)), "offset {offset}");
    }
    assert_eq!(found(&mut segment, 20), None);
}

/// The page's example: eight batches of one record, whose times do not grow.
const TIMES: [Timestamp; 8] = [10, 20, 50, 30, 40, 60, 55, 70];
const TIME_ENTRIES: [(Timestamp, Offset); 3] = [(20, 1), (50, 2), (60, 5)];

fn eight_times() -> OneSegment {
    let here = OneSegment::new(0, 1 << 20);
    let mut segment = here.open();
    for (offset, time) in (0..).zip(TIMES) {
        append(&mut segment, &batch_at(offset, 1, time));
    }
    here.write("timeindex", &here.time_index(&TIME_ENTRIES));
    here
}

fn found_time(segment: &mut Segment, target: Timestamp, from: Offset) -> Option<Offset> {
    segment.find_timestamp(target, from).unwrap().map(|(position, header)| {
        assert_eq!(position, 76 * header.base_offset as u64, "where it stands");
        header.base_offset
    })
}

#[test]
fn the_first_batch_that_is_late_enough_is_found() {
    let here = eight_times();
    let mut segment = here.open();
    for (target, from, expected) in
        [(40, 0, Some(2)), (50, 0, Some(2)), (51, 0, Some(5)), (71, 0, None), (40, 3, Some(4)), (10, -5, Some(0))]
    {
        assert_eq!(found_time(&mut segment, target, from), expected, "{target} from {from} on");
    }
    for target in 0..80 {
        for from in 0..9 {
            let expected = (from..8).find(|&offset| TIMES[offset as usize] >= target);
            assert_eq!(found_time(&mut segment, target, from), expected, "{target} from {from} on");
        }
    }
    assert_eq!(here.read("timeindex"), here.time_index(&TIME_ENTRIES), "an index that is right is left alone");
}

#[test]
fn a_search_by_time_begins_behind_the_entrys_batch() {
    let here = eight_times();
    here.write("index", &here.offset_index(&[(2, 152)]));
    // Whoever walks over the first two batches meets damage.
    let mut log = here.read("log");
    log[..152].fill(0);
    here.write("log", &log);
    let mut segment = here.open();
    assert_eq!(found_time(&mut segment, 51, 0), Some(5));
    assert_eq!(found_time(&mut segment, 55, 4), Some(5));
}

#[test]
fn a_time_entry_that_lies_is_found_out_and_the_index_written_anew() {
    let here = eight_times();
    let lies: &[&[(Timestamp, Offset)]] = &[
        // Offset 2 is of 50, not of 45: whoever believes it looks for 48 from 3 on, and misses it.
        &[(20, 1), (45, 2)],
        &[(20, 1), (45, 6)],
        &[(20, 1), (45, 1000)],
    ];
    for lie in lies {
        let lie = here.time_index(lie);
        here.write("timeindex", &lie);
        let mut segment = here.open();
        assert_eq!(found_time(&mut segment, 48, 0), Some(2), "{lie:?}");
        assert_ne!(here.read("timeindex"), lie, "the index was not written anew");
        assert_eq!(found_time(&mut segment, 48, 3), Some(5));
        here.write("timeindex", &lie);
        assert_eq!(found_time(&mut here.open(), 48, 4), Some(5), "{lie:?}: `from` counts all the same");
    }
}
