//! A group of the consumer protocol with its log, its clock and its topics: what the tests of chapter 5 drive it with.
#![allow(dead_code, reason = "not every binary uses all of it")]

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch05_groups::consumer::*;
use ch05_groups::messages::*;
use ch05_groups::records::*;

/// A group and what is around it.
pub struct Driven {
    pub group: ConsumerGroup,
    pub sessions: ConsumerSessions,
    pub settings: ConsumerGroupSettings,
    pub topics: GroupTopics,
    pub log: Vec<GroupRecord>,
    /// Milliseconds since 1970.
    pub now: i64,
}

/// The id of the topic of a name: its first letters.
pub fn topic_id(name: &str) -> Uuid {
    let mut id = [0; 16];
    name.bytes().zip(&mut id).for_each(|(byte, place)| *place = byte);
    Uuid(id)
}

impl Driven {
    pub fn new() -> Driven {
        let settings = ConsumerGroupSettings { assignment_interval_ms: 0, ..ConsumerGroupSettings::default() };
        let group = ConsumerGroup::new("g");
        let sessions = ConsumerSessions::default();
        Driven { group, sessions, settings, topics: GroupTopics::default(), log: Vec::new(), now: 1_000_000 }
    }

    /// From now on these are the topics, with so many partitions.
    pub fn set_topics<'a>(&mut self, topics: impl IntoIterator<Item = (&'a str, i32)>) {
        let topic = |(name, partitions): (&str, i32)| {
            let id = topic_id(name);
            let hash = topic_hash(name, id, &vec![Vec::new(); partitions as usize]);
            (name.to_string(), GroupTopic { id, partitions, hash })
        };
        self.topics = GroupTopics::new(self.topics.version() + 1, topics.into_iter().map(topic));
    }

    /// A request that says nothing.
    pub fn request(member: &str, epoch: i32) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            group_id: "g".into(),
            member_id: member.into(),
            member_epoch: epoch,
            ..ConsumerGroupHeartbeatRequest::default()
        }
    }

    /// The request of a member that joins.
    pub fn join(member: &str, topics: &[&str]) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            rebalance_timeout_ms: 300_000,
            subscribed_topic_names: Some(topics.iter().map(|topic| topic.to_string()).collect()),
            topic_partitions: Some(Vec::new()),
            ..Driven::request(member, 0)
        }
    }

    pub fn heartbeat(&mut self, request: &ConsumerGroupHeartbeatRequest) -> ConsumerGroupHeartbeatResponse {
        let context = HeartbeatContext {
            now: self.now,
            settings: &self.settings,
            topics: &self.topics,
            api_version: 1,
            client_id: "client",
            client_host: "/127.0.0.1",
            new_member_id: topic_id("new"),
        };
        let (records, response) = self.group.heartbeat(&mut self.sessions, &context, request);
        assert!(response.error_code == ErrorCode::NONE || records.is_empty(), "what is refused changes nothing");
        self.append(records);
        response
    }

    pub fn tick(&mut self) {
        let records = self.group.tick(&mut self.sessions, &self.topics, self.now);
        self.append(records);
        assert!(self.sessions.next_deadline().is_none_or(|deadline| deadline > self.now));
    }

    /// Appended as bytes, and taken in as what they say.
    pub fn append(&mut self, records: Vec<GroupRecord>) {
        for record in records {
            let (key, value) = record.encode();
            assert_eq!(GroupRecord::decode(key, value), Ok(Some(record.clone())));
            self.group.replay(&record);
            self.log.push(record);
        }
    }

    /// The next coordinator: what it knows is what is in the log.
    pub fn reload(&mut self) {
        let mut group = ConsumerGroup::new("g");
        self.log.iter().for_each(|record| group.replay(record));
        assert_eq!(group, self.group);
        self.sessions = ConsumerSessions::new(&group, &self.settings, self.now);
    }
}
