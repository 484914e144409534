//! Fetchers come and go with the brokers that they copy from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ch00_wire::tasks::Tasks;
use ch01_log::metadata::BrokerImage;
use ch03_replication::config::ClusterBroker;
use ch03_replication::fetcher::{Fetcher, FetcherConfig};
use ch03_replication::isr::BrokerId;
use tokio::sync::oneshot;

use crate::assigned_partitions::AssignedPartitions;
use crate::handlers::broker_heartbeat::is_refused;

/// The address that fetchers copy from, and what ends them when it is dropped.
type Running = (String, Vec<oneshot::Sender<()>>);

/// The fetchers of this broker.
pub struct Fetchers {
    partitions: Arc<AssignedPartitions>,
    config: FetcherConfig,
    /// The listener that brokers use among themselves.
    listener: String,
    /// By the broker that is copied from.
    running: Mutex<BTreeMap<BrokerId, Running>>,
    tasks: Tasks,
}

impl Fetchers {
    /// None yet.
    pub fn new(partitions: Arc<AssignedPartitions>, config: FetcherConfig, listener: &str, tasks: Tasks) -> Fetchers {
        Fetchers { partitions, config, listener: listener.to_owned(), running: Mutex::default(), tasks }
    }

    // ANCHOR: follow
    /// From now on these brokers are there, at these addresses. One that is gone may come back: its fetchers go on trying.
    pub fn follow<'a>(&self, brokers: impl Iterator<Item = &'a BrokerImage>) {
        let mut running = self.running.lock().unwrap();
        for broker in brokers.filter(|broker| broker.id != self.partitions.context().me) {
            let Some(endpoint) = broker.endpoints.get(&self.listener) else { continue };
            let address = format!("{}:{}", endpoint.host, endpoint.port);
            if running.get(&broker.id).is_some_and(|(known, _)| *known == address) {
                continue;
            }
            let leader = ClusterBroker { id: broker.id, address: address.clone() };
            let started = (0..self.config.count).map(|index| self.start(leader.clone(), index)).collect();
            // The ones before end here, if there were any.
            running.insert(broker.id, (address, started));
        }
    }
    // ANCHOR_END: follow

    /// Finds out about leaders whose connections have broken: one that can be reached is none to wait for. For as long as
    /// the broker runs.
    pub async fn keep_asking(self: Arc<Self>) {
        let mut suspects = self.partitions.suspects();
        loop {
            tokio::select! {
                () = self.tasks.stopping() => return,
                changed = suspects.changed() => if changed.is_err() { return },
            }
            let now = suspects.borrow_and_update().clone();
            for broker in now.into_keys() {
                let address = self.running.lock().unwrap().get(&broker).map(|(address, _)| address.clone());
                let partitions = self.partitions.clone();
                self.tasks.spawn(async move {
                    if let Some(address) = address
                        && !is_refused(&address).await
                    {
                        partitions.clear_suspicion(broker);
                    }
                });
            }
        }
    }

    fn start(&self, leader: ClusterBroker, index: u64) -> oneshot::Sender<()> {
        let (end, ended) = oneshot::channel();
        let fetcher = Fetcher { leader, index, config: self.config.clone(), copies: self.partitions.clone() };
        let tasks = self.tasks.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                _ = ended => {}
                () = fetcher.run(tasks) => {}
            }
        });
        end
    }
}
