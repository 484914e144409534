//! A group of the consumer protocol, beside its scripts: records that others wrote, and what is asked about it.

use ch00_wire::error_code::ErrorCode;
use ch05_groups::consumer::*;
use ch05_groups::messages::*;
use ch05_groups::records::*;

use crate::consumer_support::{Driven, topic_id};

/// A group of these members, each of which has heard what it has.
fn group_of(members: &[&str], partitions: i32) -> Driven {
    let mut driven = Driven::new();
    driven.set_topics([("a", partitions)]);
    for member in members {
        driven.heartbeat(&Driven::join(member, &["a"]));
    }
    settle(&mut driven, members);
    driven
}

/// Members give back what they are told to, and get what they are to have.
fn settle(driven: &mut Driven, members: &[&str]) {
    for member in members.iter().chain(members) {
        let epoch = driven.group.members()[*member].epoch;
        driven.heartbeat(&ConsumerGroupHeartbeatRequest {
            topic_partitions: Some(Vec::new()),
            ..Driven::request(member, epoch)
        });
    }
    assert_eq!(driven.group.state(), ConsumerGroupState::Stable);
}

fn current(member: &str, value: ConsumerGroupCurrentMemberAssignmentValue) -> GroupRecord {
    let key = ConsumerGroupCurrentMemberAssignmentKey { group_id: "g".into(), member_id: member.into() };
    GroupRecord::ConsumerGroupCurrentMemberAssignment(key, Some(value))
}

#[test]
fn idle_heartbeats_write_nothing_and_say_little() {
    let mut driven = group_of(&["x", "y"], 4);
    let written = driven.log.len();
    let response = driven.heartbeat(&Driven::request("x", 3));
    assert_eq!((response.member_epoch, response.heartbeat_interval_ms), (3, 5_000));
    assert_eq!((response.assignment, driven.log.len()), (None, written));
}

#[test]
fn who_says_everything_is_told_everything() {
    let mut driven = group_of(&["x"], 2);
    let request = ConsumerGroupHeartbeatRequest { member_epoch: 2, ..Driven::join("x", &["a"]) };
    let assignment = driven.heartbeat(&request).assignment.unwrap();
    let has = HeartbeatTopicPartitions { topic_id: topic_id("a"), partitions: vec![0, 1] };
    assert_eq!(assignment.topic_partitions, [has]);
}

/// In version 0 the coordinator chooses ids.
#[test]
fn a_member_without_an_id_gets_one() {
    let mut driven = Driven::new();
    let context = HeartbeatContext {
        now: 1,
        settings: &driven.settings,
        topics: &driven.topics,
        api_version: 0,
        client_id: "client",
        client_host: "/127.0.0.1",
        new_member_id: topic_id("new"),
    };
    let (_, response) = driven.group.heartbeat(&mut driven.sessions, &context, &Driven::join("", &["a"]));
    assert_eq!(response.member_id, Some(topic_id("new").to_string()));
    let response = driven.heartbeat(&Driven::join("", &["a"]));
    assert_eq!(response.error_message.as_deref(), Some("MemberId can't be empty."), "version 1");
}

#[test]
fn described() {
    let mut driven = group_of(&["x"], 3);
    driven.heartbeat(&Driven::join("y", &["a"]));
    driven.heartbeat(&Driven::request("x", 2));
    let group = driven.group.describe(&driven.topics, &driven.settings);
    assert_eq!((group.group_state.as_str(), group.group_epoch, group.assignment_epoch), ("Reconciling", 3, 3));
    assert_eq!((group.group_id.as_str(), group.assignor_name.as_str()), ("g", "uniform"));
    let [x, y] = &group.members[..] else { panic!("{:?}", group.members) };
    let of = |assignment: &DescribedAssignment| -> Vec<i32> {
        assignment.topic_partitions.iter().flat_map(|topic| topic.partitions.clone()).collect()
    };
    // What x has not given back yet it still has.
    assert_eq!((x.member_epoch, of(&x.assignment), of(&x.target_assignment)), (2, vec![0, 1, 2], vec![0, 1]));
    assert_eq!((y.member_epoch, of(&y.assignment), of(&y.target_assignment)), (3, vec![], vec![2]));
    assert_eq!((x.client_id.as_str(), x.member_type), ("client", 1));
    assert_eq!(x.assignment.topic_partitions[0].topic_name, "a");
    driven.set_topics([]);
    let group = driven.group.describe(&driven.topics, &driven.settings);
    assert_eq!(group.members[0].assignment, DescribedAssignment::default(), "a topic that is gone has no name");
}

#[test]
fn subscribed_topics() {
    let mut driven = group_of(&["x"], 1);
    driven.set_topics([("a", 1), ("b1", 1), ("b2", 1)]);
    let subscribed_topic_regex = Some("b.".to_string());
    driven.heartbeat(&ConsumerGroupHeartbeatRequest { subscribed_topic_regex, ..Driven::join("y", &["none"]) });
    assert_eq!(driven.group.subscribed_topics(), ["a", "b1", "b2", "none"].into());
}

#[test]
fn whole_names_match() {
    let pattern = TopicPattern::new("a|b+").unwrap();
    let matched = ["a", "b", "bb", "ab", "ba", "a\n", ""].map(|name| pattern.matches(name));
    assert_eq!(matched, [true, true, true, false, false, false, false]);
    assert!(TopicPattern::new("(?i)A").unwrap().matches("a"));
    assert!(TopicPattern::new(r"\d+").unwrap().matches("17"));
    assert_eq!(TopicPattern::new(r"(a)\1").unwrap_err(), "backreferences are not supported");
}

/// Before Kafka 4.2 the epochs of partitions were not written.
#[test]
fn partitions_without_epochs_have_the_members() {
    let mut driven = group_of(&["x"], 2);
    let assigned = CurrentTopicPartitions { topic_id: topic_id("a"), partitions: vec![0, 1], assignment_epochs: None };
    let value = ConsumerGroupCurrentMemberAssignmentValue {
        member_epoch: 7,
        previous_member_epoch: 6,
        assigned_partitions: vec![assigned],
        ..Default::default()
    };
    driven.append(vec![current("x", value)]);
    assert_eq!(driven.group.may_commit("x", 7, 9, (topic_id("a"), 0)), Ok(()));
    assert_eq!(driven.group.may_commit("x", 6, 9, (topic_id("a"), 0)), Err(ErrorCode::STALE_MEMBER_EPOCH));
}

#[test]
fn a_member_in_a_state_of_the_future_begins_anew() {
    let mut driven = group_of(&["x"], 1);
    let value = ConsumerGroupCurrentMemberAssignmentValue { member_epoch: 2, state: 9, ..Default::default() };
    driven.append(vec![current("x", value)]);
    assert_eq!(driven.heartbeat(&Driven::request("x", 2)).error_code, ErrorCode::FENCED_MEMBER_EPOCH);
    let response = driven.heartbeat(&Driven::join("x", &["a"]));
    assert_eq!((response.error_code, response.member_epoch), (ErrorCode::NONE, 2));
    assert_eq!(driven.group.state(), ConsumerGroupState::Stable);
}

/// Where a hash has taken a record's place, the record goes.
#[test]
fn the_record_of_topics_goes() {
    let mut driven = group_of(&["x"], 1);
    let key = ConsumerGroupPartitionMetadataKey { group_id: "g".into() };
    let value = Some(ConsumerGroupPartitionMetadataValue::default());
    driven.append(vec![GroupRecord::ConsumerGroupPartitionMetadata(key.clone(), value)]);
    driven.reload();
    driven.heartbeat(&Driven::request("x", 2));
    assert_eq!(driven.log.last(), Some(&GroupRecord::ConsumerGroupPartitionMetadata(key, None)));
}

/// A static member that leaves for a while while it is giving back has given back.
#[test]
fn who_leaves_for_a_while_has_given_back() {
    let mut driven = Driven::new();
    driven.set_topics([("a", 2)]);
    let is_static = |request| ConsumerGroupHeartbeatRequest { instance_id: Some("one".into()), ..request };
    driven.heartbeat(&is_static(Driven::join("x", &["a"])));
    driven.heartbeat(&Driven::join("y", &["a"]));
    driven.heartbeat(&is_static(Driven::request("x", 2)));
    assert_eq!(driven.group.members()["x"].state, MemberState::UnrevokedPartitions);
    driven.heartbeat(&is_static(Driven::request("x", -2)));
    driven.heartbeat(&Driven::request("y", 3));
    assert_eq!(driven.group.members()["y"].held().count(), 1);
    assert_eq!(driven.group.members()["x"].held().count(), 1);
}

/// What members of the classic protocol are told, in words that they know.
#[test]
fn members_of_the_classic_protocol_have_generations() {
    let mut driven = group_of(&["x"], 1);
    let key = ConsumerGroupMemberMetadataKey { group_id: "g".into(), member_id: "x".into() };
    driven.append(vec![GroupRecord::ConsumerGroupMemberMetadata(key, Some(Default::default()))]);
    assert!(driven.group.members()["x"].is_classic());
    assert_eq!(driven.group.may_commit("x", 2, 2, (topic_id("a"), 0)), Ok(()));
    assert_eq!(driven.group.may_commit("x", 3, 2, (topic_id("a"), 0)), Err(ErrorCode::ILLEGAL_GENERATION));
    assert_eq!(driven.group.may_fetch(Some("x"), 1), Err(ErrorCode::ILLEGAL_GENERATION));
}

#[test]
fn a_group_with_members_is_not_deleted() {
    let mut driven = group_of(&["x"], 1);
    assert_eq!(driven.group.delete(), []);
    driven.heartbeat(&Driven::request("x", -1));
    let records = driven.group.delete();
    driven.append(records);
    assert_eq!(driven.group, ConsumerGroup::new("g"));
}
