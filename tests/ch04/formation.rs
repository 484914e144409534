//! Which cluster an empty folder belongs to.

use std::collections::BTreeMap;

use ch00_wire::uuid::Uuid;
use ch04_controller::formation::{Answer, Verdict, cluster_id_of, judge};

const VOTERS: [i32; 3] = [1, 2, 3];

fn directory(node: i32) -> Uuid {
    Uuid([node as u8; 16])
}

/// What nodes say: their number, and their cluster if they have one.
fn answers(said: &[(i32, Option<&str>)]) -> BTreeMap<i32, Answer> {
    let answer = |cluster_id: Option<&str>, node| Answer {
        cluster_id: cluster_id.map(str::to_owned),
        directory_id: directory(node),
    };
    said.iter().map(|&(node, cluster_id)| (node, answer(cluster_id, node))).collect()
}

fn new_cluster() -> String {
    cluster_id_of(&VOTERS.map(|node| (node, directory(node))).into())
}

#[test]
fn a_cluster_is_made_when_every_voter_says_that_it_is_empty() {
    let all = answers(&[(1, None), (2, None), (3, None)]);
    assert_eq!(judge(&VOTERS, &all, true), Verdict::Found(new_cluster()));
    assert_eq!(judge(&VOTERS, &all, false), Verdict::Found(new_cluster()));
}

#[test]
fn one_that_does_not_answer_is_waited_for() {
    let two = answers(&[(1, None), (2, None)]);
    assert_eq!(judge(&VOTERS, &two, true), Verdict::Wait);
    assert_eq!(judge(&VOTERS, &two, false), Verdict::Wait, "however long it takes");
}

#[test]
fn who_was_slower_finds_the_cluster_that_was_made_of_its_folder_too() {
    let id = new_cluster();
    let all = answers(&[(1, Some(&id)), (2, None), (3, Some(&id))]);
    assert_eq!(judge(&VOTERS, &all, true), Verdict::Found(id));
}

#[test]
fn who_comes_later_joins_and_does_not_vote() {
    let all = answers(&[(1, Some("another")), (2, None), (3, Some("another"))]);
    assert_eq!(judge(&VOTERS, &all, true), Verdict::Join("another".to_owned()));
    // Node 1 could still tell that this folder was among the first.
    let two = answers(&[(2, None), (3, Some("another"))]);
    assert_eq!(judge(&VOTERS, &two, true), Verdict::Wait);
    assert_eq!(judge(&VOTERS, &two, false), Verdict::Join("another".to_owned()));
}

#[test]
fn another_directory_makes_another_cluster() {
    let mut directories: BTreeMap<_, _> = VOTERS.map(|node| (node, directory(node))).into();
    assert_eq!(cluster_id_of(&directories), new_cluster());
    assert!(!new_cluster().starts_with('-'), "it is an argument of commands");
    directories.insert(3, directory(4));
    assert_ne!(cluster_id_of(&directories), new_cluster());
}
