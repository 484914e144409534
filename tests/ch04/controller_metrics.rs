//! What operators watch of the controller: what is counted in the cluster, and where leaders come from.

use ch00_wire::uuid::Uuid;
use ch04_controller::controller_metrics::{ClusterCounts, ElectedFrom, elected_by};
use ch04_controller::image::ClusterImage;
use ch04_controller::records::*;

use crate::controller_support::image;

const TOPIC: Uuid = Uuid([1; 16]);

/// A topic with partitions that have copies on 1, 2 and 3, in this order; each is led by one of them, or nobody.
fn cluster(leaders: &[i32]) -> ClusterImage {
    let topic = TopicRecord { name: "t".into(), topic_id: TOPIC }.into();
    let partition = |(partition_id, &leader): (i32, &i32)| {
        let record = PartitionRecord {
            partition_id,
            topic_id: TOPIC,
            replicas: vec![1, 2, 3],
            isr: if leader < 0 { Vec::new() } else { vec![leader, 2] },
            eligible_leader_replicas: Some(vec![3]),
            leader,
            ..Default::default()
        };
        record.into()
    };
    image(&[vec![topic], (0..).zip(leaders).map(partition).collect()].concat())
}

fn change(partition_id: i32, leader: i32) -> MetadataRecord {
    PartitionChangeRecord { partition_id, topic_id: TOPIC, leader, ..Default::default() }.into()
}

#[test]
fn what_is_wrong_is_counted() {
    let mut image = cluster(&[1, 2, -1, 1]);
    for (broker_id, fenced) in [(1, false), (2, true), (3, false)] {
        image.replay(&RegisterBrokerRecord { broker_id, fenced, ..Default::default() }.into()).unwrap();
    }
    let counts = ClusterCounts::of(&image);
    assert_eq!((counts.active_brokers, counts.fenced_brokers), (2, 1));
    assert_eq!((counts.topics, counts.partitions), (1, 4));
    assert_eq!((counts.offline, counts.imbalanced), (1, 2), "who has no leader has not the preferred one either");
    assert_eq!(ClusterCounts::of(&ClusterImage::default()), ClusterCounts::default());
}

#[test]
fn a_leader_comes_from_the_isr_from_the_eligible_or_from_the_rest() {
    let image = cluster(&[1, -1]);
    let elected = |record: MetadataRecord| elected_by(&image, &record);
    assert_eq!(elected(change(0, 2)), Some(ElectedFrom::Isr));
    assert_eq!(elected(change(1, 3)), Some(ElectedFrom::EligibleReplicas));
    assert_eq!(elected(change(1, 1)), Some(ElectedFrom::Rest));
    assert_eq!(elected(change(0, 1)), None, "it leads already: a new epoch, and no election");
    assert_eq!(elected(change(0, NO_LEADER)), None);
    assert_eq!(elected(change(0, NO_LEADER_CHANGE)), None);
    assert_eq!(elected(change(7, 1)), None, "no such partition");
}
