//! A shard with a log, as a coordinator would have it, and members that are known by letters.
#![allow(dead_code, reason = "not every binary uses all of it")]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use ch05_groups::classic::{ClassicGroup, Client, Joining};
use ch05_groups::consumer::GroupTopics;
use ch05_groups::messages::*;
use ch05_groups::records::{GroupMetadataKey, GroupMetadataValue, GroupRecord, MemberMetadata};
use ch05_groups::settings::GroupSettings;
use ch05_groups::shard::{Command, Outcome, Shard};
use ch05_groups::step::{Response, Token};

/// A shard, and all that it has written.
pub struct Stage {
    /// The shard.
    pub shard: Shard,
    /// Its log.
    pub log: Vec<GroupRecord>,
    /// The time, in milliseconds.
    pub now: i64,
    settings: GroupSettings,
    topics: Arc<GroupTopics>,
    next_token: Token,
    /// Who has asked, by token.
    asked: BTreeMap<Token, String>,
    /// Members' ids, by letter.
    pub ids: BTreeMap<String, String>,
}

/// A JoinGroup as a consumer would send it.
pub fn join_request(group: &str, id: &str, protocols: &[&str]) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: group.to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        member_id: id.to_owned(),
        protocol_type: "consumer".to_owned(),
        protocols: protocols
            .iter()
            .map(|name| JoinGroupRequestProtocol { name: (*name).to_owned(), metadata: Bytes::from_static(b"topics") })
            .collect(),
        ..Default::default()
    }
}

/// A member as a record has it, with an assignment of its own. Times are those of [`join_request`].
pub fn kept_member(id: &str) -> MemberMetadata {
    MemberMetadata {
        member_id: id.to_owned(),
        group_instance_id: None,
        client_id: id.to_lowercase(),
        client_host: "/127.0.0.1".to_owned(),
        rebalance_timeout: 60_000,
        session_timeout: 10_000,
        subscription: Bytes::from_static(b"topics"),
        assignment: Bytes::from(format!("all of {id}")),
    }
}

/// A static member as a record has it.
pub fn kept_static_member(id: &str, instance: &str) -> MemberMetadata {
    MemberMetadata { group_instance_id: Some(instance.to_owned()), ..kept_member(id) }
}

/// A group in generation 7 as a record has it. The first member leads.
pub fn kept_group(members: Vec<MemberMetadata>) -> GroupMetadataValue {
    GroupMetadataValue {
        protocol_type: "consumer".to_owned(),
        generation: 7,
        protocol: Some("range".to_owned()).filter(|_| !members.is_empty()),
        leader: members.first().map(|member| member.member_id.clone()),
        current_state_timestamp: 500,
        members,
    }
}

impl Stage {
    /// An empty shard.
    pub fn new(settings: GroupSettings) -> Stage {
        let mut shard = Shard::new(settings.clone(), 1);
        shard.begin(0);
        let (asked, ids) = (BTreeMap::new(), BTreeMap::new());
        let topics = Arc::default();
        Stage { shard, log: Vec::new(), now: 0, settings, topics, next_token: 1, asked, ids }
    }

    /// These are the cluster's topics from now on.
    pub fn set_topics(&mut self, topics: GroupTopics) {
        self.topics = Arc::new(topics);
        self.shard.set_topics(self.topics.clone());
    }

    /// A shard whose coordinator has read back one group, `g`. Its members' ids are their letters.
    pub fn with_group(value: GroupMetadataValue) -> Stage {
        let mut stage = Stage::new(GroupSettings::default());
        stage.ids = value.members.iter().map(|member| (member.member_id.clone(), member.member_id.clone())).collect();
        stage.log.push(GroupRecord::GroupMetadata(GroupMetadataKey { group: "g".to_owned() }, Some(value)));
        stage.shard.replay(&stage.log[0]);
        stage.shard.begin(0);
        stage
    }

    /// The group `g`.
    pub fn group(&self) -> &ClassicGroup {
        self.shard.groups()["g"].classic().expect("g is a classic group")
    }

    /// The coordinator is gone; another reads the log.
    pub fn crash(&mut self) {
        self.shard = Shard::new(self.settings.clone(), self.log.len() as u64 + 2);
        self.log.iter().for_each(|record| self.shard.replay(record));
        self.shard.set_topics(self.topics.clone());
        self.shard.begin(self.now);
        self.asked.clear();
    }

    /// Has the shard do something for somebody.
    pub fn tell(&mut self, who: &str, command: Command) -> Vec<(String, Response)> {
        let token = self.next_token;
        self.next_token += 1;
        self.asked.insert(token, who.to_owned());
        let outcome = self.shard.step(self.now, token, command);
        self.take(outcome)
    }

    /// Time passes.
    pub fn wait_until(&mut self, time: i64) -> Vec<(i64, Vec<(String, Response)>)> {
        let mut happened = Vec::new();
        while self.shard.next_deadline() <= time {
            self.now = self.now.max(self.shard.next_deadline());
            let outcome = self.shard.step(self.now, 0, Command::Tick);
            happened.push((self.now, self.take(outcome)));
            assert!(self.shard.next_deadline() > self.now, "what was due at {} ms is still due after a tick", self.now);
        }
        self.now = time;
        happened
    }

    fn take(&mut self, outcome: Outcome) -> Vec<(String, Response)> {
        for record in &outcome.records {
            // As it would be read back.
            let (key, value) = record.encode();
            let read = GroupRecord::decode(key, value).unwrap().unwrap();
            self.shard.replay(&read);
            self.log.push(read);
        }
        let asked = &mut self.asked;
        let replies: Vec<_> = outcome
            .replies
            .into_iter()
            .map(|(token, response)| (asked.remove(&token).expect("nobody is replied to twice"), response))
            .collect();
        for (who, response) in &replies {
            if let Response::Join(joined) = response
                && !joined.member_id.is_empty()
            {
                self.ids.insert(who.clone(), joined.member_id.clone());
            }
        }
        replies
    }

    /// The id that somebody has been given.
    pub fn id(&self, who: &str) -> String {
        self.ids.get(who).cloned().unwrap_or_default()
    }

    /// Who has an id.
    pub fn letter(&self, id: &str) -> String {
        let known = self.ids.iter().find(|(_, known)| *known == id);
        known.map_or_else(|| if id.is_empty() { "-".to_owned() } else { "?".to_owned() }, |(who, _)| who.clone())
    }

    /// Somebody joins, with the id that it has been given, if it has.
    pub fn join(
        &mut self,
        who: &str,
        change: impl FnOnce(&mut JoinGroupRequest),
        version: i16,
    ) -> Vec<(String, Response)> {
        let mut request = join_request("g", &self.id(who), &["range"]);
        change(&mut request);
        let client = Client { id: who.to_lowercase(), host: "/127.0.0.1".to_owned() };
        self.tell(who, Command::Join(Joining::new(request, version, client)))
    }
}
