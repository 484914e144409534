//! The messages of chapter 3 against Apache Kafka's own bytes, and against bytes that nobody should send.

#[path = "../ch00/support/mod.rs"]
mod support;

use ch03_replication::messages::*;
use support::golden::{Subject, subjects};

/// The messages of this chapter.
fn messages() -> Vec<Subject> {
    subjects! { OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse }
}

#[test]
fn messages_are_kafkas() {
    let checked: usize = messages().iter().map(Subject::check).sum();
    assert_eq!(checked, 26);
}

#[test]
fn versions_are_kafkas() {
    support::apis::check::<OffsetForLeaderEpochRequest>();
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
