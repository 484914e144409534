//! What is kept of a classic group, and what it is when it is read back.

use bytes::Bytes;
use ch05_groups::classic::{ClassicGroup, Phase, Waiting};
use ch05_groups::messages::{DescribedGroupMember, JoinGroupRequest};
use ch05_groups::records::{GroupMetadataValue, GroupRecord, MemberMetadata};

use crate::support::{Stage, kept_group, kept_member, kept_static_member};

fn read_back(value: &GroupMetadataValue) -> ClassicGroup {
    let mut group = ClassicGroup::new("g", 0);
    group.replay(value);
    group
}

fn ids(group: &ClassicGroup) -> Vec<&str> {
    group.members().map(|member| member.id.as_str()).collect()
}

#[test]
fn a_group_is_as_its_record_says() {
    let group = read_back(&kept_group(vec![kept_member("A"), kept_member("B")]));
    assert_eq!((group.phase(), group.generation(), group.since()), (&Phase::Stable, 7, 500));
    assert_eq!(group.protocol_type(), Some("consumer"));
    assert_eq!(ids(&group), ["A", "B"]);
    let described = group.describe();
    assert_eq!(described.protocol_data, "range");
    let a = DescribedGroupMember {
        member_id: "A".into(),
        client_id: "a".into(),
        client_host: "/127.0.0.1".into(),
        member_metadata: "topics".into(),
        member_assignment: "all of A".into(),
        ..Default::default()
    };
    assert_eq!(described.members[0], a);
}

#[test]
fn without_members_it_is_empty() {
    let group = read_back(&kept_group(Vec::new()));
    assert_eq!((group.phase(), group.generation(), group.protocol_type()), (&Phase::Empty, 7, Some("consumer")));
    let never = GroupMetadataValue { protocol_type: String::new(), ..kept_group(Vec::new()) };
    assert_eq!(read_back(&never).protocol_type(), None, "nobody has said what it is for");
}

#[test]
fn who_is_not_in_the_record_is_out() {
    let mut group = read_back(&kept_group(vec![kept_member("A"), kept_member("B")]));
    group.replay(&GroupMetadataValue { generation: 8, ..kept_group(vec![kept_member("B"), kept_member("C")]) });
    assert_eq!((ids(&group), group.generation()), (vec!["B", "C"], 8));
}

#[test]
fn who_was_known_has_its_new_assignment_and_all_else_as_before() {
    let mut group = read_back(&kept_group(vec![kept_member("A"), kept_member("B")]));
    group.begin(1000);
    let before = group.members().next().unwrap().clone();
    let changed = MemberMetadata {
        assignment: "less".into(),
        client_id: "not asked".into(),
        session_timeout: 1,
        ..kept_member("A")
    };
    group.replay(&GroupMetadataValue { generation: 8, ..kept_group(vec![changed]) });
    let now = group.members().next().unwrap();
    assert_eq!(now.assignment, Bytes::from("less"));
    assert_eq!((now.session_end, now.client.id.as_str(), now.session_timeout_ms), (11_000, "a", 10_000));
    assert_eq!(now.protocols, before.protocols);
}

#[test]
fn nobody_is_waited_for_in_a_group_that_was_read_back() {
    let mut group = read_back(&kept_group(vec![kept_member("A")]));
    assert!(group.members().all(|member| member.waiting == Waiting::Nothing && !member.is_new));
    group.begin(1000);
    assert_eq!(group.next_deadline(), Some(11_000), "a whole session from when the coordinator begins");
}

#[test]
fn a_leader_who_is_not_a_member_does_not_lead() {
    let group = GroupMetadataValue { leader: Some("Z".into()), ..kept_group(vec![kept_member("A")]) };
    read_back(&group).check();
}

/// A static member comes back as another process, and is told what it had. That is one record.
fn replaced(value: GroupMetadataValue) -> GroupMetadataValue {
    let mut stage = Stage::with_group(value);
    stage.now = 9_000;
    let change = |request: &mut JoinGroupRequest| {
        (request.member_id, request.group_instance_id) = (String::new(), Some("one".into()));
        request.rebalance_timeout_ms = 30_000;
    };
    stage.join("A2", change, 9);
    let GroupRecord::GroupMetadata(_, Some(mut value)) = stage.log[1].clone() else { panic!("{:?}", stage.log) };
    assert_eq!(stage.log.len(), 2);
    for member in &mut value.members {
        member.member_id = stage.letter(&member.member_id);
    }
    value.leader = value.leader.map(|leader| stage.letter(&leader));
    value
}

#[test]
fn a_record_has_all_of_the_group() {
    let before = kept_group(vec![kept_member("B"), kept_static_member("A", "one"), kept_static_member("C", "three")]);
    let after = replaced(before);
    assert_eq!((after.generation, after.current_state_timestamp), (7, 500), "it has not been anything else since");
    assert_eq!((after.protocol_type.as_str(), after.protocol.as_deref()), ("consumer", Some("range")));
    assert_eq!(after.leader.as_deref(), Some("B"));
    let returned = MemberMetadata {
        client_id: "a2".into(),
        rebalance_timeout: 30_000,
        member_id: "A2".into(),
        ..kept_static_member("A", "one")
    };
    assert_eq!(after.members, [kept_member("B"), kept_static_member("C", "three"), returned], "by their ids");
}

#[test]
fn a_replaced_leader_leads_under_its_new_id() {
    let after = replaced(kept_group(vec![kept_static_member("A", "one"), kept_member("B")]));
    assert_eq!(after.leader.as_deref(), Some("A2"));
}

#[test]
fn what_is_written_is_what_is_read() {
    let value = kept_group(vec![kept_static_member("A", "one"), kept_member("B")]);
    let mut stage = Stage::with_group(value);
    let change = |request: &mut JoinGroupRequest| {
        (request.member_id, request.group_instance_id) = (String::new(), Some("one".into()));
    };
    stage.join("A2", change, 9);
    let before = stage.group().describe();
    stage.crash();
    assert_eq!(stage.group().describe(), before);
}
