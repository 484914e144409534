//! What a broker has to do when one image follows another.

use ch00_wire::uuid::Uuid;
use ch04_controller::image::Change::*;
use ch04_controller::image::*;
use ch04_controller::records::*;

const TOPIC: Uuid = Uuid([1; 16]);
const OTHER: Uuid = Uuid([2; 16]);

fn replay(image: &ClusterImage, records: impl IntoIterator<Item = MetadataRecord>) -> ClusterImage {
    let mut image = image.clone();
    records.into_iter().for_each(|record| image.replay(&record).unwrap());
    image
}

/// A topic `t` with partitions on these brokers; the first of each leads.
fn topic(topic_id: Uuid, partitions: &[&[i32]]) -> Vec<MetadataRecord> {
    let mut records = vec![TopicRecord { name: "t".into(), topic_id }.into()];
    for (partition_id, replicas) in (0..).zip(partitions) {
        let partition = PartitionRecord {
            partition_id,
            topic_id,
            replicas: replicas.to_vec(),
            isr: replicas.to_vec(),
            leader: replicas[0],
            leader_epoch: 0,
            partition_epoch: 0,
            ..Default::default()
        };
        records.push(partition.into());
    }
    records
}

fn change(partition_id: i32) -> PartitionChangeRecord {
    PartitionChangeRecord { partition_id, topic_id: TOPIC, ..Default::default() }
}

fn leader(partition_id: i32, leader: i32) -> MetadataRecord {
    PartitionChangeRecord { leader, ..change(partition_id) }.into()
}

fn replicas(partition_id: i32, replicas: &[i32]) -> MetadataRecord {
    PartitionChangeRecord { replicas: Some(replicas.to_vec()), ..change(partition_id) }.into()
}

/// What broker 1 has to do about its copies.
fn partitions(before: &ClusterImage, after: &ClusterImage) -> Vec<(Uuid, i32, Change)> {
    difference(1, before, after).partitions
}

#[test]
fn to_a_broker_that_starts_everything_is_new() {
    let image = replay(&ClusterImage::default(), topic(TOPIC, &[&[1, 2], &[2, 1], &[2, 3]]));
    assert_eq!(partitions(&ClusterImage::default(), &image), [(TOPIC, 0, Lead), (TOPIC, 1, Follow)]);
}

#[test]
fn nothing_has_changed() {
    let image = replay(&ClusterImage::default(), topic(TOPIC, &[&[1, 2]]));
    assert_eq!(difference(1, &image, &image), Difference::default());
}

#[test]
fn what_becomes_of_a_copy() {
    let before = replay(&ClusterImage::default(), topic(TOPIC, &[&[1, 2, 3]]));
    let cases: [(&[MetadataRecord], Option<Change>); 10] = [
        (&[leader(0, 2)], Some(Follow)),
        (&[leader(0, NO_LEADER)], Some(Follow)),
        // Named again, it begins anew.
        (&[leader(0, 1)], Some(Lead)),
        // It has missed that another has led in between: everything it knows of its followers is out of date.
        (&[leader(0, 2), leader(0, 1)], Some(Lead)),
        (&[PartitionChangeRecord { isr: Some(vec![1]), ..change(0) }.into()], Some(Update)),
        (&[replicas(0, &[2, 1, 3])], Some(Update)),
        (&[replicas(0, &[2, 3])], Some(Remove)),
        // Removed and added again before it noticed: it keeps its copy.
        (&[replicas(0, &[2, 3]), replicas(0, &[1, 2, 3])], Some(Update)),
        (&[RemoveTopicRecord { topic_id: TOPIC }.into()], Some(Remove)),
        (&[NoOpRecord {}.into()], None),
    ];
    for (records, expected) in cases {
        let after = replay(&before, records.to_vec());
        let expected: Vec<_> = expected.into_iter().map(|change| (TOPIC, 0, change)).collect();
        assert_eq!(partitions(&before, &after), expected, "{records:?}");
    }
}

#[test]
fn a_replica_that_is_added_follows() {
    let before = replay(&ClusterImage::default(), topic(TOPIC, &[&[2, 3]]));
    let after = replay(&before, [replicas(0, &[2, 3, 1])]);
    assert_eq!(partitions(&before, &after), [(TOPIC, 0, Follow)]);
}

#[test]
fn partitions_that_are_added_are_new_and_the_others_are_not() {
    let before = replay(&ClusterImage::default(), topic(TOPIC, &[&[1], &[2]]));
    let after = replay(&before, topic(TOPIC, &[&[1], &[2], &[1]]).into_iter().skip(3));
    assert_eq!(partitions(&before, &after), [(TOPIC, 2, Lead)]);
}

#[test]
fn a_topic_of_the_same_name_is_another_and_the_old_one_goes_first() {
    let before = replay(&ClusterImage::default(), topic(TOPIC, &[&[1], &[1]]));
    let after = replay(&before, [RemoveTopicRecord { topic_id: TOPIC }.into()]);
    // The new topic's id sorts before and after the old one's.
    for id in [OTHER, Uuid([0; 16])] {
        let after = replay(&after, topic(id, &[&[1]]));
        let difference = difference(1, &before, &after);
        assert_eq!(difference.partitions, [(TOPIC, 0, Remove), (TOPIC, 1, Remove), (id, 0, Lead)]);
        assert_eq!(difference.deleted_topics, [TOPIC]);
    }
}

#[test]
fn a_topic_on_other_brokers_is_deleted_all_the_same() {
    let before = replay(&ClusterImage::default(), topic(TOPIC, &[&[2]]));
    let difference = difference(1, &before, &ClusterImage::default());
    assert_eq!((difference.partitions, difference.deleted_topics), (vec![], vec![TOPIC]));
}

#[test]
fn settings_that_are_others_now() {
    let set = |resource_type, resource_name: &str, value: Option<&str>| {
        let (resource_name, value) = (resource_name.to_owned(), value.map(str::to_owned));
        MetadataRecord::from(ConfigRecord { resource_type, resource_name, name: "k".into(), value })
    };
    let configs = |before: &ClusterImage, after: &ClusterImage| difference(1, before, after).configs;
    let mut before = replay(&ClusterImage::default(), topic(TOPIC, &[&[1]]));
    before = replay(&before, [set(TOPIC_RESOURCE, "t", Some("1")), set(BROKER_RESOURCE, "", Some("1"))]);
    assert_eq!(configs(&ClusterImage::default(), &before), [ConfigResource::topic("t"), ConfigResource::all_brokers()]);
    let after = replay(&before, [set(BROKER_RESOURCE, "", Some("1")), set(TOPIC_RESOURCE, "t", Some("2"))]);
    assert_eq!(configs(&before, &after), [ConfigResource::topic("t")]);
    let after = replay(&before, [set(BROKER_RESOURCE, "", None), set(BROKER_RESOURCE, "7", Some("1"))]);
    assert_eq!(configs(&before, &after), [ConfigResource::all_brokers(), ConfigResource::broker(7)]);
    let after = replay(&before, [RemoveTopicRecord { topic_id: TOPIC }.into()]);
    assert_eq!(configs(&before, &after), [], "they went with their topic");
}

#[test]
fn brokers_that_have_come_gone_or_changed() {
    let register = |broker_id, broker_epoch| {
        MetadataRecord::from(RegisterBrokerRecord { broker_id, broker_epoch, ..Default::default() })
    };
    let brokers = |before: &ClusterImage, after: &ClusterImage| difference(1, before, after).brokers;
    let before = replay(&ClusterImage::default(), (1..=3).map(|id| register(id, id.into())));
    assert_eq!(brokers(&ClusterImage::default(), &before), [1, 2, 3]);
    let unfenced = replay(&before, [UnfenceBrokerRecord { id: 2, epoch: 2 }.into()]);
    assert_eq!(brokers(&before, &unfenced), [2]);
    let gone = UnregisterBrokerRecord { broker_id: 3, broker_epoch: 3 };
    assert_eq!(brokers(&before, &replay(&before, [gone.into(), register(1, 9)])), [1, 3]);
}
