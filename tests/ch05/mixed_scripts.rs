//! Scripts of groups in which clients of both protocols are: how a group is moved from one to the other.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use bytes::Bytes;
use ch00_wire::error_code::ErrorCode;
use ch05_groups::classic::Client;
use ch05_groups::consumer::{ConsumerGroupSettings, GroupTopic, GroupTopics, MigrationPolicy, topic_hash};
use ch05_groups::consumer_protocol::*;
use ch05_groups::messages::*;
use ch05_groups::settings::GroupSettings;
use ch05_groups::shard::Command as ShardCommand;
use ch05_groups::step::Response;
use goldenscript::{ArgumentConsumer, Command, Runner};

use crate::consumer_scripts::{or_nothing, partitions, show, show_topic};
use crate::consumer_support::{Driven, topic_id};
use crate::support::Stage;

struct MixedScript {
    stage: Stage,
    written: usize,
    /// What each member was told last: a generation or an epoch.
    epochs: BTreeMap<String, i32>,
}

impl MixedScript {
    fn new(policy: MigrationPolicy) -> MixedScript {
        let consumer =
            ConsumerGroupSettings { assignment_interval_ms: 0, migration_policy: policy, ..Default::default() };
        let settings = GroupSettings { initial_rebalance_delay_ms: 0, consumer, ..Default::default() };
        MixedScript { stage: Stage::new(settings), written: 0, epochs: BTreeMap::new() }
    }

    fn show(&self, response: &Response) -> String {
        match response {
            Response::Join(joined) if joined.error_code.is_error() => format!("{:?}", joined.error_code),
            Response::Join(joined) if joined.leader == joined.member_id => {
                format!("leads generation {}, with {} members", joined.generation_id, joined.members.len())
            }
            Response::Join(joined) => format!("in generation {}", joined.generation_id),
            Response::Sync(synced) if synced.error_code.is_error() => format!("{:?}", synced.error_code),
            Response::Sync(synced) => format!("has {}", show_assignment(&synced.assignment)),
            Response::Heartbeat(heartbeat) => format!("{:?}", heartbeat.error_code),
            Response::Leave(left) => format!("{:?}", left.members[0].error_code),
            Response::Commit(committed) => format!("{:?}", committed.topics[0].partitions[0].error_code),
            Response::ConsumerHeartbeat(answer) if answer.error_code != ErrorCode::NONE => {
                format!("{:?}: {}", answer.error_code, answer.error_message.clone().unwrap_or_default())
            }
            Response::ConsumerHeartbeat(answer) => {
                let has = answer.assignment.as_ref().map(|assignment| {
                    let topics = assignment.topic_partitions.iter().map(|t| show_topic(t.topic_id, &t.partitions));
                    format!(", has {}", or_nothing(topics))
                });
                format!("epoch {}{}", answer.member_epoch, has.unwrap_or_default())
            }
            Response::List(groups) => {
                let line = |group: &ListedGroup| format!("{} group, {}", group.group_type, group.group_state);
                groups.iter().map(line).collect()
            }
            other => format!("{other:?}"),
        }
    }

    fn happened(&mut self, replies: Vec<(String, Response)>) -> String {
        let mut out = String::new();
        for record in &self.stage.log[self.written..] {
            writeln!(out, "{}", show(record)).unwrap();
        }
        self.written = self.stage.log.len();
        for (who, response) in &replies {
            writeln!(out, "{who}: {}", self.show(response)).unwrap();
            let epoch = match response {
                Response::Join(joined) if !joined.error_code.is_error() => joined.generation_id,
                Response::ConsumerHeartbeat(answer) if answer.error_code == ErrorCode::NONE => answer.member_epoch,
                _ => continue,
            };
            self.epochs.insert(who.clone(), epoch);
        }
        let ids = self.stage.ids.iter().filter(|(who, id)| who != id);
        ids.fold(out, |out, (who, id)| out.replace(id, who))
    }

    fn epoch(&self, who: &str, args: &mut ArgumentConsumer<'_>) -> Result<i32, Box<dyn Error>> {
        Ok(args.lookup_parse("epoch")?.unwrap_or(self.epochs.get(who).copied().unwrap_or(-1)))
    }
}

/// From `a:0,1/b:2`.
fn named(text: &str) -> Vec<ConsumerProtocolTopic> {
    let topics = text.split('/').filter_map(|topic| topic.split_once(':'));
    let indexes = |text: &str| text.split(',').map(|index| index.parse().unwrap()).collect();
    topics.map(|(name, text)| ConsumerProtocolTopic { topic: name.into(), partitions: indexes(text) }).collect()
}

fn show_assignment(bytes: &Bytes) -> String {
    if bytes.is_empty() {
        return "nothing".to_owned();
    }
    let assignment: ConsumerProtocolAssignment = decode_consumer_protocol(bytes.clone()).unwrap();
    or_nothing(assignment.assigned_partitions.iter().map(|t| show_topic(topic_id(&t.topic), &t.partitions)))
}

fn encode_assignment(text: &str, own_data: bool) -> Bytes {
    let user_data = own_data.then(|| Bytes::from_static(b"mine"));
    encode_consumer_protocol(&ConsumerProtocolAssignment { assigned_partitions: named(text), user_data }, 1)
}

fn topics(args: &mut ArgumentConsumer<'_>) -> Result<GroupTopics, Box<dyn Error>> {
    let mut topics = BTreeMap::new();
    for arg in args.rest_key() {
        let (name, partitions) = (arg.key.clone().unwrap(), arg.parse()?);
        let id = topic_id(&name);
        let hash = topic_hash(&name, id, &vec![Vec::new(); partitions as usize]);
        topics.insert(name, GroupTopic { id, partitions, hash });
    }
    Ok(GroupTopics::new(topics.len() as i64, topics))
}

impl Runner for MixedScript {
    fn run(&mut self, command: &Command) -> Result<String, Box<dyn Error>> {
        let mut args = command.consume_args();
        if command.name == "topics" {
            self.stage.set_topics(topics(&mut args)?);
            return Ok(String::new());
        }
        let who = args.next_pos().map(|arg| arg.value.clone()).unwrap_or_default();
        let text = |args: &mut ArgumentConsumer<'_>, key: &str| args.lookup(key).map(|arg| arg.value.clone());
        let instance = text(&mut args, "instance");
        let id = text(&mut args, "id").unwrap_or_else(|| self.stage.id(&who));
        let group_id = "g".to_owned();
        let mut out = String::new();
        let replies = match command.name.as_str() {
            "policy" => {
                *self = MixedScript::new(who.parse()?);
                Vec::new()
            }
            "join" => {
                let wanted: BTreeSet<_> =
                    text(&mut args, "wants").unwrap_or("a".into()).split(',').map(str::to_owned).collect();
                let subscription = ConsumerProtocolSubscription {
                    topics: wanted.into_iter().collect(),
                    owned_partitions: named(&text(&mut args, "owned").unwrap_or_default()),
                    ..Default::default()
                };
                let metadata = encode_consumer_protocol(&subscription, 1);
                let protocols = text(&mut args, "protocols").unwrap_or_else(|| "cooperative-sticky".to_owned());
                let protocols = protocols
                    .split(',')
                    .map(|name| JoinGroupRequestProtocol { name: name.to_owned(), metadata: metadata.clone() })
                    .collect();
                let kind = text(&mut args, "type").unwrap_or_else(|| "consumer".to_owned());
                let version = args.lookup_parse("version")?.unwrap_or(5);
                let change = |request: &mut JoinGroupRequest| {
                    (request.member_id, request.group_instance_id) = (id, instance);
                    (request.protocols, request.protocol_type) = (protocols, kind);
                };
                self.stage.join(&who, change, version)
            }
            "sync" => {
                let own_data = args.lookup_parse("own_data")?.unwrap_or(false);
                let assigned = text(&mut args, "assign").unwrap_or_default();
                let assignments = assigned.split(' ').filter_map(|one| one.split_once('='));
                let assignments = assignments.map(|(member, text)| SyncGroupRequestAssignment {
                    member_id: self.stage.id(member),
                    assignment: encode_assignment(text, own_data),
                });
                let request = SyncGroupRequest {
                    group_id,
                    generation_id: self.epoch(&who, &mut args)?,
                    member_id: id,
                    group_instance_id: instance,
                    protocol_name: text(&mut args, "protocol"),
                    assignments: assignments.collect(),
                    ..Default::default()
                };
                self.stage.tell(&who, ShardCommand::Sync(request))
            }
            "heartbeat" => {
                let generation_id = self.epoch(&who, &mut args)?;
                let request = HeartbeatRequest { group_id, generation_id, member_id: id, group_instance_id: instance };
                self.stage.tell(&who, ShardCommand::Heartbeat(request))
            }
            "leave" => {
                let members = vec![MemberIdentity { member_id: id, group_instance_id: instance, reason: None }];
                let request = LeaveGroupRequest { group_id, members, ..Default::default() };
                self.stage.tell(&who, ShardCommand::Leave(request))
            }
            "commit" => {
                let topic = OffsetCommitRequestTopic {
                    name: "a".into(),
                    topic_id: topic_id("a"),
                    partitions: vec![OffsetCommitRequestPartition::default()],
                };
                let request = OffsetCommitRequest {
                    generation_id_or_member_epoch: self.epoch(&who, &mut args)?,
                    group_id,
                    member_id: id,
                    topics: vec![topic],
                    ..Default::default()
                };
                self.stage.tell(&who, ShardCommand::Commit(request, 8))
            }
            // ConsumerGroupHeartbeat.
            "consumer" => {
                let epoch = self.epoch(&who, &mut args)?.max(if self.epochs.contains_key(&who) { i32::MIN } else { 0 });
                let mut request = if epoch == 0 { Driven::join(&who, &["a"]) } else { Driven::request(&who, epoch) };
                request.instance_id = instance;
                if let Some(owned) = text(&mut args, "owned") {
                    request.topic_partitions = Some(partitions(&owned));
                }
                let client = Client { id: "client".into(), host: "/127.0.0.1".into() };
                self.stage.tell(&who, ShardCommand::ConsumerHeartbeat(request, client, 1))
            }
            "list" => self.stage.tell("list", ShardCommand::List(ListGroupsRequest::default())),
            "at" => {
                for (time, replies) in self.stage.wait_until(who.parse()?) {
                    self.happened(replies).lines().for_each(|line| writeln!(out, "{time} ms: {line}").unwrap());
                }
                Vec::new()
            }
            "crash" => {
                self.stage.crash();
                Vec::new()
            }
            other => return Err(format!("no command {other}").into()),
        };
        args.reject_rest()?;
        out += &self.happened(replies);
        Ok(out)
    }
}

#[test]
fn mixed_groups() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ch05/scripts/mixed");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let mut script = MixedScript::new(MigrationPolicy::Bidirectional);
        goldenscript::run(&mut script, &path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}
