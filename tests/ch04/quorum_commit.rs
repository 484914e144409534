//! What is committed.

use ch04_controller::quorum::commit::high_watermark;

#[test]
fn a_majority_has_it() {
    for (flushed, expected) in [
        (&[10, 8, 4][..], 8),
        (&[4, 8, 10], 8),
        (&[8, 4, 10], 8),
        (&[10, 0, 0], 1),
        (&[10, 10, 0], 10),
        (&[7], 7),
        (&[9, 5, 5, 5, 2], 5),
        (&[9, 8, 7, 1, 1], 7),
    ] {
        assert_eq!(high_watermark(flushed, 0, 1), expected, "{flushed:?}");
    }
}

#[test]
fn half_of_them_is_no_majority() {
    assert_eq!(high_watermark(&[10, 3], 0, 0), 3);
    assert_eq!(high_watermark(&[10, 9, 3, 2], 0, 0), 3);
}

#[test]
fn a_leader_that_has_flushed_less_does_not_hold_it_back() {
    assert_eq!(high_watermark(&[2, 8, 8], 0, 0), 8);
}

#[test]
fn it_never_falls() {
    assert_eq!(high_watermark(&[10, 4, 4], 0, 6), 6);
}

#[test]
fn records_of_earlier_epochs_are_not_committed_by_being_counted() {
    // All have what lies before the epoch, and one has its first record.
    assert_eq!(high_watermark(&[6, 5, 5], 5, 2), 2);
}

#[test]
fn the_first_record_of_the_epoch_commits_them_too() {
    assert_eq!(high_watermark(&[6, 6, 0], 5, 2), 6);
}
