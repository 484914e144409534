//! Two more brokers, so that the tests of earlier chapters run against a cluster of three: with `MINI_KAFKA_CLUSTER=3` in
//! the environment, every broker that a test starts is the first of three, and three copies are kept of everything. It
//! leads what the test creates; where leaders move, it gets that back when it has been down.
//!
//! Tests of what a broker alone is like say so, and are left out then.

use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ch01_log::messages::{CreatableReplicaAssignment, MetadataRequest, MetadataResponse};
use ch04_controller::messages::ElectLeadersRequest;
use tokio::net::TcpSocket;

use super::proxy::reserve_port;
use super::*;

/// The other two brokers of a cluster.
pub struct Companions {
    brokers: Mutex<Starting>,
    /// All three have their ports for each other, also while they are down.
    _ports: Vec<TcpSocket>,
    _dir: TempDir,
}

/// Brokers; those that start at this moment may be ready only when the one under test is there.
struct Starting {
    starting: Vec<JoinHandle<Broker>>,
    started: Vec<Broker>,
}

/// Whether tests run against a cluster of three.
pub fn in_a_cluster() -> bool {
    std::env::var_os("MINI_KAFKA_CLUSTER").is_some()
}

const IDS: [i32; 2] = [1002, 1003];

impl Setup {
    /// The same with companions, where tests want them and the test has nothing of its own in mind.
    pub fn with_companions(&self) -> Setup {
        let is_special = |setting: &String| {
            ["listeners=", "advertised.listeners=", "cluster.brokers=", "controller.", "inter.broker", "process.roles="]
                .iter()
                .any(|key| setting.starts_with(key))
        };
        let is_alone = self.companions.is_none() && self.broker_port.is_none() && self.chapter >= 3;
        // Brokers that are new have no vote in a cluster that was there before: one alone could not begin.
        let was_alone = self.chapter >= 4 && self.dir.join("meta.properties").exists();
        if !in_a_cluster() || !is_alone || was_alone || self.settings.iter().any(is_special) {
            return self.clone();
        }
        let dir = TempDir::new();
        let ids = [self.broker_id(), IDS[0], IDS[1]];
        let (sockets, ports): (Vec<_>, Vec<_>) = (0..6).map(|_| reserve_port()).map(|(s, a)| (s, a.port())).unzip();
        let (for_brokers, for_controllers) = ports.split_at(3);
        let all = |ports: &[u16]| {
            let each = ids.iter().zip(ports).map(|(id, port)| format!("{id}@127.0.0.1:{port}"));
            each.collect::<Vec<_>>().join(",")
        };
        let in_cluster = |setup: Setup, index: usize| {
            let (setup, broker_port) = (setup.set("inter.broker.listener.name=BROKERS"), Some(for_brokers[index]));
            if self.chapter == 3 {
                let setup = setup
                    .set(&format!("cluster.brokers={}", all(for_brokers)))
                    .set("listener.security.protocol.map=PLAINTEXT:PLAINTEXT,BROKERS:PLAINTEXT");
                return Setup { broker_port, ..setup.set("replica.fetch.backoff.ms=50") };
            }
            let setup = setup
                .set(&format!("controller.quorum.voters={}", all(for_controllers)))
                .set("controller.listener.names=CONTROLLER")
                .set("listener.security.protocol.map=PLAINTEXT:PLAINTEXT,BROKERS:PLAINTEXT,CONTROLLER:PLAINTEXT")
                // Leaderships go where the tests are: when they say so.
                .set("auto.leader.rebalance.enable=false");
            Setup { broker_port, controller_port: Some(for_controllers[index]), ..setup }
        };
        let starting = [1, 2].map(|index| {
            let mut setup = in_cluster(Setup::new(self.chapter, &dir), index).set(&format!("broker.id={}", ids[index]));
            setup.dir = dir.path().join(format!("data-{index}"));
            std::thread::spawn(move || {
                setup.try_start().unwrap_or_else(|(_, stderr)| panic!("a companion did not start:\n{stderr}"))
            })
        });
        let brokers = Mutex::new(Starting { starting: starting.into(), started: Vec::new() });
        let companions = Companions { brokers, _ports: sockets, _dir: dir };
        let setup = in_cluster(self.clone(), 0).set("default.replication.factor=3");
        // What the test says itself counts more.
        let settings = [setup.settings[self.settings.len()..].to_vec(), self.settings.clone()].concat();
        Setup { settings, companions: Some(Arc::new(companions)), ..setup }
    }

    fn broker_id(&self) -> i32 {
        let id = self.settings.iter().rev().find_map(|setting| setting.strip_prefix("broker.id="));
        id.map_or(1, |id| id.parse().unwrap())
    }
}

impl Companions {
    /// The broker under test is there.
    pub fn meet(&self, broker: &Broker) {
        let mut brokers = self.brokers.lock().unwrap();
        let Starting { starting, started } = &mut *brokers;
        started.extend(starting.drain(..).map(|companion| companion.join().unwrap()));
        let deadline = Instant::now() + PATIENCE;
        let id = broker.setup.broker_id();
        for one in std::iter::once(broker).chain(&*started) {
            loop {
                let known = run_apart(everything(one));
                let leads = |partition: &MetadataResponsePartition| {
                    partition.leader_id == id || partition.replica_nodes.first() != Some(&id)
                };
                let leads_its_own = known.topics.iter().flat_map(|topic| &topic.partitions).all(leads);
                if known.brokers.len() == 3 && (broker.setup.chapter == 3 || leads_its_own) {
                    break;
                }
                assert!(Instant::now() < deadline, "waited {PATIENCE:?} until all know each other, and who leads");
                std::thread::sleep(Duration::from_millis(10));
                if broker.setup.chapter > 3 {
                    run_apart(lead_again(broker));
                }
            }
        }
    }
}

async fn everything(broker: &Broker) -> MetadataResponse {
    let request = MetadataRequest { topics: None, allow_auto_topic_creation: false, ..Default::default() };
    broker.client().await.call(&request).await.unwrap()
}

/// While it was down, others have led.
async fn lead_again(broker: &Broker) {
    let request = ElectLeadersRequest { election_type: 0, topic_partitions: None, timeout_ms: 5000 };
    broker.client().await.call(&request).await.unwrap();
}

/// Who gets copies, so that the broker that a client is connected to is the leader; `None`: that is so anyway.
pub async fn led_here(client: &mut Client, partitions: i32) -> Option<Vec<CreatableReplicaAssignment>> {
    if !in_a_cluster() || !(1..=100).contains(&partitions) || client.version_of::<ElectLeadersRequest>().is_err() {
        return None;
    }
    let request = MetadataRequest { topics: Some(Vec::new()), ..Default::default() };
    let brokers = client.call(&request).await.unwrap().brokers;
    let id = brokers.iter().map(|broker| broker.node_id).find(|id| !IDS.contains(id)).filter(|_| brokers.len() == 3)?;
    let assignment =
        |partition_index| CreatableReplicaAssignment { partition_index, broker_ids: vec![id, IDS[0], IDS[1]] };
    Some((0..partitions).map(assignment).collect())
}

/// Some tests start brokers in their asynchronous part.
fn run_apart<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| scope.spawn(|| run(work)).join().unwrap())
}
