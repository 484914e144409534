//! A decision in the making: its records so far, and the cluster as it will be with them.
//!
//! What is decided later in a command counts with what was decided before: a broker that is fenced by the first record
//! leads nothing in those that follow. Nothing of it is known outside until the draft is done.

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch01_log::partition::PartitionError;

use super::partition_change::{Circumstances, Target, change};
use super::{Controller, ControllerSettings, Election, MAX_RECORDS_PER_BATCH, Outcome, compared, most_complete};
use crate::image::{BrokerRegistration, ClusterImage, ConfigResource, PartitionRegistration};
use crate::records::{MetadataRecord, NO_LEADER};

/// The feature that says whether eligible leader replicas are kept.
pub(super) const ELR_VERSION: &str = "eligible.leader.replicas.version";

/// A replica whose directory its broker has not chosen yet.
pub(super) const UNASSIGNED: Uuid = Uuid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
/// A replica whose directory has failed.
pub(super) const LOST: Uuid = Uuid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);

/// A decision in the making.
pub(super) struct Draft<'a> {
    pub(super) controller: &'a Controller,
    /// The cluster as it will be.
    pub(super) image: ClusterImage,
    records: Vec<MetadataRecord>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(controller: &'a Controller) -> Draft<'a> {
        Draft { controller, image: controller.image.clone(), records: Vec::new() }
    }

    /// Decides on a record.
    pub(super) fn write(&mut self, record: impl Into<MetadataRecord>) {
        let record = record.into();
        self.image.replay(&record).unwrap_or_else(|e| panic!("a command decided what cannot be: {record:?}: {e}"));
        self.records.push(record);
    }

    /// How many records have been decided on.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether nothing has been decided yet.
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether one client may decide on so many records more.
    pub(super) fn check_room(&self, more: usize) -> Result<(), PartitionError> {
        match self.records.len() + more <= MAX_RECORDS_PER_BATCH {
            true => Ok(()),
            false => Err(refusal(
                ErrorCode::POLICY_VIOLATION,
                format!("one request may change at most {MAX_RECORDS_PER_BATCH} things"),
            )),
        }
    }

    /// The decision.
    pub(super) fn done<R>(self, reply: R) -> Outcome<R> {
        Outcome::new(self.records, reply)
    }

    /// The decision; without its records if it was only to be checked.
    pub(super) fn done_unless<R>(self, validate_only: bool, reply: R) -> Outcome<R> {
        if validate_only { Outcome::nothing(reply) } else { self.done(reply) }
    }

    // ANCHOR: change_partition
    /// Changes a partition as `edit` says, with everything that follows from it; whether anything changes.
    pub(super) fn change(&mut self, topic_id: Uuid, index: i32, edit: impl FnOnce(&mut Target)) -> bool {
        let topic = self.image.topics.get(topic_id).expect("whoever changes a partition has looked it up");
        let partition = &topic.partitions[&index];
        let election = if self.is_unclean_allowed(&topic.name) { Election::Unclean } else { Election::Online };
        let mut target = Target::of(partition, election);
        edit(&mut target);
        let directories = target.directories.clone();
        let is_alive = |broker| self.can_lead(broker, directories.get(&broker).copied());
        let ends = self.controller.log_ends.of(topic_id, index);
        let replicas = target.replicas.clone();
        let circumstances = Circumstances {
            is_alive: &is_alive,
            most_complete: &|had_everything| {
                let compared = compared(&replicas, &self.registered(had_everything), is_alive);
                most_complete(&compared, &ends, is_alive)
            },
            default_directory: &|broker| self.default_directory(broker),
            min_isr: self.min_isr(&topic.name),
            elr_enabled: self.is_elr_enabled(),
        };
        let Some(change) = change(partition, target, &circumstances) else { return false };
        self.write(change);
        self.check_invariants(&self.image.topics.get(topic_id).expect("it was there before").partitions[&index]);
        true
    }
    // ANCHOR_END: change_partition

    fn check_invariants(&self, partition: &PartitionRegistration) {
        let PartitionRegistration { replicas, isr, leader, .. } = partition;
        assert!(!replicas.is_empty(), "a partition has replicas: {partition:?}");
        assert!(isr.iter().all(|replica| replicas.contains(replica)), "who is in sync has a copy: {partition:?}");
        assert!(*leader == NO_LEADER || isr.contains(leader), "who leads is in sync: {partition:?}");
        assert!(!partition.elr().iter().any(|replica| isr.contains(replica)), "in sync, or eligible: {partition:?}");
    }

    /// Whether a broker is registered, not fenced, and not about to stop.
    pub(super) fn is_active(&self, broker: i32) -> bool {
        self.image.nodes.broker(broker).is_some_and(|broker| !broker.fenced && !broker.in_controlled_shutdown)
    }

    /// Those that may come back; who was unregistered will not.
    pub(super) fn registered(&self, brokers: &[i32]) -> Vec<i32> {
        brokers.iter().copied().filter(|&broker| self.image.nodes.broker(broker).is_some()).collect()
    }

    /// Whether a broker is there to lead a partition of which it has a copy in `directory`.
    pub(super) fn can_lead(&self, broker: i32, directory: Option<Uuid>) -> bool {
        let registration = self.image.nodes.broker(broker);
        let is_online = |broker: &BrokerRegistration| directory.is_none_or(|dir| is_online(broker, dir));
        self.is_active(broker) && registration.is_some_and(is_online)
    }

    /// The directory of a new copy: the one that the broker has, else it chooses itself.
    pub(super) fn default_directory(&self, broker: i32) -> Uuid {
        let Some(broker) = self.image.nodes.broker(broker) else { return UNASSIGNED };
        let cordoned = broker.cordoned_log_dirs.as_deref().unwrap_or_default();
        let mut usable = broker.log_dirs.iter().filter(|directory| !cordoned.contains(directory));
        match (usable.next(), usable.next()) {
            (Some(&only), None) => only,
            _ => UNASSIGNED,
        }
    }

    pub(super) fn is_elr_enabled(&self) -> bool {
        self.image.features.level(ELR_VERSION) >= 1
    }

    /// `min.insync.replicas` of a topic, at most as many as it has replicas.
    fn min_isr(&self, topic: &str) -> usize {
        let copies = self.image.topics.by_name(topic).and_then(|topic| Some(topic.partitions.get(&0)?.replicas.len()));
        let configured = self.setting(topic, "min.insync.replicas").and_then(|value| value.parse().ok());
        configured.unwrap_or(self.settings().min_insync_replicas).min(copies.unwrap_or(usize::MAX))
    }

    /// Whether a topic would rather have a leader than all its records.
    pub(super) fn is_unclean_allowed(&self, topic: &str) -> bool {
        let configured = self.setting(topic, "unclean.leader.election.enable").map(|value| value == "true");
        configured.unwrap_or(self.settings().unclean_leader_election_enable)
    }

    fn settings(&self) -> &ControllerSettings {
        &self.controller.settings
    }

    /// A setting that a topic has of its own, or as all do.
    fn setting(&self, topic: &str, key: &str) -> Option<&str> {
        let of = |resource| self.image.configs.of(&resource).and_then(|settings| settings.get(key));
        of(ConfigResource::topic(topic)).or_else(|| of(ConfigResource::all_brokers())).map(String::as_str)
    }

    /// The directories of a broker's copies, by partition.
    pub(super) fn directories_of(&self, broker: i32) -> BTreeMap<(Uuid, i32), Uuid> {
        let partitions = self.controller.index.of_broker(broker);
        let directory = |(id, index)| Some(((id, index), self.image.topics.partition(id, index)?.directory(broker)?));
        partitions.filter_map(directory).collect()
    }
}

/// Whether a copy in a directory can be read. Copies whose directory is not known are where their broker is.
fn is_online(broker: &BrokerRegistration, directory: Uuid) -> bool {
    directory == Uuid::ZERO || directory == UNASSIGNED || directory != LOST && broker.log_dirs.contains(&directory)
}

/// An error with words.
pub(super) fn refusal(code: ErrorCode, why: impl Into<String>) -> PartitionError {
    PartitionError { code, message: Some(why.into()) }
}

/// What stands in a request more than once.
pub(super) fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    names.filter(|name| !seen.insert(*name)).collect()
}
