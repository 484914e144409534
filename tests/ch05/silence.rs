//! Time passes over a classic group: sessions end, and so do barriers.

use ch05_groups::classic::{Gathering, Phase};
use ch05_groups::messages::HeartbeatRequest;
use ch05_groups::records::{GroupRecord, MemberMetadata};
use ch05_groups::shard::Command;
use ch05_groups::step::Response;

use crate::barrier::{join, join_as_before, leave, sync, told};
use crate::support::{Stage, kept_group, kept_member, kept_static_member};

/// A member that may be silent for so long.
fn patient(member: MemberMetadata) -> MemberMetadata {
    MemberMetadata { session_timeout: 600_000, ..member }
}

/// Generation 7, A leads B.
fn stage() -> Stage {
    Stage::with_group(kept_group(vec![kept_member("A"), kept_member("B")]))
}

/// The same, and they may be silent for ten minutes.
fn patient_stage() -> Stage {
    Stage::with_group(kept_group(vec![patient(kept_member("A")), patient(kept_member("B"))]))
}

fn heartbeat(stage: &mut Stage, who: &str) {
    let (group_id, generation_id, member_id) = ("g".to_owned(), stage.group().generation(), stage.id(who));
    let request = HeartbeatRequest { group_id, generation_id, member_id, group_instance_id: None };
    stage.tell(who, Command::Heartbeat(request));
}

/// Who is in the group.
fn members(stage: &Stage) -> Vec<String> {
    let mut members: Vec<_> = stage.group().members().map(|member| member.client.id.to_uppercase()).collect();
    members.sort();
    members
}

/// What was told when, up to a time.
fn told_until(stage: &mut Stage, time: i64) -> Vec<(i64, Vec<String>)> {
    let happened = stage.wait_until(time);
    happened.iter().map(|(at, replies)| (*at, told(stage, replies))).filter(|(_, told)| !told.is_empty()).collect()
}

#[test]
fn who_is_silent_for_a_session_is_out() {
    let mut stage = stage();
    stage.now = 5_000;
    heartbeat(&mut stage, "A");
    stage.wait_until(9_999);
    assert_eq!((members(&stage), stage.group().phase()), (vec!["A".into(), "B".into()], &Phase::Stable));
    stage.wait_until(10_000);
    assert_eq!(members(&stage), ["A"]);
    assert_eq!(stage.group().phase(), &Phase::PreparingRebalance { until: 70_000, gathering: None });
    let replies = join_as_before(&mut stage, "A");
    assert_eq!(told(&stage, &replies), ["A: 8, A leads A"]);
}

#[test]
fn when_the_last_one_is_silent_the_group_is_empty() {
    let mut stage = stage();
    stage.wait_until(10_000);
    assert_eq!((stage.group().phase(), stage.group().generation()), (&Phase::Empty, 8));
    let GroupRecord::GroupMetadata(_, Some(value)) = &stage.log[1] else { panic!("{:?}", stage.log) };
    assert_eq!((value.members.len(), value.current_state_timestamp), (0, 10_000));
    assert_eq!(stage.log.len(), 2, "both at once, one generation");
}

#[test]
fn who_waits_for_the_others_is_not_silent() {
    let mut stage = patient_stage();
    join(&mut stage, "C");
    // At ten seconds, when its session would be over, there is a tick: D's id is given up.
    stage.join("D", |_| {}, 5);
    stage.wait_until(59_999);
    assert_eq!(members(&stage), ["A", "B", "C"], "C's session is ten seconds");
}

#[test]
fn who_waits_for_its_assignment_is_not_silent() {
    let mut stage = patient_stage();
    stage.join("A", |request| request.session_timeout_ms = 600_000, 5);
    join_as_before(&mut stage, "B");
    sync(&mut stage, "B");
    stage.join("D", |_| {}, 5);
    stage.wait_until(59_999);
    assert_eq!(members(&stage), ["A", "B"], "B's session is ten seconds, and it is the coordinator who is silent");
}

#[test]
fn who_does_not_join_in_time_is_out() {
    let mut stage = patient_stage();
    join(&mut stage, "C");
    join_as_before(&mut stage, "B");
    let at_the_end = (60_000, vec!["B: 8, B leads B,C".to_string(), "C: 8, B leads".to_string()]);
    assert_eq!(told_until(&mut stage, 60_000), [at_the_end], "A led, and has not come");
    assert_eq!(members(&stage), ["B", "C"]);
}

#[test]
fn a_static_member_that_does_not_join_in_time_stays_and_does_not_lead() {
    let mut stage = Stage::with_group(kept_group(vec![patient(kept_static_member("A", "one")), kept_member("B")]));
    join(&mut stage, "C");
    join_as_before(&mut stage, "B");
    let at_the_end = (60_000, vec!["B: 8, B leads A,B,C".to_string(), "C: 8, B leads".to_string()]);
    assert_eq!(told_until(&mut stage, 60_000), [at_the_end]);
    assert_eq!(members(&stage), ["A", "B", "C"]);
}

#[test]
fn static_members_of_whom_nobody_comes_are_waited_for_again() {
    let silent = ["A", "B"].map(|id| patient(kept_static_member(id, &format!("instance of {id}"))));
    let mut stage = Stage::with_group(kept_group(silent.into()));
    join(&mut stage, "C");
    leave(&mut stage, &["C"]);
    stage.wait_until(60_000);
    assert_eq!((members(&stage), stage.group().generation()), (vec!["A".into(), "B".into()], 7));
    assert_eq!(stage.group().phase(), &Phase::PreparingRebalance { until: 120_000, gathering: None });
}

#[test]
fn they_are_waited_for_at_least_a_second_at_a_time() {
    let hasty = MemberMetadata { rebalance_timeout: 10, ..patient(kept_static_member("A", "one")) };
    let mut stage = Stage::with_group(kept_group(vec![hasty]));
    stage.join("C", |request| request.rebalance_timeout_ms = 10, 3);
    leave(&mut stage, &["C"]);
    stage.wait_until(10);
    assert_eq!(stage.group().phase(), &Phase::PreparingRebalance { until: 1_010, gathering: None });
}

#[test]
fn an_id_that_nobody_comes_back_with_is_waited_for_as_long_as_a_session() {
    let mut stage = patient_stage();
    join(&mut stage, "C");
    stage.join("D", |_| {}, 5);
    join_as_before(&mut stage, "A");
    join_as_before(&mut stage, "B");
    let [(at, told)] = &told_until(&mut stage, 60_000)[..] else { panic!("{:?}", stage.group()) };
    assert_eq!((*at, told.len()), (10_000, 3));
}

#[test]
fn who_does_not_ask_for_its_assignment_in_time_is_out() {
    let mut stage = patient_stage();
    for who in ["A", "B"] {
        stage.join(who, |request| request.session_timeout_ms = 600_000, 5);
    }
    assert_eq!(stage.group().generation(), 8);
    sync(&mut stage, "B");
    let replies = stage.wait_until(60_000);
    assert_eq!(members(&stage), ["B"], "A did not come, and it leads");
    let [(60_000, replies)] = &replies[..] else { panic!("{replies:?}") };
    assert!(matches!(&replies[..], [(who, Response::Sync(refused))] if who == "B" && refused.error_code.is_error()));
    assert_eq!(stage.group().phase(), &Phase::PreparingRebalance { until: 120_000, gathering: None });
}

#[test]
fn an_empty_group_waits_as_long_as_somebody_comes() {
    let mut stage = Stage::with_group(kept_group(Vec::new()));
    join(&mut stage, "A");
    stage.wait_until(1_000);
    join(&mut stage, "B");
    assert_eq!(told_until(&mut stage, 3_000), []);
    let gathering = Some(Gathering { left_ms: 54_000, newcomers: false });
    assert_eq!(stage.group().phase(), &Phase::PreparingRebalance { until: 6_000, gathering });
    let at_the_end = (6_000, vec!["A: 8, A leads A,B".to_string(), "B: 8, A leads".to_string()]);
    assert_eq!(told_until(&mut stage, 6_000), [at_the_end], "nobody has come since");
}

#[test]
fn an_empty_group_that_nobody_else_joins_waits_once() {
    let mut stage = Stage::with_group(kept_group(Vec::new()));
    join(&mut stage, "A");
    assert_eq!(told_until(&mut stage, 3_000), [(3_000, vec!["A: 8, A leads A".to_string()])]);
}

#[test]
fn an_empty_group_waits_no_longer_than_a_rebalance_may_take() {
    let mut stage = Stage::with_group(kept_group(Vec::new()));
    let hasty = |stage: &mut Stage, who: &str| stage.join(who, |request| request.rebalance_timeout_ms = 5_000, 3);
    hasty(&mut stage, "A");
    hasty(&mut stage, "B");
    assert_eq!(told_until(&mut stage, 4_000), []);
    let gathering = Some(Gathering { left_ms: 0, newcomers: false });
    assert_eq!(stage.group().phase(), &Phase::PreparingRebalance { until: 5_000, gathering });
    hasty(&mut stage, "C");
    let [(at, told)] = &told_until(&mut stage, 20_000)[..] else { panic!("{:?}", stage.group()) };
    assert_eq!((*at, told.len()), (5_000, 3));
}
