//! The difference between two images: what a broker has to do.
//!
//! A broker sees images, not records, and may miss some: between two that it sees, a partition may have had three leaders,
//! and a topic may have been deleted and created again. So topics are told apart by their ids, and leaderships by their
//! epochs. To a broker that has just started, everything is new: its older image is the empty one.

use std::collections::BTreeSet;
use std::sync::Arc;

use ch00_wire::uuid::Uuid;

use super::{ClusterImage, ConfigResource, PartitionRegistration, TOPIC_RESOURCE, Topic};

/// What a broker has to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Partitions by topic id and index, and what becomes of this broker's copy. Those of deleted topics come first: a
    /// new topic may have the name, and so the folders, of one that is gone.
    pub partitions: Vec<(Uuid, i32, Change)>,
    /// Topics that are gone.
    pub deleted_topics: Vec<Uuid>,
    /// Whose settings are others now; those of deleted topics are not listed.
    pub configs: Vec<ConfigResource>,
    /// Brokers that have come, gone, or changed.
    pub brokers: Vec<i32>,
}

/// What becomes of a broker's copy of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is to have none any more.
    Remove,
    /// It leads, in an epoch in which it did not lead before.
    Lead,
    /// Another leads, or nobody, in an epoch that is new to it.
    Follow,
    /// The epoch is the same; in-sync replicas, replicas or directories are not.
    Update,
}

/// What broker `me` has to do when the cluster, last seen as `before`, is `after`.
pub fn difference(me: i32, before: &ClusterImage, after: &ClusterImage) -> Difference {
    todo!("exercise image-difference")
}

/// What becomes of a copy, by how its partition was and is, if it was or is there; `None`: nothing.
fn change(me: i32, before: Option<&PartitionRegistration>, after: Option<&PartitionRegistration>) -> Option<Change> {
    todo!("exercise image-difference")
}

/// What becomes of the copies of a topic's partitions.
fn changes(me: i32, before: Option<&Arc<Topic>>, after: Option<&Arc<Topic>>) -> Vec<(Uuid, i32, Change)> {
    // A topic never has fewer partitions than it had: where there is a newer one, it has them all.
    let topic = after.or(before).expect("one of the images has the topic");
    let of_partition = |index: &i32| {
        let [before, after] = [before, after].map(|topic| topic.and_then(|topic| topic.partitions.get(index)));
        Some((topic.id, *index, change(me, before, after)?))
    };
    topic.partitions.keys().filter_map(of_partition).collect()
}

fn changed_configs(before: &ClusterImage, after: &ClusterImage) -> Vec<ConfigResource> {
    let all = before.configs.resources().chain(after.configs.resources()).map(|(resource, _)| resource);
    let all: BTreeSet<&ConfigResource> = all.collect();
    let is_gone = |resource: &ConfigResource| {
        resource.resource_type == TOPIC_RESOURCE && after.topics.by_name(&resource.name).is_none()
    };
    let changed = |resource: &&ConfigResource| before.configs.of(resource) != after.configs.of(resource);
    all.into_iter().filter(|resource| !is_gone(resource)).filter(changed).cloned().collect()
}

fn changed_brokers(before: &ClusterImage, after: &ClusterImage) -> Vec<i32> {
    let all = before.nodes.brokers().chain(after.nodes.brokers()).map(|broker| broker.broker_id);
    let all: BTreeSet<i32> = all.collect();
    all.into_iter().filter(|&id| before.nodes.broker(id) != after.nodes.broker(id)).collect()
}
