//! A controller and what is around it: whatever it decides is replayed at once, and offsets count.

#![allow(dead_code)]

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch01_log::partition::PartitionError;
use ch04_controller::controller::*;
use ch04_controller::image::*;
use ch04_controller::messages::*;
use ch04_controller::records::*;

/// The cluster of all tests.
pub const CLUSTER: &str = "MkU3OEVBNTcwNTJENDM2Qg";

/// Settings mean nothing here, but for one that is refused.
pub struct Rules;

impl ConfigRules for Rules {
    fn check(&self, _: &ConfigResource, _: &Settings, after: &Settings) -> Result<(), PartitionError> {
        match after.get("retention.ms").is_some_and(|value| value.parse::<i64>().is_err()) {
            true => Err(PartitionError { code: ErrorCode::INVALID_CONFIG, message: Some("no number".to_owned()) }),
            false => Ok(()),
        }
    }

    fn list(&self, _: &ConfigResource, key: &str) -> Option<String> {
        (key == "cleanup.policy").then(|| "delete".to_owned())
    }
}

/// Kafka's defaults.
pub fn settings() -> ControllerSettings {
    ControllerSettings::new(CLUSTER, Arc::new(Rules))
}

/// A controller, its log so far, and the time.
pub struct Driven {
    /// The machine.
    pub controller: Controller,
    /// The log.
    pub log: Vec<MetadataRecord>,
    /// Milliseconds.
    pub now: i64,
}

impl Driven {
    /// A new cluster.
    pub fn new(settings: ControllerSettings) -> Driven {
        let log = bootstrap(&settings);
        Driven { controller: Controller::new(settings.clone(), image(&log), 1, 0), log, now: 0 }
    }

    /// Gives a command, and replays what it decides.
    pub fn give<R>(&mut self, command: impl FnOnce(&mut Controller, At) -> Outcome<R>) -> (Vec<MetadataRecord>, R) {
        let before = self.controller.image().clone();
        let at = At { now: self.now, offset: self.log.len() as i64 };
        let Outcome { records, reply } = command(&mut self.controller, at);
        assert_eq!(self.controller.image(), &before, "a command changes nothing of what is known");
        for record in &records {
            self.controller.replay(record).unwrap_or_else(|e| panic!("{record:?}: {e}"));
        }
        self.log.extend(records.iter().cloned());
        (records, reply)
    }

    /// A broker registers with the first broker epoch that is free; `previous_epoch` if it stopped cleanly.
    pub fn register(&mut self, id: i32, previous_epoch: Option<i64>, rack: Option<&str>) -> BrokerRegistrationResponse {
        let mut incarnation = [0; 16];
        incarnation[..8].copy_from_slice(&(self.log.len() as u64).to_be_bytes());
        self.give(|controller, at| {
            controller.register_broker(at, &registration(id, Uuid(incarnation), previous_epoch, rack))
        })
        .1
    }

    /// A broker that has read everything says that it lives.
    pub fn heartbeat(&mut self, id: i32) -> BrokerHeartbeatResponse {
        let request = self.heartbeat_of(id);
        self.give(|controller, at| controller.heartbeat(at, &request)).1
    }

    /// The heartbeat of a broker that has read everything.
    pub fn heartbeat_of(&self, id: i32) -> BrokerHeartbeatRequest {
        BrokerHeartbeatRequest {
            broker_id: id,
            broker_epoch: self.epoch(id),
            current_metadata_offset: self.log.len() as i64 - 1,
            ..Default::default()
        }
    }

    /// A broker's epoch.
    pub fn epoch(&self, id: i32) -> i64 {
        self.controller.image().nodes.broker(id).map_or(-1, |broker| broker.broker_epoch)
    }

    /// A partition of a topic.
    pub fn partition(&self, topic: &str, index: i32) -> PartitionRegistration {
        self.controller.image().topics.by_name(topic).expect("the topic").partitions[&index].clone()
    }
}

/// The image of records.
pub fn image(records: &[MetadataRecord]) -> ClusterImage {
    let mut image = ClusterImage::default();
    records.iter().for_each(|record| image.replay(record).unwrap());
    image
}

/// What a broker sends when it starts. Its only directory has its id in every byte.
pub fn registration(
    broker_id: i32,
    incarnation_id: Uuid,
    previous_epoch: Option<i64>,
    rack: Option<&str>,
) -> BrokerRegistrationRequest {
    BrokerRegistrationRequest {
        broker_id,
        cluster_id: CLUSTER.to_owned(),
        incarnation_id,
        features: supported_features(),
        rack: rack.map(str::to_owned),
        log_dirs: vec![Uuid([broker_id as u8; 16])],
        previous_broker_epoch: previous_epoch.unwrap_or(-1),
        ..Default::default()
    }
}
