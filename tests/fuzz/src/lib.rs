//! What is fuzzed. An ordinary test runs the same functions over what was found before.

use bytes::Bytes;
use ch00_wire::codec::{Decoded, Reader, Writer};
use ch00_wire::header::{decode_client_id, decode_request_header};
use ch00_wire::messages::*;
use ch00_wire::table::{Message, Request};
use ch01_log::messages::*;
use ch02_retention::messages::*;
use ch03_replication::messages::*;
use ch04_controller::messages::*;
use ch05_groups::messages::*;

/// The API key of each of these requests, and what is done with its bytes.
macro_rules! served {
    ($($request:ident)*) => { &[ $( (<$request as Request>::API_KEY, check::<$request>) ),* ] };
}

/// Reads a version from bytes.
type Check = fn(i16, &[u8]);

const SERVED: &[(i16, Check)] = served! {
    ApiVersionsRequest
    ProduceRequest
    FetchRequest
    ListOffsetsRequest
    MetadataRequest
    CreateTopicsRequest
    DeleteTopicsRequest
    InitProducerIdRequest
    CreatePartitionsRequest
    DescribeClusterRequest
    DescribeTopicPartitionsRequest
    DeleteRecordsRequest
    DescribeConfigsRequest
    AlterConfigsRequest
    DescribeLogDirsRequest
    IncrementalAlterConfigsRequest
    OffsetForLeaderEpochRequest
    ElectLeadersRequest
    AlterPartitionReassignmentsRequest
    ListPartitionReassignmentsRequest
    VoteRequest
    BeginQuorumEpochRequest
    EndQuorumEpochRequest
    DescribeQuorumRequest
    AlterPartitionRequest
    UpdateFeaturesRequest
    EnvelopeRequest
    FetchSnapshotRequest
    BrokerRegistrationRequest
    BrokerHeartbeatRequest
    UnregisterBrokerRequest
    AllocateProducerIdsRequest
    ControllerRegistrationRequest
    AssignReplicasToDirsRequest
    ListConfigResourcesRequest
    FindCoordinatorRequest
    JoinGroupRequest
    SyncGroupRequest
    HeartbeatRequest
    LeaveGroupRequest
    OffsetCommitRequest
    OffsetFetchRequest
    DescribeGroupsRequest
    ListGroupsRequest
    DeleteGroupsRequest
    OffsetDeleteRequest
    ConsumerGroupHeartbeatRequest
    ConsumerGroupDescribeRequest
};

/// Takes bytes for a frame. What can be read of it, as a request or, behind the same header, as the response to it, is
/// written and read again, and is the same then.
pub fn request(frame: &[u8]) {
    let mut r = Reader::new(Bytes::copy_from_slice(frame));
    let Ok(header) = decode_request_header(&mut r) else { return };
    let body = &frame[frame.len() - r.remaining()..];
    if let Some((_, check)) = SERVED.iter().find(|(key, _)| *key == header.request_api_key) {
        check(header.request_api_version, body);
    }
}

fn check<R: Request<Response: PartialEq> + PartialEq>(version: i16, body: &[u8]) {
    if !(R::MIN_VERSION..=R::MAX_VERSION).contains(&version) {
        return;
    }
    let mut r = Reader::new(Bytes::copy_from_slice(body));
    if decode_client_id(&mut r, R::version(version).flexible).is_err() {
        return;
    }
    let body = &body[body.len() - r.remaining()..];
    check_body::<R>(version, body);
    check_body::<R::Response>(version, body);
}

fn check_body<M: Message + PartialEq>(version: i16, body: &[u8]) {
    let v = M::version(version);
    let read = |bytes: Bytes| -> Decoded<M> { M::decode(&mut Reader::new(bytes), v) };
    let Ok(message) = read(Bytes::copy_from_slice(body)) else { return };
    let mut w = Writer::new();
    message.encode(&mut w, v);
    assert_eq!(read(w.into_bytes()), Ok(message), "written and read again");
}
