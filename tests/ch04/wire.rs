//! The messages of chapter 4, and the records of the metadata log, against Apache Kafka's own bytes, and against bytes that
//! nobody should send.

#[path = "../ch00/support/mod.rs"]
mod support;

use bytes::Bytes;
use ch04_controller::messages::*;
use ch04_controller::records::*;
use support::golden::{Subject, columns, subjects};
use support::hex;

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
        if !name.ends_with("Record") {
            continue;
        }
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
