//! The messages of chapter 1 against Apache Kafka's own bytes, and against bytes that nobody should send.

mod by_hand;
#[path = "../ch00/support/mod.rs"]
mod support;

use bytes::Bytes;
use ch00_wire::codec::{Reader, Wire, Writer};
use ch00_wire::table::Message;
use ch01_log::messages::*;
use support::golden::{Subject, subjects};

/// The messages of this chapter.
fn messages() -> Vec<Subject> {
    subjects! {
        ProduceRequest ProduceResponse
        FetchRequest FetchResponse
        ListOffsetsRequest ListOffsetsResponse
        MetadataRequest MetadataResponse
        CreateTopicsRequest CreateTopicsResponse
        DeleteTopicsRequest DeleteTopicsResponse
        InitProducerIdRequest InitProducerIdResponse
        CreatePartitionsRequest CreatePartitionsResponse
        DescribeClusterRequest DescribeClusterResponse
        DescribeTopicPartitionsRequest DescribeTopicPartitionsResponse
    }
}

#[test]
fn messages_are_kafkas() {
    let checked: usize = messages().iter().map(Subject::check).sum();
    assert_eq!(checked, 636);
}

#[test]
fn versions_are_kafkas() {
    support::apis::check::<ProduceRequest>();
    support::apis::check::<FetchRequest>();
    support::apis::check::<ListOffsetsRequest>();
    support::apis::check::<MetadataRequest>();
    support::apis::check::<CreateTopicsRequest>();
    support::apis::check::<DeleteTopicsRequest>();
    support::apis::check::<InitProducerIdRequest>();
    support::apis::check::<CreatePartitionsRequest>();
    support::apis::check::<DescribeClusterRequest>();
    support::apis::check::<DescribeTopicPartitionsRequest>();
}

#[test]
fn every_prefix_of_a_message_is_refused() {
    messages().iter().for_each(|subject| subject.refuses_every_prefix());
}

#[test]
fn huge_lengths_allocate_nothing() {
    messages().iter().for_each(|subject| subject.survives_huge_lengths());
}

#[test]
fn flipped_bits_are_survived() {
    messages().iter().for_each(|subject| subject.survives_flipped_bits());
}

#[test]
fn a_tag_a_million_times_takes_no_memory() {
    let v = FetchRequest::version(18);
    let mut w = Writer::new();
    FetchRequest::default().encode(&mut w, v);
    let whole = w.into_bytes();
    // In place of no tagged fields, a million times tag 0, the cluster's id.
    let (none, before) = whole.split_last().unwrap();
    assert_eq!(*none, 0);
    let many = Bytes::from([before, &[0xc0, 0x84, 0x3d], &[0, 2, 2, b'a'].repeat(1_000_000)].concat());
    let (cluster_id, most) =
        support::memory::peak(|| FetchRequest::decode(&mut Reader::new(many), v).unwrap().cluster_id);
    assert_eq!(cluster_id.as_deref(), Some("a"), "the last one counts");
    assert!(most < 4096, "{most} bytes");
}
