//! `__consumer_offsets` as Apache Kafka's brokers wrote it: read as Kafka means it, and written again byte for byte. And
//! what is not known, or damaged.

use std::path::Path;

use bytes::Bytes;
use ch01_log::batch::{self, HEADER_LEN};
use ch01_log::record::Records;
use ch05_groups::records::*;
use serde_json::Value;

/// A folder's partitions, and the file that says what is in them.
const LOGS: [(&str, &str, &str); 4] = [
    ("single/logs", "single/EXPECTED.json", "__consumer_offsets-0"),
    ("single/logs", "single/EXPECTED.json", "__consumer_offsets-1"),
    ("cluster/broker-1", "cluster/EXPECTED.json", "__consumer_offsets-0"),
    ("cluster/broker-1", "cluster/EXPECTED.json", "__consumer_offsets-1"),
];

fn read(path: &str) -> Vec<u8> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/data")).join(path);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The records of a log file, each with its offset, without those that end transactions.
fn records(log: &[u8]) -> Vec<(i64, Bytes, Option<Bytes>)> {
    let mut found = Vec::new();
    for (header, bytes) in batch::split(log).filter(|(header, _)| !header.attributes.is_control()) {
        for record in Records::new(&bytes[HEADER_LEN..], header.record_count) {
            let record = record.unwrap();
            let bytes = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice);
            let offset = header.base_offset + i64::from(record.offset_delta);
            found.push((offset, bytes(record.key).expect("a compacted topic's keys"), bytes(record.value)));
        }
    }
    found
}

/// Whether ours says what Kafka's says, and besides only what means "nothing" or "unknown".
fn agree(place: &str, kafka: &Value, ours: &Value) {
    match (kafka, ours) {
        (Value::Object(kafka), Value::Object(ours)) => {
            kafka.iter().for_each(|(key, value)| agree(&format!("{place}.{key}"), value, &ours[key]));
            for (key, value) in ours.iter().filter(|(key, _)| !kafka.contains_key(*key)) {
                let nothing = [Value::Null, 0.into(), (-1).into(), "AAAAAAAAAAAAAAAAAAAAAA".into()];
                assert!(nothing.contains(value), "{place}.{key} is {value}");
            }
        }
        (Value::Array(kafka), Value::Array(ours)) => {
            assert_eq!(kafka.len(), ours.len(), "{place}");
            kafka.iter().zip(ours).for_each(|(kafka, ours)| agree(place, kafka, ours));
        }
        // Bytes, which Kafka's JSON has in base64.
        (Value::String(_), Value::Array(_)) => {}
        _ => assert_eq!(kafka, ours, "{place}"),
    }
}

/// A record's key and value for people.
fn json(record: &GroupRecord) -> (Value, Value) {
    macro_rules! any {
        ($($name:ident)*) => {
            match record { $( GroupRecord::$name(key, value) => (
                serde_json::to_value(key).unwrap(), serde_json::to_value(value).unwrap()
            ), )* }
        };
    }
    any! {
        OffsetCommit GroupMetadata ConsumerGroupMetadata ConsumerGroupPartitionMetadata ConsumerGroupMemberMetadata
        ConsumerGroupTargetAssignmentMetadata ConsumerGroupTargetAssignmentMember ConsumerGroupCurrentMemberAssignment
        ConsumerGroupRegularExpression
    }
}

#[test]
fn logs_that_kafka_wrote() {
    let counts = LOGS.map(|(folder, expected, partition)| {
        let expected: Value = serde_json::from_slice(&read(expected)).unwrap();
        let expected = expected["partitions"][partition]["records"].as_array().unwrap();
        let mut expected = expected.iter().filter(|record| record.get("control").is_none());
        let log = read(&format!("{folder}/{partition}/00000000000000000000.log"));
        let mut count = 0;
        for (offset, key, value) in records(&log) {
            let expected = expected.next().unwrap();
            let record = GroupRecord::decode(key.clone(), value.clone()).unwrap().expect("a type that is known");
            let place = format!("{partition}, offset {offset}, {}", record.name());
            assert_eq!(expected["offset"], offset, "{place}");
            assert_eq!(record.encode(), (key, value.clone()), "{place}");
            assert_eq!((&expected["apiKey"], &expected["type"]), (&record.record_type().into(), &record.name().into()));
            let (key, said) = json(&record);
            agree(&place, &expected["key"], &key);
            agree(&place, &expected["value"], &said);
            count += 1;
        }
        assert_eq!(expected.next(), None, "{partition}");
        count
    });
    assert_eq!(counts, [40, 39, 0, 1]);
}

#[test]
fn what_is_not_known_means_nothing() {
    let decode = |record_type: i16| GroupRecord::decode(Bytes::copy_from_slice(&record_type.to_be_bytes()), None);
    for record_type in [9, 10, 15, 17, 23, 24, 1000, -1, i16::MIN, i16::MAX] {
        assert_eq!(decode(record_type), Ok(None), "{record_type}");
    }
    for record_type in (0..=8).chain([16]) {
        assert!(decode(record_type).is_err(), "{record_type} is known, and has more to its key");
    }
}

fn key() -> Bytes {
    Bytes::from_static(b"\0\x03\0\x01g")
}

#[test]
fn damage_says_what_it_is() {
    let error = |key: Bytes, value: &'static [u8]| {
        GroupRecord::decode(key, Some(Bytes::from_static(value))).unwrap_err().to_string()
    };
    assert_eq!(error(Bytes::new(), b""), "key: message: 2 bytes needed, only 0 left");
    assert_eq!(error(key().slice(..3), b""), "ConsumerGroupMetadataKey: group_id: 2 bytes needed, only 1 left");
    assert_eq!(error(key(), b"\0"), "ConsumerGroupMetadataValue: message: 2 bytes needed, only 1 left");
    assert_eq!(error(key(), b"\0\0\0\0"), "ConsumerGroupMetadataValue: epoch: 4 bytes needed, only 2 left");
    let not_known = |version| format!("ConsumerGroupMetadataValue version {version} is not known; the newest is 0");
    assert_eq!(error(key(), b"\0\x01\0\0\0\x05\0"), not_known(1));
    assert_eq!(error(key(), b"\xff\xff\0\0\0\x05\0"), not_known(-1));
}

/// Offsets used to have type 0, with values of version 0.
#[test]
fn offsets_of_long_ago_are_read() {
    let key = Bytes::from_static(b"\0\0\0\x01g\0\x01t\0\0\0\x07");
    let value = Bytes::from_static(b"\0\0\0\0\0\0\0\0\0\x2a\0\x01m\0\0\0\0\0\0\0\x05");
    let key_said = OffsetCommitKey { group: "g".into(), topic: "t".into(), partition: 7 };
    let said =
        OffsetCommitValue { offset: 42, metadata: "m".into(), commit_timestamp: 5, ..OffsetCommitValue::default() };
    assert_eq!(GroupRecord::decode(key, Some(value)), Ok(Some(GroupRecord::OffsetCommit(key_said, Some(said)))));
}
