//! Scripts of what happens to a shard, and what it says.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use bytes::Bytes;
use ch05_groups::classic::ClassicGroup;
use ch05_groups::messages::*;
use ch05_groups::records::GroupRecord;
use ch05_groups::settings::GroupSettings;
use ch05_groups::shard::{Command as ShardCommand, Group};
use ch05_groups::step::Response;
use goldenscript::{ArgumentConsumer, Command, Runner};

use crate::support::Stage;

struct ShardScript {
    stage: Stage,
    written: usize,
}

impl ShardScript {
    fn new() -> ShardScript {
        let settings =
            GroupSettings { max_size: 3, offsets_retention_check_interval_ms: 3_600_000, ..Default::default() };
        ShardScript { stage: Stage::new(settings), written: 0 }
    }

    fn member(&self, id: &str) -> String {
        self.stage.letter(id)
    }

    fn members<'a>(&self, ids: impl Iterator<Item = &'a String>) -> String {
        let mut members: Vec<_> = ids.map(|id| self.member(id)).collect();
        members.sort();
        members.join(",")
    }

    fn show(&self, response: &Response) -> String {
        match response {
            Response::Join(joined) if joined.error_code.is_error() => format!("{:?}", joined.error_code),
            Response::Join(joined) => {
                let leader = self.member(&joined.leader);
                let members = self.members(joined.members.iter().map(|member| &member.member_id));
                let protocol = joined.protocol_name.clone().unwrap_or_default();
                let skips = if joined.skip_assignment { ", nothing to assign" } else { "" };
                let members = if members.is_empty() { String::new() } else { format!(", members {members}") };
                format!("in generation {} with {protocol}, leader {leader}{members}{skips}", joined.generation_id)
            }
            Response::Sync(synced) if synced.error_code.is_error() => format!("{:?}", synced.error_code),
            Response::Sync(synced) => format!("assigned {:?}", String::from_utf8_lossy(&synced.assignment)),
            Response::Heartbeat(heartbeat) => format!("{:?}", heartbeat.error_code),
            Response::Leave(left) => {
                let codes: Vec<_> = left.members.iter().map(|member| format!("{:?}", member.error_code)).collect();
                codes.join(", ")
            }
            Response::Commit(committed) => {
                let codes = committed.topics.iter().flat_map(|topic| &topic.partitions);
                codes.map(|partition| format!("{:?}", partition.error_code)).collect::<Vec<_>>().join(", ")
            }
            Response::Offsets(group) => {
                let partitions = group.topics.iter().flat_map(|topic| topic.partitions.iter().map(move |p| (topic, p)));
                let all =
                    partitions.map(|(topic, p)| format!("{}-{}={}", topic.name, p.partition_index, p.committed_offset));
                format!("[{}]", all.collect::<Vec<_>>().join(" "))
            }
            Response::Describe(group) => {
                let members = self.members(group.members.iter().map(|member| &member.member_id));
                format!("{} {:?} {}, members [{members}]", group.group_state, group.error_code, group.protocol_data)
            }
            Response::List(groups) => {
                let line =
                    |group: &ListedGroup| format!("{} {} {:?}", group.group_id, group.group_state, group.protocol_type);
                format!("[{}]", groups.iter().map(line).collect::<Vec<_>>().join(", "))
            }
            Response::Delete(deleted) => format!("{:?}", deleted.error_code),
            Response::DeleteOffsets(deleted) => {
                let codes = deleted.topics.iter().flat_map(|topic| &topic.partitions);
                let codes: Vec<_> = codes.map(|partition| format!("{:?}", partition.error_code)).collect();
                format!("{:?} [{}]", deleted.error_code, codes.join(", "))
            }
            other => format!("{other:?}"),
        }
    }

    fn show_record(&self, record: &GroupRecord) -> String {
        match record {
            GroupRecord::OffsetCommit(key, value) => {
                let value = value.as_ref().map_or("forgotten".to_owned(), |value| value.offset.to_string());
                format!("record: {} {}-{} {value}", key.group, key.topic, key.partition)
            }
            GroupRecord::GroupMetadata(key, None) => format!("record: group {} forgotten", key.group),
            GroupRecord::GroupMetadata(key, Some(value)) => {
                let mut members: Vec<_> = value
                    .members
                    .iter()
                    .map(|m| format!("{}:{}", self.member(&m.member_id), String::from_utf8_lossy(&m.assignment)))
                    .collect();
                members.sort();
                format!("record: group {} generation {} [{}]", key.group, value.generation, members.join(" "))
            }
            other => format!("record: {other:?}"),
        }
    }

    fn happened(&mut self, replies: Vec<(String, Response)>) -> String {
        let mut out = String::new();
        for record in &self.stage.log[self.written..] {
            writeln!(out, "{}", self.show_record(record)).unwrap();
        }
        self.written = self.stage.log.len();
        for (who, response) in &replies {
            writeln!(out, "{who}: {}", self.show(response)).unwrap();
        }
        out
    }

    fn generation(&self, args: &mut ArgumentConsumer<'_>) -> Result<i32, Box<dyn Error>> {
        let group = self.stage.shard.groups().get("g").and_then(Group::classic);
        let present = group.map_or(-1, ClassicGroup::generation);
        Ok(args.lookup_parse("generation")?.unwrap_or(present))
    }
}

/// `a:x,b:y` as pairs.
fn pairs(text: &str, between: char) -> Vec<(String, String)> {
    let words = text.split(',').filter(|word| !word.is_empty());
    words.filter_map(|word| word.split_once(between)).map(|(a, b)| (a.to_owned(), b.to_owned())).collect()
}

impl Runner for ShardScript {
    fn run(&mut self, command: &Command) -> Result<String, Box<dyn Error>> {
        let mut args = command.consume_args();
        let who = args.next_pos().map(|arg| arg.value.clone()).unwrap_or_default();
        let text = |args: &mut ArgumentConsumer<'_>, key: &str| args.lookup(key).map(|arg| arg.value.clone());
        let instance = text(&mut args, "instance");
        let id = text(&mut args, "id").unwrap_or_else(|| self.stage.id(&who));
        let group_id = text(&mut args, "group").unwrap_or_else(|| "g".to_owned());
        let mut out = String::new();
        let replies = match command.name.as_str() {
            "join" => {
                let protocols = text(&mut args, "protocols").unwrap_or_else(|| "range".to_owned());
                let wants = text(&mut args, "wants").unwrap_or_else(|| "topics".to_owned());
                let session: i32 = args.lookup_parse("session")?.unwrap_or(10_000);
                let version = args.lookup_parse("version")?.unwrap_or(5);
                let kind = text(&mut args, "type").unwrap_or_else(|| "consumer".to_owned());
                let protocols = protocols.split(',').map(|name| JoinGroupRequestProtocol {
                    name: name.to_owned(),
                    metadata: Bytes::from(wants.clone()),
                });
                let protocols = protocols.collect();
                let change = |request: &mut JoinGroupRequest| {
                    (request.group_id, request.member_id, request.group_instance_id) = (group_id, id, instance);
                    (request.protocols, request.session_timeout_ms, request.protocol_type) = (protocols, session, kind);
                };
                self.stage.join(&who, change, version)
            }
            "sync" => {
                let assigned = pairs(&text(&mut args, "assign").unwrap_or_default(), ':');
                let assignments = assigned.into_iter().map(|(member, assignment)| SyncGroupRequestAssignment {
                    member_id: self.stage.id(&member),
                    assignment: Bytes::from(assignment),
                });
                let request = SyncGroupRequest {
                    group_id,
                    generation_id: self.generation(&mut args)?,
                    member_id: id,
                    group_instance_id: instance,
                    protocol_name: text(&mut args, "protocol"),
                    assignments: assignments.collect(),
                    ..Default::default()
                };
                self.stage.tell(&who, ShardCommand::Sync(request))
            }
            "heartbeat" => {
                let generation_id = self.generation(&mut args)?;
                let request = HeartbeatRequest { group_id, generation_id, member_id: id, group_instance_id: instance };
                self.stage.tell(&who, ShardCommand::Heartbeat(request))
            }
            "leave" => {
                let members = vec![MemberIdentity { member_id: id, group_instance_id: instance, reason: None }];
                let request = LeaveGroupRequest { group_id, members, ..Default::default() };
                self.stage.tell(&who, ShardCommand::Leave(request))
            }
            "commit" => {
                let by_hand = args.lookup_parse("by_hand")?.unwrap_or(false);
                let generation = if by_hand { -1 } else { self.generation(&mut args)? };
                let note: String = text(&mut args, "note").unwrap_or_default();
                let offsets = pairs(&text(&mut args, "offsets").unwrap_or_default(), ':');
                let topics = offsets.into_iter().map(|(partition, offset)| {
                    let (name, index) = partition.split_once('-').expect("TOPIC-PARTITION");
                    OffsetCommitRequestTopic {
                        name: name.to_owned(),
                        partitions: vec![OffsetCommitRequestPartition {
                            partition_index: index.parse().unwrap(),
                            committed_offset: offset.parse().unwrap(),
                            committed_metadata: Some(note.clone()),
                            ..Default::default()
                        }],
                        ..Default::default()
                    }
                });
                let request = OffsetCommitRequest {
                    group_id,
                    generation_id_or_member_epoch: generation,
                    member_id: if by_hand { String::new() } else { id },
                    group_instance_id: instance,
                    topics: topics.collect(),
                    ..Default::default()
                };
                self.stage.tell(&who, ShardCommand::Commit(request, 9))
            }
            "offsets" => {
                let request = OffsetFetchRequestGroup { group_id, topics: None, ..Default::default() };
                self.stage.tell("offsets", ShardCommand::Offsets(request))
            }
            "describe" => self.stage.tell("describe", ShardCommand::Describe(group_id)),
            "list" => self.stage.tell("list", ShardCommand::List(ListGroupsRequest::default())),
            "delete" => self.stage.tell("delete", ShardCommand::Delete(group_id)),
            "gone" => self.stage.tell("gone", ShardCommand::TopicsGone([who].into())),
            "at" => {
                for (time, replies) in self.stage.wait_until(who.parse()?) {
                    self.happened(replies).lines().for_each(|line| writeln!(out, "{time} ms: {line}").unwrap());
                }
                Vec::new()
            }
            "wake" => {
                self.stage.shard.begin(self.stage.now);
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

    fn end_block(&mut self) -> Result<String, Box<dyn Error>> {
        let states = self.stage.shard.groups().values().filter_map(Group::classic).map(|group| {
            format!(
                "{} is {}, generation {}, next at {:?}",
                group.id(),
                group.state(),
                group.generation(),
                group.next_deadline()
            )
        });
        Ok(states.map(|state| state + "\n").collect())
    }
}

#[test]
fn scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ch05/scripts/classic");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        goldenscript::run(&mut ShardScript::new(), &path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}
