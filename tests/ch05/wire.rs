//! The messages of chapter 5, the records of `__consumer_offsets` and what consumers tell each other, against Apache Kafka's
//! own bytes, and against bytes that nobody should send; and the messages of all chapters against what fuzzing found.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;
#[path = "../ch00/support/mod.rs"]
mod support;

use std::collections::HashMap;

use bytes::Bytes;
use ch05_groups::consumer_protocol::*;
use ch05_groups::messages::*;
use ch05_groups::records::*;
use support::golden::{Subject, columns, subjects};
use support::hex;
use support::random::Random;

/// The messages of this chapter.
fn messages() -> Vec<Subject> {
    subjects! {
        FindCoordinatorRequest FindCoordinatorResponse
        JoinGroupRequest JoinGroupResponse
        SyncGroupRequest SyncGroupResponse
        HeartbeatRequest HeartbeatResponse
        LeaveGroupRequest LeaveGroupResponse
        OffsetCommitRequest OffsetCommitResponse
        OffsetFetchRequest OffsetFetchResponse
        DescribeGroupsRequest DescribeGroupsResponse
        ListGroupsRequest ListGroupsResponse
        DeleteGroupsRequest DeleteGroupsResponse
        OffsetDeleteRequest OffsetDeleteResponse
        ConsumerGroupHeartbeatRequest ConsumerGroupHeartbeatResponse
        ConsumerGroupDescribeRequest ConsumerGroupDescribeResponse
    }
}

/// Keys and values of records, and what consumers tell each other.
fn records() -> Vec<Subject> {
    subjects! {
        OffsetCommitKey OffsetCommitValue
        GroupMetadataKey GroupMetadataValue
        ConsumerGroupMetadataKey ConsumerGroupMetadataValue
        ConsumerGroupPartitionMetadataKey ConsumerGroupPartitionMetadataValue
        ConsumerGroupMemberMetadataKey ConsumerGroupMemberMetadataValue
        ConsumerGroupTargetAssignmentMetadataKey ConsumerGroupTargetAssignmentMetadataValue
        ConsumerGroupTargetAssignmentMemberKey ConsumerGroupTargetAssignmentMemberValue
        ConsumerGroupCurrentMemberAssignmentKey ConsumerGroupCurrentMemberAssignmentValue
        ConsumerGroupRegularExpressionKey ConsumerGroupRegularExpressionValue
        ConsumerProtocolSubscription ConsumerProtocolAssignment
    }
}

#[test]
fn messages_are_kafkas() {
    let checked: usize = messages().iter().map(Subject::check).sum();
    assert_eq!(checked, 618);
}

#[test]
fn records_are_kafkas() {
    let checked: usize = records().iter().map(Subject::check).sum();
    assert_eq!(checked, 156);
}

#[test]
fn versions_are_kafkas() {
    support::apis::check::<FindCoordinatorRequest>();
    support::apis::check::<JoinGroupRequest>();
    support::apis::check::<SyncGroupRequest>();
    support::apis::check::<HeartbeatRequest>();
    support::apis::check::<LeaveGroupRequest>();
    support::apis::check::<OffsetCommitRequest>();
    support::apis::check::<OffsetFetchRequest>();
    support::apis::check::<DescribeGroupsRequest>();
    support::apis::check::<ListGroupsRequest>();
    support::apis::check::<DeleteGroupsRequest>();
    support::apis::check::<OffsetDeleteRequest>();
    support::apis::check::<ConsumerGroupHeartbeatRequest>();
    support::apis::check::<ConsumerGroupDescribeRequest>();
}

/// Keys and values with the numbers in front of them.
#[test]
fn framed_records_are_kafkas() {
    let mut keys = HashMap::new();
    let mut values = Vec::new();
    for line in include_str!("../golden/wire/frames.tsv").lines() {
        let [name, version, frame] = columns(line);
        let frame = Bytes::from(hex(frame));
        if let Some(record) = name.strip_suffix("Key") {
            keys.insert(record, frame);
        } else if let Some(record) = name.strip_suffix("Value") {
            values.push((record, version, frame));
        }
    }
    let decode = |key: &Bytes, value| GroupRecord::decode(key.clone(), value).unwrap().expect("a type that is known");
    let mut written = 0;
    for (name, version, frame) in values {
        let key = &keys[name];
        let place = format!("{name} v{version}");
        let record = decode(key, Some(frame.clone()));
        let tombstone = decode(key, None);
        if name.starts_with("Legacy") {
            assert_eq!((record.name(), record.record_type()), ("OffsetCommit", 1), "{place}");
            continue;
        }
        assert_eq!(record.name(), name, "{place}");
        assert_eq!(tombstone.encode(), (key.clone(), None), "{place}");
        let (key_again, value_again) = record.encode();
        assert_eq!(key_again, key, "{place}");
        if record.version().to_string() == version {
            assert_eq!(value_again.unwrap(), frame, "{place}");
            written += 1;
        }
    }
    assert_eq!(written, 9 + 1, "each record in one version, and an offset that expires in another");
}

#[test]
fn what_consumers_tell_each_other_is_kafkas() {
    let mut checked = 0;
    for line in include_str!("../golden/wire/frames.tsv").lines() {
        let [name, version, frame] = columns(line);
        let (frame, version) = (Bytes::from(hex(frame)), version.parse().unwrap_or(0));
        let again = match name {
            "ConsumerProtocolSubscription" => {
                let message: ConsumerProtocolSubscription = decode_consumer_protocol(frame.clone()).unwrap();
                encode_consumer_protocol(&message, version)
            }
            "ConsumerProtocolAssignment" => {
                let message: ConsumerProtocolAssignment = decode_consumer_protocol(frame.clone()).unwrap();
                encode_consumer_protocol(&message, version)
            }
            _ => continue,
        };
        assert_eq!(again, frame, "{name} v{version}");
        checked += 1;
    }
    assert_eq!(checked, 2 * 4);
}

#[test]
fn every_prefix_of_a_message_is_refused() {
    messages().iter().chain(&records()).for_each(|subject| subject.refuses_every_prefix());
}

#[test]
fn huge_lengths_allocate_nothing() {
    messages().iter().chain(&records()).for_each(|subject| subject.survives_huge_lengths());
}

#[test]
fn flipped_bits_are_survived() {
    messages().iter().chain(&records()).for_each(|subject| subject.survives_flipped_bits());
}

/// The files of a folder of tests/fuzz.
fn inputs(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz").join(folder);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let read = |path: std::path::PathBuf| (path.display().to_string(), std::fs::read(&path).unwrap());
    files.map(|file| read(file.unwrap().path())).collect()
}

#[test]
fn what_fuzzing_found_is_survived() {
    for (name, bytes) in inputs("corpus/request").into_iter().chain(inputs("crashes/request")) {
        println!("{name}");
        let ((), most) = support::memory::peak(|| fuzz::request(&bytes));
        assert!(most < 1 << 20, "{name} takes {most} bytes");
    }
}

#[test]
fn a_little_fuzzing_finds_nothing() {
    let mut random = Random::new(1);
    let corpus = inputs("corpus/request");
    for _ in 0..20_000 {
        let (name, bytes) = &corpus[random.below(corpus.len())];
        let mut bytes = bytes.clone();
        for _ in 0..1 + random.below(4) {
            let at = 8 + random.below(bytes.len() - 8);
            bytes[at] = match random.below(4) {
                0 => 0,
                1 => 0xff,
                2 => bytes[at] ^ 1 << random.below(8),
                _ => random.number() as u8,
            };
        }
        let survived = std::panic::catch_unwind(|| fuzz::request(&bytes));
        assert!(survived.is_ok(), "{name}, changed to {}", support::to_hex(&bytes));
    }
}
