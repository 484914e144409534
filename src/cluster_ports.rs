//! Ports for the brokers of a local cluster: looked at before anything is started, because then what is wrong can be said
//! in one line.

use std::hash::{BuildHasher, RandomState};
use std::net::TcpListener;

use mini_kafka::local_cluster::plan::{Plan, PlannedListener, Ports};

use crate::cluster_control::Running;
use crate::failure::Failure;

/// Ports below those that systems give to outgoing connections: between this look and a broker's start nobody gets one.
const FREE: std::ops::Range<u16> = 20_000..32_000;

/// Free ports for `count` brokers. They begin anywhere, so that clusters which start at the same time seldom meet.
pub fn free(count: u16) -> Result<Vec<Ports>, Failure> {
    let (first, last) = (FREE.start, FREE.end - 1);
    let anywhere = first + (RandomState::new().hash_one(count) % u64::from(last - first)) as u16;
    let mut free = (anywhere..=last).chain(first..anywhere).filter(|&port| is_free(port).is_ok());
    let mut three = || Some(Ports { clients: free.next()?, brokers: free.next()?, controllers: free.next()? });
    let ports: Option<Vec<_>> = (0..count).map(|_| three()).collect();
    ports.ok_or_else(|| Failure::Message(format!("--port 0: fewer than {} of ports {FREE:?} are free", 3 * count)))
}

/// Whether every broker can listen, or what is in the way. `before` is the cluster that was killed in this folder.
pub fn check(plan: &Plan, before: Option<&Running>) -> Result<(), Failure> {
    for broker in plan.brokers() {
        for PlannedListener { port, who, .. } in plan.listeners(broker) {
            if let Err(e) = is_free(port) {
                let id = broker.id;
                let before = before.map_or(String::new(), |Running { pid, brokers, .. }| {
                    let pids: Vec<_> = brokers.iter().map(u32::to_string).collect();
                    let pids = pids.join(", ");
                    format!(
                        "; the cluster that ran in this folder (pid {pid}) was killed, and its brokers were pids {pids}"
                    )
                });
                return Err(Failure::Message(format!(
                    "127.0.0.1:{port}, where broker {id} is to listen for {who}: {e}: stop what listens there, or \
                     choose other ports with --port{before}"
                )));
            }
        }
    }
    Ok(())
}

fn is_free(port: u16) -> std::io::Result<()> {
    TcpListener::bind(("127.0.0.1", port)).map(drop)
}
