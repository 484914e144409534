//! What lies between the brokers of a cluster, and can be cut: links that go through this process; or, where there is the
//! privilege, a network namespace for each broker, so that it is the kernel that loses packets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::proxy::Link;

/// A network.
pub enum Network {
    /// A link from each broker to each other.
    Links(BTreeMap<(i32, i32), Link>),
    Namespaces(Namespaces),
}

impl Network {
    pub fn of_links(ids: &[i32]) -> Network {
        let pairs = ids.iter().flat_map(|&from| ids.iter().map(move |&to| (from, to))).filter(|(from, to)| from != to);
        Network::Links(pairs.map(|pair| (pair, Link::new())).collect())
    }

    /// Where one broker reaches another.
    pub fn address(&self, from: i32, to: i32) -> String {
        match self {
            Network::Links(links) => {
                links.get(&(from, to)).map_or("127.0.0.1:1".to_string(), |l| l.address.to_string())
            }
            Network::Namespaces(namespaces) => format!("{}:{BROKER_PORT}", namespaces.host(to)),
        }
    }

    /// A broker listens there for others from now on.
    pub fn lead_to(&self, id: i32, port: u16) {
        if let Network::Links(links) = self {
            let to = links.iter().filter(|((_, to), _)| *to == id);
            to.for_each(|(_, link)| link.lead_to(SocketAddr::from(([127, 0, 0, 1], port))));
        }
    }

    /// Cuts a broker off from the others: what it says, what it is told, or both.
    pub fn isolate(&self, id: i32, says: bool, is_told: bool) {
        match self {
            Network::Links(links) => {
                for (&(from, to), link) in links {
                    if from == id {
                        link.cut(says, is_told);
                    } else if to == id {
                        link.cut(is_told, says);
                    }
                }
            }
            Network::Namespaces(namespaces) => {
                for other in namespaces.ids.iter().copied().filter(|other| *other != id) {
                    if says {
                        namespaces.lose(id, other);
                    }
                    if is_told {
                        namespaces.lose(other, id);
                    }
                }
            }
        }
    }

    /// Mends everything.
    pub fn mend(&self) {
        match self {
            Network::Links(links) => links.values().for_each(|link| link.cut(false, false)),
            Network::Namespaces(namespaces) => namespaces.mend(),
        }
    }
}

/// The ports in a namespace, where nobody else is.
pub const CLIENT_PORT: u16 = 9092;
pub const BROKER_PORT: u16 = 9192;

/// A namespace for each broker, and a bridge between them that clients are on, too.
pub struct Namespaces {
    ids: Vec<i32>,
    /// Makes names and addresses of this process and this cluster.
    number: u32,
}

impl Namespaces {
    pub fn new(ids: &[i32]) -> Namespaces {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = std::process::id() % 250 + NEXT.fetch_add(1, Ordering::Relaxed);
        let namespaces = Namespaces { ids: ids.to_vec(), number };
        let bridge = namespaces.bridge();
        ip(&format!("link add {bridge} type bridge"));
        ip(&format!("addr add 10.77.{}.254/24 dev {bridge}", number % 256));
        ip(&format!("link set {bridge} up"));
        for &id in ids {
            let (name, here) = (namespaces.name(id), format!("mk{number}v{id}"));
            ip(&format!("netns add {name}"));
            ip(&format!("link add {here} type veth peer name eth0 netns {name}"));
            ip(&format!("link set {here} master {bridge} up"));
            ip(&format!("-n {name} addr add {}/24 dev eth0", namespaces.host(id)));
            ip(&format!("-n {name} link set lo up"));
            ip(&format!("-n {name} link set eth0 up"));
        }
        namespaces
    }

    fn bridge(&self) -> String {
        format!("mk{}br", self.number)
    }

    pub fn name(&self, id: i32) -> String {
        format!("mk{}-{id}", self.number)
    }

    pub fn host(&self, id: i32) -> String {
        format!("10.77.{}.{id}", self.number % 256)
    }

    /// Whatever one broker sends to another is lost.
    fn lose(&self, from: i32, to: i32) {
        ip(&format!("-n {} route replace blackhole {}/32", self.name(from), self.host(to)));
    }

    fn mend(&self) {
        for &from in &self.ids {
            for &to in &self.ids {
                // Most are not there.
                let arguments = format!("-n {} route del blackhole {}/32", self.name(from), self.host(to));
                let _ = Command::new("ip").args(arguments.split(' ')).output();
            }
        }
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for &id in &self.ids {
            let _ = Command::new("ip").args(["netns", "del", &self.name(id)]).output();
        }
        let _ = Command::new("ip").args(["link", "del", &self.bridge()]).output();
    }
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("the command ip");
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
