//! Two more brokers, so that the tests of earlier chapters run against a cluster of three: with `MINI_KAFKA_CLUSTER=3` in
//! the environment, every broker that a test starts is the first of three and keeps three copies of everything.
//!
//! Tests of what a broker alone is like say so, and are left out then.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ch01_log::messages::MetadataRequest;

use super::cluster::broker_port;
use super::proxy::Link;
use super::*;

/// The other two brokers of a cluster.
pub struct Companions {
    brokers: Vec<Broker>,
    /// To the broker under test, which may be down.
    to_first: Link,
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
        let to_first = Link::new();
        let links = IDS.map(|_| Link::new());
        let all = format!(
            "cluster.brokers={id}@{},{}@{},{}@{}",
            to_first.address, IDS[0], links[0].address, IDS[1], links[1].address
        );
        let in_cluster = |setup: Setup| {
            let setup = setup
                .set(&all)
                .set("listener.security.protocol.map=PLAINTEXT:PLAINTEXT,BROKERS:PLAINTEXT")
                .set("inter.broker.listener.name=BROKERS")
                .set("replica.fetch.backoff.ms=50");
            Setup { broker_port: Some(0), ..setup }
        };
        let brokers = IDS.iter().zip(&links).map(|(id, link)| {
            let mut setup = in_cluster(Setup::new(self.chapter, &dir)).set(&format!("broker.id={id}"));
            setup.dir = dir.path().join(format!("data-{id}"));
            let broker = setup.try_start().unwrap_or_else(|(_, stderr)| panic!("a companion did not start:\n{stderr}"));
            link.lead_to(SocketAddr::from(([127, 0, 0, 1], run_apart(broker_port(&broker, *id)))));
            broker
        });
        let companions = Companions { brokers: brokers.collect(), to_first, _dir: dir };
        // Links have to stay as long as the brokers do.
        std::mem::forget(links);
        let setup = in_cluster(self.clone()).set("default.replication.factor=3");
        // What the test says itself counts more.
        let settings = [setup.settings[self.settings.len()..].to_vec(), self.settings.clone()].concat();
        Setup { settings, companions: Some(Arc::new(companions)), ..setup }
    }
}

impl Companions {
    /// The broker under test is there.
    pub fn meet(&self, broker: &mut Broker) {
        let id = broker.setup.settings.iter().rev().find_map(|setting| setting.strip_prefix("broker.id="));
        let port = run_apart(broker_port(broker, id.unwrap_or("1").parse().unwrap()));
        broker.setup.broker_port = Some(port);
        self.to_first.lead_to(SocketAddr::from(([127, 0, 0, 1], port)));
        let deadline = Instant::now() + PATIENCE;
        let everything = MetadataRequest { topics: None, allow_auto_topic_creation: false, ..Default::default() };
        let everyone = std::iter::once(&*broker).chain(&self.brokers);
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
