//! Whether so many replicas are in sync that acks=all may be answered.

use ch03_replication::isr::{Isr, Pending};

use super::support::{leader, set};

#[test]
fn as_many_as_the_minimum_have_to_be_in_sync() {
    for (isr, min, enough) in [
        (&[1, 2, 3][..], 1, true),
        (&[1, 2, 3], 2, true),
        (&[1, 2, 3], 3, true),
        (&[1, 2], 2, true),
        (&[1, 2], 3, false),
        (&[1], 1, true),
        (&[1], 2, false),
        (&[1], 3, false),
    ] {
        let leader = leader(isr, |begin| begin.min_insync_replicas = min);
        assert_eq!(leader.enough_replicas(), enough, "{isr:?} of 1, 2, 3 are in sync, min.insync.replicas is {min}");
    }
}

#[test]
fn more_than_there_are_cannot_be_asked_for() {
    for (replicas, isr, min, enough) in [
        (&[1][..], &[1][..], 2, true),
        (&[1, 2], &[1, 2], 3, true),
        (&[1, 2], &[1], 3, false),
        (&[1, 2, 3], &[1, 2, 3], 99, true),
        (&[1, 2, 3], &[1, 2], 99, false),
    ] {
        let leader = leader(isr, |begin| {
            begin.replicas = replicas.to_vec();
            begin.min_insync_replicas = min;
        });
        assert_eq!(
            leader.enough_replicas(),
            enough,
            "{isr:?} of {replicas:?} are in sync, min.insync.replicas is {min}"
        );
    }
}

#[test]
fn who_is_to_join_does_not_count_yet() {
    let mut isr = Isr::new([1, 2], 0);
    isr.begin(Pending::Join(3));
    let leader = leader(&[1, 2], |begin| {
        begin.isr = isr;
        begin.min_insync_replicas = 3;
    });
    assert!(!leader.enough_replicas(), "nobody would choose 3 as the next leader before it is confirmed");
}

#[test]
fn who_is_to_leave_still_counts() {
    let mut isr = Isr::new([1, 2], 0);
    isr.begin(Pending::Leave(set(&[2])));
    let leader = leader(&[1, 2], |begin| {
        begin.isr = isr;
        begin.min_insync_replicas = 2;
    });
    assert!(leader.enough_replicas(), "until it is confirmed, 2 is in sync, and waited for");
}
