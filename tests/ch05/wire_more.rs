//! The messages of chapter 5 against another implementation, the crate kafka-protocol.

#[path = "../ch00/peer.rs"]
mod peer;
#[path = "../ch00/support/mod.rs"]
mod support;

use ch05_groups::messages::*;
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
    find_coordinator: FindCoordinatorRequest FindCoordinatorResponse;
    join_group: JoinGroupRequest JoinGroupResponse;
    sync_group: SyncGroupRequest SyncGroupResponse;
    heartbeat: HeartbeatRequest HeartbeatResponse;
    leave_group: LeaveGroupRequest LeaveGroupResponse;
    offset_commit: OffsetCommitRequest OffsetCommitResponse;
    offset_fetch: OffsetFetchRequest OffsetFetchResponse;
    describe_groups: DescribeGroupsRequest DescribeGroupsResponse;
    offset_delete: OffsetDeleteRequest OffsetDeleteResponse;
    consumer_group_heartbeat: ConsumerGroupHeartbeatRequest ConsumerGroupHeartbeatResponse;
    consumer_group_describe: ConsumerGroupDescribeRequest ConsumerGroupDescribeResponse;
}

/// The responses only: a request that is a list of names does not grow into many different ones.
#[test]
fn lists_of_names() {
    let subjects = subjects! { ListGroupsResponse DeleteGroupsResponse };
    let checked = Peer::of::<kafka_protocol::messages::ListGroupsResponse>().check(&subjects[0])
        + Peer::of::<kafka_protocol::messages::DeleteGroupsResponse>().check(&subjects[1]);
    assert!(checked > 50, "only {checked} messages were checked");
}
