//! What lies between the brokers of a cluster, and can be cut: doors in this process that everything goes through; or,
//! where there is the privilege, a network namespace for each broker, so that it is the kernel that loses packets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::net::TcpSocket;

use super::proxy::{Door, Traffic, number_of, reserve_port};

/// Where a broker listens.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub clients: u16,
    pub brokers: u16,
    /// From chapter 4 on.
    pub controllers: u16,
}

/// A network.
pub enum Network {
    Doors(Doors),
    Namespaces(Namespaces),
}

/// Doors. There is one traffic from each broker to each other, whichever doors it goes through.
pub struct Doors {
    ports: BTreeMap<i32, Ports>,
    traffic: BTreeMap<(i32, i32), Arc<Traffic>>,
    /// From each broker to each other: where a broker can be told the others' addresses.
    own: BTreeMap<(i32, i32), Door>,
    /// To a broker's listener for brokers, from whoever learns its address from the cluster.
    shared: BTreeMap<i32, Door>,
    /// Ports stay reserved while a broker is down.
    _reserved: Vec<TcpSocket>,
}

impl Doors {
    /// `chapter`: in the third, brokers are told where the others are; from the fourth on, where their controllers are.
    pub fn new(chapter: u32, ids: &[i32]) -> Doors {
        let mut reserved = Vec::new();
        let mut port = || {
            let (socket, address) = reserve_port();
            reserved.push(socket);
            address.port()
        };
        let mut ports = |id: &i32| (*id, Ports { clients: port(), brokers: port(), controllers: port() });
        let ports: BTreeMap<_, _> = ids.iter().map(&mut ports).collect();
        let here = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        // A controller may ask the broker beside it, at the address that it advertises.
        let pairs = ids.iter().flat_map(|&from| ids.iter().map(move |&to| (from, to)));
        let traffic: BTreeMap<_, _> = pairs.map(|pair| (pair, Arc::<Traffic>::default())).collect();
        let own = traffic.iter().filter(|((from, to), _)| from != to).map(|(&(from, to), traffic)| {
            let target = if chapter == 3 { ports[&to].brokers } else { ports[&to].controllers };
            let traffic = traffic.clone();
            ((from, to), Door::new(here(target), move |_| Some(traffic.clone())))
        });
        let shared = ids.iter().map(|&to| {
            let traffic = traffic.clone();
            (to, Door::new(here(ports[&to].brokers), move |near| traffic.get(&(number_of(near)?, to)).cloned()))
        });
        let (own, shared) = (own.collect(), shared.collect());
        Doors { ports, traffic, own, shared, _reserved: reserved }
    }

    /// The doors to a broker.
    fn to(&mut self, id: i32) -> impl Iterator<Item = &mut Door> {
        let own = self.own.iter_mut().filter(move |((_, to), _)| *to == id).map(|(_, door)| door);
        own.chain(self.shared.get_mut(&id))
    }
}

impl Network {
    pub fn ports(&self, id: i32) -> Ports {
        match self {
            Network::Doors(doors) => doors.ports[&id],
            Network::Namespaces(_) => IN_A_NAMESPACE,
        }
    }

    /// Where one broker is told that another is, itself included: its listener for brokers, or for controllers.
    pub fn address(&self, chapter: u32, from: i32, to: i32) -> String {
        let port = |ports: Ports| if chapter == 3 { ports.brokers } else { ports.controllers };
        match self {
            Network::Doors(doors) => match doors.own.get(&(from, to)) {
                Some(door) => door.address.to_string(),
                None => format!("127.0.0.1:{}", port(doors.ports[&to])),
            },
            Network::Namespaces(namespaces) => format!("{}:{}", namespaces.host(to), port(IN_A_NAMESPACE)),
        }
    }

    /// Where a broker says that its listener for brokers is, if that is not where it listens.
    pub fn advertised(&self, id: i32) -> Option<SocketAddr> {
        match self {
            Network::Doors(doors) => Some(doors.shared[&id].address),
            Network::Namespaces(_) => None,
        }
    }

    /// A broker is about to start, or is down.
    pub fn set_up(&mut self, id: i32, is_up: bool) {
        if let Network::Doors(doors) = self {
            doors.to(id).for_each(|door| if is_up { door.open() } else { door.close() });
        }
    }

    /// Cuts a broker off from the others: what it says, what it is told, or both.
    pub fn isolate(&self, id: i32, says: bool, is_told: bool) {
        match self {
            Network::Doors(doors) => {
                for (&(from, to), traffic) in doors.traffic.iter().filter(|((from, to), _)| from != to) {
                    if from == id {
                        traffic.cut(says, is_told);
                    } else if to == id {
                        traffic.cut(is_told, says);
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
            Network::Doors(doors) => doors.traffic.values().for_each(|traffic| traffic.cut(false, false)),
            Network::Namespaces(namespaces) => namespaces.mend(),
        }
    }
}

/// The ports in a namespace, where nobody else is.
const IN_A_NAMESPACE: Ports = Ports { clients: 9092, brokers: 9192, controllers: 9292 };

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
