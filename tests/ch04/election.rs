//! Who leads a partition, who is eligible, and whose log has most.

use std::collections::BTreeMap;

use ch04_controller::controller::Elected::{Clean, Nobody, Unclean};
use ch04_controller::controller::Election::{Online, Preferred, Unclean as UncleanElection};
use ch04_controller::controller::*;
use ch04_controller::records::NO_LEADER;

/// Elects among replicas 1, 2 and 3.
fn elected(isr: &[i32], elr: &[i32], leader: i32, alive: &[i32], election: Election) -> Elected {
    let candidates = Candidates { replicas: &[1, 2, 3], isr, elr, leader, most_complete: None };
    elect(candidates, election, |replica| alive.contains(&replica))
}

#[test]
fn who_is_in_sync_and_alive_leads() {
    let cases: [(&[i32], i32, &[i32], Elected); 6] = [
        (&[1, 2, 3], NO_LEADER, &[1, 2, 3], Clean(1)),
        (&[1, 2, 3], 1, &[2, 3], Clean(2)),
        (&[3, 2], 1, &[2, 3], Clean(2)),
        (&[3], 1, &[2, 3], Clean(3)),
        (&[1], 1, &[2, 3], Nobody),
        (&[1, 2, 3], 3, &[1, 2, 3], Clean(3)),
    ];
    for (isr, leader, alive, expected) in cases {
        assert_eq!(elected(isr, &[], leader, alive, Online), expected, "isr {isr:?}, leader {leader}, alive {alive:?}");
    }
}

#[test]
fn who_is_eligible_leads_only_when_nobody_is_in_sync() {
    assert_eq!(elected(&[], &[2], NO_LEADER, &[2, 3], Online), Clean(2));
    assert_eq!(elected(&[], &[2], NO_LEADER, &[3], Online), Nobody);
    assert_eq!(elected(&[1], &[2], NO_LEADER, &[2, 3], Online), Nobody);
}

#[test]
fn the_preferred_replica_leads_if_it_can() {
    assert_eq!(elected(&[1, 2, 3], &[], 2, &[1, 2, 3], Preferred), Clean(1));
    assert_eq!(elected(&[2, 3], &[], 3, &[1, 2, 3], Preferred), Clean(3), "out of sync it cannot, and 3 need not go");
    assert_eq!(elected(&[1, 2], &[], 3, &[2, 3], Preferred), Clean(2));
    assert_eq!(elected(&[], &[], NO_LEADER, &[1, 2, 3], Preferred), Nobody);
}

#[test]
fn where_it_is_allowed_any_leader_is_better_than_none() {
    assert_eq!(elected(&[1], &[], 1, &[2, 3], UncleanElection), Unclean(2));
    assert_eq!(elected(&[1, 3], &[], 1, &[2, 3], UncleanElection), Clean(3), "but not if there is one in sync");
    assert_eq!(elected(&[1], &[], 1, &[], UncleanElection), Nobody);
}

#[test]
fn the_most_complete_leads_when_every_copy_may_have_lost_its_end() {
    let candidates =
        |isr| Candidates { replicas: &[1, 2, 3], isr, elr: &[], leader: NO_LEADER, most_complete: Some(3) };
    assert_eq!(elect(candidates(&[]), Online, |_| true), Unclean(3));
    assert_eq!(elect(candidates(&[]), UncleanElection, |_| true), Unclean(3), "even where any would do");
    assert_eq!(elect(candidates(&[]), Online, |replica| replica != 3), Nobody);
    assert_eq!(elect(candidates(&[1]), Online, |_| true), Clean(1));
    assert_eq!(elect(candidates(&[1]), Online, |replica| replica != 1), Nobody, "1 has all, and may come back");
}

fn known(elr: &[i32], last_known: &[i32]) -> Eligible {
    Eligible { elr: elr.to_vec(), last_known: last_known.to_vec() }
}

/// Of replicas 1, 2 and 3, two have to be in sync.
fn then(isr: &[i32], before: Eligible, isr_after: &[i32], lost: Option<i32>) -> Eligible {
    eligible(isr, &before, isr_after, 2, lost)
}

#[test]
fn who_leaves_when_too_few_are_left_is_eligible() {
    assert_eq!(then(&[1, 2], known(&[], &[]), &[1], None), known(&[2], &[]));
    assert_eq!(then(&[1, 2, 3], known(&[], &[]), &[1], None), known(&[2, 3], &[]), "all who leave at once");
    assert_eq!(then(&[1], known(&[2], &[]), &[], None), known(&[1, 2], &[]), "who was eligible before still is");
    assert_eq!(then(&[2], known(&[1], &[]), &[], None), known(&[1, 2], &[]), "each once, and sorted");
}

#[test]
fn while_enough_are_in_sync_nobody_is_eligible() {
    assert_eq!(then(&[1, 2, 3], known(&[], &[]), &[1, 2], None), known(&[], &[]));
    assert_eq!(then(&[1], known(&[2], &[3]), &[1, 2], None), known(&[], &[]), "what was known is forgotten");
}

#[test]
fn who_is_in_sync_again_is_not_eligible() {
    assert_eq!(then(&[], known(&[1, 2], &[]), &[1], None), known(&[2], &[]));
    assert_eq!(then(&[], known(&[1], &[2]), &[1], None), known(&[], &[2]));
    assert_eq!(then(&[], known(&[], &[1, 2]), &[2], None), known(&[], &[1]));
}

#[test]
fn who_may_have_lost_records_is_last_known() {
    assert_eq!(then(&[], known(&[1, 2], &[]), &[], Some(2)), known(&[1], &[2]));
    assert_eq!(then(&[], known(&[1], &[2]), &[], Some(1)), known(&[], &[1, 2]));
    assert_eq!(then(&[1, 2], known(&[], &[]), &[1], Some(2)), known(&[], &[2]), "from one moment to the next");
}

#[test]
fn logs_are_compared_by_their_last_epoch_then_by_their_end() {
    let complete = |candidates: &[i32], extents: &[(i32, (i32, i64))], alive: &[i32]| {
        let extents: BTreeMap<_, _> = extents.iter().copied().collect();
        let is_alive = |replica| alive.contains(&replica);
        most_complete(&compared(&[3, 1, 2], candidates, is_alive), &extents, is_alive)
    };
    let logs = [(1, (4, 120)), (2, (5, 100)), (3, (5, 90))];
    assert_eq!(complete(&[1, 2, 3], &logs, &[1, 2, 3]), Some(2));
    assert_eq!(complete(&[1, 3], &logs, &[1, 3]), Some(3));
    assert_eq!(complete(&[1, 3], &logs, &[1, 2, 3]), Some(2), "it was not waited for, but it has most");
    assert_eq!(complete(&[1, 3], &logs[..2], &[1]), None, "3 is waited for");
    assert_eq!(complete(&[1, 2, 3], &logs, &[1, 3]), None, "the one that has most is away");
    assert_eq!(complete(&[1, 2, 3], &logs[..2], &[1, 2, 3]), None, "3 has not answered");
    assert_eq!(complete(&[1, 2], &[(1, (5, 7)), (2, (5, 7))], &[1, 2]), Some(1), "in the order of the replicas");
    assert_eq!(complete(&[1, 2], &[(1, (5, 7)), (2, (5, 7))], &[2]), Some(2), "it has as much");
    assert_eq!(complete(&[2], &[], &[2]), Some(2), "there is nobody to compare it with");
    assert_eq!(complete(&[2], &[], &[]), None);
    assert_eq!(complete(&[2], &logs, &[3]), None);
    assert_eq!(complete(&[], &[], &[]), None);
}
