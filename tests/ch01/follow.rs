//! The tests of the open-ended exercise `follow`: a reader that follows a log's files while they are written.

#[allow(dead_code)]
mod support;

use ch01_log::batch::{Offset, split};
use ch01_log::compression::Compression;
use ch01_log::follow::{Followed, Follower};
use ch01_log::log::Log;
use ch01_log::scan::LogError;

use crate::support::*;

fn values(records: &[Followed]) -> Vec<String> {
    records.iter().map(|r| String::from_utf8(r.value.clone().unwrap()).unwrap()).collect()
}

fn offsets(records: &[Followed]) -> Vec<Offset> {
    records.iter().map(|r| r.offset).collect()
}

fn log(dir: &TempDir, segment_bytes: i32) -> Log {
    open(dir.path(), options(log_config(|c| c.internal_segment_bytes = Some(segment_bytes)))).unwrap()
}

#[test]
fn records_come_once_and_in_order() {
    let dir = TempDir::new();
    let mut log = log(&dir, 1 << 20);
    let mut follower = Follower::open(dir.path(), 0);
    assert_eq!(follower.poll().unwrap(), [], "nothing is there yet");
    append(&mut log, batch(&["a", "b"]).build());
    append(&mut log, batch(&["c"]).build());
    let seen = follower.poll().unwrap();
    assert_eq!(values(&seen), ["a", "b", "c"]);
    assert_eq!(offsets(&seen), [0, 1, 2]);
    assert_eq!(follower.poll().unwrap(), [], "they have been given");
    append(&mut log, batch(&["d"]).build());
    assert_eq!(offsets(&follower.poll().unwrap()), [3]);
}

#[test]
fn keys_timestamps_and_nulls_are_given_as_they_are() {
    let dir = TempDir::new();
    let mut log = log(&dir, 1 << 20);
    let builder = batch(&[]).record(NOW, Some(b"k"), None).record(NOW + 5, None, Some(b""));
    append(&mut log, builder.build());
    let record = |offset, timestamp, key: Option<&[u8]>, value: Option<&[u8]>| Followed {
        offset,
        timestamp,
        key: key.map(<[u8]>::to_vec),
        value: value.map(<[u8]>::to_vec),
    };
    let expected = [record(0, NOW, Some(b"k"), None), record(1, NOW + 5, None, Some(b""))];
    assert_eq!(Follower::open(dir.path(), 0).poll().unwrap(), expected);
}

#[test]
fn compressed_batches_are_opened() {
    let dir = TempDir::new();
    let mut log = log(&dir, 1 << 20);
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd] {
        append(&mut log, batch(&["a", "b", "c"]).build_compressed(codec));
    }
    let seen = Follower::open(dir.path(), 0).poll().unwrap();
    assert_eq!(offsets(&seen), (0..12).collect::<Vec<_>>());
    assert_eq!(values(&seen), ["a", "b", "c"].repeat(4));
}

#[test]
fn it_begins_in_the_middle_of_a_batch_and_of_a_segment() {
    let dir = TempDir::new();
    let mut log = log(&dir, 300);
    for i in 0..20 {
        append(&mut log, batch(&[&format!("{i}a"), &format!("{i}b")]).build());
    }
    assert!(log.segment_offsets().len() > 3);
    for from in 0..40 {
        let seen = Follower::open(dir.path(), from).poll().unwrap();
        assert_eq!(offsets(&seen), (from..40).collect::<Vec<_>>(), "from {from}");
    }
    let mut follower = Follower::open(dir.path(), 45);
    assert_eq!(follower.poll().unwrap(), [], "offset 45 is still to come");
    append(&mut log, batch(&["x"; 10]).build());
    assert_eq!(offsets(&follower.poll().unwrap()), [45, 46, 47, 48, 49]);
}

#[test]
fn it_goes_on_in_the_next_segment() {
    let dir = TempDir::new();
    let mut log = log(&dir, 200);
    let mut follower = Follower::open(dir.path(), 0);
    for i in 0..50 {
        append(&mut log, batch(&[&i.to_string()]).build());
        if i % 7 == 0 {
            log.roll().unwrap();
        }
        assert_eq!(values(&follower.poll().unwrap()), [i.to_string()]);
    }
}

#[test]
fn a_batch_is_given_when_all_of_it_is_there() {
    let dir = TempDir::new();
    let mut source = log(&dir, 1 << 20);
    append(&mut source, batch(&["first"]).build());
    append(&mut source, batch(&["second", "third"]).build());
    let bytes = read_batches(&mut source, 0);
    let sizes: Vec<usize> = split(&bytes).map(|(_, batch)| batch.len()).collect();
    let growing = TempDir::new();
    let path = growing.path().join("00000000000000000000.log");
    let mut follower = Follower::open(growing.path(), 0);
    let mut seen = Vec::new();
    for len in 0..=bytes.len() {
        std::fs::write(&path, &bytes[..len]).unwrap();
        seen.extend(follower.poll().unwrap_or_else(|e| panic!("{len} of {} bytes: {e}", bytes.len())));
        let whole = if len == bytes.len() { 3 } else { usize::from(len >= sizes[0]) };
        assert_eq!(seen.len(), whole, "with {len} bytes of {}", bytes.len());
    }
    assert_eq!(values(&seen), ["first", "second", "third"]);
}

#[test]
fn damage_is_an_error_that_names_its_place() {
    let dir = TempDir::new();
    let mut log = log(&dir, 1 << 20);
    append(&mut log, batch(&["good"]).build());
    append(&mut log, batch(&["bad"]).build());
    append(&mut log, batch(&["behind"]).build());
    let path = dir.path().join("00000000000000000000.log");
    let mut bytes = std::fs::read(&path).unwrap();
    let second = split(&bytes).next().unwrap().1.len();
    bytes[second + 70] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let mut follower = Follower::open(dir.path(), 0);
    let mut seen = Vec::new();
    // Whether what is good comes with the first call, or the error at once, is up to you.
    let error = loop {
        match follower.poll() {
            Ok(records) => {
                assert!(seen.len() < 2 && !records.is_empty(), "the damage was passed over");
                seen.extend(records);
            }
            Err(error) => break error,
        }
    };
    assert!(offsets(&seen).iter().all(|&offset| offset == 0), "what lies behind damage is not given");
    let LogError::Corrupt(damage) = error else { panic!("{error}") };
    assert_eq!((damage.file, damage.position, damage.offset), (path, second as u64, 1));
}

#[test]
fn a_control_batch_is_passed_over() {
    let dir = TempDir::new();
    let mut log = log(&dir, 1 << 20);
    append(&mut log, batch(&["a"]).build());
    let path = dir.path().join("00000000000000000000.log");
    let mut bytes = std::fs::read(&path).unwrap();
    let len = split(&bytes).next().unwrap().1.len();
    bytes.truncate(len);
    for (offset, value, control) in [(1, "marker", true), (2, "b", false)] {
        let built = batch(&[value]).build();
        let mut header = ch01_log::batch::BatchHeader::parse(&built).unwrap();
        header.base_offset = offset;
        header.partition_leader_epoch = 0;
        header.attributes.0 |= if control { 0x20 } else { 0 };
        let body = &built[ch01_log::batch::HEADER_LEN..];
        bytes.extend(header.sealed(body).encode());
        bytes.extend(body);
    }
    std::fs::write(&path, &bytes).unwrap();
    let seen = Follower::open(dir.path(), 0).poll().unwrap();
    assert_eq!(offsets(&seen), [0, 2]);
    assert_eq!(values(&seen), ["a", "b"]);
}
