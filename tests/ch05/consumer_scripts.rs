//! Scripts of what members say to a group of the consumer protocol, what is written, and what they are told.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch05_groups::assignor::Assignor;
use ch05_groups::messages::*;
use ch05_groups::records::*;
use goldenscript::{ArgumentConsumer, Command, Runner};

use crate::consumer_support::{Driven, topic_id};

type Said = Result<String, Box<dyn Error>>;

/// The group, and the epoch that each member was told last.
struct Script(Driven, BTreeMap<String, i32>);

impl Runner for Script {
    fn run(&mut self, command: &Command) -> Said {
        let mut args = command.consume_args();
        self.0.now += args.lookup_parse::<i64>("after")?.unwrap_or(0);
        let from = self.0.log.len();
        let said = match command.name.as_str() {
            "topics" => {
                let topics: Vec<(String, i32)> = args
                    .rest_key()
                    .into_iter()
                    .map(|arg| Ok((arg.key.clone().unwrap(), arg.parse()?)))
                    .collect::<Result<_, Box<dyn Error>>>()?;
                self.0.set_topics(topics.iter().map(|(name, partitions)| (name.as_str(), *partitions)));
                String::new()
            }
            "settings" => {
                let settings = &mut self.0.settings;
                settings.assignment_interval_ms =
                    args.lookup_parse("interval")?.unwrap_or(settings.assignment_interval_ms);
                settings.max_size = args.lookup_parse("max")?.unwrap_or(settings.max_size);
                if let Some(name) = args.lookup("assignor") {
                    settings.assignors = vec![Assignor::from_name(&name.value).ok_or("which?")?];
                }
                String::new()
            }
            "join" => self.join(&mut args)?,
            "heartbeat" => self.heartbeat(&mut args)?,
            "leave" => self.leave(&mut args)?,
            "tick" => {
                self.0.tick();
                String::new()
            }
            "reload" => {
                self.0.reload();
                String::new()
            }
            "delete" => {
                let records = self.0.group.delete();
                self.0.append(records);
                String::new()
            }
            "commit" => {
                let (member, epoch) = (word(&mut args)?, args.lookup_parse("epoch")?.unwrap_or(-1));
                let version = args.lookup_parse("version")?.unwrap_or(9);
                let partition = word(&mut args)?;
                let (topic, index) = partition.split_once(':').ok_or("topic:partition")?;
                show_error(self.0.group.may_commit(&member, epoch, version, (topic_id(topic), index.parse()?)))
            }
            "fetch" => {
                let (member, epoch) =
                    (args.next_pos().map(|arg| arg.value.clone()), args.lookup_parse("epoch")?.unwrap_or(-1));
                show_error(self.0.group.may_fetch(member.as_deref(), epoch))
            }
            "state" => format!("{}, epoch {}\n", self.0.group.state(), self.0.group.epoch()),
            name => return Err(format!("no command {name}").into()),
        };
        args.reject_rest()?;
        let written: String = self.0.log[from..].iter().map(|record| format!("{}\n", show(record))).collect();
        Ok(written + &said)
    }
}

impl Script {
    fn join(&mut self, args: &mut ArgumentConsumer<'_>) -> Said {
        let id = word(args)?;
        let mut request = Driven::join(&id, &[]);
        request.subscribed_topic_names = None;
        self.describe(&mut request, args)?;
        if request.subscribed_topic_names.is_none() && request.subscribed_topic_regex.is_none() {
            request.subscribed_topic_names = Some(vec!["a".into()]);
        }
        Ok(self.send(&request))
    }

    fn heartbeat(&mut self, args: &mut ArgumentConsumer<'_>) -> Said {
        let id = word(args)?;
        let epoch = args.lookup_parse("epoch")?.unwrap_or(self.1.get(&id).copied().unwrap_or(1));
        let mut request = Driven::request(&id, epoch);
        self.describe(&mut request, args)?;
        request.topic_partitions = args.lookup("owned").map(|owned| partitions(&owned.value));
        Ok(self.send(&request))
    }

    fn leave(&mut self, args: &mut ArgumentConsumer<'_>) -> Said {
        let id = word(args)?;
        let mut request = Driven::request(&id, args.lookup_parse("epoch")?.unwrap_or(-1));
        self.describe(&mut request, args)?;
        Ok(self.send(&request))
    }

    /// What a member says about itself.
    fn describe(
        &self,
        request: &mut ConsumerGroupHeartbeatRequest,
        args: &mut ArgumentConsumer<'_>,
    ) -> Result<(), Box<dyn Error>> {
        let mut text = |name: &str| args.lookup(name).map(|arg| arg.value.clone());
        let list = |text: String| text.split(',').filter(|part| !part.is_empty()).map(str::to_string).collect();
        request.subscribed_topic_names = text("topics").map(list).or(request.subscribed_topic_names.take());
        request.subscribed_topic_regex = text("regex");
        request.instance_id = text("instance");
        request.rack_id = text("rack");
        request.server_assignor = text("assignor");
        request.rebalance_timeout_ms = args.lookup_parse("timeout")?.unwrap_or(request.rebalance_timeout_ms);
        Ok(())
    }

    fn send(&mut self, request: &ConsumerGroupHeartbeatRequest) -> String {
        let response = self.0.heartbeat(request);
        if response.error_code != ErrorCode::NONE {
            return format!("-> {:?}: {}\n", response.error_code, response.error_message.unwrap_or_default());
        }
        self.1.insert(request.member_id.clone(), response.member_epoch);
        let has = response.assignment.map(|assignment| {
            let topics = assignment.topic_partitions.iter().map(|t| show_topic(t.topic_id, &t.partitions));
            format!(", has {}", or_nothing(topics))
        });
        format!("-> epoch {}{}\n", response.member_epoch, has.unwrap_or_default())
    }
}

fn word(args: &mut ArgumentConsumer<'_>) -> Said {
    Ok(args.next_pos().ok_or("something is missing")?.value.clone())
}

/// From `a:0,1/b:2`.
pub fn partitions(text: &str) -> Vec<HeartbeatTopicPartitions> {
    let topics = text.split('/').filter_map(|topic| topic.split_once(':'));
    let indexes = |text: &str| text.split(',').map(|index| index.parse().unwrap()).collect();
    topics
        .map(|(name, text)| HeartbeatTopicPartitions { topic_id: topic_id(name), partitions: indexes(text) })
        .collect()
}

fn show_error(result: Result<(), ErrorCode>) -> String {
    format!("{:?}\n", result.err().unwrap_or(ErrorCode::NONE))
}

pub fn show_topic(id: Uuid, partitions: &[i32]) -> String {
    let name: String = id.0.iter().take_while(|byte| **byte != 0).map(|byte| *byte as char).collect();
    let partitions: Vec<_> = partitions.iter().map(i32::to_string).collect();
    format!("{name}:{}", partitions.join(","))
}

pub fn or_nothing(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() { "nothing".into() } else { parts.join(" ") }
}

/// A record for people.
pub fn show(record: &GroupRecord) -> String {
    let current =
        |topics: &[CurrentTopicPartitions]| or_nothing(topics.iter().map(|t| show_topic(t.topic_id, &t.partitions)));
    match record {
        GroupRecord::GroupMetadata(_, Some(value)) => {
            format!("classic group, generation {}, {} members", value.generation, value.members.len())
        }
        GroupRecord::GroupMetadata(_, None) => "no classic group any more".into(),
        GroupRecord::OffsetCommit(key, Some(value)) => {
            format!("{}-{} is at {}", key.topic, key.partition, value.offset)
        }
        GroupRecord::ConsumerGroupMetadata(_, Some(value)) => format!("group epoch {}", value.epoch),
        GroupRecord::ConsumerGroupMemberMetadata(key, Some(value)) => {
            let mut text =
                format!("member {} wants {}", key.member_id, or_nothing(value.subscribed_topic_names.iter().cloned()));
            let regex = value.subscribed_topic_regex.iter().filter(|regex| !regex.is_empty());
            text.extend(regex.map(|regex| format!(", what matches {regex}")));
            text.extend(value.server_assignor.iter().map(|assignor| format!(", by {assignor}")));
            text.extend(value.classic_member_metadata.0.iter().map(|_| ", in the classic protocol".to_string()));
            text.extend(value.instance_id.iter().map(|instance| format!(", is {instance}")));
            text
        }
        GroupRecord::ConsumerGroupTargetAssignmentMetadata(_, Some(value)) => {
            format!("target of epoch {}", value.assignment_epoch)
        }
        GroupRecord::ConsumerGroupTargetAssignmentMember(key, Some(value)) => {
            let topics = value.topic_partitions.iter().map(|t| show_topic(t.topic_id, &t.partitions));
            format!("{} is to have {}", key.member_id, or_nothing(topics))
        }
        GroupRecord::ConsumerGroupCurrentMemberAssignment(key, Some(value)) => {
            let state = ["stable", "unrevoked", "unreleased"][value.state as usize];
            let mut text = format!(
                "{} at epoch {}, {state}: {}",
                key.member_id,
                value.member_epoch,
                current(&value.assigned_partitions)
            );
            if !value.partitions_pending_revocation.is_empty() {
                text += &format!(", gives back {}", current(&value.partitions_pending_revocation));
            }
            text
        }
        GroupRecord::ConsumerGroupRegularExpression(key, Some(value)) => {
            format!("{} matches {}", key.regular_expression, or_nothing(value.topics.iter().cloned()))
        }
        GroupRecord::ConsumerGroupMemberMetadata(key, None) => format!("member {} is gone", key.member_id),
        GroupRecord::ConsumerGroupTargetAssignmentMember(key, None) => {
            format!("{} is to have nothing any more", key.member_id)
        }
        GroupRecord::ConsumerGroupCurrentMemberAssignment(key, None) => {
            format!("{} has nothing any more", key.member_id)
        }
        GroupRecord::ConsumerGroupRegularExpression(key, None) => format!("{} is forgotten", key.regular_expression),
        other => format!("no {} any more", other.name()),
    }
}

#[test]
fn consumer_groups() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ch05/scripts/consumer");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        println!("{}", path.display());
        goldenscript::run(&mut Script(Driven::new(), BTreeMap::new()), &path).unwrap();
    }
}
