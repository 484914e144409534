//! The messages of chapter 2 against another implementation, the crate kafka-protocol.

#[path = "../ch00/peer.rs"]
mod peer;
#[path = "../ch00/support/mod.rs"]
mod support;

use ch02_retention::messages::*;
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
    delete_records: DeleteRecordsRequest DeleteRecordsResponse;
    describe_configs: DescribeConfigsRequest DescribeConfigsResponse;
    alter_configs: AlterConfigsRequest AlterConfigsResponse;
    describe_log_dirs: DescribeLogDirsRequest DescribeLogDirsResponse;
    incremental_alter_configs: IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse;
}
