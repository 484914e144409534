//! The tests of the open-ended exercise `table`: a table that is made from a compacted topic, and kept up to date.

#[path = "../ch01/support/mod.rs"]
mod ch01;
#[allow(dead_code)]
mod stage;
#[allow(dead_code)]
mod support;

use ch01_log::batch::{BatchHeader, HEADER_LEN};
use ch01_log::builder::BatchBuilder;
use ch01_log::compression::Compression;
use ch02_retention::table::{Look, Table, TableError, Why};

use crate::stage::*;
use crate::support::*;

/// `delete.retention.ms` in these tests, and in `compact()`.
const RETENTION: i64 = 1000;

fn look(table: &mut Table, stage: &Stage) -> Look {
    table.look(&mut stage.log.lock().unwrap(), RETENTION, stage.now).unwrap()
}

/// The values of these keys as text; `-` where there is none.
fn values(table: &Table, keys: &[&str]) -> Vec<String> {
    let text = |key: &&str| table.get(key.as_bytes()).map_or("-".into(), |v| String::from_utf8(v.to_vec()).unwrap());
    keys.iter().map(text).collect()
}

/// A log of one batch for each group of records.
fn stage_of(dir: &TempDir, batches: &[&[(&str, &str)]]) -> Stage {
    let stage = Stage::new(dir.path());
    for records in batches {
        stage.append(keyed(records, NOW).build());
    }
    stage
}

#[test]
fn the_newest_value_of_each_key_is_there() {
    let dir = TempDir::new();
    let stage = stage_of(&dir, &[&[("a", "1"), ("b", "1"), ("a", "2")], &[("c", "1"), ("b", "2")]]);
    let mut table = Table::default();
    assert!(table.is_empty());
    assert_eq!((table.len(), table.position(), table.get(b"a")), (0, 0, None), "before the first look");
    assert_eq!(look(&mut table, &stage), Look::BuiltAnew(Why::New));
    assert_eq!(values(&table, &["a", "b", "c", "d"]), ["2", "2", "1", "-"]);
    assert_eq!((table.len(), table.position()), (3, 5));
}

#[test]
fn a_tombstone_removes_its_key() {
    let dir = TempDir::new();
    let stage = stage_of(&dir, &[&[("a", "1"), ("b", "1"), ("b", "-"), ("never", "-"), ("c", "-"), ("c", "1")]]);
    let mut table = Table::default();
    look(&mut table, &stage);
    assert_eq!(
        (values(&table, &["a", "b", "never", "c"]), table.len()),
        (vec!["1", "-", "-", "1"].iter().map(|s| s.to_string()).collect(), 2)
    );
    stage.append(keyed(&[("a", "-"), ("b", "2")], NOW).build());
    look(&mut table, &stage);
    assert_eq!((values(&table, &["a", "b", "c"]), table.len()), (vec!["-".into(), "2".into(), "1".into()], 2));
}

#[test]
fn empty_is_a_value_and_a_key_and_no_key_is_none() {
    let dir = TempDir::new();
    let stage = stage_of(&dir, &[&[("", "1"), ("a", "")]]);
    stage.append(BatchBuilder::new(0).record(NOW, None, Some(b"without a key")).build());
    let mut table = Table::default();
    look(&mut table, &stage);
    assert_eq!((table.get(b""), table.get(b"a"), table.len()), (Some(&b"1"[..]), Some(&b""[..]), 2));
    assert_eq!(table.position(), 3);
}

#[test]
fn it_goes_on_from_its_position() {
    let dir = TempDir::new();
    let stage = stage_of(&dir, &[&[("a", "1"), ("b", "1")], &[("c", "1")]]);
    let mut table = Table::default();
    look(&mut table, &stage);
    // What has been read is not read again: there is only damage there now.
    let path = stage.log.lock().unwrap().dir().join("00000000000000000000.log");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[HEADER_LEN + 4] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    assert_eq!(look(&mut table, &stage), Look::WentOn);
    assert_eq!((table.len(), table.position()), (3, 3), "nothing came");
    stage.append(keyed(&[("b", "2"), ("d", "1")], NOW).build());
    assert_eq!(look(&mut table, &stage), Look::WentOn);
    assert_eq!(values(&table, &["a", "b", "c", "d"]), ["1", "2", "1", "1"]);
    assert_eq!(table.position(), 5);
}

#[test]
fn all_codecs_and_segments_are_read() {
    use Compression::*;
    let dir = TempDir::new();
    let stage = Stage::new(dir.path());
    for i in 0..40 {
        let (key, value) = (format!("k{}", i % 7), format!("v{i}"));
        stage.append(keyed(&[(&key, &value)], NOW).build_compressed([None, Gzip, Snappy, Lz4, Zstd][i % 5]));
    }
    assert!(stage.log.lock().unwrap().segment_offsets().len() > 3);
    let mut table = Table::default();
    look(&mut table, &stage);
    assert_eq!(
        values(&table, &["k0", "k1", "k2", "k3", "k4", "k5", "k6"]),
        ["v35", "v36", "v37", "v38", "v39", "v33", "v34"]
    );
}

#[test]
fn what_is_not_below_the_last_stable_offset_waits() {
    let dir = TempDir::new();
    let stage = stage_of(&dir, &[&[("a", "1")]]);
    let open = keyed(&[("b", "in a transaction")], NOW).producer(7, 0, 0).attributes(0x10).build();
    let mut header = BatchHeader::parse(&open).unwrap();
    let body = &open[HEADER_LEN..];
    drop(stage.log.lock().unwrap().close(NOW));
    let folder = stage.log.lock().unwrap().dir().to_owned();
    drop(stage);
    // Chapter 1 refuses transactions of clients, and reads them where they are.
    let mut bytes = std::fs::read(folder.join("00000000000000000000.log")).unwrap();
    let mut put = |offset, attributes, base_sequence, body: &[u8]| {
        header.base_sequence = base_sequence;
        header.base_offset = offset;
        header.partition_leader_epoch = 0;
        header.attributes.0 = attributes;
        bytes.extend(header.sealed(body).encode());
        bytes.extend(body);
        std::fs::write(folder.join("00000000000000000000.log"), &bytes).unwrap();
    };
    put(1, 0x10, 0, body);
    let stage = Stage::new(dir.path());
    assert_eq!(stage.log.lock().unwrap().last_stable_offset(), 1);
    let mut table = Table::default();
    look(&mut table, &stage);
    assert_eq!((values(&table, &["a", "b"]), table.position()), (vec!["1".to_string(), "-".into()], 1));
    drop(stage);
    // It is committed: the marker's key and value are no record of the table's.
    let marker = BatchBuilder::new(0).record(NOW, Some(&[0, 0, 0, 1]), Some(&[0; 6])).build();
    put(2, 0x30, -1, &marker[HEADER_LEN..]);
    let stage = Stage::new(dir.path());
    assert_eq!(look(&mut table, &stage), Look::WentOn);
    assert_eq!((values(&table, &["b"]), table.len(), table.position()), (vec!["in a transaction".to_string()], 2, 3));
}

#[test]
fn compaction_under_it_changes_nothing() {
    let dir = TempDir::new();
    let stage = stage_of(&dir, &[&[("a", "1"), ("b", "1")], &[("a", "2"), ("b", "2")]]);
    let mut table = Table::default();
    look(&mut table, &stage);
    // The table's position becomes a hole: 4 and 5 go, 6 stays.
    for value in ["3", "4", "5"] {
        stage.append(keyed(&[("a", value)], NOW).build());
    }
    stage.append(keyed(&[("c", "1"), ("c", "-")], NOW).build());
    stage.roll();
    stage.clean(&compact());
    assert_eq!(stage.text(), ["3 b=2", "6 a=5", "8 c=-"]);
    assert_eq!(look(&mut table, &stage), Look::WentOn);
    assert_eq!((values(&table, &["a", "b", "c"]), table.len()), (vec!["5".to_string(), "2".into(), "-".into()], 2));
    let mut anew = Table::default();
    look(&mut anew, &stage);
    assert_eq!(values(&anew, &["a", "b", "c"]), values(&table, &["a", "b", "c"]));
    assert_eq!((anew.position(), table.position()), (9, 9));
}

#[test]
fn what_compaction_has_emptied_is_looked_at_too() {
    let dir = TempDir::new();
    let mut stage = stage_of(&dir, &[&[("a", "1")], &[("a", "-")]]);
    let mut table = Table::default();
    stage.roll();
    stage.clean(&compact());
    stage.now += RETENTION;
    stage.append(keyed(&[("b", "-")], NOW).build());
    stage.append(keyed(&[("b", "-")], NOW).build());
    stage.roll();
    stage.clean(&compact());
    look(&mut table, &stage);
    assert_eq!((table.len(), table.position()), (0, 4), "nothing is there, and all of it was looked at");
    assert_eq!(look(&mut table, &stage), Look::WentOn);
}

#[test]
fn what_was_encoded_goes_on_as_if_it_had_not() {
    let dir = TempDir::new();
    let mut stage = stage_of(&dir, &[&[("a", "1"), ("", "no key"), ("empty", "")], &[("b", "1"), ("b", "-")]]);
    let new = Table::decode(&Table::default().encode()).unwrap();
    assert_eq!((new.len(), new.position()), (0, 0));
    assert_eq!(look(&mut new.clone(), &stage), Look::BuiltAnew(Why::New));
    let mut table = Table::default();
    look(&mut table, &stage);
    let mut other = Table::decode(&table.encode()).unwrap();
    assert_eq!((other.len(), other.position()), (3, 5));
    assert_eq!(values(&other, &["a", "", "empty", "b"]), ["1", "no key", "", "-"]);
    assert_eq!(other.get(b"empty"), Some(&b""[..]));
    stage.append(keyed(&[("a", "-"), ("c", "1")], NOW).build());
    stage.now += RETENTION - 1;
    assert_eq!(look(&mut other, &stage), Look::WentOn, "it knows its position and when it looked");
    assert_eq!(values(&other, &["a", "", "empty", "b", "c"]), ["-", "no key", "", "-", "1"]);
    let mut late = Table::decode(&table.encode()).unwrap();
    stage.now += 1;
    assert_eq!(look(&mut late, &stage), Look::BuiltAnew(Why::TooLate));
}

#[test]
fn bytes_that_are_no_table_are_refused() {
    let dir = TempDir::new();
    let stage = stage_of(&dir, &[&[("a", "1"), ("key", "value"), ("b", "")]]);
    let mut table = Table::default();
    look(&mut table, &stage);
    let bytes = table.encode();
    for len in 0..bytes.len() {
        assert!(Table::decode(&bytes[..len]).is_none(), "{len} of {} bytes", bytes.len());
    }
    assert!(Table::decode(&[&bytes[..], &[0]].concat()).is_none(), "a byte more");
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut wrong = bytes.clone();
            wrong[at] ^= flip;
            // It may be a table, of other keys; but nothing panics, and nothing is reserved for a length made up.
            let _ = Table::decode(&wrong);
        }
    }
}

#[test]
fn a_log_that_starts_behind_its_position_is_read_from_its_start() {
    let dir = TempDir::new();
    let stage = stage_of(&dir, &[&[("a", "1")], &[("b", "1")], &[("c", "1")], &[("d", "1")]]);
    let mut table = Table::default();
    look(&mut table, &stage);
    for _ in 0..3 {
        stage.append(keyed(&[("a", "-"), ("d", "2")], NOW).build());
    }
    let start = |offset| stage.log.lock().unwrap().increment_log_start_offset(offset);
    start(4);
    assert_eq!(look(&mut table.clone(), &stage), Look::WentOn, "all that went, it has seen");
    start(5);
    assert_eq!(look(&mut table, &stage), Look::BuiltAnew(Why::StartMoved));
    assert_eq!(values(&table, &["a", "b", "c", "d"]), ["-", "-", "-", "2"], "what it had is gone");
    assert_eq!((table.len(), table.position()), (1, 10));
}

#[test]
fn a_log_that_ends_before_its_position_is_read_from_its_start() {
    let (dir, other) = (TempDir::new(), TempDir::new());
    let stage = stage_of(&dir, &[&[("a", "1"), ("b", "1"), ("c", "1")]]);
    let mut table = Table::default();
    look(&mut table, &stage);
    let as_long = stage_of(&other, &[&[("x", "1"), ("y", "1"), ("z", "1")]]);
    assert_eq!(look(&mut table.clone(), &as_long), Look::WentOn, "nobody can know");
    let shorter = TempDir::new();
    let shorter = stage_of(&shorter, &[&[("x", "1"), ("b", "2")]]);
    assert_eq!(look(&mut table, &shorter), Look::BuiltAnew(Why::EndMoved));
    assert_eq!(
        (values(&table, &["a", "b", "c", "x"]), table.len()),
        (vec!["-".to_string(), "2".into(), "-".into(), "1".into()], 2)
    );
    assert_eq!(table.position(), 2);
}

#[test]
fn after_delete_retention_ms_tombstones_may_be_gone() {
    let dir = TempDir::new();
    let mut stage = stage_of(&dir, &[&[("a", "1"), ("b", "1")]]);
    let mut table = Table::default();
    look(&mut table, &stage);
    // A moment later a is deleted. The first pass meets the tombstone at once, the second removes it when it may.
    stage.append(keyed(&[("a", "-")], NOW).build());
    stage.roll();
    stage.clean(&compact());
    let mut in_time = table.clone();
    stage.now = NOW + RETENTION - 1;
    assert_eq!(look(&mut in_time, &stage), Look::WentOn);
    assert_eq!(values(&in_time, &["a", "b"]), ["-", "1"], "the tombstone is still there");
    stage.now = NOW + RETENTION;
    stage.append(keyed(&[("c", "1")], NOW).build());
    stage.roll();
    stage.clean(&compact());
    assert_eq!(stage.text(), ["1 b=1", "3 c=1"]);
    assert_eq!(look(&mut table, &stage), Look::BuiltAnew(Why::TooLate));
    assert_eq!((values(&table, &["a", "b", "c"]), table.len()), (vec!["-".to_string(), "1".into(), "1".into()], 2));
    assert_eq!(look(&mut in_time, &stage), Look::WentOn, "each look begins the time anew");
    assert_eq!(values(&in_time, &["a", "b", "c"]), ["-", "1", "1"]);
    let mut log = stage.log.lock().unwrap();
    let mut at_once = |ms, now| table.look(&mut log, ms, now).unwrap();
    assert_eq!(at_once(0, stage.now), Look::BuiltAnew(Why::TooLate), "tombstones may go at once");
    assert_eq!(at_once(i64::MAX, i64::MAX), Look::WentOn);
}

#[test]
fn several_reasons_are_named_in_order() {
    let dir = TempDir::new();
    let mut stage = stage_of(&dir, &[&[("a", "1")], &[("b", "1")]]);
    let mut table = Table::default();
    look(&mut table, &stage);
    stage.append(keyed(&[("a", "2"), ("a", "3")], NOW).build());
    stage.log.lock().unwrap().increment_log_start_offset(3);
    stage.now += RETENTION;
    assert_eq!(look(&mut table.clone(), &stage), Look::BuiltAnew(Why::StartMoved));
    assert_eq!(look(&mut Table::default(), &stage), Look::BuiltAnew(Why::New));
    let shorter = TempDir::new();
    let mut shorter = stage_of(&shorter, &[&[("x", "1")]]);
    shorter.now += RETENTION;
    assert_eq!(look(&mut table, &shorter), Look::BuiltAnew(Why::EndMoved));
}

#[test]
fn after_an_error_it_is_what_it_was() {
    let dir = TempDir::new();
    let mut stage = stage_of(&dir, &[&[("a", "1"), ("b", "1")]]);
    let mut table = Table::default();
    look(&mut table, &stage);
    stage.append(keyed(&[("a", "2"), ("c", "1")], NOW).build());
    stage.append(keyed(&[("b", "a value of which a byte is wrong")], NOW).build());
    let path = stage.log.lock().unwrap().dir().join("00000000000000000000.log");
    let whole = std::fs::read(&path).unwrap();
    let mut bytes = whole.clone();
    let at = bytes.windows(7).position(|seven| seven == b"a value").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    for wait in [0, RETENTION] {
        stage.now = NOW + wait;
        let error = table.look(&mut stage.log.lock().unwrap(), RETENTION, stage.now).unwrap_err();
        assert!(matches!(error, TableError::Damaged { offset: 4, .. }), "{error}");
        assert_eq!(values(&table, &["a", "b", "c"]), ["1", "1", "-"], "neither half of the news nor half of the log");
        assert_eq!((table.len(), table.position()), (2, 2));
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(look(&mut table, &stage), Look::BuiltAnew(Why::TooLate), "a look that failed is none");
    assert_eq!(values(&table, &["a", "c"]), ["2", "1"]);
}
