//! The image: what Kafka's records add up to is what Kafka's clients saw; what each kind of record does; what a broker has
//! to do when one image follows another.

use ch00_wire::uuid::Uuid;
use ch04_controller::image::*;
use ch04_controller::messages::{RegistrationFeature, RegistrationListener};
use ch04_controller::records::*;
use serde_json::{Value, json};

use crate::golden;

/// The image after these records.
fn image(records: impl IntoIterator<Item = MetadataRecord>) -> ClusterImage {
    let mut image = ClusterImage::default();
    for record in records {
        image.replay(&record).unwrap_or_else(|e| panic!("{record:?}: {e}"));
    }
    image
}

/// The image after the records of a golden folder below an offset.
fn golden_image(folder: &str, end: i64) -> ClusterImage {
    let log = golden::read(&format!("{folder}/{}", golden::LOG));
    image(golden::records(&log).into_iter().filter(|&(offset, _)| offset < end).map(|(_, record)| record))
}

#[test]
fn a_log_of_kafkas_adds_up_to_what_clients_saw() {
    for (folder, file) in &golden::FOLDERS[..2] {
        let expected: Value = serde_json::from_slice(&golden::read(file)).unwrap();
        let image = golden_image(folder, expected["quorum"]["highWatermark"].as_i64().unwrap());
        for (feature, level) in expected["finalizedFeatures"].as_object().unwrap() {
            // The quorum's own feature stands in its control records.
            if feature != "kraft.version" {
                assert_eq!(json!(image.features.level(feature)), *level, "{feature}");
            }
        }
        for (topic, settings) in expected["topicConfigs"].as_object().unwrap() {
            let ours = image.configs.of(&ConfigResource::topic(topic)).cloned().unwrap_or_default();
            assert_eq!(json!(ours), *settings, "{folder}: settings of {topic}");
        }
        let mut partitions = 0;
        for (name, partition) in expected["partitions"].as_object().unwrap() {
            let (topic, index) = name.rsplit_once('-').unwrap();
            if topic == "__cluster_metadata" {
                continue;
            }
            let topic = image.topics.by_name(topic).unwrap_or_else(|| panic!("{folder}: no topic {topic}"));
            assert_eq!(json!(topic.id.to_string()), partition["topicId"], "{folder}: {name}");
            let (ours, clients) = (&topic.partitions[&index.parse().unwrap()], &partition["clients"]);
            let mut isr = ours.isr.clone();
            isr.sort();
            assert_eq!(
                json!([ours.leader, ours.replicas, isr]),
                json!([clients["leader"], clients["replicas"], clients["isr"]]),
                "{folder}: {name}"
            );
            partitions += 1;
        }
        assert_eq!(image.topics.partitions().count(), partitions, "{folder}: no partition is in the image alone");
    }
}

#[test]
fn a_snapshot_of_kafkas_is_the_image_of_its_log_up_to_there() {
    let mut snapshots = 0;
    for (folder, file) in golden::FOLDERS {
        for name in golden::expected(file)["checkpoints"].as_object().into_iter().flatten().map(|(name, _)| name) {
            let end: i64 = name[..20].parse().unwrap();
            let records = MetadataSnapshot::read(&golden::read(&format!("{folder}/{name}"))).unwrap().records;
            let (ours, count) = (golden_image(folder, end), records.len());
            assert_eq!(ours, image(records), "{folder}/{name}");
            // Ours has the same records, if not in the same order.
            assert_eq!(ours.to_records().count(), count, "{folder}/{name}");
            snapshots += 1;
        }
    }
    assert_eq!(snapshots, 5);
}

#[test]
fn a_snapshot_of_ours_gives_the_image_back() {
    for (folder, _) in golden::FOLDERS {
        let whole = golden_image(folder, i64::MAX);
        assert_eq!(image(whole.to_records()), whole, "{folder}");
        let MetadataRecord::FeatureLevel(first) = whole.to_records().next().unwrap() else { panic!("{folder}") };
        assert_eq!(first.name, METADATA_VERSION, "it says how to read the others");
    }
}

const TOPIC: Uuid = Uuid([1; 16]);
const OTHER: Uuid = Uuid([2; 16]);

fn topic(name: &str, topic_id: Uuid) -> MetadataRecord {
    TopicRecord { name: name.to_owned(), topic_id }.into()
}

fn partition(topic_id: Uuid, partition_id: i32, replicas: &[i32]) -> PartitionRecord {
    PartitionRecord {
        partition_id,
        topic_id,
        replicas: replicas.to_vec(),
        isr: replicas.to_vec(),
        leader: replicas[0],
        leader_epoch: 0,
        partition_epoch: 0,
        directories: replicas.iter().map(|&replica| Uuid([replica as u8; 16])).collect(),
        ..Default::default()
    }
}

/// A change of partition 0 of [`TOPIC`].
fn no_change() -> PartitionChangeRecord {
    PartitionChangeRecord { partition_id: 0, topic_id: TOPIC, ..Default::default() }
}

fn broker(broker_id: i32, broker_epoch: i64) -> RegisterBrokerRecord {
    let incarnation_id = Uuid([broker_epoch as u8; 16]);
    RegisterBrokerRecord { broker_id, broker_epoch, incarnation_id, ..Default::default() }
}

fn config(resource_type: i8, resource_name: &str, name: &str, value: Option<&str>) -> MetadataRecord {
    let (resource_name, name, value) = (resource_name.to_owned(), name.to_owned(), value.map(str::to_owned));
    ConfigRecord { resource_type, resource_name, name, value }.into()
}

/// Partition 0 of [`TOPIC`], on brokers 1, 2 and 3.
fn one_partition() -> ClusterImage {
    image([topic("t", TOPIC), partition(TOPIC, 0, &[1, 2, 3]).into()])
}

/// That partition after a change.
fn changed(before: &ClusterImage, change: PartitionChangeRecord) -> PartitionRegistration {
    let mut after = before.clone();
    after.replay(&change.into()).unwrap();
    after.topics.partition(TOPIC, 0).unwrap().clone()
}

#[test]
fn a_change_says_what_is_different() {
    let before = one_partition();
    let old = partition(TOPIC, 0, &[1, 2, 3]);
    let cases = [
        (no_change(), old.clone()),
        (PartitionChangeRecord { isr: Some(vec![1]), ..no_change() }, PartitionRecord { isr: vec![1], ..old.clone() }),
        (
            PartitionChangeRecord { leader: 2, ..no_change() },
            PartitionRecord { leader: 2, leader_epoch: 1, ..old.clone() },
        ),
        (
            PartitionChangeRecord { leader: NO_LEADER, isr: Some(Vec::new()), ..no_change() },
            PartitionRecord { leader: NO_LEADER, leader_epoch: 1, isr: Vec::new(), ..old.clone() },
        ),
        (
            PartitionChangeRecord { leader_recovery_state: 1, leader: 3, ..no_change() },
            PartitionRecord { leader_recovery_state: 1, leader: 3, leader_epoch: 1, ..old.clone() },
        ),
        (
            PartitionChangeRecord {
                replicas: Some(vec![3, 1]),
                adding_replicas: Some(vec![3]),
                removing_replicas: Some(vec![1]),
                directories: Some(vec![Uuid([7; 16]), Uuid([8; 16])]),
                ..no_change()
            },
            PartitionRecord {
                replicas: vec![3, 1],
                adding_replicas: vec![3],
                removing_replicas: vec![1],
                directories: vec![Uuid([7; 16]), Uuid([8; 16])],
                ..old.clone()
            },
        ),
        (
            PartitionChangeRecord {
                eligible_leader_replicas: Some(vec![2, 3]),
                last_known_elr: Some(vec![1]),
                ..no_change()
            },
            PartitionRecord { eligible_leader_replicas: Some(vec![2, 3]), last_known_elr: Some(vec![1]), ..old },
        ),
    ];
    for (change, after) in cases {
        let after = PartitionRecord { partition_epoch: 1, ..after };
        assert_eq!(changed(&before, change.clone()), after, "{change:?}");
    }
}

#[test]
fn a_leader_that_is_named_again_begins_a_new_epoch() {
    let again = changed(&one_partition(), PartitionChangeRecord { leader: 1, ..no_change() });
    assert_eq!((again.leader, again.leader_epoch, again.partition_epoch), (1, 1, 1));
}

#[test]
fn nobody_eligible_is_null() {
    let mut elr = one_partition();
    let eligible = PartitionChangeRecord { eligible_leader_replicas: Some(vec![2]), ..no_change() };
    elr.replay(&eligible.into()).unwrap();
    assert_eq!(elr.topics.partition(TOPIC, 0).unwrap().elr(), [2]);
    assert_eq!(changed(&elr, no_change()).elr(), [2], "no change");
    let none = changed(&elr, PartitionChangeRecord { eligible_leader_replicas: Some(Vec::new()), ..no_change() });
    assert_eq!((none.elr(), none.eligible_leader_replicas.as_ref()), (&[][..], None));
}

#[test]
fn eligible_replicas_are_forgotten_of_one_topic_or_of_all() {
    let with_elr = |id| PartitionRecord { last_known_elr: Some(vec![2]), ..partition(id, 0, &[1, 2]) };
    let mut both = image([topic("a", TOPIC), with_elr(TOPIC).into(), topic("b", OTHER), with_elr(OTHER).into()]);
    both.replay(&partition(OTHER, 1, &[1]).into()).unwrap();
    assert_eq!(changed(&both, no_change()).last_known_elr, Some(vec![2]), "no change");
    let epochs = |image: &ClusterImage| {
        [(TOPIC, 0), (OTHER, 0), (OTHER, 1)].map(|(id, p)| image.topics.partition(id, p).unwrap().partition_epoch)
    };
    both.replay(&ClearElrRecord { topic_name: "a".into() }.into()).unwrap();
    assert_eq!(epochs(&both), [1, 0, 0]);
    both.replay(&ClearElrRecord::default().into()).unwrap();
    assert_eq!(epochs(&both), [1, 1, 0], "what has none does not change");
    assert_eq!(both.topics.partition(OTHER, 0).unwrap().last_known_elr, None);
}

#[test]
fn every_replica_has_a_directory() {
    // Records of old Kafkas have none, and stay without when replicas are added.
    let old = PartitionRecord { directories: Vec::new(), ..partition(TOPIC, 0, &[1, 2]) };
    let old = image([topic("t", TOPIC), old.into()]);
    assert_eq!(old.topics.partition(TOPIC, 0).unwrap().directories, [DIRECTORY_MIGRATING; 2]);
    let more = changed(&old, PartitionChangeRecord { replicas: Some(vec![1, 2, 3]), ..no_change() });
    assert_eq!(more.directories, [DIRECTORY_MIGRATING; 3]);
    assert_eq!((more.directory(3), more.directory(4)), (Some(DIRECTORY_MIGRATING), None));
    let fewer = PartitionChangeRecord { replicas: Some(vec![1]), ..no_change() };
    let error = one_partition().replay(&fewer.into()).unwrap_err();
    assert_eq!(error, ReplayError::Directories { id: TOPIC, partition: 0 });
}

#[test]
fn a_topic_goes_with_its_settings() {
    let mut image = one_partition();
    let set = |name: &str| config(TOPIC_RESOURCE, name, "retention.ms", Some("1"));
    image.replay(&set("t")).unwrap();
    image.replay(&set("other")).unwrap();
    image.replay(&RemoveTopicRecord { topic_id: TOPIC }.into()).unwrap();
    assert_eq!((image.topics.by_name("t"), image.topics.get(TOPIC)), (None, None));
    let left: Vec<_> = image.configs.resources().map(|(resource, _)| resource.name.as_str()).collect();
    assert_eq!(left, ["other"]);
    image.replay(&topic("t", OTHER)).unwrap();
    assert_eq!(image.topics.by_name("t").unwrap().id, OTHER);
}

#[test]
fn settings_come_and_go() {
    let mut image = ClusterImage::default();
    image.replay(&config(BROKER_RESOURCE, "", "log.segment.bytes", Some("1"))).unwrap();
    image.replay(&config(BROKER_RESOURCE, "", "log.segment.bytes", Some("2"))).unwrap();
    assert_eq!(image.configs.of(&ConfigResource::all_brokers()).unwrap()["log.segment.bytes"], "2");
    image.replay(&config(BROKER_RESOURCE, "", "log.segment.bytes", None)).unwrap();
    assert_eq!(image, ClusterImage::default());
}

#[test]
fn features_are_switched_off_at_level_0() {
    let level = |feature_level| FeatureLevelRecord { name: "f".into(), feature_level }.into();
    let mut image = image([level(2)]);
    assert_eq!((image.features.level("f"), image.features.level("g")), (2, 0));
    image.replay(&level(0)).unwrap();
    assert_eq!(image, ClusterImage::default());
}

#[test]
fn a_registration_changes_until_the_next() {
    let mut image = image([broker(1, 10).into()]);
    assert!(!image.nodes.is_active(1), "a broker is fenced at first");
    let mut change = |change: BrokerRegistrationChangeRecord| {
        image.replay(&BrokerRegistrationChangeRecord { broker_id: 1, broker_epoch: 10, ..change }.into()).unwrap();
        image.nodes.broker(1).unwrap().clone()
    };
    let nothing = BrokerRegistrationChangeRecord::default;
    assert!(!change(BrokerRegistrationChangeRecord { fenced: -1, ..nothing() }).fenced);
    assert!(change(BrokerRegistrationChangeRecord { in_controlled_shutdown: 1, ..nothing() }).in_controlled_shutdown);
    let directories = vec![TOPIC, OTHER];
    let changed = change(BrokerRegistrationChangeRecord {
        log_dirs: directories.clone(),
        cordoned_log_dirs: Some(vec![OTHER]),
        ..nothing()
    });
    assert_eq!((changed.log_dirs, changed.cordoned_log_dirs), (directories.clone(), Some(vec![OTHER])));
    let fenced = change(BrokerRegistrationChangeRecord { fenced: 1, cordoned_log_dirs: Some(Vec::new()), ..nothing() });
    assert!(fenced.fenced && fenced.in_controlled_shutdown);
    assert_eq!((fenced.log_dirs, fenced.cordoned_log_dirs), (directories, Some(Vec::new())));
    image.replay(&broker(1, 20).into()).unwrap();
    assert_eq!(image.nodes.broker(1), Some(&broker(1, 20)));
    image.replay(&UnfenceBrokerRecord { id: 1, epoch: 20 }.into()).unwrap();
    assert!(image.nodes.is_active(1));
    image.replay(&FenceBrokerRecord { id: 1, epoch: 20 }.into()).unwrap();
    assert!(!image.nodes.is_active(1));
    image.replay(&UnregisterBrokerRecord { broker_id: 1, broker_epoch: 20 }.into()).unwrap();
    assert_eq!(image.nodes.broker(1), None);
}

#[test]
fn registrations_are_equal_in_whatever_order_they_list_things() {
    let listener = |name: &str| RegistrationListener { name: name.into(), ..Default::default() };
    let feature = |name: &str| RegistrationFeature { name: name.into(), ..Default::default() };
    let registered = |names: [&str; 2]| {
        let (end_points, features) = (names.map(listener).to_vec(), names.map(feature).to_vec());
        let controller = RegisterControllerRecord {
            controller_id: 3,
            end_points: end_points.clone(),
            features: features.clone(),
            ..Default::default()
        };
        image([RegisterBrokerRecord { end_points, features, ..broker(1, 1) }.into(), controller.into()])
    };
    assert_eq!(registered(["a", "b"]), registered(["b", "a"]));
    assert_eq!(registered(["a", "b"]).nodes.controllers().next().unwrap().controller_id, 3);
}

#[test]
fn what_does_not_go_with_the_image_is_an_error() {
    let cases = [
        (UnregisterBrokerRecord { broker_id: 9, broker_epoch: 1 }.into(), "broker 9 is not registered"),
        (FenceBrokerRecord { id: 1, epoch: 9 }.into(), "the epoch of broker 1 is 10, not 9"),
        (topic("t", OTHER), "there is one of this name or id already"),
        (topic("u", TOPIC), "there is one of this name or id already"),
        (RemoveTopicRecord { topic_id: OTHER }.into(), "there is no topic of id AgICAgICAgICAgICAgICAg"),
        (partition(OTHER, 0, &[1]).into(), "there is no topic of id AgICAgICAgICAgICAgICAg"),
        (PartitionChangeRecord { partition_id: 7, ..no_change() }.into(), "topic t has no partition 7"),
        (ClearElrRecord { topic_name: "u".into() }.into(), "there is no topic named u"),
        (EndTransactionRecord {}.into(), "a transaction ends that has not begun"),
        (AbortTransactionRecord::default().into(), "a transaction ends that has not begun"),
    ];
    let mut before = one_partition();
    before.replay(&broker(1, 10).into()).unwrap();
    for (record, what) in cases {
        let mut image = before.clone();
        let error = image.replay(&record).unwrap_err().to_string();
        assert!(error.ends_with(what), "{record:?}: {error}");
        assert_eq!(image, before, "{record:?} changes nothing");
    }
}

#[test]
fn records_of_a_transaction_count_at_its_end() {
    let begin = || MetadataRecord::from(BeginTransactionRecord::default());
    let mut open = one_partition();
    open.replay(&begin()).unwrap();
    open.replay(&topic("u", OTHER)).unwrap();
    open.replay(&partition(OTHER, 0, &[1]).into()).unwrap();
    assert!(open.in_transaction());
    assert_eq!(open.topics, one_partition().topics);
    assert_eq!(open.replay(&begin()), Err(ReplayError::Nested));

    let mut aborted = open.clone();
    aborted.replay(&AbortTransactionRecord::default().into()).unwrap();
    assert_eq!(aborted, one_partition());

    let mut ended = open;
    ended.replay(&EndTransactionRecord {}.into()).unwrap();
    assert!(!ended.in_transaction());
    assert!(ended.topics.partition(OTHER, 0).is_some());
}

#[test]
fn what_is_not_acted_on_is_kept_until_it_is_removed() {
    let entity = |names: &[(&str, Option<&str>)]| {
        let part = |&(entity_type, entity_name): &(&str, Option<&str>)| {
            let (entity_type, entity_name) = (entity_type.to_owned(), entity_name.map(str::to_owned));
            QuotaEntity { entity_type, entity_name }
        };
        names.iter().map(part).collect()
    };
    let quota = |names: &[(&str, Option<&str>)], value, remove| ClientQuotaRecord {
        entity: entity(names),
        key: "producer_byte_rate".into(),
        value,
        remove,
    };
    let added: [MetadataRecord; 4] = [
        quota(&[("user", Some("u")), ("client-id", None)], 10.5, false).into(),
        AccessControlEntryRecord { id: TOPIC, principal: "User:u".into(), ..Default::default() }.into(),
        UserScramCredentialRecord { name: "u".into(), mechanism: 1, iterations: 4096, ..Default::default() }.into(),
        DelegationTokenRecord { token_id: "t".into(), owner: "u".into(), ..Default::default() }.into(),
    ];
    let removed: [MetadataRecord; 4] = [
        // The same client, named the other way round.
        quota(&[("client-id", None), ("user", Some("u"))], 0.0, true).into(),
        RemoveAccessControlEntryRecord { id: TOPIC }.into(),
        RemoveUserScramCredentialRecord { name: "u".into(), mechanism: 1 }.into(),
        RemoveDelegationTokenRecord { token_id: "t".into() }.into(),
    ];
    let mut image = image(added.clone());
    assert_eq!(image.to_records().collect::<Vec<_>>(), added);
    for (i, removed) in removed.iter().enumerate() {
        image.replay(removed).unwrap();
        assert_eq!(image.to_records().collect::<Vec<_>>(), added[i + 1..]);
    }
    assert_eq!(image, ClusterImage::default());
}

#[test]
fn producer_ids_go_on_where_the_last_block_ended() {
    let image = image([ProducerIdsRecord { broker_id: 1, broker_epoch: 10, next_producer_id: 1000 }.into()]);
    assert_eq!(image.next_producer_id, 1000);
    let MetadataRecord::ProducerIds(record) = image.to_records().next().unwrap() else { panic!("producer ids") };
    assert_eq!((record.broker_id, record.next_producer_id), (-1, 1000));
}

#[test]
fn a_copy_of_an_image_stays_as_it_is() {
    let copy = one_partition();
    let mut image = copy.clone();
    image.replay(&PartitionChangeRecord { leader: 2, ..no_change() }.into()).unwrap();
    image.replay(&broker(1, 10).into()).unwrap();
    assert_eq!(copy, one_partition());
}
