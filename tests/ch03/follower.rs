//! What a follower does next.

use ch03_replication::epoch_end::EpochEnd;
use ch03_replication::follower::{Answer, Loss, Move, OwnLog, next_move};

/// A log of 5 to 20, of which what lies below 12 was acknowledged. Its epochs are 1 from 0 and 3 from 15.
const LOG: OwnLog<'static> = OwnLog { log_start: 5, log_end: 20, high_watermark: 12, epochs: &[(1, 0), (3, 15)] };

fn batches(end: i64, high_watermark: i64, log_start: i64) -> Answer {
    Answer::Batches { end, high_watermark, log_start }
}

fn append(end: i64, high_watermark: i64, log_start: i64) -> Move {
    Move::Append { high_watermark, log_start, next: end }
}

#[test]
fn batches_are_appended_and_the_next_fetch_goes_on_behind_them() {
    assert_eq!(next_move(LOG, batches(25, 18, 5)), append(25, 18, 5));
    assert_eq!(next_move(LOG, batches(20, 18, 5)), append(20, 18, 5), "none came, but news");
}

#[test]
fn the_high_watermark_is_the_leaders_as_far_as_our_log_goes() {
    for (end, leaders, ours) in [(25, 19, 19), (25, 25, 25), (25, 30, 25), (20, 30, 20), (25, 12, 12), (25, 8, 12)] {
        let expected = append(end, ours, 5);
        assert_eq!(next_move(LOG, batches(end, leaders, 5)), expected, "the leader's is {leaders}, ours was 12");
    }
}

#[test]
fn the_logs_start_is_the_leaders_as_far_as_our_log_goes() {
    for (end, leaders, ours) in [(25, 9, 9), (25, 2, 5), (25, 40, 25), (20, 40, 20)] {
        let expected = append(end, 18, ours);
        assert_eq!(next_move(LOG, batches(end, 18, leaders)), expected, "the leader's is {leaders}, ours was 5");
    }
}

#[test]
fn where_the_logs_part_ours_is_cut() {
    for (epoch, end, cut) in [(3, 18, 18), (1, 14, 14), (1, 17, 15), (2, 17, 15)] {
        let answer = Answer::Diverging(EpochEnd { epoch, end });
        assert_eq!(next_move(LOG, answer), Move::Truncate(cut), "the leader's epoch {epoch} ends at {end}");
    }
}

#[test]
fn what_was_acknowledged_is_not_cut() {
    for (end, expected) in [
        (13, Move::Truncate(13)),
        (12, Move::Truncate(12)),
        (11, Move::Stop(Loss { truncation: 11, high_watermark: 12 })),
        (0, Move::Stop(Loss { truncation: 0, high_watermark: 12 })),
    ] {
        let answer = Answer::Diverging(EpochEnd { epoch: 1, end });
        assert_eq!(next_move(LOG, answer), expected, "the leader's epoch 1 ends at {end}, ours at 15");
    }
}

#[test]
fn a_log_that_is_longer_than_the_leaders_is_cut_to_its_end() {
    let out_of_range = |log_end| next_move(LOG, Answer::OutOfRange { log_start: 0, log_end });
    assert_eq!(out_of_range(19), Move::Truncate(19));
    assert_eq!(out_of_range(12), Move::Truncate(12));
    assert_eq!(out_of_range(11), Move::Stop(Loss { truncation: 11, high_watermark: 12 }));
}

#[test]
fn a_log_that_ends_before_the_leaders_begins_begins_anew() {
    let out_of_range = |log_start| next_move(LOG, Answer::OutOfRange { log_start, log_end: 100 });
    assert_eq!(out_of_range(70), Move::BeginAnew(70));
    assert_eq!(out_of_range(21), Move::BeginAnew(21));
    assert_eq!(out_of_range(20), Move::BackOff, "what comes next is there: the leader's log has changed meanwhile");
    assert_eq!(out_of_range(3), Move::BackOff);
}

#[test]
fn another_epoch_is_waited_for_and_a_failure_is_asked_again() {
    assert_eq!(next_move(LOG, Answer::OtherEpoch), Move::Wait, "to ask again would change nothing");
    assert_eq!(next_move(LOG, Answer::Failed), Move::BackOff);
}
