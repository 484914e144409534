//! Who may speak for a member of a classic group, and who may commit.

use ch00_wire::error_code::ErrorCode;
use ch05_groups::classic::{ClassicGroup, Phase};
use ch05_groups::messages::HeartbeatRequest;
use ch05_groups::shard::Command;
use ch05_groups::step::Response;

use crate::barrier::{join, join_as_before, sync};
use crate::support::{Stage, kept_group, kept_member, kept_static_member};

/// Generation 7: A, B, and a static member S, whose instance is `one`.
fn stage() -> Stage {
    Stage::with_group(kept_group(vec![kept_member("A"), kept_member("B"), kept_static_member("S", "one")]))
}

#[test]
fn a_member_speaks_of_the_present_generation() {
    let stage = stage();
    assert_eq!(stage.group().check_member("A", None, 7), Ok(()));
    for generation in [6, 8, 0, -1] {
        let checked = stage.group().check_member("A", None, generation);
        assert_eq!(checked, Err(ErrorCode::ILLEGAL_GENERATION), "{generation}");
    }
}

#[test]
fn who_is_no_member_is_told_so_whatever_the_generation() {
    let stage = stage();
    for generation in [6, 7] {
        assert_eq!(stage.group().check_member("Z", None, generation), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    }
    assert_eq!(stage.group().check_member("", None, 7), Err(ErrorCode::UNKNOWN_MEMBER_ID));
}

#[test]
fn a_static_member_is_the_one_that_has_its_name() {
    let stage = stage();
    assert_eq!(stage.group().check_member("S", Some("one"), 7), Ok(()));
    assert_eq!(stage.group().check_member("S", Some("one"), 6), Err(ErrorCode::ILLEGAL_GENERATION));
    assert_eq!(stage.group().check_member("Z", Some("one"), 7), Err(ErrorCode::FENCED_INSTANCE_ID), "it was replaced");
    assert_eq!(stage.group().check_member("A", Some("one"), 7), Err(ErrorCode::FENCED_INSTANCE_ID), "it is another");
    assert_eq!(stage.group().check_member("Z", Some("one"), 6), Err(ErrorCode::FENCED_INSTANCE_ID), "first of all");
}

#[test]
fn a_name_that_nobody_has_is_no_member() {
    let stage = stage();
    assert_eq!(stage.group().check_member("S", Some("two"), 7), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(stage.group().check_member("A", Some("two"), 7), Err(ErrorCode::UNKNOWN_MEMBER_ID));
}

#[test]
fn a_static_member_need_not_say_its_name() {
    assert_eq!(stage().group().check_member("S", None, 7), Ok(()));
}

#[test]
fn identity_is_a_question_without_a_generation() {
    let stage = stage();
    assert_eq!(stage.group().check_identity("A", None), Ok(()));
    assert_eq!(stage.group().check_identity("S", Some("one")), Ok(()));
    assert_eq!(stage.group().check_identity("Z", None), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(stage.group().check_identity("Z", Some("one")), Err(ErrorCode::FENCED_INSTANCE_ID));
}

#[test]
fn who_slept_through_a_rebalance_learns_it_with_its_next_heartbeat() {
    let mut stage = stage();
    let mut heartbeat = |generation_id| {
        let (group_id, member_id) = ("g".to_owned(), "A".to_owned());
        let request = HeartbeatRequest { group_id, generation_id, member_id, group_instance_id: None };
        let replies = stage.tell("A", Command::Heartbeat(request));
        let [(_, Response::Heartbeat(response))] = &replies[..] else { panic!("{replies:?}") };
        response.error_code
    };
    assert_eq!(heartbeat(7), ErrorCode::NONE);
    assert_eq!(heartbeat(6), ErrorCode::ILLEGAL_GENERATION);
}

/// Whether somebody may commit that says these things.
fn commits(group: &ClassicGroup, id: &str, generation: i32) -> Result<(), ErrorCode> {
    group.check_commit(id, None, generation)
}

#[test]
fn where_nobody_is_whoever_was_assigned_by_hand_commits() {
    for group in [ClassicGroup::new("g", 0), Stage::with_group(kept_group(Vec::new())).group().clone()] {
        assert_eq!(commits(&group, "", -1), Ok(()));
        assert_eq!(commits(&group, "A", -1), Ok(()), "Apache Kafka looks at the generation only");
        assert_eq!(commits(&group, "A", 7), Err(ErrorCode::UNKNOWN_MEMBER_ID), "it was a member, and is none any more");
        assert_eq!(commits(&group, "", 0), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    }
}

#[test]
fn where_members_are_nobody_commits_by_hand() {
    let mut stage = stage();
    assert_eq!(commits(stage.group(), "", -1), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    join(&mut stage, "C");
    assert!(matches!(stage.group().phase(), Phase::PreparingRebalance { .. }));
    assert_eq!(commits(stage.group(), "", -1), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(commits(stage.group(), "A", -1), Err(ErrorCode::ILLEGAL_GENERATION), "a member has a generation");
    assert_eq!(stage.group().check_commit("", Some("one"), -1), Err(ErrorCode::FENCED_INSTANCE_ID), "it has a name");
}

#[test]
fn members_commit_while_they_are_called_together() {
    let mut stage = stage();
    assert_eq!(commits(stage.group(), "A", 7), Ok(()));
    join(&mut stage, "C");
    assert_eq!(commits(stage.group(), "A", 7), Ok(()), "it finishes what it is at");
    assert_eq!(commits(stage.group(), "A", 6), Err(ErrorCode::ILLEGAL_GENERATION));
    assert_eq!(stage.group().check_commit("Z", Some("one"), 7), Err(ErrorCode::FENCED_INSTANCE_ID));
}

#[test]
fn nobody_commits_in_a_generation_that_has_not_been_assigned() {
    let mut stage = Stage::with_group(kept_group(vec![kept_member("A"), kept_member("B")]));
    join(&mut stage, "C");
    join_as_before(&mut stage, "A");
    join_as_before(&mut stage, "B");
    assert!(matches!(stage.group().phase(), Phase::CompletingRebalance { .. }));
    assert_eq!(commits(stage.group(), "A", 8), Err(ErrorCode::REBALANCE_IN_PROGRESS));
    assert_eq!(commits(stage.group(), "A", 7), Err(ErrorCode::ILLEGAL_GENERATION), "that one is over");
    assert_eq!(commits(stage.group(), "Z", 8), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    assert_eq!(commits(stage.group(), "", -1), Err(ErrorCode::UNKNOWN_MEMBER_ID));
    sync(&mut stage, "A");
    assert_eq!(commits(stage.group(), "A", 8), Ok(()), "now it has something");
}
