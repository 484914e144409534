//! The join barrier of a classic group: everybody is called together, and when all are there a generation begins. No time
//! passes here.

use std::collections::BTreeSet;

use ch00_wire::error_code::ErrorCode;
use ch05_groups::classic::{Gathering, Phase, Waiting};
use ch05_groups::messages::*;
use ch05_groups::records::{GroupMetadataValue, GroupRecord, MemberMetadata};
use ch05_groups::shard::Command;
use ch05_groups::step::Response;

use crate::support::{Stage, kept_group, kept_member};

type Replies = Vec<(String, Response)>;

/// A newcomer joins, in a version in which it is a member at once.
pub fn join(stage: &mut Stage, who: &str) -> Replies {
    stage.join(who, |_| {}, 3)
}

/// A member joins again and wants what it wanted.
pub fn join_as_before(stage: &mut Stage, who: &str) -> Replies {
    stage.join(who, |_| {}, 5)
}

/// A member asks for its assignment. If it leads, everybody is assigned a partition named after it.
pub fn sync(stage: &mut Stage, who: &str) -> Replies {
    let assign = |member: &ch05_groups::classic::Member| SyncGroupRequestAssignment {
        member_id: member.id.clone(),
        assignment: format!("all of {}", member.client.id).into(),
    };
    let request = SyncGroupRequest {
        group_id: "g".into(),
        generation_id: stage.group().generation(),
        member_id: stage.id(who),
        assignments: stage.group().members().map(assign).collect(),
        ..Default::default()
    };
    stage.tell(who, Command::Sync(request))
}

/// Members leave, in one request.
pub fn leave(stage: &mut Stage, who: &[&str]) -> Replies {
    // A newcomer may not have heard of its id yet.
    let id = |who: &&str| stage.group().members().find(|m| m.client.id == who.to_lowercase()).unwrap().id.clone();
    let identity = |who| MemberIdentity { member_id: id(who), group_instance_id: None, reason: None };
    let members = who.iter().map(identity).collect();
    stage.tell("leave", Command::Leave(LeaveGroupRequest { group_id: "g".into(), members, ..Default::default() }))
}

/// `A: 8, B leads` for each that was told of its generation, in the order of letters; a leader also hears who the others are.
pub fn told(stage: &Stage, replies: &Replies) -> Vec<String> {
    let mut told = Vec::new();
    for (who, response) in replies {
        let Response::Join(joined) = response else { continue };
        let mut members: Vec<_> = joined.members.iter().map(|member| stage.letter(&member.member_id)).collect();
        members.sort();
        let of = if members.is_empty() { String::new() } else { format!(" {}", members.join(",")) };
        assert_eq!(joined.error_code, ErrorCode::NONE);
        told.push(format!("{who}: {}, {} leads{of}", joined.generation_id, stage.letter(&joined.leader)));
    }
    told.sort();
    told
}

/// The ids of members, as letters.
fn letters<'a>(stage: &Stage, ids: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    ids.into_iter().map(|id| stage.letter(id)).collect()
}

/// Generation 7, A leads B.
fn stage() -> Stage {
    Stage::with_group(kept_group(vec![kept_member("A"), kept_member("B")]))
}

/// The same with somebody who was just added, and all three have joined.
fn stage_of_three() -> (Stage, Replies) {
    let mut stage = stage();
    join(&mut stage, "C");
    join_as_before(&mut stage, "A");
    let replies = join_as_before(&mut stage, "B");
    (stage, replies)
}

fn preparing(until: i64) -> Phase {
    Phase::PreparingRebalance { until, gathering: None }
}

#[test]
fn somebody_joins_and_all_others_have_to() {
    let mut stage = stage();
    stage.now = 5_000;
    assert_eq!(join(&mut stage, "C"), []);
    assert_eq!((stage.group().phase(), stage.group().generation()), (&preparing(65_000), 7));
    stage.now = 6_000;
    assert_eq!(join_as_before(&mut stage, "A"), [], "B is missing");
    assert_eq!(stage.group().phase(), &preparing(65_000), "whoever joins does not put the end off");
}

#[test]
fn the_longest_rebalance_timeout_counts() {
    let slow = MemberMetadata { rebalance_timeout: 90_000, ..kept_member("B") };
    let mut stage = Stage::with_group(kept_group(vec![kept_member("A"), slow]));
    join(&mut stage, "C");
    assert_eq!(stage.group().phase(), &preparing(90_000));
}

#[test]
fn when_all_have_joined_a_generation_begins() {
    let (stage, replies) = stage_of_three();
    assert_eq!(told(&stage, &replies), ["A: 8, A leads A,B,C", "B: 8, A leads", "C: 8, A leads"]);
    let Phase::CompletingRebalance { until, missing } = stage.group().phase() else { panic!("{:?}", stage.group()) };
    assert_eq!((*until, letters(&stage, missing)), (60_000, ["A", "B", "C"].map(String::from).into()));
    assert_eq!(stage.log.len(), 1, "a generation without assignments is not written");
}

#[test]
fn who_was_answered_waits_no_more_and_has_a_session() {
    let mut stage = stage();
    join(&mut stage, "C");
    stage.now = 2_000;
    join_as_before(&mut stage, "A");
    join_as_before(&mut stage, "B");
    for member in stage.group().members() {
        let of = (member.waiting, member.is_new, member.session_end);
        assert_eq!(of, (Waiting::Nothing, false, 12_000), "{}", member.client.id);
    }
}

#[test]
fn who_waits_for_its_assignment_is_told_to_join_again() {
    let (mut stage, _) = stage_of_three();
    assert_eq!(sync(&mut stage, "B"), []);
    stage.now = 4_000;
    let replies = join(&mut stage, "D");
    let [(who, Response::Sync(refused))] = &replies[..] else { panic!("{replies:?}") };
    assert_eq!((who.as_str(), refused.error_code), ("B", ErrorCode::REBALANCE_IN_PROGRESS));
    assert_eq!(stage.group().phase(), &preparing(64_000));
    let b = stage.group().members().find(|member| member.id == "B").unwrap();
    assert_eq!((b.waiting, b.session_end), (Waiting::Nothing, 14_000), "it could not say anything while it waited");
}

#[test]
fn an_empty_group_waits_for_more() {
    let mut stage = Stage::with_group(kept_group(Vec::new()));
    stage.now = 1_000;
    assert_eq!(join(&mut stage, "A"), []);
    let gathering = Some(Gathering { left_ms: 57_000, newcomers: false });
    assert_eq!(stage.group().phase(), &Phase::PreparingRebalance { until: 4_000, gathering });
    assert_eq!(join(&mut stage, "B"), [], "all have joined, and still more may come");
    let gathering = Some(Gathering { left_ms: 57_000, newcomers: true });
    assert_eq!(stage.group().phase(), &Phase::PreparingRebalance { until: 4_000, gathering });
}

#[test]
fn an_empty_group_waits_no_longer_than_its_members_want() {
    let mut stage = Stage::with_group(kept_group(Vec::new()));
    stage.join("A", |request| request.rebalance_timeout_ms = 1_000, 3);
    let gathering = Some(Gathering { left_ms: 0, newcomers: false });
    assert_eq!(stage.group().phase(), &Phase::PreparingRebalance { until: 3_000, gathering });
}

#[test]
fn somebody_who_was_given_an_id_is_waited_for() {
    let mut stage = stage();
    join(&mut stage, "C");
    stage.join("D", |_| {}, 5);
    join_as_before(&mut stage, "A");
    assert_eq!(join_as_before(&mut stage, "B"), [], "D has an id, and will come with it");
    let replies = join_as_before(&mut stage, "D");
    assert_eq!(told(&stage, &replies)[3], "D: 8, A leads");
}

#[test]
fn who_leaves_is_not_waited_for() {
    let mut stage = stage();
    join(&mut stage, "C");
    join_as_before(&mut stage, "A");
    let replies = leave(&mut stage, &["B"]);
    assert_eq!(told(&stage, &replies), ["A: 8, A leads A,C", "C: 8, A leads"]);
}

#[test]
fn when_the_leader_leaves_another_leads() {
    let mut stage = stage();
    leave(&mut stage, &["A"]);
    let replies = join_as_before(&mut stage, "B");
    assert_eq!(told(&stage, &replies), ["B: 8, B leads B"]);
}

#[test]
fn the_leader_leads_on_whatever_its_id() {
    let mut stage = Stage::with_group(kept_group(vec![kept_member("B"), kept_member("A")]));
    join_as_before(&mut stage, "B");
    let replies = join_as_before(&mut stage, "A");
    assert_eq!(told(&stage, &replies), ["A: 8, B leads", "B: 8, B leads A,B"]);
}

#[test]
fn when_everybody_has_left_the_group_is_empty_and_that_is_written() {
    let mut stage = stage();
    stage.now = 3_000;
    leave(&mut stage, &["A", "B"]);
    assert_eq!((stage.group().phase(), stage.group().generation()), (&Phase::Empty, 8));
    let GroupRecord::GroupMetadata(_, Some(value)) = &stage.log[1] else { panic!("{:?}", stage.log) };
    let nobody = GroupMetadataValue {
        protocol_type: "consumer".into(),
        generation: 8,
        current_state_timestamp: 3_000,
        ..Default::default()
    };
    assert_eq!(value, &nobody);
}

#[test]
fn the_protocol_is_voted_on_anew() {
    let mut stage = stage();
    let both = |request: &mut JoinGroupRequest| {
        request.protocols.insert(0, JoinGroupRequestProtocol { name: "sticky".into(), metadata: "mine".into() });
    };
    stage.join("A", both, 5);
    stage.join("B", both, 5);
    let Phase::CompletingRebalance { .. } = stage.group().phase() else { panic!("{:?}", stage.group()) };
    sync(&mut stage, "A");
    assert_eq!(stage.group().describe().protocol_data, "sticky");
}

#[test]
fn what_a_member_has_said_in_the_chosen_protocol_is_kept() {
    let mut stage = stage();
    let both = |request: &mut JoinGroupRequest| {
        request.protocols.insert(0, JoinGroupRequestProtocol { name: "sticky".into(), metadata: "mine".into() });
    };
    stage.join("A", both, 5);
    join_as_before(&mut stage, "B");
    sync(&mut stage, "A");
    let GroupRecord::GroupMetadata(_, Some(value)) = &stage.log[1] else { panic!("{:?}", stage.log) };
    assert_eq!((value.protocol.as_deref(), &value.members[0].subscription[..]), (Some("range"), &b"topics"[..]));
}

/// A group that members are called together in may be written meanwhile: when it was one of the other protocol before.
#[test]
fn what_is_written_meanwhile_does_not_end_a_rebalance() {
    let mut stage = stage();
    join_as_before(&mut stage, "A");
    let record = stage.log[0].clone();
    stage.shard.replay(&record);
    assert_eq!(stage.group().phase(), &preparing(60_000));
    let replies = join_as_before(&mut stage, "B");
    assert_eq!(told(&stage, &replies).len(), 2, "A still waits");
}

#[test]
fn after_the_last_number_comes_the_first() {
    let value = GroupMetadataValue { generation: i32::MAX, ..kept_group(vec![kept_member("A")]) };
    let mut stage = Stage::with_group(value);
    let replies = join_as_before(&mut stage, "A");
    assert_eq!(told(&stage, &replies), ["A: 1, A leads A"]);
}
