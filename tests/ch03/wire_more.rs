//! The messages of chapter 3 against another implementation, the crate kafka-protocol.

#[path = "../ch00/peer.rs"]
mod peer;
#[path = "../ch00/support/mod.rs"]
mod support;

use ch03_replication::messages::*;
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
            assert!(checked > 150, "only {checked} messages were checked");
            println!("{checked} messages");
        }
    )* };
}

same_as_others! {
    offset_for_leader_epoch: OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse;
}
