//! A group of the consumer protocol as Apache Kafka's broker wrote it: what it was told is told to ours, and the records are
//! the same. Topics within a record are in no order there.

use ch01_log::batch::{self, HEADER_LEN};
use ch01_log::record::Records;
use ch05_groups::consumer::*;
use ch05_groups::messages::*;
use ch05_groups::records::*;

const LOG: &str = "single/logs/__consumer_offsets-1/00000000000000000000.log";
const TOPICS: [(&str, &str, usize); 2] =
    [("grown", "5lrl-QOtSZCxztu2aYBDtQ", 3), ("orders", "1ONGC0ZeRHqu1pUKndc4dg", 3)];
const FIRST: &str = "4A7dvtOXTlmUxNYUCT51Jw";
const SECOND: &str = "k4-osUegSsm7_VxsZv66wA";

/// The records of the log, with topics in order.
fn records() -> Vec<GroupRecord> {
    let path = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/data")).join(LOG);
    let log = std::fs::read(path).unwrap();
    let mut found = Vec::new();
    for (header, bytes) in batch::split(&log).filter(|(header, _)| !header.attributes.is_control()) {
        for record in Records::new(&bytes[HEADER_LEN..], header.record_count) {
            let record = record.unwrap();
            let bytes = bytes::Bytes::copy_from_slice;
            found.extend(GroupRecord::decode(bytes(record.key.unwrap()), record.value.map(bytes)).unwrap());
        }
    }
    found.iter_mut().for_each(sort);
    found
}

fn sort(record: &mut GroupRecord) {
    match record {
        GroupRecord::ConsumerGroupTargetAssignmentMember(_, Some(value)) => {
            value.topic_partitions.sort_by_key(|topic| topic.topic_id);
        }
        GroupRecord::ConsumerGroupCurrentMemberAssignment(_, Some(value)) => {
            value.assigned_partitions.sort_by_key(|topic| topic.topic_id);
            value.partitions_pending_revocation.sort_by_key(|topic| topic.topic_id);
        }
        _ => {}
    }
}

struct Told {
    group: ConsumerGroup,
    sessions: ConsumerSessions,
    topics: GroupTopics,
    records: Vec<GroupRecord>,
}

impl Told {
    fn tell(&mut self, now: i64, member: usize, epoch: i32, says: impl Fn(&mut ConsumerGroupHeartbeatRequest)) {
        let mut request = ConsumerGroupHeartbeatRequest {
            group_id: "g-848-live".into(),
            member_id: [FIRST, SECOND][member].into(),
            member_epoch: epoch,
            ..ConsumerGroupHeartbeatRequest::default()
        };
        says(&mut request);
        let context = HeartbeatContext {
            now,
            settings: &ConsumerGroupSettings::default(),
            topics: &self.topics,
            api_version: 1,
            client_id: &format!("live848-{member}"),
            client_host: "/127.0.0.1",
            new_member_id: Default::default(),
        };
        let (records, response) = self.group.heartbeat(&mut self.sessions, &context, &request);
        assert_eq!(response.error_message, None);
        records.iter().for_each(|record| self.group.replay(record));
        self.records.extend(records);
    }
}

#[test]
fn two_members_join_as_in_kafka() {
    let topics = TOPICS.map(|(name, id, partitions)| {
        let id = id.parse().unwrap();
        let hash = topic_hash(name, id, &vec![Vec::new(); partitions]);
        (name.to_string(), GroupTopic { id, partitions: partitions as i32, hash })
    });
    let [_, (_, orders)] = &topics;
    let orders = HeartbeatTopicPartitions { topic_id: orders.id, partitions: vec![0, 1, 2] };
    let mut told = Told {
        group: ConsumerGroup::new("g-848-live"),
        sessions: ConsumerSessions::default(),
        topics: GroupTopics::new(1, topics.clone()),
        records: Vec::new(),
    };
    let joins = |request: &mut ConsumerGroupHeartbeatRequest| {
        request.rebalance_timeout_ms = 300_000;
        request.subscribed_topic_names = Some(vec!["orders".into(), "grown".into()]);
        request.topic_partitions = Some(Vec::new());
    };
    told.tell(1795314759301, 0, 0, joins);
    told.tell(1795314759339, 1, 0, joins);
    told.tell(1795314764314, 0, 2, |_| {});
    told.tell(1795314764421, 0, 2, |request| request.topic_partitions = Some(vec![orders.clone()]));
    told.tell(1795314764484, 1, 2, |_| {});

    let of_group = |record: &GroupRecord| {
        let (key, _) = record.encode();
        record.name().starts_with("ConsumerGroup") && key.windows(10).any(|part| part == b"g-848-live")
    };
    let kafkas: Vec<_> = records().into_iter().filter(of_group).collect();
    assert_eq!(kafkas.len(), 14);
    assert_eq!(told.records, kafkas);
}
