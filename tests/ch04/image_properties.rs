//! Properties of images, over histories that grow by chance: each choice is made into a record that goes with the image at
//! that moment.

use std::collections::BTreeMap;

use ch00_wire::uuid::Uuid;
use ch04_controller::image::*;
use ch04_controller::records::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// Four bytes that say what happens next.
type Choice = [u8; 4];

/// Brokers 0 to 3: few, so that they meet.
fn replicas(bits: u8) -> Vec<i32> {
    let chosen: Vec<i32> = (0..4).filter(|id| bits >> id & 1 == 1).collect();
    if chosen.is_empty() { vec![i32::from(bits % 4)] } else { chosen }
}

fn directories(replicas: &[i32]) -> Vec<Uuid> {
    replicas.iter().map(|&id| Uuid([id as u8 + 1; 16])).collect()
}

/// One of a few.
fn pick<T>(items: impl IntoIterator<Item = T>, choice: u8) -> Option<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    (!items.is_empty()).then(|| items.swap_remove(choice as usize % items.len()))
}

/// The record that a choice stands for, at a moment; `None`: at this moment it stands for nothing.
fn record(image: &ClusterImage, at: usize, [kind, a, b, c]: Choice) -> Option<MetadataRecord> {
    let topic = || pick(image.topics.iter().cloned(), a);
    let registered = || pick(image.nodes.brokers().map(|broker| (broker.broker_id, broker.broker_epoch)), a);
    let nullable = |bit: u8, of: u8| (c >> bit & 1 == 1).then(|| replicas(of));
    Some(match kind % 16 {
        0 => {
            let name = format!("topic-{}", a % 4);
            image.topics.by_name(&name).is_none().then_some(())?;
            let mut id = [0; 16];
            id[..8].copy_from_slice(&(at as u64 + 1).to_be_bytes());
            TopicRecord { name, topic_id: Uuid(id) }.into()
        }
        1 | 2 => {
            let (topic, replicas) = (topic()?, replicas(b));
            PartitionRecord {
                partition_id: topic.partitions.len() as i32,
                topic_id: topic.id,
                isr: replicas.clone(),
                leader: replicas[0],
                leader_epoch: 0,
                partition_epoch: 0,
                directories: directories(&replicas),
                replicas,
                ..Default::default()
            }
            .into()
        }
        3..=7 => {
            let topic = topic()?;
            let replicas = nullable(0, a.wrapping_add(c));
            PartitionChangeRecord {
                partition_id: pick(topic.partitions.keys().copied(), b)?,
                topic_id: topic.id,
                directories: replicas.as_deref().map(directories),
                replicas,
                isr: nullable(1, b),
                leader: i32::from(b % 6) - 2,
                eligible_leader_replicas: nullable(2, a).filter(|_| c & 8 == 0).or(nullable(2, 0).map(|_| Vec::new())),
                last_known_elr: nullable(4, a),
                adding_replicas: nullable(5, b),
                removing_replicas: nullable(6, a),
                leader_recovery_state: (c % 3) as i8 - 1,
            }
            .into()
        }
        8 if b % 4 == 0 => RemoveTopicRecord { topic_id: topic()?.id }.into(),
        9 => {
            let fenced = b & 1 == 1;
            RegisterBrokerRecord { broker_id: i32::from(a % 4), broker_epoch: at as i64, fenced, ..Default::default() }
                .into()
        }
        10 => {
            let (broker_id, broker_epoch) = registered()?;
            BrokerRegistrationChangeRecord {
                broker_id,
                broker_epoch,
                fenced: (b % 3) as i8 - 1,
                in_controlled_shutdown: (c & 1) as i8,
                log_dirs: directories(&replicas(c)),
                cordoned_log_dirs: (c & 2 == 2).then(Vec::new),
            }
            .into()
        }
        11 => {
            let (broker_id, broker_epoch) = registered()?;
            UnregisterBrokerRecord { broker_id, broker_epoch }.into()
        }
        12 => {
            let (resource_name, value) = (format!("topic-{}", a % 5), (c & 1 == 1).then(|| b.to_string()));
            ConfigRecord { resource_type: TOPIC_RESOURCE, resource_name, name: format!("key-{}", b % 3), value }.into()
        }
        13 => {
            let (name, lowest) = [("metadata.version", 28), ("a", 0), ("z", 0)][a as usize % 3];
            FeatureLevelRecord { name: name.into(), feature_level: lowest + i16::from(b % 3) }.into()
        }
        14 => ProducerIdsRecord { broker_id: 1, broker_epoch: 1, next_producer_id: (at as i64 + 1) * 1000 }.into(),
        _ => match b % 4 {
            0 => ClearElrRecord { topic_name: String::new() }.into(),
            1 => RegisterControllerRecord { controller_id: i32::from(a % 3), ..Default::default() }.into(),
            2 => AccessControlEntryRecord { id: Uuid([a % 3; 16]), ..Default::default() }.into(),
            _ => {
                let acls = image.to_records().filter_map(|record| match record {
                    MetadataRecord::AccessControlEntry(acl) => Some(acl.id),
                    _ => None,
                });
                RemoveAccessControlEntryRecord { id: pick(acls, a)? }.into()
            }
        },
    })
}

/// The images of a history, the empty one first.
fn history(choices: &[Choice]) -> Vec<ClusterImage> {
    let mut images = vec![ClusterImage::default()];
    for (at, &choice) in choices.iter().enumerate() {
        let mut image = images.last().unwrap().clone();
        if let Some(record) = record(&image, at, choice) {
            // On the wire and back: an image is never told what a log could not.
            let record = MetadataRecord::decode(record.encode()).unwrap();
            image.replay(&record).unwrap_or_else(|e| panic!("{record:?}: {e}"));
            images.push(image);
        }
    }
    images
}

/// What a broker holds of a partition.
#[derive(Debug, PartialEq)]
struct Held {
    leads: bool,
    leader_epoch: i32,
    partition_epoch: i32,
}

/// What broker 1 holds when it has done what differences said.
fn obey(copies: &mut BTreeMap<(Uuid, i32), Held>, difference: &Difference, after: &ClusterImage) {
    for &(topic, index, change) in &difference.partitions {
        if change == Change::Remove {
            assert!(copies.remove(&(topic, index)).is_some(), "only what is there can be removed");
            continue;
        }
        let partition = after.topics.partition(topic, index).unwrap();
        let leads = partition.leader == 1;
        let copy = Held { leads, leader_epoch: partition.leader_epoch, partition_epoch: partition.partition_epoch };
        let before = copies.insert((topic, index), copy);
        match change {
            Change::Lead => assert!(leads),
            Change::Follow => assert!(!leads),
            _ => assert_eq!(before.unwrap().leader_epoch, partition.leader_epoch, "the same leadership"),
        }
    }
}

/// What broker 1 should hold according to an image.
fn copies(image: &ClusterImage) -> BTreeMap<(Uuid, i32), Held> {
    let mine = image.topics.partitions().filter(|partition| partition.replicas.contains(&1));
    mine.map(|p| {
        let copy = Held { leads: p.leader == 1, leader_epoch: p.leader_epoch, partition_epoch: p.partition_epoch };
        ((p.topic_id, p.partition_id), copy)
    })
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_gives_the_image_back(choices in vec(any::<Choice>(), 0..200)) {
        let image = history(&choices).pop().unwrap();
        let mut again = ClusterImage::default();
        for record in image.to_records() {
            let record = MetadataRecord::decode(record.encode()).unwrap();
            again.replay(&record).unwrap();
        }
        prop_assert_eq!(&again, &image);
        prop_assert_eq!(again.to_records().collect::<Vec<_>>(), image.to_records().collect::<Vec<_>>());
    }

    #[test]
    fn a_broker_that_misses_images_ends_where_the_others_do(
        choices in vec(any::<Choice>(), 0..200),
        seen in vec(any::<bool>(), 200),
    ) {
        let images = history(&choices);
        let mut held = BTreeMap::new();
        let mut before = &images[0];
        let last = images.len() - 1;
        for (i, after) in images.iter().enumerate().filter(|&(i, _)| i == last || seen[i]) {
            let difference = difference(1, before, after);
            obey(&mut held, &difference, after);
            prop_assert_eq!(&held, &copies(after), "at image {}", i);
            before = after;
        }
    }

    #[test]
    fn epochs_of_a_partition_only_rise(choices in vec(any::<Choice>(), 0..200)) {
        for images in history(&choices).windows(2) {
            for old in images[0].topics.partitions() {
                let Some(new) = images[1].topics.partition(old.topic_id, old.partition_id) else { continue };
                prop_assert!(new.leader_epoch >= old.leader_epoch);
                prop_assert!(new == old || new.partition_epoch == old.partition_epoch + 1);
                prop_assert!(new.leader == old.leader || new.leader_epoch == old.leader_epoch + 1);
            }
        }
    }
}
