//! The messages of chapter 1 against another implementation, the crate kafka-protocol.

#[path = "../ch00/peer.rs"]
mod peer;
#[path = "../ch00/support/mod.rs"]
mod support;

use ch01_log::messages::*;
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
    produce: ProduceRequest ProduceResponse;
    fetch: FetchRequest FetchResponse;
    list_offsets: ListOffsetsRequest ListOffsetsResponse;
    metadata: MetadataRequest MetadataResponse;
    create_topics: CreateTopicsRequest CreateTopicsResponse;
    delete_topics: DeleteTopicsRequest DeleteTopicsResponse;
    init_producer_id: InitProducerIdRequest InitProducerIdResponse;
    create_partitions: CreatePartitionsRequest CreatePartitionsResponse;
    describe_cluster: DescribeClusterRequest DescribeClusterResponse;
    describe_topic_partitions: DescribeTopicPartitionsRequest DescribeTopicPartitionsResponse;
}
