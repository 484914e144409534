//! Nodes, a network between them, and time. `driver.rs` drives the machine; `chaos.rs` is what happens.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use ch00_wire::uuid::Uuid;
use ch01_log::batch::Timestamp;
use ch04_controller::quorum::message::{Request, Response};
use ch04_controller::quorum::vote::OffsetAndEpoch;
use ch04_controller::quorum::{CorrelationId, Jitter, NodeId, ReplicaKey, Voters};

use super::chaos::Action;
use super::checks::{Checked, Checks};
use super::disk::{Record, mix};
use super::faults::Fault;
use super::node::Node;

/// `controller.quorum.request.timeout.ms`.
const REQUEST_TIMEOUT_MS: i64 = 2000;

/// What comes to a node.
#[derive(Clone, Debug)]
pub enum Arrival {
    Tick,
    Request {
        from: Connection,
        request: Request,
    },
    Response {
        correlation_id: CorrelationId,
        response: Response,
        records: Vec<Record>,
    },
    Failed {
        correlation_id: CorrelationId,
    },
    Refused {
        node: NodeId,
    },
    Flushed {
        number: u64,
    },
    SnapshotRequest {
        from: Connection,
        snapshot: OffsetAndEpoch,
    },
    Snapshot {
        correlation_id: CorrelationId,
        records: Vec<Record>,
    },
    /// A client appends so many records, if this node takes itself for the leader.
    Append {
        count: i64,
    },
    /// The node makes a snapshot.
    TakeSnapshot,
    /// It is asked to stop.
    Stop,
}

/// Where a request came from: a node, in one of its lives.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    pub node: NodeId,
    pub life: u64,
    pub correlation_id: CorrelationId,
}

/// What is to happen.
pub enum Happening {
    /// Something comes to a node, in the given one of its lives, or in whichever it is.
    Arrival {
        to: NodeId,
        life: Option<u64>,
        arrival: Arrival,
    },
    Action(Action),
}

/// How a network behaves.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Of a thousand messages so many are lost, and so many come twice.
    pub lost: i64,
    pub doubled: i64,
    /// The longest way of most messages and of a few, in milliseconds; the shortest is 1.
    pub delay: i64,
    pub long_delay: i64,
    /// The longest flush, in milliseconds.
    pub flush: i64,
    /// The most records in an answer.
    pub batch: i64,
    /// Of a thousand who are asked whether they would vote for somebody, so many say yes, whatever is true.
    pub rash: i64,
    /// The longest time between two troubles, and the longest that a dead node stays down, in milliseconds.
    pub calm: i64,
    pub down: i64,
    /// Between two things that it does, a process dies once in so many times.
    pub sudden: i64,
}

/// Nothing happens by chance.
pub const STILL: Weather = Weather {
    lost: 0,
    doubled: 0,
    delay: 1,
    long_delay: 1,
    flush: 1,
    batch: 100,
    rash: 0,
    calm: 1,
    down: 1,
    sudden: i64::MAX,
};

/// What was seen in a run: a simulation in which nothing happens proves nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    pub steps: u64,
    pub leaders: u64,
    pub committed: u64,
    pub truncations: u64,
    pub snapshots: u64,
    pub crashes: u64,
}

pub struct World {
    pub now: Timestamp,
    pub nodes: BTreeMap<NodeId, Node>,
    pub weather: Weather,
    /// Messages from one to the other disappear.
    pub cut: BTreeSet<(NodeId, NodeId)>,
    pub random: Jitter,
    pub checks: Checks,
    pub fault: Option<Fault>,
    pub seen: Seen,
    /// The value of the last record that was appended.
    pub last_value: u64,
    /// When each leader was elected, and when it first committed something of its epoch.
    pub elected: Vec<(NodeId, Timestamp)>,
    pub first_commits: Vec<(NodeId, Timestamp)>,
    /// A hash of everything that happened; with `prints`, it is printed too.
    pub trace: u64,
    pub prints: bool,
    /// What was done, in words, if anybody wants to know.
    pub told: Option<String>,
    /// How long this step has waited for the disk so far, in milliseconds: what it sends, it sends later.
    pub synced: i64,
    /// Happenings that were planned, by time and the order of planning.
    queue: BinaryHeap<Reverse<(Timestamp, u64)>>,
    planned: BTreeMap<u64, Happening>,
    next: u64,
}

impl World {
    /// So many voters, from 1 on, and so many other nodes, all with empty disks; nothing has started.
    pub fn new(seed: u64, voters: i32, observers: i32, weather: Weather, fault: Option<Fault>) -> World {
        let key = |id: NodeId| ReplicaKey { id, directory_id: Uuid([id as u8; 16]) };
        let set = Voters::new((1..=voters).map(key));
        let nodes = (1..=voters + observers).map(|id| (id, Node::new(key(id), set.clone()))).collect();
        World {
            now: 0,
            nodes,
            weather,
            cut: BTreeSet::new(),
            random: Jitter::new(seed),
            checks: Checks::default(),
            fault,
            seen: Seen::default(),
            last_value: 0,
            elected: Vec::new(),
            first_commits: Vec::new(),
            trace: seed,
            prints: false,
            told: None,
            synced: 0,
            queue: BinaryHeap::new(),
            planned: BTreeMap::new(),
            next: 0,
        }
    }

    /// Once in `of` times.
    pub fn chance(&mut self, of: i64) -> bool {
        self.random.below(of) == 0
    }

    /// A number from 1 to `most`.
    pub fn up_to(&mut self, most: i64) -> i64 {
        1 + self.random.below(most)
    }

    pub fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    pub fn note(&mut self, what: std::fmt::Arguments<'_>) {
        let line = format!("{:6} {what}", self.now);
        for chunk in line.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.trace = mix(self.trace, u64::from_le_bytes(word));
        }
        if self.prints {
            println!("{line}");
        }
    }

    /// A node does something.
    pub fn tell(&mut self, id: NodeId, what: Option<String>) {
        if let (Some(told), Some(what)) = (&mut self.told, what) {
            told.push_str(&format!("{:5} ms  {id} {what}\n", self.now));
        }
    }

    pub fn plan(&mut self, after: i64, happening: Happening) {
        self.next += 1;
        self.planned.insert(self.next, happening);
        self.queue.push(Reverse((self.now + after, self.next)));
    }

    pub fn plan_arrival(&mut self, after: i64, to: NodeId, life: Option<u64>, arrival: Arrival) {
        self.plan(after, Happening::Arrival { to, life, arrival });
    }

    /// Lets everything happen that is planned up to a time.
    pub fn run_until(&mut self, until: Timestamp) -> Checked {
        while let Some(&Reverse((at, number))) = self.queue.peek()
            && at <= until
        {
            self.queue.pop();
            self.now = at;
            match self.planned.remove(&number).expect("it was planned") {
                Happening::Action(action) => self.act(action)?,
                Happening::Arrival { to, life, arrival } => self.arrive(to, life, arrival)?,
            }
        }
        self.now = until;
        Ok(())
    }

    /// What a node has sent, and is still under way, does not arrive.
    pub fn drop_requests_of(&mut self, id: NodeId) {
        for happening in self.planned.values_mut() {
            if let Happening::Arrival { to, life, arrival: Arrival::Request { from, .. } } = happening
                && from.node == id
            {
                (*to, *life) = (id, Some(0));
            }
        }
    }

    fn delay(&mut self) -> i64 {
        let most = if self.chance(50) { self.weather.long_delay } else { self.weather.delay };
        self.up_to(most) + self.synced
    }

    /// Whether a message goes lost on the way.
    fn is_lost(&mut self, from: NodeId, to: NodeId) -> bool {
        self.cut.contains(&(from, to)) || self.random.below(1000) < self.weather.lost
    }

    /// Sends a request. It ends with a response, or with a failure when its time is over.
    pub fn send(&mut self, from: Connection, to: NodeId, arrival: Arrival) {
        let Connection { node, life, correlation_id } = from;
        self.plan_arrival(REQUEST_TIMEOUT_MS, node, Some(life), Arrival::Failed { correlation_id });
        if self.is_lost(node, to) {
            return;
        }
        if self.random.below(1000) < self.weather.doubled {
            let delay = self.delay();
            self.plan_arrival(delay, to, None, arrival.clone());
        }
        let delay = self.delay();
        self.plan_arrival(delay, to, None, arrival);
    }

    pub fn respond(&mut self, from: NodeId, to: Connection, arrival: Arrival) {
        if !self.is_lost(from, to.node) {
            let delay = self.delay();
            self.plan_arrival(delay, to.node, Some(to.life), arrival);
        }
    }

    /// A node is not there: who asked it is told by its operating system.
    pub fn refuse(&mut self, from: NodeId, to: Connection) {
        if !self.cut.contains(&(from, to.node)) {
            let (Connection { node, life, correlation_id }, delay) = (to, self.up_to(self.weather.delay));
            self.plan_arrival(delay, node, Some(life), Arrival::Failed { correlation_id });
            self.plan_arrival(delay, node, Some(life), Arrival::Refused { node: from });
        }
    }

    /// A process is gone: so are all connections to it.
    pub fn close_connections(&mut self, of: NodeId) {
        let mut closed = Vec::new();
        for (&node, Node { life, process, .. }) in &self.nodes {
            let outstanding = process.iter().flat_map(|process| &process.outstanding);
            let failed = outstanding.filter(|(_, to)| **to == of);
            let failed = failed.map(|(&correlation_id, _)| Arrival::Failed { correlation_id });
            closed.push((node, *life, failed.chain([Arrival::Refused { node: of }]).collect::<Vec<_>>()));
        }
        for (node, life, arrivals) in closed {
            let delay = self.up_to(self.weather.delay);
            for arrival in arrivals.into_iter().filter(|_| !self.cut.contains(&(of, node))).collect::<Vec<_>>() {
                self.plan_arrival(delay, node, Some(life), arrival);
            }
        }
    }
}
