//! What brokers of the chapters before have left becomes records.

use std::collections::BTreeMap;

use ch00_wire::uuid::Uuid;
use ch04_controller::controller::{EarlierPartition, EarlierTopic, EarlierTopics, taken_over};
use ch04_controller::image::{ClusterImage, ConfigResource};
use ch04_controller::records::{MetadataRecord, NO_LEADER};

const ID: Uuid = Uuid([7; 16]);

fn settings(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn earlier() -> EarlierTopics {
    let partitions = vec![
        EarlierPartition { replicas: vec![1], epoch: 4 },
        EarlierPartition { replicas: vec![2, 3, 1], epoch: 1007 },
    ];
    let topic = EarlierTopic { id: ID, settings: settings(&[("retention.ms", "5")]), partitions };
    EarlierTopics {
        topics: BTreeMap::from([("t".to_owned(), topic)]),
        brokers: BTreeMap::from([(String::new(), settings(&[("log.retention.ms", "9")]))]),
        next_producer_id: 3000,
    }
}

fn image(records: &[MetadataRecord]) -> ClusterImage {
    let mut image = ClusterImage::default();
    records.iter().for_each(|record| image.replay(record).unwrap());
    image
}

#[test]
fn topics_settings_and_producer_ids_become_records() {
    let image = image(&taken_over(&earlier(), &ClusterImage::default()));
    let topic = image.topics.by_name("t").unwrap();
    assert_eq!(topic.id, ID);
    assert_eq!(image.configs.of(&ConfigResource::topic("t")), Some(&settings(&[("retention.ms", "5")])));
    assert_eq!(image.configs.of(&ConfigResource::all_brokers()), Some(&settings(&[("log.retention.ms", "9")])));
    assert_eq!(image.next_producer_id, 3000);
}

#[test]
fn only_a_single_copy_counts_as_in_sync_and_nobody_leads_yet() {
    let image = image(&taken_over(&earlier(), &ClusterImage::default()));
    let partitions = &image.topics.by_name("t").unwrap().partitions;
    let seen: Vec<_> = partitions.values().map(|p| (&p.replicas[..], &p.isr[..], p.leader, p.leader_epoch)).collect();
    assert_eq!(seen, [(&[1][..], &[1][..], NO_LEADER, 4), (&[2, 3, 1][..], &[][..], NO_LEADER, 1007)]);
}

#[test]
fn what_the_log_knows_counts() {
    let known = taken_over(&earlier(), &ClusterImage::default());
    let before = image(&known);
    assert_eq!(taken_over(&earlier(), &before), [], "everything is there already");
    let mut other = earlier();
    other.topics.get_mut("t").unwrap().partitions.truncate(1);
    other.brokers.insert(String::new(), settings(&[("log.retention.ms", "1"), ("log.segment.bytes", "2000000")]));
    other.next_producer_id = 1000;
    let mut after = before.clone();
    for record in taken_over(&other, &before) {
        after.replay(&record).unwrap();
    }
    assert_eq!(after.topics, before.topics);
    let both = settings(&[("log.retention.ms", "9"), ("log.segment.bytes", "2000000")]);
    assert_eq!(after.configs.of(&ConfigResource::all_brokers()), Some(&both));
    assert_eq!(after.next_producer_id, 3000);
}

#[test]
fn a_topic_of_the_same_name_or_id_is_not_created_twice() {
    let before = image(&taken_over(&earlier(), &ClusterImage::default()));
    let mut same_name = earlier();
    same_name.topics.get_mut("t").unwrap().id = Uuid([8; 16]);
    assert_eq!(taken_over(&same_name, &before), []);
    let mut same_id = earlier();
    let topic = same_id.topics.remove("t").unwrap();
    same_id.topics.insert("renamed".to_owned(), topic);
    assert_eq!(taken_over(&same_id, &before), []);
}
