//! Two more brokers, so that the tests of earlier chapters run against a cluster of three: with `MINI_KAFKA_CLUSTER=3` in
//! the environment, every broker that a test starts is the first of three and keeps three copies of everything.
//!
//! Tests of what a broker alone is like say so, and are left out then.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ch01_log::messages::MetadataRequest;
use tokio::net::TcpSocket;

use super::proxy::reserve_port;
use super::*;

/// The other two brokers of a cluster.
pub struct Companions {
    brokers: Vec<Broker>,
    /// All three have their ports for each other, also while they are down.
    _ports: Vec<TcpSocket>,
    _dir: TempDir,
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
            ["listeners=", "advertised.listeners=", "cluster.brokers=", "inter.broker"]
                .iter()
                .any(|key| setting.starts_with(key))
        };
        let is_alone = self.companions.is_none() && self.broker_port.is_none() && self.chapter >= 3;
        if !in_a_cluster() || !is_alone || self.settings.iter().any(is_special) {
            return self.clone();
        }
        let id = self.settings.iter().find_map(|setting| setting.strip_prefix("broker.id=")).unwrap_or("1");
        let dir = TempDir::new();
        let (sockets, ports): (Vec<_>, Vec<_>) = (0..3).map(|_| reserve_port()).map(|(s, a)| (s, a.port())).unzip();
        let all = format!(
            "cluster.brokers={id}@127.0.0.1:{},{}@127.0.0.1:{},{}@127.0.0.1:{}",
            ports[0], IDS[0], ports[1], IDS[1], ports[2]
        );
        let in_cluster = |setup: Setup, port: u16| {
            let setup = setup
                .set(&all)
                .set("listener.security.protocol.map=PLAINTEXT:PLAINTEXT,BROKERS:PLAINTEXT")
                .set("inter.broker.listener.name=BROKERS")
                .set("replica.fetch.backoff.ms=50");
            Setup { broker_port: Some(port), ..setup }
        };
        let brokers = IDS.iter().zip(&ports[1..]).map(|(id, port)| {
            let mut setup = in_cluster(Setup::new(self.chapter, &dir), *port).set(&format!("broker.id={id}"));
            setup.dir = dir.path().join(format!("data-{id}"));
            setup.try_start().unwrap_or_else(|(_, stderr)| panic!("a companion did not start:\n{stderr}"))
        });
        let companions = Companions { brokers: brokers.collect(), _ports: sockets, _dir: dir };
        let setup = in_cluster(self.clone(), ports[0]).set("default.replication.factor=3");
        // What the test says itself counts more.
        let settings = [setup.settings[self.settings.len()..].to_vec(), self.settings.clone()].concat();
        Setup { settings, companions: Some(Arc::new(companions)), ..setup }
    }
}

impl Companions {
    /// The broker under test is there.
    pub fn meet(&self, broker: &Broker) {
        let deadline = Instant::now() + PATIENCE;
        let everything = MetadataRequest { topics: None, allow_auto_topic_creation: false, ..Default::default() };
        let everyone = std::iter::once(broker).chain(&self.brokers);
        for one in everyone {
            while run_apart(async { one.client().await.call(&everything).await.unwrap() }).brokers.len() < 3 {
                assert!(Instant::now() < deadline, "waited {PATIENCE:?} until all brokers know each other");
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// Some tests start brokers in their asynchronous part.
fn run_apart<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| scope.spawn(|| run(work)).join().unwrap())
}
