//! The world: a controller, its log, brokers, and what happens next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ch00_wire::uuid::Uuid;
use ch01_log::messages::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use ch04_controller::controller::*;
use ch04_controller::image::{ClusterImage, PartitionRegistration};
use ch04_controller::messages::*;
use ch04_controller::records::*;

use super::brokers::Broker;
use crate::ch00_support_random::Random;
use crate::controller_support::{Rules, image, registration, settings};

/// A partition's topic and index.
pub type Key = (Uuid, i32);

/// What is done wrong around the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A broker says that it stopped cleanly, whatever happened.
    AlwaysClean,
    /// A leader acknowledges although fewer than `min.insync.replicas` are in sync.
    TooFewInSync,
    /// A leader does not wait for a replica that it has asked to let in.
    IgnoresWhoJoins,
    /// A broker that starts goes on with what its earlier process led.
    LeadsUnregistered,
    /// Brokers act on what is not committed.
    ReadsUncommitted,
    /// The driver gives a command before it has replayed the decision before.
    RepliesLate,
}

impl Fault {
    pub const ALL: [Fault; 6] = [
        Fault::AlwaysClean,
        Fault::TooFewInSync,
        Fault::IgnoresWhoJoins,
        Fault::LeadsUnregistered,
        Fault::ReadsUncommitted,
        Fault::RepliesLate,
    ];
}

pub struct World {
    pub random: Random,
    pub fault: Option<Fault>,
    pub controller: Controller,
    /// All decisions, each atomic.
    pub log: Vec<Vec<MetadataRecord>>,
    /// The last decision, if it is not replayed yet.
    late: Option<Vec<MetadataRecord>>,
    /// How many of them are committed.
    pub committed: usize,
    /// What the committed ones add up to.
    pub committed_image: ClusterImage,
    pub brokers: BTreeMap<i32, Broker>,
    pub now: i64,
    /// Records that were acknowledged and that some log still has, by partition.
    pub acknowledged: BTreeMap<Key, BTreeSet<u64>>,
    /// Who has lost the end of a log, and which processes were registered then: until the controller knows of the next
    /// one, it counts on what is not there.
    pub lost: BTreeMap<(i32, Key), Vec<Uuid>>,
    /// Who leads, by partition and epoch.
    pub leaders: BTreeMap<(Key, i32), i32>,
    /// Questions that are on their way.
    pub asks: Vec<AskLogEnd>,
    pub next_record: u64,
    pub acknowledged_ever: u64,
    pub elections: u64,
    pub compared: u64,
}

impl World {
    pub fn new(seed: u64, fault: Option<Fault>) -> World {
        let settings = simulated();
        let first = bootstrap(&settings);
        let committed_image = image(&first);
        let mut world = World {
            random: Random::new(seed + 1),
            fault,
            controller: Controller::new(settings, committed_image.clone(), seed, 0),
            log: vec![first],
            late: None,
            committed: 1,
            committed_image,
            brokers: (1..=4).map(|id| (id, Broker::new(id))).collect(),
            now: 0,
            acknowledged: BTreeMap::new(),
            lost: BTreeMap::new(),
            leaders: BTreeMap::new(),
            asks: Vec::new(),
            next_record: 0,
            acknowledged_ever: 0,
            elections: 0,
            compared: 0,
        };
        for id in 1..=4 {
            world.start(id);
            world.register(id);
            world.commit();
            world.read(id, usize::MAX);
            world.heartbeat(id);
        }
        world.create_topics();
        world.commit();
        world
    }

    fn create_topics(&mut self) {
        let topic = |(name, min, copies): (&str, &str, i16)| CreatableTopic {
            name: name.to_owned(),
            num_partitions: 2,
            replication_factor: copies,
            configs: vec![CreatableTopicConfig { name: "min.insync.replicas".to_owned(), value: Some(min.to_owned()) }],
            ..Default::default()
        };
        let topics = [("one", "1", 2), ("two", "2", 3)].map(topic).to_vec();
        let request = CreateTopicsRequest { topics, ..Default::default() };
        self.give(|controller, at| controller.create_topics(at, &request));
    }

    /// Gives a command, appends what it decides, and replays it.
    pub fn give<R>(&mut self, command: impl FnOnce(&mut Controller, At) -> Outcome<R>) -> R {
        let late = self.late.take();
        let before = self.controller.image().clone();
        let at = self.at();
        let outcome = command(&mut self.controller, at);
        for record in late.into_iter().flatten() {
            self.controller.replay(&record).unwrap_or_else(|e| panic!("{record:?}: {e}"));
        }
        if !outcome.records.is_empty() {
            if self.fault == Some(Fault::RepliesLate) {
                self.late = Some(outcome.records.clone());
            } else {
                outcome.records.iter().for_each(|record| self.controller.replay(record).unwrap());
            }
            self.log.push(outcome.records);
            self.check_decision(&before);
        }
        outcome.reply
    }

    /// Now, and at the end of the log.
    pub fn at(&self) -> At {
        At { now: self.now, offset: self.log.iter().map(|batch| batch.len() as i64).sum() }
    }

    /// One thing happens.
    pub fn step(&mut self) {
        let id = 1 + self.random.below(4) as i32;
        match self.random.below(200) {
            0..24 => self.append(id),
            24..80 => self.fetch(id),
            80..84 => self.flush(id),
            84..98 => self.propose(id),
            98..126 => {
                let most = 1 + self.random.below(6);
                self.read(id, most);
            }
            126..146 => self.heartbeat(id),
            146..158 => self.register(id),
            158..178 => self.commit(),
            178..181 => self.stop(id),
            181..187 => self.start(id),
            187..191 => self.tick(),
            191..195 => self.answer(),
            195..196 => self.another_controller(),
            196..198 => self.move_copies(),
            _ => self.elect_preferred(),
        }
        self.check();
    }

    pub fn commit(&mut self) {
        for batch in &self.log[self.committed..] {
            batch.iter().for_each(|record| self.committed_image.replay(record).unwrap());
        }
        self.committed = self.log.len();
        let registered: BTreeMap<i32, Vec<Uuid>> = (1..=4).map(|id| (id, self.registered(id))).collect();
        self.lost.retain(|(id, _), processes| registered[id].iter().any(|process| processes.contains(process)));
    }

    /// The processes of a broker that are registered, according to what is committed and to what is decided.
    pub fn registered(&self, id: i32) -> Vec<Uuid> {
        let images = [&self.committed_image, self.controller.image()];
        images.iter().filter_map(|image| Some(image.nodes.broker(id)?.incarnation_id)).collect()
    }

    pub fn register(&mut self, id: i32) {
        let broker = &self.brokers[&id];
        if !broker.is_up || self.epoch_of_process(id).is_some() {
            return;
        }
        let clean = broker.clean_epoch.or(self.known_epoch(id).filter(|_| self.fault == Some(Fault::AlwaysClean)));
        let request = registration(id, broker.incarnation, clean, None);
        self.give(|controller, at| controller.register_broker(at, &request));
    }

    fn known_epoch(&self, id: i32) -> Option<i64> {
        Some(self.controller.image().nodes.broker(id)?.broker_epoch)
    }

    /// The broker epoch of the process that is up, if its registration is committed.
    pub fn epoch_of_process(&self, id: i32) -> Option<i64> {
        let known = self.committed_image.nodes.broker(id)?;
        (known.incarnation_id == self.brokers[&id].incarnation).then_some(known.broker_epoch)
    }

    pub fn heartbeat(&mut self, id: i32) {
        let Some(broker_epoch) = self.epoch_of_process(id).filter(|_| self.brokers[&id].is_up) else { return };
        let read: usize = self.log[..self.brokers[&id].read].iter().map(Vec::len).sum();
        let want_shut_down = self.brokers[&id].wants_to_stop;
        let request = BrokerHeartbeatRequest {
            broker_id: id,
            broker_epoch,
            current_metadata_offset: read as i64 - 1,
            want_shut_down,
            ..Default::default()
        };
        let reply = self.give(|controller, at| controller.heartbeat(at, &request));
        if reply.should_shut_down {
            self.commit();
            self.stop_cleanly(id);
        }
    }

    fn tick(&mut self) {
        self.now += [100, 1_000, 4_000][self.random.below(3)];
        let asks = self.give(|controller, at| controller.tick(at));
        self.asks.extend(asks);
        // Connections that closed are noticed, sooner or later.
        let id = 1 + self.random.below(4) as i32;
        if !self.brokers[&id].is_up {
            self.give(|controller, at| controller.broker_gone(at, id));
        }
    }

    fn answer(&mut self) {
        for asked in std::mem::take(&mut self.asks) {
            let broker = &self.brokers[&asked.broker];
            if !broker.is_up || self.epoch_of_process(asked.broker) != Some(asked.broker_epoch) {
                continue;
            }
            let log = broker.log((asked.topic_id, asked.partition));
            let epoch = log.entries.last().map_or(-1, |entry| entry.epoch);
            let answer = LogEnd { asked, epoch, end: log.entries.len() as i64 };
            self.give(|controller, at| controller.log_end(at, answer));
        }
    }

    /// Another controller begins with what is committed; what was not is gone.
    fn another_controller(&mut self) {
        let keeps = self.random.below(2) == 0;
        if keeps {
            self.commit();
        }
        self.log.truncate(self.committed);
        self.late = None;
        self.asks.clear();
        self.leaders.retain(|&((topic_id, index), epoch), _| {
            let partition = self.committed_image.topics.partition(topic_id, index);
            partition.is_some_and(|partition| partition.leader_epoch >= epoch)
        });
        let seed = self.random.number();
        self.controller = Controller::new(simulated(), self.committed_image.clone(), seed, self.now);
    }

    fn move_copies(&mut self) {
        let Some((name, partition)) = self.any_partition() else { return };
        let first = self.random.below(4);
        let to: Vec<i32> = (0..partition.replicas.len()).map(|step| ((first + step) % 4) as i32 + 1).collect();
        let gives_up = self.random.below(4) == 0;
        let partitions = vec![ReassignablePartition {
            partition_index: partition.partition_id,
            replicas: (!gives_up).then_some(to),
        }];
        let topics = vec![ReassignableTopic { name, partitions }];
        let request = AlterPartitionReassignmentsRequest { topics, ..Default::default() };
        self.give(|controller, at| controller.alter_partition_reassignments(at, &request));
    }

    fn elect_preferred(&mut self) {
        let request = ElectLeadersRequest { topic_partitions: None, ..Default::default() };
        self.give(|controller, at| controller.elect_leaders(at, &request));
    }

    pub fn any_partition(&mut self) -> Option<(String, PartitionRegistration)> {
        let image = self.controller.image();
        let all: Vec<_> = image
            .topics
            .iter()
            .flat_map(|topic| topic.partitions.values().map(|partition| (topic.name.clone(), partition.clone())))
            .collect();
        let at = self.random.below(all.len().max(1));
        all.into_iter().nth(at)
    }
}

/// Whether a broker counts as one that has everything.
pub fn has_everything(partition: Option<&PartitionRegistration>, broker: i32) -> bool {
    partition.is_some_and(|partition| partition.isr.contains(&broker) || partition.elr().contains(&broker))
}

pub fn simulated() -> ControllerSettings {
    ControllerSettings { rules: Arc::new(Rules), leader_imbalance_check_interval_ms: 20_000, ..settings() }
}
