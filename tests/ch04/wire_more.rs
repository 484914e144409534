//! The messages of chapter 4 against another implementation, the crate kafka-protocol.

#[path = "../ch00/peer.rs"]
mod peer;
#[path = "../ch00/support/mod.rs"]
mod support;

use ch04_controller::messages::*;
use peer::Peer;
use support::golden::subjects;

/// A test for each API, so that they run side by side.
macro_rules! same_as_others {
    ($($test:ident: $request:ident $response:ident;)*) => { $(
        #[test]
        fn $test() {
            let subjects = subjects! { $request $response };
            let checked = Peer::of::<kafka_protocol::messages::$request>().check(&subjects[0])
                + Peer::of::<kafka_protocol::messages::$response>().check(&subjects[1]);
            assert!(checked > 50, "only {checked} messages were checked");
            println!("{checked} messages");
        }
    )* };
}

same_as_others! {
    elect_leaders: ElectLeadersRequest ElectLeadersResponse;
    alter_partition_reassignments: AlterPartitionReassignmentsRequest AlterPartitionReassignmentsResponse;
    list_partition_reassignments: ListPartitionReassignmentsRequest ListPartitionReassignmentsResponse;
    vote: VoteRequest VoteResponse;
    begin_quorum_epoch: BeginQuorumEpochRequest BeginQuorumEpochResponse;
    end_quorum_epoch: EndQuorumEpochRequest EndQuorumEpochResponse;
    describe_quorum: DescribeQuorumRequest DescribeQuorumResponse;
    alter_partition: AlterPartitionRequest AlterPartitionResponse;
    update_features: UpdateFeaturesRequest UpdateFeaturesResponse;
    envelope: EnvelopeRequest EnvelopeResponse;
    fetch_snapshot: FetchSnapshotRequest FetchSnapshotResponse;
    broker_registration: BrokerRegistrationRequest BrokerRegistrationResponse;
    broker_heartbeat: BrokerHeartbeatRequest BrokerHeartbeatResponse;
    unregister_broker: UnregisterBrokerRequest UnregisterBrokerResponse;
    allocate_producer_ids: AllocateProducerIdsRequest AllocateProducerIdsResponse;
    controller_registration: ControllerRegistrationRequest ControllerRegistrationResponse;
    assign_replicas_to_dirs: AssignReplicasToDirsRequest AssignReplicasToDirsResponse;
}

/// The response only: in version 0 the request has no field that could grow.
#[test]
fn list_config_resources() {
    let checked = Peer::of::<kafka_protocol::messages::ListConfigResourcesResponse>()
        .check(&subjects! { ListConfigResourcesResponse }[0]);
    assert!(checked > 50, "only {checked} messages were checked");
}
