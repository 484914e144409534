//! Which brokers a local cluster has: their ports, their folders, their settings.
//!
//! ```text
//! --port 9092 --dir cluster     broker 1    broker 2    broker 3
//! clients                       9092        9093        9094
//! other brokers                 9192        9193        9194
//! controllers                   9292        9293        9294
//! log.dirs                      cluster/broker-1        cluster/broker-3
//! ```
//!
//! Brokers have a listener of their own: what only they may ask is refused where clients ask. From chapter 4 on every broker
//! is a controller, too, and controllers have a third. Before, the first broker decides.
//!
//! From three brokers on, topics have what production runs with, together with a producer's `acks=all`: three copies, and
//! two of them in sync or nothing is acknowledged. Then nothing acknowledged is lost with any one broker, and writing goes
//! on while one follower is down.

use std::path::{Path, PathBuf};

/// The most brokers: so far apart are a broker's ports.
pub const MOST_BROKERS: u16 = 100;

/// Keys that every broker has to have a value of its own for, and those that tie them together.
const PLANNED: &[(&str, &str)] = &[
    ("broker.id", "brokers are numbered from 1"),
    ("node.id", "brokers are numbered from 1"),
    ("listeners", "--port says where they listen"),
    ("advertised.listeners", "--port says where they listen"),
    ("listener.security.protocol.map", "--port says where they listen"),
    ("inter.broker.listener.name", "brokers have the listener BROKERS for themselves"),
    ("log.dir", "--dir says where they keep everything"),
    ("log.dirs", "--dir says where they keep everything"),
    ("cluster.brokers", "--brokers says how many there are"),
    ("controller.listener.names", "controllers have the listener CONTROLLER for themselves"),
    ("controller.quorum.voters", "--brokers says how many there are"),
];

/// The ports of one broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Where clients connect.
    pub clients: u16,
    /// Where other brokers connect.
    pub brokers: u16,
    /// Where controllers connect, from chapter 4 on.
    pub controllers: u16,
}

impl Ports {
    /// The ports of `count` brokers, or why there are none.
    pub fn following(first: u16, count: u16) -> Result<Vec<Ports>, String> {
        let between = 2 * MOST_BROKERS;
        let highest = u16::MAX - between - (count - 1);
        if first == 0 || first > highest {
            return Err(format!(
                "--port {first}: {count} brokers have ports up to {between} above that; legal is 1 to {highest}, \
                 or 0 for ports that are free"
            ));
        }
        let ports = |clients| {
            let brokers = clients + MOST_BROKERS;
            Ports { clients, brokers, controllers: brokers + MOST_BROKERS }
        };
        Ok((first..first + count).map(ports).collect())
    }
}

/// One broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedBroker {
    /// Its number, from 1.
    pub id: i32,
    /// Its ports.
    pub ports: Ports,
}

impl PlannedBroker {
    /// Where clients reach it.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.clients)
    }

    /// Where other brokers reach it.
    pub fn broker_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.brokers)
    }

    /// Where controllers reach it.
    pub fn controller_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.controllers)
    }
}

/// One of a broker's listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedListener {
    /// Its name.
    pub name: &'static str,
    /// Its port.
    pub port: u16,
    /// Who connects to it.
    pub who: &'static str,
}

/// A cluster.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whose broker it is: 3 or later.
    chapter: u32,
    dir: PathBuf,
    brokers: Vec<PlannedBroker>,
    /// `KEY=VALUE`, for every broker; of several values of a key the last counts.
    settings: Vec<String>,
}

impl Plan {
    /// A broker of `chapter` for each of `ports`, everything below `dir`, with these settings beside, or in place of, the
    /// planned ones.
    pub fn new(chapter: u32, dir: &Path, ports: &[Ports], overrides: &[String]) -> Result<Plan, String> {
        if dir.to_string_lossy().contains(',') {
            return Err(format!("--dir {}: a comma would make two folders of it in log.dirs", dir.display()));
        }
        let count = ports.len();
        let mut settings = vec![format!("default.replication.factor={}", count.min(3))];
        if count >= 3 {
            settings.push("min.insync.replicas=2".to_string());
        }
        for text in overrides {
            let (key, _) = text.split_once('=').ok_or_else(|| format!("--override {text}: expected KEY=VALUE"))?;
            if let Some((key, why)) = PLANNED.iter().find(|(planned, _)| *planned == key.trim()) {
                return Err(format!("--override {text}: {key} is not the same on all brokers of a cluster: {why}"));
            }
            settings.push(text.clone());
        }
        let brokers = (1..).zip(ports).map(|(id, &ports)| PlannedBroker { id, ports }).collect();
        Ok(Plan { chapter, dir: dir.to_owned(), brokers, settings })
    }

    /// The chapter whose broker runs.
    pub fn chapter(&self) -> u32 {
        self.chapter
    }

    /// Whether the brokers are controllers, too.
    pub fn has_controllers(&self) -> bool {
        self.chapter >= 4
    }

    /// Whether consumers can form groups.
    pub fn has_groups(&self) -> bool {
        self.chapter >= 5
    }

    /// The folder that everything is in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The brokers, in order.
    pub fn brokers(&self) -> &[PlannedBroker] {
        &self.brokers
    }

    /// A file for what a broker says.
    pub fn log_file(&self, id: i32) -> PathBuf {
        self.dir.join(format!("broker-{id}.log"))
    }

    /// Where a broker listens.
    pub fn listeners(&self, broker: &PlannedBroker) -> Vec<PlannedListener> {
        let Ports { clients, brokers, controllers } = broker.ports;
        let mut all = vec![
            PlannedListener { name: "PLAINTEXT", port: clients, who: "clients" },
            PlannedListener { name: "BROKERS", port: brokers, who: "other brokers" },
        ];
        if self.has_controllers() {
            all.push(PlannedListener { name: "CONTROLLER", port: controllers, who: "controllers" });
        }
        all
    }

    /// Everything that a broker is started with, as `KEY=VALUE`.
    pub fn settings(&self, broker: &PlannedBroker) -> Vec<String> {
        let id = broker.id;
        let listeners = self.listeners(broker);
        let each = |text: &dyn Fn(&PlannedListener) -> String| listeners.iter().map(text).collect::<Vec<_>>().join(",");
        let all = |address: fn(&PlannedBroker) -> String| {
            let all: Vec<_> = self.brokers.iter().map(|broker| format!("{}@{}", broker.id, address(broker))).collect();
            all.join(",")
        };
        let mut own = vec![
            format!("broker.id={id}"),
            format!("log.dirs={}", self.dir.join(format!("broker-{id}")).display()),
            format!("listeners={}", each(&|listener| format!("{}://127.0.0.1:{}", listener.name, listener.port))),
            format!("listener.security.protocol.map={}", each(&|listener| format!("{}:PLAINTEXT", listener.name))),
            "inter.broker.listener.name=BROKERS".to_string(),
        ];
        if self.has_controllers() {
            own.push("controller.listener.names=CONTROLLER".to_string());
            own.push(format!("controller.quorum.voters={}", all(PlannedBroker::controller_address)));
        } else {
            own.push(format!("cluster.brokers={}", all(PlannedBroker::broker_address)));
        }
        own.extend(self.settings.iter().cloned());
        own
    }

    /// Where clients reach any of the brokers.
    pub fn bootstrap(&self) -> String {
        self.brokers.iter().map(PlannedBroker::address).collect::<Vec<_>>().join(",")
    }

    /// On how many brokers records are, and what that means.
    pub fn durability(&self) -> String {
        let value = |key: &str| {
            let settings = self.settings.iter().rev().filter_map(|setting| setting.split_once('='));
            settings.map(|(k, value)| (k.trim(), value.trim())).find(|(k, _)| *k == key).map_or("1", |(_, value)| value)
        };
        let (copies, in_sync) = (value("default.replication.factor"), value("min.insync.replicas"));
        let meaning = match (copies, in_sync) {
            ("3", "2") => ": with acks=all, records are on two brokers at least",
            _ => "",
        };
        format!("default.replication.factor={copies} min.insync.replicas={in_sync}{meaning}")
    }
}
