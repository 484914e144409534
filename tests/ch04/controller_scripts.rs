//! Scripts of what a controller is told, and what it writes.

use std::error::Error;
use std::path::{Path, PathBuf};

use ch00_wire::error_code::ErrorCode;
use ch01_log::messages::*;
use ch02_retention::messages::*;
use ch04_controller::controller::*;
use ch04_controller::messages::*;
use ch04_controller::records::*;
use goldenscript::{ArgumentConsumer, Command, Runner};

use crate::controller_support::{Driven, settings};

struct ControllerScript(Driven);

type Said = Result<String, Box<dyn Error>>;

impl ControllerScript {
    fn run_command(&mut self, command: &Command) -> Said {
        let mut args = command.consume_args();
        if let Some(ms) = args.lookup_parse::<i64>("after")? {
            self.0.now += ms;
        }
        let said = match command.name.as_str() {
            "cluster" => self.cluster(&mut args)?,
            "register" => {
                let id = number(&mut args)?;
                let clean = args.lookup_parse("clean")?.unwrap_or(false);
                let previous = clean.then(|| self.0.epoch(id));
                let rack = args.lookup("rack").map(|rack| rack.value.clone());
                let from = self.0.log.len();
                let reply = self.0.register(id, previous, rack.as_deref());
                let said =
                    if reply.broker_epoch >= 0 { format!("epoch {}", reply.broker_epoch) } else { String::new() };
                self.show(from, reply.error_code, &said)
            }
            "heartbeat" => self.heartbeat(&mut args)?,
            "gone" => {
                let (id, from) = (number(&mut args)?, self.0.log.len());
                self.0.give(|controller, at| controller.broker_gone(at, id));
                self.show(from, ErrorCode::NONE, "")
            }
            "woke" => {
                let at = At { now: self.0.now, offset: self.0.log.len() as i64 };
                self.0.controller.woke(at);
                String::new()
            }
            "tick" => {
                let from = self.0.log.len();
                let asks = self.0.give(|controller, at| controller.tick(at)).1;
                let topics = &self.0.controller.image().topics;
                let ask = |ask: &AskLogEnd| {
                    format!(
                        "-> ask {} where {}-{} ends",
                        ask.broker,
                        topics.get(ask.topic_id).unwrap().name,
                        ask.partition
                    )
                };
                let asked = asks.iter().map(ask).collect::<Vec<_>>().join("\n");
                format!("{}\n{}", self.show(from, ErrorCode::NONE, ""), asked)
            }
            "log_end" => self.log_end(&mut args)?,
            "new_controller" => {
                let image = self.0.controller.image().clone();
                self.0.controller = Controller::new(settings(), image, 2, self.0.now);
                let probe: Vec<_> = self.0.controller.to_probe().collect();
                format!("to probe: {}\n", list(&probe))
            }
            "create" => self.create(&mut args)?,
            "delete" => {
                let name = Some(word(&mut args)?);
                let from = self.0.log.len();
                let topics = vec![DeleteTopicState { name, ..Default::default() }];
                let request = DeleteTopicsRequest { topics, ..Default::default() };
                let reply = self.0.give(|controller, at| controller.delete_topics(at, &request)).1;
                self.show(from, reply.responses[0].error_code, "")
            }
            "alter" => self.alter(&mut args)?,
            "move" => self.move_copies(&mut args)?,
            "elect" => self.elect(&mut args)?,
            "set" => self.set(&mut args)?,
            "failed_directory" => {
                let id = number(&mut args)?;
                let mut request = self.0.heartbeat_of(id);
                request.offline_log_dirs = vec![self.0.controller.image().nodes.broker(id).ok_or("who?")?.log_dirs[0]];
                let from = self.0.log.len();
                let reply = self.0.give(|controller, at| controller.heartbeat(at, &request)).1;
                self.show(from, reply.error_code, if reply.is_fenced { "fenced" } else { "active" })
            }
            name => return Err(format!("no command {name}").into()),
        };
        args.reject_rest()?;
        Ok(said)
    }

    fn cluster(&mut self, args: &mut ArgumentConsumer<'_>) -> Said {
        for id in numbers(&word(args)?) {
            self.0.register(id, None, None);
            self.0.heartbeat(id);
        }
        let brokers = self.0.controller.image().nodes.brokers();
        Ok(brokers.map(|broker| format!("broker {} epoch {}\n", broker.broker_id, broker.broker_epoch)).collect())
    }

    fn heartbeat(&mut self, args: &mut ArgumentConsumer<'_>) -> Said {
        let id = number(args)?;
        let mut request = self.0.heartbeat_of(id);
        request.current_metadata_offset = args.lookup_parse("at")?.unwrap_or(request.current_metadata_offset);
        request.want_shut_down = args.lookup_parse("stop")?.unwrap_or(false);
        request.want_fence = args.lookup_parse("fence")?.unwrap_or(false);
        request.broker_epoch = args.lookup_parse("epoch")?.unwrap_or(request.broker_epoch);
        let from = self.0.log.len();
        let reply = self.0.give(|controller, at| controller.heartbeat(at, &request)).1;
        let mut said = vec![if reply.is_fenced { "fenced" } else { "active" }];
        if !reply.is_caught_up {
            said.push("has not read its registration");
        }
        if reply.should_shut_down {
            said.push("may stop");
        }
        Ok(self.show(from, reply.error_code, &said.join(", ")))
    }

    fn log_end(&mut self, args: &mut ArgumentConsumer<'_>) -> Said {
        let (topic, partition) = self.partition(args)?;
        let broker = args.lookup_parse("broker")?.ok_or("whose?")?;
        let topic_id = self.0.controller.image().topics.by_name(&topic).ok_or("no such topic")?.id;
        let broker_epoch = args.lookup_parse("broker_epoch")?.unwrap_or(self.0.epoch(broker));
        let asked = AskLogEnd { broker, broker_epoch, topic_id, partition };
        let epoch = args.lookup_parse("epoch")?.ok_or("which epoch?")?;
        let answer = LogEnd { asked, epoch, end: args.lookup_parse("end")?.ok_or("which end?")? };
        let from = self.0.log.len();
        self.0.give(|controller, at| controller.log_end(at, answer));
        Ok(self.show(from, ErrorCode::NONE, ""))
    }

    fn create(&mut self, args: &mut ArgumentConsumer<'_>) -> Said {
        let name = word(args)?;
        let assigned: Vec<_> = args.rest_pos().iter().map(|arg| numbers(&arg.value)).collect();
        let assignments = (0..)
            .zip(assigned)
            .map(|(partition_index, broker_ids)| CreatableReplicaAssignment { partition_index, broker_ids });
        let assignments: Vec<_> = assignments.collect();
        let is_manual = !assignments.is_empty();
        let num_partitions = args.lookup_parse("partitions")?.unwrap_or(if is_manual { -1 } else { 1 });
        let replication_factor = args.lookup_parse("copies")?.unwrap_or(if is_manual { -1 } else { 1 });
        let validate_only = args.lookup_parse("validate_only")?.unwrap_or(false);
        let config = |arg: &goldenscript::Argument| CreatableTopicConfig {
            name: arg.key.clone().unwrap_or_default(),
            value: Some(arg.value.clone()),
        };
        let configs = args.rest_key().into_iter().map(config).collect();
        let topics = vec![CreatableTopic { name, num_partitions, replication_factor, assignments, configs }];
        let request = CreateTopicsRequest { topics, validate_only, ..Default::default() };
        let from = self.0.log.len();
        let reply = self.0.give(|controller, at| controller.create_topics(at, &request)).1;
        let result = &reply.topics[0];
        Ok(self.show(from, result.error_code, result.error_message.as_deref().unwrap_or_default()))
    }

    fn alter(&mut self, args: &mut ArgumentConsumer<'_>) -> Said {
        let (topic, partition_index) = self.partition(args)?;
        let isr = numbers(&args.lookup("isr").ok_or("which isr?")?.value);
        let now = self.0.partition(&topic, partition_index);
        let broker_id = args.lookup_parse("by")?.unwrap_or(now.leader);
        let state = |&broker_id: &i32| BrokerState { broker_id, broker_epoch: self.0.epoch(broker_id) };
        let partitions = vec![AlterPartitionPartition {
            partition_index,
            leader_epoch: args.lookup_parse("epoch")?.unwrap_or(now.leader_epoch),
            partition_epoch: args.lookup_parse("partition_epoch")?.unwrap_or(now.partition_epoch),
            new_isr_with_epochs: isr.iter().map(state).collect(),
            ..Default::default()
        }];
        let topics = vec![AlterPartitionTopic { topic_id: now.topic_id, partitions }];
        let request = AlterPartitionRequest { broker_id, broker_epoch: self.0.epoch(broker_id), topics };
        let from = self.0.log.len();
        let reply = self.0.give(|controller, at| controller.alter_partition(at, &request)).1;
        Ok(self.show(from, reply.topics[0].partitions[0].error_code, ""))
    }

    fn move_copies(&mut self, args: &mut ArgumentConsumer<'_>) -> Said {
        let (name, partition_index) = self.partition(args)?;
        let replicas = args.lookup("to").map(|to| numbers(&to.value));
        let partitions = vec![ReassignablePartition { partition_index, replicas }];
        let topics = vec![ReassignableTopic { name, partitions }];
        let request = AlterPartitionReassignmentsRequest { topics, ..Default::default() };
        let from = self.0.log.len();
        let reply = self.0.give(|controller, at| controller.alter_partition_reassignments(at, &request)).1;
        let partition = &reply.responses[0].partitions[0];
        let listed = self
            .0
            .controller
            .list_partition_reassignments(&ListPartitionReassignmentsRequest { topics: None, ..Default::default() });
        let said = format!("{} under way", listed.topics.iter().map(|topic| topic.partitions.len()).sum::<usize>());
        Ok(self.show(from, partition.error_code, &said))
    }

    fn elect(&mut self, args: &mut ArgumentConsumer<'_>) -> Said {
        let election_type = match word(args)?.as_str() {
            "preferred" => 0,
            "unclean" => 1,
            other => return Err(format!("no election {other}").into()),
        };
        let (topic, partition) = self.partition(args)?;
        let topic_partitions = Some(vec![ElectLeadersTopic { topic, partitions: vec![partition] }]);
        let request = ElectLeadersRequest { election_type, topic_partitions, ..Default::default() };
        let from = self.0.log.len();
        let reply = self.0.give(|controller, at| controller.elect_leaders(at, &request)).1;
        Ok(self.show(from, reply.replica_election_results[0].partition_result[0].error_code, ""))
    }

    fn set(&mut self, args: &mut ArgumentConsumer<'_>) -> Said {
        let (resource_type, resource_name) = match word(args)?.as_str() {
            "all_brokers" => (4, String::new()),
            topic => (2, topic.to_owned()),
        };
        let config = |arg: &goldenscript::Argument| IncrementalAlterableConfig {
            name: arg.key.clone().unwrap_or_default(),
            config_operation: 0,
            value: Some(arg.value.clone()),
        };
        let configs = args.rest_key().into_iter().map(config).collect();
        let resources = vec![IncrementalAlterConfigsResource { resource_type, resource_name, configs }];
        let request = IncrementalAlterConfigsRequest { resources, ..Default::default() };
        let from = self.0.log.len();
        let reply = self.0.give(|controller, at| controller.incremental_alter_configs(at, &request)).1;
        Ok(self.show(from, reply.responses[0].error_code, ""))
    }

    /// A partition, such as `orders-0`.
    fn partition(&self, args: &mut ArgumentConsumer<'_>) -> Result<(String, i32), Box<dyn Error>> {
        let word = word(args)?;
        let (topic, index) = word.rsplit_once('-').ok_or("a partition is written `topic-0`")?;
        Ok((topic.to_owned(), index.parse()?))
    }

    /// An error or what was said, and the records since `from`.
    fn show(&self, from: usize, error: ErrorCode, said: &str) -> String {
        let mut lines = Vec::new();
        if error.is_error() {
            lines.push(error.to_string());
        }
        if !said.is_empty() {
            lines.push(said.to_owned());
        }
        lines.extend(self.0.log[from..].iter().map(|record| self.describe(record)));
        lines.join("\n")
    }

    fn describe(&self, record: &MetadataRecord) -> String {
        let name =
            |id| self.0.controller.image().topics.get(id).map_or("(deleted)".to_owned(), |topic| topic.name.clone());
        match record {
            MetadataRecord::RegisterBroker(r) => {
                format!(
                    "  register broker {} epoch {}{}",
                    r.broker_id,
                    r.broker_epoch,
                    if r.fenced { " fenced" } else { "" }
                )
            }
            MetadataRecord::BrokerRegistrationChange(r) => {
                let fenced = ["", " fenced", " unfenced"][r.fenced.rem_euclid(3) as usize];
                let stopping = if r.in_controlled_shutdown == 1 { " in controlled shutdown" } else { "" };
                format!("  broker {}{fenced}{stopping}", r.broker_id)
            }
            MetadataRecord::Topic(r) => format!("  topic {}", r.name),
            MetadataRecord::RemoveTopic(r) => format!("  remove topic {}", name(r.topic_id)),
            MetadataRecord::Partition(r) => {
                let (replicas, isr) = (list(&r.replicas), list(&r.isr));
                format!(
                    "  {}-{}: leader {}, replicas {replicas}, isr {isr}",
                    name(r.topic_id),
                    r.partition_id,
                    r.leader
                )
            }
            MetadataRecord::PartitionChange(r) => {
                let mut said = Vec::new();
                match r.leader {
                    NO_LEADER_CHANGE => {}
                    NO_LEADER => said.push("no leader".to_owned()),
                    leader => said.push(format!("leader {leader}")),
                }
                let lists = [
                    ("replicas", &r.replicas),
                    ("adding", &r.adding_replicas),
                    ("removing", &r.removing_replicas),
                    ("isr", &r.isr),
                    ("elr", &r.eligible_leader_replicas),
                    ("last known", &r.last_known_elr),
                ];
                said.extend(lists.iter().filter_map(|(what, ids)| Some(format!("{what} {}", list(ids.as_ref()?)))));
                if r.leader_recovery_state >= 0 {
                    said.push(["recovered", "recovering"][r.leader_recovery_state as usize].to_owned());
                }
                format!("  {}-{}: {}", name(r.topic_id), r.partition_id, said.join(", "))
            }
            MetadataRecord::Config(r) => {
                let value = r.value.as_deref().unwrap_or("(default)");
                let whose = if r.resource_name.is_empty() { "all brokers" } else { &r.resource_name };
                format!("  {whose}: {}={value}", r.name)
            }
            other => format!("  {}", other.name()),
        }
    }
}

impl Runner for ControllerScript {
    fn run(&mut self, command: &Command) -> Said {
        let said = self.run_command(command)?;
        Ok(said.lines().filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect())
    }
}

fn word(args: &mut ArgumentConsumer<'_>) -> Said {
    Ok(args.next_pos().ok_or("which?")?.value.clone())
}

fn number(args: &mut ArgumentConsumer<'_>) -> Result<i32, Box<dyn Error>> {
    Ok(word(args)?.parse()?)
}

fn numbers(list: &str) -> Vec<i32> {
    list.split(',').filter_map(|word| word.parse().ok()).collect()
}

fn list(ids: &[i32]) -> String {
    match ids {
        [] => "-".to_owned(),
        ids => ids.iter().map(i32::to_string).collect::<Vec<_>>().join(","),
    }
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/ch04/scripts/controller");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn controllers() {
    let paths = scripts();
    assert!(!paths.is_empty());
    for path in paths {
        goldenscript::run(&mut ControllerScript(Driven::new(settings())), &path).unwrap();
    }
}
