//! What a controller answers, command by command.

use ch00_wire::error_code::ErrorCode;
use ch01_log::messages::*;
use ch02_retention::messages::*;
use ch04_controller::controller::*;
use ch04_controller::messages::*;
use ch04_controller::records::*;

use crate::controller_support::*;
use crate::golden;

#[test]
fn a_new_cluster_begins_as_kafkas() {
    let log = golden::records(&golden::read(&format!("{}/{}", golden::FOLDERS[0].0, golden::LOG)));
    let end = log.iter().position(|(_, record)| matches!(record, MetadataRecord::EndTransaction(_))).unwrap();
    let kafkas: Vec<_> = log[..=end].iter().map(|(_, record)| record.clone()).collect();
    assert_eq!(bootstrap(&settings()), kafkas);
    let registers = log.iter().find_map(|(_, record)| match record {
        MetadataRecord::RegisterController(controller) => Some(controller.features.clone()),
        _ => None,
    });
    let sorted = |mut features: Vec<RegistrationFeature>| {
        features.sort_by(|a, b| a.name.cmp(&b.name));
        features
    };
    assert_eq!(sorted(supported_features()), sorted(registers.unwrap()));
}

#[test]
fn a_controller_ends_what_an_earlier_one_has_left_half_done() {
    let first = bootstrap(&settings());
    assert_eq!(activation(&settings(), &image(&[]), None), first);
    let half = activation(&settings(), &image(&first[..4]), None);
    assert!(matches!(half[0], MetadataRecord::AbortTransaction(_)));
    assert_eq!(half[1..], first);
    assert_eq!(image(&[&first[..4], &half].concat()), image(&first));
    assert_eq!(activation(&settings(), &image(&first), None), []);
}

/// Brokers 1, 2 and 3, all there.
fn three() -> Driven {
    let mut driven = Driven::new(settings());
    for id in 1..=3 {
        driven.register(id, None, None);
        driven.heartbeat(id);
    }
    driven
}

fn create(driven: &mut Driven, topic: CreatableTopic) -> CreatableTopicResult {
    let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
    driven.give(|controller, at| controller.create_topics(at, &request)).1.topics.remove(0)
}

fn topic(name: &str, num_partitions: i32, replication_factor: i16) -> CreatableTopic {
    CreatableTopic { name: name.to_owned(), num_partitions, replication_factor, ..Default::default() }
}

#[test]
fn a_registration_is_checked() {
    let mut driven = three();
    let id = ch00_wire::uuid::Uuid([9; 16]);
    let good = registration(4, id, None, None);
    type Spoil = fn(&mut BrokerRegistrationRequest);
    let cases: [(Spoil, ErrorCode); 7] = [
        (|r| r.cluster_id = "another".to_owned(), ErrorCode::INCONSISTENT_CLUSTER_ID),
        (|r| r.broker_id = 1, ErrorCode::DUPLICATE_BROKER_REGISTRATION),
        (|r| r.is_migrating_zk_broker = true, ErrorCode::BROKER_ID_NOT_REGISTERED),
        (|r| r.log_dirs.clear(), ErrorCode::INVALID_REGISTRATION),
        (|r| r.log_dirs = vec![ch00_wire::uuid::Uuid([3; 16])], ErrorCode::INVALID_REGISTRATION),
        (|r| r.log_dirs.push(r.log_dirs[0]), ErrorCode::INVALID_REGISTRATION),
        (|r| r.features.retain(|f| f.name != "group.version"), ErrorCode::UNSUPPORTED_VERSION),
    ];
    for (spoil, expected) in cases {
        let mut request = good.clone();
        spoil(&mut request);
        let (records, reply) = driven.give(|controller, at| controller.register_broker(at, &request));
        assert_eq!((records, reply.error_code, reply.broker_epoch), (Vec::new(), expected, -1));
    }
    let (records, reply) = driven.give(|controller, at| controller.register_broker(at, &good));
    assert_eq!((records.len(), reply.error_code), (1, ErrorCode::NONE));
    // The same process again: it has lost the answer, or has something to add.
    let (records, again) = driven.give(|controller, at| controller.register_broker(at, &good));
    assert_eq!((records.len(), again.broker_epoch), (1, reply.broker_epoch));
}

#[test]
fn a_topic_is_checked() {
    let mut driven = three();
    assert_eq!(create(&mut driven, topic("a.b", 1, 1)).error_code, ErrorCode::NONE);
    let manual = |assignments: &[(i32, &[i32])]| {
        let assignment = |(partition_index, ids): &(i32, &[i32])| CreatableReplicaAssignment {
            partition_index: *partition_index,
            broker_ids: ids.to_vec(),
        };
        CreatableTopic { assignments: assignments.iter().map(assignment).collect(), ..topic("t", -1, -1) }
    };
    let config = |value: Option<&str>| {
        let config = CreatableTopicConfig { name: "retention.ms".to_owned(), value: value.map(str::to_owned) };
        CreatableTopic { configs: vec![config], ..topic("t", 1, 1) }
    };
    let cases = [
        (topic("a.b", 1, 1), ErrorCode::TOPIC_ALREADY_EXISTS),
        (topic("a_b", 1, 1), ErrorCode::INVALID_TOPIC_EXCEPTION),
        (topic("a/b", 1, 1), ErrorCode::INVALID_TOPIC_EXCEPTION),
        (topic("__cluster_metadata", 1, 1), ErrorCode::INVALID_REQUEST),
        (topic("t", 0, 1), ErrorCode::INVALID_PARTITIONS),
        (topic("t", -2, 1), ErrorCode::INVALID_PARTITIONS),
        (topic("t", 1, 0), ErrorCode::INVALID_REPLICATION_FACTOR),
        (topic("t", 1, 4), ErrorCode::INVALID_REPLICATION_FACTOR),
        (topic("t", i32::MAX, 1), ErrorCode::POLICY_VIOLATION),
        (config(None), ErrorCode::INVALID_CONFIG),
        (config(Some("soon")), ErrorCode::INVALID_CONFIG),
        (CreatableTopic { num_partitions: 1, ..manual(&[(0, &[1])]) }, ErrorCode::INVALID_REQUEST),
        (CreatableTopic { replication_factor: 1, ..manual(&[(0, &[1])]) }, ErrorCode::INVALID_REQUEST),
        (manual(&[(0, &[])]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        (manual(&[(0, &[9])]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        (manual(&[(0, &[1, 1])]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        (manual(&[(0, &[1]), (1, &[1, 2])]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        (manual(&[(0, &[1]), (0, &[2])]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        (manual(&[(0, &[1]), (2, &[2])]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
    ];
    for (wanted, expected) in cases {
        let what = format!("{wanted:?}");
        assert_eq!(create(&mut driven, wanted).error_code, expected, "{what}");
    }
    assert_eq!(driven.controller.image().topics.iter().count(), 1);
    let repeated = vec![topic("twice", 1, 1), topic("once", 1, 1), topic("twice", 1, 1)];
    let request = CreateTopicsRequest { topics: repeated, ..Default::default() };
    let reply = driven.give(|controller, at| controller.create_topics(at, &request)).1;
    let codes: Vec<_> = reply.topics.iter().map(|topic| topic.error_code).collect();
    assert_eq!(codes, [ErrorCode::INVALID_REQUEST, ErrorCode::NONE, ErrorCode::INVALID_REQUEST]);
}

#[test]
fn a_topic_that_is_only_to_be_checked_is_not_there() {
    let mut driven = three();
    let request = CreateTopicsRequest { topics: vec![topic("t", 2, 3)], validate_only: true, ..Default::default() };
    let (records, reply) = driven.give(|controller, at| controller.create_topics(at, &request));
    assert_eq!((records, reply.topics[0].num_partitions), (Vec::new(), 2));
    assert!(reply.topics[0].topic_id.is_zero());
}

#[test]
fn topics_go_by_name_or_id() {
    let mut driven = three();
    let id = create(&mut driven, topic("by-id", 1, 1)).topic_id;
    create(&mut driven, topic("by-name", 1, 1));
    let state = |name: Option<&str>, topic_id| DeleteTopicState { name: name.map(str::to_owned), topic_id };
    let zero = ch00_wire::uuid::Uuid::ZERO;
    let topics = vec![state(Some("by-name"), zero), state(None, id), state(Some("gone"), zero), state(None, id)];
    let request = DeleteTopicsRequest { topics, ..Default::default() };
    let (records, reply) = driven.give(|controller, at| controller.delete_topics(at, &request));
    let codes: Vec<_> = reply.responses.iter().map(|topic| topic.error_code).collect();
    let unknown = [ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, ErrorCode::UNKNOWN_TOPIC_ID];
    assert_eq!(codes, [[ErrorCode::NONE; 2], unknown].concat());
    assert_eq!(records.len(), 2);
}

#[test]
fn topics_stay_where_deletion_is_disabled() {
    let mut driven = Driven::new(ControllerSettings { delete_topic_enable: false, ..settings() });
    let topics = vec![DeleteTopicState { name: Some("t".to_owned()), ..Default::default() }];
    let request = DeleteTopicsRequest { topics, ..Default::default() };
    let reply = driven.give(|controller, at| controller.delete_topics(at, &request)).1;
    assert_eq!(reply.responses[0].error_code, ErrorCode::TOPIC_DELETION_DISABLED);
}

#[test]
fn topics_grow() {
    let mut driven = three();
    create(&mut driven, topic("t", 2, 2));
    let mut grow = |count, assignments: Option<&[&[i32]]>| {
        let assignment = |ids: &&[i32]| CreatePartitionsAssignment { broker_ids: ids.to_vec() };
        let assignments = assignments.map(|all| all.iter().map(assignment).collect());
        let topics = vec![CreatePartitionsTopic { name: "t".to_owned(), count, assignments }];
        let request = CreatePartitionsRequest { topics, ..Default::default() };
        let (records, reply) = driven.give(|controller, at| controller.create_partitions(at, &request));
        (records.len(), reply.results[0].error_code)
    };
    assert_eq!(grow(2, None), (0, ErrorCode::INVALID_PARTITIONS));
    assert_eq!(grow(1, None), (0, ErrorCode::INVALID_PARTITIONS));
    assert_eq!(grow(i32::MIN, None), (0, ErrorCode::INVALID_PARTITIONS));
    assert_eq!(grow(i32::MAX, None), (0, ErrorCode::POLICY_VIOLATION));
    assert_eq!(grow(3, Some(&[])), (0, ErrorCode::INVALID_REPLICA_ASSIGNMENT));
    assert_eq!(grow(3, Some(&[&[1]])), (0, ErrorCode::INVALID_REPLICA_ASSIGNMENT));
    assert_eq!(grow(4, Some(&[&[1, 2], &[3, 1]])), (2, ErrorCode::NONE));
    assert_eq!(grow(6, None), (2, ErrorCode::NONE));
    assert_eq!(driven.partition("t", 3).replicas, [3, 1]);
    assert_eq!(driven.partition("t", 5).replicas.len(), 2);
    // A copy that is on its way is none of those that stay.
    let partitions = vec![ReassignablePartition { partition_index: 0, replicas: Some(vec![3, 1]) }];
    let topics = vec![ReassignableTopic { name: "t".to_owned(), partitions }];
    let request = AlterPartitionReassignmentsRequest { topics, ..Default::default() };
    driven.give(|controller, at| controller.alter_partition_reassignments(at, &request));
    let topics = vec![CreatePartitionsTopic { name: "t".to_owned(), count: 7, assignments: None }];
    let request = CreatePartitionsRequest { topics, ..Default::default() };
    driven.give(|controller, at| controller.create_partitions(at, &request));
    assert_eq!([driven.partition("t", 0).replicas.len(), driven.partition("t", 6).replicas.len()], [3, 2]);
}

#[test]
fn a_change_that_is_too_large_for_a_batch_is_a_transaction() {
    let mut driven = three();
    for name in ["a", "b"] {
        create(&mut driven, topic(name, 9_000, 3));
    }
    let (records, ()) = driven.give(|controller, at| controller.broker_gone(at, 1));
    assert_eq!(records.len(), 1 + 18_000 + 2);
    let outcome = Outcome { records: records.clone(), reply: () };
    let lengths: Vec<_> = outcome.batches().map(<[_]>::len).collect();
    assert_eq!(lengths, [10_000, 8_003]);
    assert!(matches!(records[0], MetadataRecord::BeginTransaction(_)));
    assert!(matches!(records.last(), Some(MetadataRecord::EndTransaction(_))));
    let led = |driven: &Driven, id| {
        driven.controller.image().topics.partitions().filter(|partition| partition.leader == id).count()
    };
    assert_eq!([led(&driven, 1), led(&driven, NO_LEADER)], [0, 0]);
    assert_eq!(&image(&driven.log), driven.controller.image());
    for id in [2, 3] {
        driven.give(|controller, at| controller.broker_gone(at, id));
    }
    assert_eq!(led(&driven, NO_LEADER), 18_000);
    driven.register(3, Some(driven.epoch(3)), None);
    driven.heartbeat(3);
    assert_eq!(led(&driven, 3), 18_000, "it was the last in sync, and stopped cleanly");
}

#[test]
fn producer_ids_are_never_given_twice() {
    let mut driven = three();
    let mut allocate = |broker_id, broker_epoch| {
        let request = AllocateProducerIdsRequest { broker_id, broker_epoch };
        let reply = driven.give(|controller, at| controller.allocate_producer_ids(at, &request)).1;
        (reply.error_code, reply.producer_id_start, reply.producer_id_len)
    };
    assert_eq!(allocate(1, 9), (ErrorCode::NONE, 0, 1_000));
    assert_eq!(allocate(2, 11), (ErrorCode::NONE, 1_000, 1_000));
    assert_eq!(allocate(2, 10).0, ErrorCode::STALE_BROKER_EPOCH);
    assert_eq!(allocate(7, 10).0, ErrorCode::STALE_BROKER_EPOCH);
}

#[test]
fn features_rise_only_to_what_all_can_speak() {
    let mut driven = three();
    let mut update = |feature: &str, max_version_level, upgrade_type| {
        let update =
            FeatureUpdateKey { feature: feature.to_owned(), max_version_level, upgrade_type, ..Default::default() };
        let request = UpdateFeaturesRequest { feature_updates: vec![update], ..Default::default() };
        let (records, reply) = driven.give(|controller, at| controller.update_features(at, &request));
        (records.len(), reply.error_code)
    };
    let refused = (0, ErrorCode::INVALID_UPDATE_VERSION);
    assert_eq!(update("metadata.version", 31, 1), refused, "above Kafka 4.3's");
    assert_eq!(update("metadata.version", 29, 2), refused, "it might delete metadata");
    assert_eq!(update("transaction.version", 1, 1), refused, "down, though only up was asked for");
    assert_eq!(update("transaction.version", 1, 2), (1, ErrorCode::NONE));
    assert_eq!(update("transaction.version", 2, 2), refused, "up, though only down was asked for");
    assert_eq!(update("transaction.version", 2, 1), (1, ErrorCode::NONE));
    assert_eq!(update("transaction.version", 2, 9), refused);
    assert_eq!(update("transaction.version", -1, 3), refused);
    assert_eq!(update("unheard.of", 1, 1), refused);
}

#[test]
fn settings_change_resource_by_resource() {
    let mut driven = three();
    create(&mut driven, topic("t", 1, 1));
    let mut set = |resource_type, resource_name: &str, name: &str, operation, value: &str| {
        let config = IncrementalAlterableConfig {
            name: name.to_owned(),
            config_operation: operation,
            value: Some(value.to_owned()),
        };
        let resource_name = resource_name.to_owned();
        let resource = IncrementalAlterConfigsResource { resource_type, resource_name, configs: vec![config] };
        let request = IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() };
        let (records, reply) = driven.give(|controller, at| controller.incremental_alter_configs(at, &request));
        (records.len(), reply.responses[0].error_code)
    };
    assert_eq!(set(2, "t", "cleanup.policy", 2, "compact"), (1, ErrorCode::NONE));
    assert_eq!(set(2, "t", "cleanup.policy", 2, "compact"), (0, ErrorCode::NONE), "it is there already");
    assert_eq!(set(2, "t", "retention.ms", 2, "7"), (0, ErrorCode::INVALID_CONFIG), "no list");
    assert_eq!(set(2, "t", "retention.ms", 0, "soon"), (0, ErrorCode::INVALID_CONFIG));
    assert_eq!(set(2, "t", "retention.ms", 9, "7"), (0, ErrorCode::INVALID_REQUEST));
    assert_eq!(set(2, "gone", "retention.ms", 0, "7"), (0, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    assert_eq!(set(4, "1", "retention.ms", 0, "7"), (1, ErrorCode::NONE));
    assert_eq!(set(4, "9", "retention.ms", 0, "7"), (0, ErrorCode::BROKER_ID_NOT_REGISTERED));
    assert_eq!(set(8, "1", "some.logger", 0, "INFO"), (0, ErrorCode::INVALID_REQUEST));
    assert_eq!(set(32, "a-group", "consumer.session.timeout.ms", 0, "7"), (1, ErrorCode::NONE));
    assert_eq!(set(32, "", "consumer.session.timeout.ms", 0, "7"), (0, ErrorCode::INVALID_REQUEST));
    assert_eq!(set(4, "1", "min.insync.replicas", 0, "2"), (0, ErrorCode::INVALID_CONFIG));
    assert_eq!(set(4, "", "min.insync.replicas", 1, ""), (0, ErrorCode::INVALID_CONFIG));
    assert_eq!(set(4, "", "min.insync.replicas", 0, "2"), (2, ErrorCode::NONE), "and nobody is eligible");
}

#[test]
fn settings_are_replaced_as_a_whole() {
    let mut driven = three();
    create(&mut driven, topic("t", 1, 1));
    let mut replace = |names: &[(&str, &str)], times: usize, validate_only| {
        let config = |(name, value): &(&str, &str)| AlterableConfig {
            name: (*name).to_owned(),
            value: Some((*value).to_owned()),
        };
        let configs = names.iter().map(config).collect();
        let resource = AlterConfigsResource { resource_type: 2, resource_name: "t".to_owned(), configs };
        let request = AlterConfigsRequest { resources: vec![resource; times], validate_only };
        let (records, reply) = driven.give(|controller, at| controller.alter_configs(at, &request));
        (records.len(), reply.responses[0].error_code)
    };
    assert_eq!(replace(&[("a", "1"), ("b", "2")], 1, true), (0, ErrorCode::NONE));
    assert_eq!(replace(&[("a", "1"), ("b", "2")], 1, false), (2, ErrorCode::NONE));
    assert_eq!(replace(&[("b", "2"), ("c", "3")], 1, false), (2, ErrorCode::NONE), "a goes, c comes");
    assert_eq!(replace(&[("c", "3")], 2, false), (0, ErrorCode::INVALID_REQUEST), "twice in a request");
}

#[test]
fn who_asks_for_all_elections_hears_of_those_that_were_needed() {
    let mut driven = three();
    create(&mut driven, topic("t", 3, 2));
    driven.give(|controller, at| controller.broker_gone(at, 1));
    let request = ElectLeadersRequest { topic_partitions: None, ..Default::default() };
    let reply = driven.give(|controller, at| controller.elect_leaders(at, &request)).1;
    let results: Vec<_> = reply.replica_election_results[0].partition_result.iter().map(|p| p.error_code).collect();
    assert_eq!(results, [ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE], "broker 1 led one of three");
    let request = ElectLeadersRequest { election_type: 2, ..request };
    let reply = driven.give(|controller, at| controller.elect_leaders(at, &request)).1;
    assert_eq!(reply.error_code, ErrorCode::INVALID_REQUEST);
}

#[test]
fn copies_are_where_their_broker_says() {
    let mut driven = three();
    create(&mut driven, topic("t", 1, 3));
    let topic_id = driven.partition("t", 0).topic_id;
    let mut assign = |broker_epoch, id: u8, topic_id, partition_index| {
        let partitions = vec![AssignedPartition { partition_index }];
        let topics = vec![AssignedTopic { topic_id, partitions }];
        let directories = vec![AssignedDirectory { id: ch00_wire::uuid::Uuid([id; 16]), topics }];
        let request = AssignReplicasToDirsRequest { broker_id: 2, broker_epoch, directories };
        let (records, reply) = driven.give(|controller, at| controller.assign_replicas_to_dirs(at, &request));
        let partition = reply.directories.first().map(|directory| directory.topics[0].partitions[0].error_code);
        (records.len(), partition.unwrap_or(reply.error_code))
    };
    assert_eq!(assign(11, 2, topic_id, 0), (0, ErrorCode::NONE), "that is known");
    assert_eq!(assign(10, 2, topic_id, 0), (0, ErrorCode::STALE_BROKER_EPOCH));
    assert_eq!(assign(11, 2, topic_id, 1), (0, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    assert_eq!(assign(11, 2, ch00_wire::uuid::Uuid([7; 16]), 0), (0, ErrorCode::UNKNOWN_TOPIC_ID));
    assert_eq!(assign(11, 8, topic_id, 0), (1, ErrorCode::NONE), "a directory that it does not have");
    let partition = driven.partition("t", 0);
    assert!(!partition.isr.contains(&2) && partition.leader != 2, "{partition:?}");
}

#[test]
fn a_copy_in_a_directory_that_failed_does_not_lead() {
    let mut driven = three();
    let assignments = vec![CreatableReplicaAssignment { partition_index: 0, broker_ids: vec![2] }];
    create(&mut driven, CreatableTopic { assignments, ..topic("t", -1, -1) });
    let topic_id = driven.partition("t", 0).topic_id;
    let mut leader_after = |id: u8| {
        let topics = vec![AssignedTopic { topic_id, partitions: vec![AssignedPartition { partition_index: 0 }] }];
        let directories = vec![AssignedDirectory { id: ch00_wire::uuid::Uuid([id; 16]), topics }];
        let request = AssignReplicasToDirsRequest { broker_id: 2, broker_epoch: driven.epoch(2), directories };
        driven.give(|controller, at| controller.assign_replicas_to_dirs(at, &request));
        driven.give(|controller, at| controller.tick(at));
        driven.partition("t", 0).leader
    };
    assert_eq!(leader_after(8), NO_LEADER);
    assert_eq!(leader_after(2), 2, "it is elsewhere now");
}

#[test]
fn who_is_unregistered_is_not_waited_for() {
    let mut driven = three();
    let assignments = vec![CreatableReplicaAssignment { partition_index: 0, broker_ids: vec![1, 2] }];
    create(&mut driven, CreatableTopic { assignments, ..topic("t", -1, -1) });
    for id in [1, 2] {
        driven.give(|controller, at| controller.broker_gone(at, id));
    }
    let unregister = |driven: &mut Driven, broker_id| {
        let request = UnregisterBrokerRequest { broker_id };
        driven.give(|controller, at| controller.unregister_broker(at, &request)).1.error_code
    };
    assert_eq!(unregister(&mut driven, 2), ErrorCode::NONE);
    assert_eq!(unregister(&mut driven, 2), ErrorCode::BROKER_ID_NOT_REGISTERED);
    driven.register(1, None, None);
    driven.heartbeat(1);
    assert_eq!(driven.partition("t", 0).leader, 1);
}

#[test]
fn without_eligible_replicas_the_last_in_sync_stays_in_sync() {
    let mut driven = three();
    let off = FeatureUpdateKey {
        feature: "eligible.leader.replicas.version".to_owned(),
        upgrade_type: 2,
        ..Default::default()
    };
    let request = UpdateFeaturesRequest { feature_updates: vec![off], ..Default::default() };
    driven.give(|controller, at| controller.update_features(at, &request));
    let assignments = vec![CreatableReplicaAssignment { partition_index: 0, broker_ids: vec![1, 2] }];
    create(&mut driven, CreatableTopic { assignments, ..topic("t", -1, -1) });
    for id in [1, 2] {
        driven.give(|controller, at| controller.broker_gone(at, id));
    }
    let partition = driven.partition("t", 0);
    assert_eq!((partition.leader, partition.isr, partition.eligible_leader_replicas), (NO_LEADER, vec![2], None));
    for id in [1, 2] {
        driven.register(id, None, None);
        driven.heartbeat(id);
    }
    let partition = driven.partition("t", 0);
    assert_eq!((partition.leader, partition.isr), (2, vec![2]));
}
