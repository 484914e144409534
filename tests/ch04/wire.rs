//! The messages of chapter 4, and the records of the metadata log, against Apache Kafka's own bytes, and against bytes that
//! nobody should send; and the messages of all chapters against what fuzzing found.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;
#[path = "../ch00/support/mod.rs"]
mod support;

use bytes::Bytes;
use ch04_controller::messages::*;
use ch04_controller::records::*;
use support::golden::{Subject, columns, subjects};
use support::hex;
use support::random::Random;

/// The messages of this chapter.
fn messages() -> Vec<Subject> {
    subjects! {
        ElectLeadersRequest ElectLeadersResponse
        AlterPartitionReassignmentsRequest AlterPartitionReassignmentsResponse
        ListPartitionReassignmentsRequest ListPartitionReassignmentsResponse
        VoteRequest VoteResponse
        BeginQuorumEpochRequest BeginQuorumEpochResponse
        EndQuorumEpochRequest EndQuorumEpochResponse
        DescribeQuorumRequest DescribeQuorumResponse
        AlterPartitionRequest AlterPartitionResponse
        UpdateFeaturesRequest UpdateFeaturesResponse
        EnvelopeRequest EnvelopeResponse
        FetchSnapshotRequest FetchSnapshotResponse
        BrokerRegistrationRequest BrokerRegistrationResponse
        BrokerHeartbeatRequest BrokerHeartbeatResponse
        UnregisterBrokerRequest UnregisterBrokerResponse
        AllocateProducerIdsRequest AllocateProducerIdsResponse
        ControllerRegistrationRequest ControllerRegistrationResponse
        AssignReplicasToDirsRequest AssignReplicasToDirsResponse
        ListConfigResourcesRequest ListConfigResourcesResponse
    }
}

/// The records of the metadata log, and its control records.
fn records() -> Vec<Subject> {
    subjects! {
        RegisterBrokerRecord UnregisterBrokerRecord TopicRecord PartitionRecord ConfigRecord PartitionChangeRecord
        FenceBrokerRecord UnfenceBrokerRecord RemoveTopicRecord DelegationTokenRecord UserScramCredentialRecord
        FeatureLevelRecord ClientQuotaRecord ProducerIdsRecord BrokerRegistrationChangeRecord AccessControlEntryRecord
        RemoveAccessControlEntryRecord NoOpRecord ZkMigrationStateRecord RemoveUserScramCredentialRecord
        BeginTransactionRecord EndTransactionRecord AbortTransactionRecord RemoveDelegationTokenRecord
        RegisterControllerRecord ClearElrRecord
        LeaderChangeMessage SnapshotHeaderRecord SnapshotFooterRecord KRaftVersionRecord VotersRecord
    }
}

#[test]
fn messages_are_kafkas() {
    let checked: usize = messages().iter().map(Subject::check).sum();
    assert_eq!(checked, 340);
}

#[test]
fn records_are_kafkas() {
    let checked: usize = records().iter().map(Subject::check).sum();
    assert_eq!(checked, 203);
}

#[test]
fn versions_are_kafkas() {
    support::apis::check::<ElectLeadersRequest>();
    support::apis::check::<AlterPartitionReassignmentsRequest>();
    support::apis::check::<ListPartitionReassignmentsRequest>();
    support::apis::check::<VoteRequest>();
    support::apis::check::<BeginQuorumEpochRequest>();
    support::apis::check::<EndQuorumEpochRequest>();
    support::apis::check::<DescribeQuorumRequest>();
    support::apis::check::<AlterPartitionRequest>();
    support::apis::check::<UpdateFeaturesRequest>();
    support::apis::check::<EnvelopeRequest>();
    support::apis::check::<FetchSnapshotRequest>();
    support::apis::check::<BrokerRegistrationRequest>();
    support::apis::check::<BrokerHeartbeatRequest>();
    support::apis::check::<UnregisterBrokerRequest>();
    support::apis::check::<AllocateProducerIdsRequest>();
    support::apis::check::<ControllerRegistrationRequest>();
    support::apis::check::<AssignReplicasToDirsRequest>();
    support::apis::check::<ListConfigResourcesRequest>();
}

/// A record's frame, in the versions that are written here, against Kafka's.
#[test]
fn frames_are_kafkas() {
    let mut checked = 0;
    for line in include_str!("../golden/wire/frames.tsv").lines() {
        let [name, version, frame] = columns(line);
        let frame = Bytes::from(hex(frame));
        let record = MetadataRecord::decode(frame.clone()).unwrap_or_else(|e| panic!("{name} v{version}: {e}"));
        assert_eq!(record.name(), name);
        if record.version().to_string() == version {
            assert_eq!(record.encode(), frame, "{name} v{version}");
            checked += 1;
        }
    }
    assert_eq!(checked, 26 + 3, "each record in its newest version, changes of registrations in all four");
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
