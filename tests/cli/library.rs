//! The small modules behind the command.

use ch05_groups::consumer_protocol::*;
use ch05_groups::messages::{DescribedGroup, DescribedGroupMember};
use mini_kafka::group_client::Group;
use mini_kafka::partitioner::{Partitioner, murmur2, partition_of};
use mini_kafka::text;
use mini_kafka::time::{iso, parse_iso};

#[test]
fn keys_hash_as_in_java() {
    let table = include_str!("../golden/wire/murmur2.tsv");
    let mut lines = table.lines();
    let partitions = [1, 3, 12, 100];
    assert_eq!(lines.next(), Some("key_hex\tmurmur2\tp1\tp3\tp12\tp100"));
    let mut checked = 0;
    for line in lines {
        let columns: Vec<&str> = line.split('\t').collect();
        let key = text::parse_hex(columns[0]).unwrap();
        assert_eq!(murmur2(&key).to_string(), columns[1], "{line}");
        for (count, expected) in partitions.iter().zip(&columns[2..]) {
            assert_eq!(partition_of(&key, *count).to_string(), *expected, "{line}");
        }
        checked += 1;
    }
    assert!(checked > 10, "only {checked} keys");
}

#[test]
fn records_without_a_key_stick_until_their_batch_is_sent() {
    let mut partitioner = Partitioner::default();
    let mut seen = [0; 3];
    for _ in 0..9 {
        let partition = partitioner.choose(None, 3);
        assert_eq!(partitioner.choose(None, 3), partition);
        seen[partition as usize] += 1;
        partitioner.batch_sent();
    }
    assert_eq!(seen, [3, 3, 3]);
}

#[test]
fn times_are_written_and_read() {
    let known = [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000_000, "2023-11-14T22:13:20.000Z"),
        (951_782_400_001, "2000-02-29T00:00:00.001Z"),
        (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        (-86_400_000, "1969-12-31T00:00:00.000Z"),
    ];
    for (ms, text) in known {
        assert_eq!(iso(ms), text);
        assert_eq!(parse_iso(text), Some(ms));
    }
    for day in (-700_000..2_900_000).step_by(997) {
        let ms = day * 86_400_000 + 12_345_678;
        assert_eq!(parse_iso(&iso(ms)), Some(ms), "{}", iso(ms));
    }
    assert_eq!(iso(-1), "none");
    assert_eq!(parse_iso("2023-11-14T22:13"), Some(1_699_999_980_000));
    assert_eq!(parse_iso("2023-11-14T23:13:20.5+01:00"), Some(1_700_000_000_500));
    assert_eq!(parse_iso("2023-11-14 17:43:20-04:30"), Some(1_700_000_000_000));
    for wrong in [
        "",
        "2023",
        "2023-02-29",
        "2023-13-01",
        "2023-1-1T25:00",
        "2023-01-01T00:00:00.Z",
        "2023-01-01T00:00:00.ü",
        "x",
    ] {
        assert_eq!(parse_iso(wrong), None, "{wrong}");
    }
}

#[test]
fn bytes_become_text() {
    assert_eq!(text::lossless(b"a\xff\n"), "a\\xff\n");
    assert_eq!(text::quoted(Some(b"a\"\\\n\x01\xc3\xbc\xff")), "\"a\\\"\\\\\\n\\x01\u{fc}\\xff\"");
    assert_eq!(text::quoted(None), "null");
    assert_eq!(text::parse_hex("00 fF"), Ok(vec![0, 255]));
    assert!(text::parse_hex("0").is_err() && text::parse_hex("0g").is_err());
    let rows = [vec!["a".to_string(), "bbb".to_string()], vec!["ccc".to_string(), "d".to_string()]];
    assert_eq!(text::table(&rows), "a    bbb\nccc  d\n");
}

#[test]
fn an_assignment_may_name_a_topic_twice() {
    let topic =
        |name: &str, indexes: &[i32]| ConsumerProtocolTopic { topic: name.into(), partitions: indexes.to_vec() };
    let assigned_partitions = vec![topic("orders", &[2]), topic("payments", &[1, 3]), topic("orders", &[1])];
    let assignment = ConsumerProtocolAssignment { assigned_partitions, user_data: None };
    let member_assignment = encode_consumer_protocol(&assignment, 0);
    let member = DescribedGroupMember { member_assignment, ..DescribedGroupMember::default() };
    let group = Group::from(DescribedGroup { members: vec![member], ..DescribedGroup::default() });
    let partitions = &group.members[0].partitions;
    assert_eq!((&partitions["orders"], &partitions["payments"]), (&vec![2, 1], &vec![1, 3]));
}
