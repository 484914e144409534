//! The set of in-sync replicas while it changes.

use ch03_replication::isr::{Isr, Pending};

use super::support::set;

#[test]
fn who_is_to_join_holds_back_at_once_and_counts_when_confirmed() {
    let mut isr = Isr::new([1, 2], 4);
    isr.begin(Pending::Join(3));
    assert_eq!((isr.confirmed(), isr.maximal(), isr.proposed()), (&set(&[1, 2]), set(&[1, 2, 3]), set(&[1, 2, 3])));
    isr.confirm();
    assert_eq!((isr.confirmed(), isr.maximal(), isr.version()), (&set(&[1, 2, 3]), set(&[1, 2, 3]), 5));
}

#[test]
fn who_is_to_leave_holds_back_until_that_is_confirmed() {
    let mut isr = Isr::new([1, 2, 3], 0);
    isr.begin(Pending::Leave(set(&[2, 3])));
    assert_eq!((isr.confirmed(), isr.maximal(), isr.proposed()), (&set(&[1, 2, 3]), set(&[1, 2, 3]), set(&[1])));
    isr.confirm();
    assert_eq!((isr.confirmed(), isr.maximal(), isr.version()), (&set(&[1]), set(&[1]), 1));
}

#[test]
fn a_change_that_was_refused_has_not_happened() {
    let mut isr = Isr::new([1, 2], 7);
    isr.begin(Pending::Leave(set(&[2])));
    isr.drop_pending();
    assert_eq!(isr, Isr::new([1, 2], 7));
}

#[test]
#[should_panic(expected = "while Some(Join(3)) is not confirmed")]
fn one_change_at_a_time() {
    let mut isr = Isr::new([1, 2], 0);
    isr.begin(Pending::Join(3));
    isr.begin(Pending::Leave(set(&[2])));
}
