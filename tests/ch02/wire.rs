//! The messages of chapter 2 against Apache Kafka's own bytes, and against bytes that nobody should send.

#[path = "../ch00/support/mod.rs"]
mod support;

use ch02_retention::messages::*;
use support::golden::{Subject, subjects};

/// The messages of this chapter.
fn messages() -> Vec<Subject> {
    subjects! {
        DeleteRecordsRequest DeleteRecordsResponse
        DescribeConfigsRequest DescribeConfigsResponse
        AlterConfigsRequest AlterConfigsResponse
        DescribeLogDirsRequest DescribeLogDirsResponse
        IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse
    }
}

#[test]
fn messages_are_kafkas() {
    let checked: usize = messages().iter().map(Subject::check).sum();
    assert_eq!(checked, 146);
}

#[test]
fn versions_are_kafkas() {
    support::apis::check::<DeleteRecordsRequest>();
    support::apis::check::<DescribeConfigsRequest>();
    support::apis::check::<AlterConfigsRequest>();
    support::apis::check::<DescribeLogDirsRequest>();
    support::apis::check::<IncrementalAlterConfigsRequest>();
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
