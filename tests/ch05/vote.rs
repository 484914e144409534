//! Which protocol the members of a classic group agree on.

use ch05_groups::classic::vote;

/// What is chosen by members each of which knows these, the best first.
fn chosen<const N: usize>(members: [&str; N]) -> String {
    vote(&members.map(|known| known.split(' ').map(str::to_owned).collect()))
}

#[test]
fn a_single_member_gets_what_it_likes_best() {
    assert_eq!(chosen(["sticky range"]), "sticky");
}

#[test]
fn what_one_of_them_does_not_know_is_not_chosen() {
    assert_eq!(chosen(["sticky range", "sticky range", "range"]), "range");
}

#[test]
fn most_votes_win() {
    assert_eq!(chosen(["a b", "b a", "a b"]), "a");
    assert_eq!(chosen(["b a", "b a", "a b"]), "b");
}

#[test]
fn each_votes_for_the_best_that_all_know() {
    assert_eq!(chosen(["x b a", "y b a", "a b"]), "b");
    assert_eq!(chosen(["x a b", "x a b", "b a"]), "a", "x has most votes and is not known to all");
}

#[test]
fn each_has_one_vote() {
    assert_eq!(chosen(["a b c", "b a c", "b c a"]), "b", "a is among the first two of two members as well");
    assert_eq!(chosen(["c a b", "c a b", "b a c", "a b c", "a c b", "a c b"]), "a");
}

#[test]
fn of_several_with_as_many_votes_it_is_the_last_by_name() {
    assert_eq!(chosen(["a b", "b a"]), "b");
    assert_eq!(chosen(["b a", "a b"]), "b");
    assert_eq!(chosen(["range roundrobin", "roundrobin range"]), "roundrobin");
}

#[test]
fn where_nothing_is_known_to_all_there_is_none() {
    assert_eq!(chosen(["a", "b"]), "");
    assert_eq!(chosen([]), "");
}
