//! Who gets a vote.

use ch00_wire::uuid::Uuid;
use ch04_controller::quorum::vote::{OffsetAndEpoch, may_grant};
use ch04_controller::quorum::{ElectionState, ReplicaKey};

fn key(id: i32, directory: u8) -> ReplicaKey {
    ReplicaKey { id, directory_id: Uuid([directory; 16]) }
}

/// Whether a voter whose log ends at offset 10 of epoch 3, and that has promised `own`, votes for node 2 with this log.
fn grants(own: ElectionState, epoch: i32, offset: i64) -> bool {
    may_grant(&own, OffsetAndEpoch { epoch: 3, offset: 10 }, key(2, 2), OffsetAndEpoch { epoch, offset })
}

const NOTHING: ElectionState = ElectionState { epoch: 5, voted_for: None, leader: None };

#[test]
fn a_log_that_is_at_least_as_complete_gets_the_vote() {
    assert!(grants(NOTHING, 3, 10));
    assert!(grants(NOTHING, 3, 11));
}

#[test]
fn a_shorter_log_of_the_same_epoch_does_not() {
    assert!(!grants(NOTHING, 3, 9));
    assert!(!grants(NOTHING, 3, 0));
}

#[test]
fn a_later_epoch_counts_more_than_length() {
    assert!(grants(NOTHING, 4, 1));
    assert!(!grants(NOTHING, 2, 1000));
}

#[test]
fn an_empty_log_gets_the_vote_of_an_empty_log() {
    let empty = OffsetAndEpoch::default();
    assert!(may_grant(&NOTHING, empty, key(2, 2), empty));
}

#[test]
fn a_vote_is_given_once() {
    assert!(!grants(ElectionState { voted_for: Some(key(1, 1)), ..NOTHING }, 9, 99));
}

#[test]
fn who_has_the_vote_gets_it_again() {
    assert!(grants(ElectionState { voted_for: Some(key(2, 2)), ..NOTHING }, 3, 10));
}

#[test]
fn what_was_promised_holds_whatever_the_logs_are() {
    assert!(grants(ElectionState { voted_for: Some(key(2, 2)), ..NOTHING }, 1, 0));
}

#[test]
fn another_directory_is_another_candidate() {
    assert!(!grants(ElectionState { voted_for: Some(key(2, 7)), ..NOTHING }, 3, 10));
}

#[test]
fn a_vote_without_a_directory_is_for_any() {
    assert!(grants(ElectionState { voted_for: Some(key(2, 0)), ..NOTHING }, 3, 10));
}

#[test]
fn nobody_gets_a_vote_in_an_epoch_that_has_a_leader() {
    assert!(!grants(ElectionState { leader: Some(1), ..NOTHING }, 9, 99));
}
