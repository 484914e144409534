//! Metadata logs of Kafka's as a controller's exam: told what Kafka's was told, it writes what Kafka's wrote.
//!
//! What Kafka's controllers were told is not in the log, but follows from what they wrote.

use std::collections::BTreeMap;

use ch01_log::messages::*;
use ch02_retention::messages::*;
use ch04_controller::controller::*;
use ch04_controller::image::*;
use ch04_controller::messages::*;
use ch04_controller::records::*;

use crate::controller_support::settings;
use crate::golden;

/// A command, and what it is called in the count.
type Command = (&'static str, Box<dyn FnOnce(&mut Controller, At) -> Vec<MetadataRecord>>);

#[test]
fn a_controller_writes_what_kafkas_wrote() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (folder, _) in golden::FOLDERS {
        let mut image = ClusterImage::default();
        for batch in golden::batches(&golden::read(&format!("{folder}/{}", golden::LOG))) {
            let BatchContent::Records(records) = batch.content else { continue };
            if !image.in_transaction() && !matches!(records[0], MetadataRecord::BeginTransaction(_)) {
                let mut told = image.clone();
                for part in parts(&records) {
                    let at = At { now: 0, offset: batch.base_offset };
                    if let Some((what, command)) = command(&told, part) {
                        let written = command(&mut Controller::new(settings(), told.clone(), 0, 0), at);
                        let what_happened = format!("{folder}: {what} at offset {}", batch.base_offset);
                        assert_eq!(comparable(&written), comparable(part), "{what_happened}");
                        *counts.entry(what).or_default() += 1;
                    }
                    part.iter().for_each(|record| told.replay(record).unwrap());
                }
            }
            records.iter().for_each(|record| image.replay(record).unwrap());
        }
    }
    let kinds = ["alter partition", "create", "fence", "move", "preferred", "register", "shut down", "unfence"];
    assert!(kinds.iter().all(|kind| counts.contains_key(kind)), "{counts:?}");
    assert!(counts.values().sum::<usize>() > 100, "{counts:?}");
}

/// A batch may hold several decisions: what a broker's change does to partitions is one, and so is a topic.
fn parts(records: &[MetadataRecord]) -> Vec<&[MetadataRecord]> {
    let count = |is: fn(&MetadataRecord) -> bool| records.iter().filter(|record| is(record)).count();
    let broker_changes = count(|record| matches!(record, MetadataRecord::BrokerRegistrationChange(_)));
    let partition_changes = count(|record| matches!(record, MetadataRecord::PartitionChange(_)));
    if broker_changes == 1 && partition_changes + 1 == records.len() {
        return vec![records];
    }
    let belongs_to_topic = |record: &MetadataRecord| {
        matches!(record, MetadataRecord::Config(_) | MetadataRecord::ClearElr(_) | MetadataRecord::Partition(_))
    };
    records.chunk_by(|_, next| belongs_to_topic(next)).collect()
}

/// In no order, without what is drawn at random, and without what is another on purpose: Kafka notes who led last where
/// here stands who last had everything.
fn comparable(records: &[MetadataRecord]) -> Vec<String> {
    let text = |record: &MetadataRecord| match record.clone() {
        MetadataRecord::Topic(topic) => Some(format!("{:?}", TopicRecord { topic_id: Default::default(), ..topic })),
        MetadataRecord::Partition(partition) => {
            Some(format!("{:?}", PartitionRecord { topic_id: Default::default(), ..partition }))
        }
        MetadataRecord::PartitionChange(change) => {
            let PartitionChangeRecord { topic_id, partition_id, .. } = change;
            let change = PartitionChangeRecord { last_known_elr: None, ..change };
            let nothing = PartitionChangeRecord { topic_id, partition_id, ..Default::default() };
            (change != nothing).then(|| format!("{change:?}"))
        }
        other => Some(format!("{other:?}")),
    };
    let mut texts: Vec<_> = records.iter().filter_map(text).collect();
    texts.sort();
    texts
}

fn command(image: &ClusterImage, records: &[MetadataRecord]) -> Option<Command> {
    let broker_change = records.iter().find_map(|record| match record {
        MetadataRecord::BrokerRegistrationChange(change) => Some(change),
        _ => None,
    });
    if let Some(change) = broker_change {
        let is_fenced = image.nodes.broker(change.broker_id).is_some_and(|broker| broker.fenced);
        if change.fenced == 1 && is_fenced {
            // Kafka's has fenced a broker twice.
            return None;
        }
        return Some(heartbeat(image, change));
    }
    match &records[0] {
        MetadataRecord::PartitionChange(change) => Some(partition_change(image, change)),
        MetadataRecord::Topic(_) => Some(create(records)),
        MetadataRecord::RemoveTopic(topic) => {
            let topics = vec![DeleteTopicState { name: None, topic_id: topic.topic_id }];
            let request = DeleteTopicsRequest { topics, ..Default::default() };
            Some(("delete", Box::new(move |controller, at| controller.delete_topics(at, &request).records)))
        }
        MetadataRecord::ProducerIds(ids) => {
            let request = AllocateProducerIdsRequest { broker_id: ids.broker_id, broker_epoch: ids.broker_epoch };
            Some(("ids", Box::new(move |controller, at| controller.allocate_producer_ids(at, &request).records)))
        }
        MetadataRecord::RegisterBroker(broker) => {
            let known = image.nodes.broker(broker.broker_id);
            let request = BrokerRegistrationRequest {
                broker_id: broker.broker_id,
                cluster_id: settings().cluster_id,
                incarnation_id: broker.incarnation_id,
                listeners: broker.end_points.clone(),
                features: broker.features.clone(),
                rack: broker.rack.clone(),
                log_dirs: broker.log_dirs.clone(),
                is_migrating_zk_broker: false,
                previous_broker_epoch: known.map_or(-1, |known| known.broker_epoch),
            };
            Some(("register", Box::new(move |controller, at| controller.register_broker(at, &request).records)))
        }
        MetadataRecord::Config(config) => {
            let operation = if config.value.is_some() { 0 } else { 1 };
            let config_of = |record: &MetadataRecord| match record {
                MetadataRecord::Config(config) => Some(IncrementalAlterableConfig {
                    name: config.name.clone(),
                    config_operation: operation,
                    value: config.value.clone(),
                }),
                _ => None,
            };
            let resource = IncrementalAlterConfigsResource {
                resource_type: config.resource_type,
                resource_name: config.resource_name.clone(),
                configs: records.iter().filter_map(config_of).collect(),
            };
            let request = IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() };
            let command =
                move |controller: &mut Controller, at| controller.incremental_alter_configs(at, &request).records;
            Some(("configure", Box::new(command)))
        }
        _ => None,
    }
}

fn heartbeat(image: &ClusterImage, change: &BrokerRegistrationChangeRecord) -> Command {
    let known = image.nodes.broker(change.broker_id).unwrap();
    let stops = change.in_controlled_shutdown == 1;
    let request = BrokerHeartbeatRequest {
        broker_id: change.broker_id,
        broker_epoch: change.broker_epoch,
        current_metadata_offset: i64::MAX,
        want_fence: change.cordoned_log_dirs.is_some() && known.fenced,
        want_shut_down: stops,
        cordoned_log_dirs: change.cordoned_log_dirs.clone(),
        ..Default::default()
    };
    let broker = change.broker_id;
    match change.fenced {
        1 => ("fence", Box::new(move |controller, at| controller.broker_gone(at, broker).records)),
        _ => {
            let what = if stops { "shut down" } else { "unfence" };
            (what, Box::new(move |controller, at| controller.heartbeat(at, &request).records))
        }
    }
}

fn partition_change(image: &ClusterImage, change: &PartitionChangeRecord) -> Command {
    let topic = image.topics.get(change.topic_id).unwrap();
    let partition = topic.partitions[&change.partition_id].clone();
    if let Some(isr) = &change.isr {
        // A move that ends: what it is about to lose was in sync, too.
        let ends = change.replicas.is_some();
        let gone = partition.isr.iter().filter(|replica| ends && !isr.contains(replica));
        let wanted = AlterPartitionPartition {
            partition_index: change.partition_id,
            leader_epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            new_isr: isr.iter().chain(gone).copied().collect(),
            ..Default::default()
        };
        let topics = vec![AlterPartitionTopic { topic_id: topic.id, partitions: vec![wanted] }];
        let broker_epoch = image.nodes.broker(partition.leader).unwrap().broker_epoch;
        let request = AlterPartitionRequest { broker_id: partition.leader, broker_epoch, topics };
        return ("alter partition", Box::new(move |controller, at| controller.alter_partition(at, &request).records));
    }
    if let Some(replicas) = &change.replicas {
        let removing = change.removing_replicas.clone().unwrap_or_default();
        let to = replicas.iter().copied().filter(|replica| !removing.contains(replica)).collect();
        let partitions = vec![ReassignablePartition { partition_index: change.partition_id, replicas: Some(to) }];
        let topics = vec![ReassignableTopic { name: topic.name.clone(), partitions }];
        let request = AlterPartitionReassignmentsRequest { topics, ..Default::default() };
        let command =
            move |controller: &mut Controller, at| controller.alter_partition_reassignments(at, &request).records;
        return ("move", Box::new(command));
    }
    let partitions = vec![change.partition_id];
    let topic_partitions = Some(vec![ElectLeadersTopic { topic: topic.name.clone(), partitions }]);
    let request = ElectLeadersRequest { election_type: 0, topic_partitions, ..Default::default() };
    ("preferred", Box::new(move |controller, at| controller.elect_leaders(at, &request).records))
}

fn create(records: &[MetadataRecord]) -> Command {
    let mut topics: Vec<CreatableTopic> = Vec::new();
    for record in records {
        match record {
            MetadataRecord::Topic(topic) => topics.push(CreatableTopic {
                name: topic.name.clone(),
                num_partitions: -1,
                replication_factor: -1,
                ..Default::default()
            }),
            MetadataRecord::Config(config) => {
                let config = CreatableTopicConfig { name: config.name.clone(), value: config.value.clone() };
                topics.last_mut().unwrap().configs.push(config);
            }
            MetadataRecord::Partition(partition) => {
                topics.last_mut().unwrap().assignments.push(CreatableReplicaAssignment {
                    partition_index: partition.partition_id,
                    broker_ids: partition.replicas.clone(),
                });
            }
            _ => {}
        }
    }
    let request = CreateTopicsRequest { topics, ..Default::default() };
    ("create", Box::new(move |controller, at| controller.create_topics(at, &request).records))
}
