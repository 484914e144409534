//! The tests of chapter 0 that need more than the chapter itself uses, or one system's own ways: the messages against
//! another implementation, the crate kafka-protocol; and sockets.

mod peer;
#[cfg(target_os = "linux")]
mod sockets;
mod support;

use ch00_wire::messages::{ApiVersionsRequest, ApiVersionsResponse};
use peer::Peer;
use support::golden::subjects;

#[test]
fn api_versions_is_what_others_take_it_for() {
    let subjects = subjects! { ApiVersionsRequest ApiVersionsResponse };
    assert!(Peer::of::<kafka_protocol::messages::ApiVersionsRequest>().check(&subjects[0]) > 400);
    assert!(Peer::of::<kafka_protocol::messages::ApiVersionsResponse>().check(&subjects[1]) > 400);
}
