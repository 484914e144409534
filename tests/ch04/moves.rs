//! Copies move to other brokers, step by step.

use ch04_controller::controller::*;

fn moving(replicas: &[i32], adding: &[i32], removing: &[i32]) -> Moving {
    Moving { replicas: replicas.to_vec(), adding: adding.to_vec(), removing: removing.to_vec() }
}

fn moved(replicas: &[i32], isr: &[i32]) -> Option<Moved> {
    Some(Moved { replicas: replicas.to_vec(), isr: isr.to_vec() })
}

#[test]
fn a_move_begins_with_all_copies() {
    assert_eq!(begin(&[1, 2], &[], &[2, 3]), moving(&[2, 3, 1], &[3], &[1]));
    assert_eq!(begin(&[1, 2, 3], &[], &[3, 2, 1]), moving(&[3, 2, 1], &[], &[]));
    assert_eq!(begin(&[3, 1, 2], &[], &[5, 4]), moving(&[5, 4, 1, 2, 3], &[4, 5], &[1, 2, 3]));
    assert_eq!(begin(&[1, 2], &[], &[1]), moving(&[1, 2], &[], &[2]));
    // Another move is under way: 3 is not there yet.
    assert_eq!(begin(&[2, 3, 1], &[3], &[2, 4]), moving(&[2, 4, 1, 3], &[4], &[1, 3]));
    assert_eq!(begin(&[2, 3, 1], &[3], &[1, 3]), moving(&[1, 3, 2], &[3], &[2]));
}

#[test]
fn a_move_ends_when_all_that_stay_are_in_sync() {
    assert_eq!(complete(&[2, 3, 1], &[3], &[1], &[1, 2]), None);
    assert_eq!(complete(&[2, 3, 1], &[3], &[1], &[1, 3]), None);
    assert_eq!(complete(&[2, 3, 1], &[3], &[1], &[1, 2, 3]), moved(&[2, 3], &[2, 3]));
    assert_eq!(complete(&[2, 3, 1], &[3], &[1], &[3, 2]), moved(&[2, 3], &[3, 2]));
    assert_eq!(complete(&[1, 2], &[], &[2], &[1, 2]), moved(&[1], &[1]));
    assert_eq!(complete(&[1, 2], &[], &[], &[1, 2]), None, "nothing moves");
    assert_eq!(complete(&[1], &[], &[1], &[1]), None, "nobody would be left");
}

#[test]
fn a_move_is_given_up_if_nothing_is_lost_by_it() {
    assert_eq!(give_up(&[2, 3, 1], &[3], &[1, 2]), moved(&[2, 1], &[1, 2]));
    assert_eq!(give_up(&[2, 3, 1], &[3], &[1, 2, 3]), moved(&[2, 1], &[1, 2]));
    assert_eq!(give_up(&[2, 3, 1], &[3], &[3]), None);
}
