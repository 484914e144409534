//! Three nodes of a quorum in one process: with sockets, with disks, and with the machine in them. A binary of its own: what
//! fails in a task of a node is no failed assertion of a test, and keeps it waiting.

#[path = "../ch01/support/mod.rs"]
mod ch01;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ch00_wire::broker::{bind, serve};
use ch00_wire::config::{Listener, WireConfig, load};
use ch00_wire::server::BoundListener;
use ch00_wire::tasks::Tasks;
use ch00_wire::uuid::Uuid;
use ch01_log::clock::SystemClock;
use ch01_log::disk::Disk;
use ch04_controller::metadata_log::FOLDER;
use ch04_controller::quorum::{ReplicaKey, Timeouts, Voters};
use ch04_controller::quorum_listener::{QuorumState, routes};
use ch04_controller::quorum_node::{Committed, Leadership, NodeConfig, QuorumNode};
use ch04_controller::quorum_state::{MayVote, VotersHome};
use ch04_controller::quorum_wire::Identity;
use ch04_controller::records::{MetadataRecord, TopicRecord};

use ch01::{TempDir, log_config};

type Socket = (BoundListener, Listener);

struct Node {
    node: QuorumNode,
    tasks: Tasks,
}

struct Cluster {
    dir: TempDir,
    addresses: BTreeMap<i32, String>,
    nodes: BTreeMap<i32, Node>,
    snapshot_bytes: u64,
}

fn wire(port: u16) -> WireConfig {
    load(None, &[format!("listeners=PLAINTEXT://127.0.0.1:{port}")]).unwrap().config
}

fn socket(port: u16) -> Socket {
    bind(&wire(port)).unwrap().remove(0)
}

impl Cluster {
    async fn start(snapshot_bytes: u64) -> Cluster {
        let sockets: BTreeMap<i32, Socket> = (1..=3).map(|id| (id, socket(0))).collect();
        let addresses = sockets.iter().map(|(&id, (bound, _))| (id, bound.address.to_string())).collect();
        let mut cluster = Cluster { dir: TempDir::new(), addresses, nodes: BTreeMap::new(), snapshot_bytes };
        for (id, socket) in sockets {
            cluster.start_with(id, socket);
        }
        cluster
    }

    fn start_node(&mut self, id: i32) {
        let port = self.addresses[&id].rsplit_once(':').unwrap().1.parse().unwrap();
        self.start_with(id, socket(port));
    }

    fn start_with(&mut self, id: i32, socket: Socket) {
        let (tasks, disk) = (Tasks::new(), Disk::default());
        let key = |id| ReplicaKey { id, directory_id: Uuid::default() };
        let folder = self.dir.path().join(id.to_string()).join(FOLDER);
        let config = NodeConfig {
            lock: None,
            identity: Identity { me: key(id), cluster_id: Some("the cluster".to_string()), endpoints: Vec::new() },
            voters: Voters::new([key(1), key(2), key(3)]),
            voters_home: VotersHome::Configuration(vec![1, 2, 3]),
            addresses: self.addresses.clone(),
            may_vote: MayVote::new(&disk, &folder),
            timeouts: Timeouts::default(),
            request_timeout: Duration::from_secs(2),
            folder,
            log: log_config(|_| ()),
            max_bytes_between_snapshots: self.snapshot_bytes,
            disk,
            clock: Arc::new(SystemClock),
            seed: id as u64,
        };
        let node = QuorumNode::start(config, |e| panic!("{e}"), &tasks).unwrap();
        let (cluster_id, listener) = (OnceLock::from("the cluster".to_string()), "CONTROLLER".to_string());
        let state = Arc::new(QuorumState {
            me: key(id),
            node: OnceLock::from(node.clone()),
            cluster_id,
            listener,
            clock: Arc::new(SystemClock),
        });
        let router = Arc::new(routes(&state));
        serve(vec![socket], |_| router.clone(), &wire(0), &tasks);
        self.nodes.insert(id, Node { node, tasks });
    }

    async fn stop(&mut self, id: i32) {
        self.nodes.remove(&id).unwrap().tasks.stop().await;
    }

    /// Waits until all nodes that run agree on a leader that is one of them.
    async fn leader(&self) -> Leadership {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        loop {
            let mut known = Vec::new();
            for node in self.nodes.values() {
                known.push(*node.node.leadership().borrow());
            }
            let first = known[0];
            let agreed = known.iter().all(|other| (other.leader, other.epoch) == (first.leader, first.epoch));
            if let Some(leader) = first.leader.filter(|_| agreed)
                && let Some(node) = self.nodes.get(&leader)
            {
                return *node.node.leadership().borrow();
            }
            assert!(tokio::time::Instant::now() < deadline, "no leader: {known:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Appends a topic at the leader, and waits until all nodes that run have it.
    async fn append(&self, name: &str) {
        let leadership = self.leader().await;
        let topic: MetadataRecord = TopicRecord { name: name.to_string(), topic_id: Uuid::random() }.into();
        self.nodes[&leadership.leader.unwrap()].node.append(leadership.epoch, vec![topic]).await;
        for node in self.nodes.values() {
            let has = |committed: &Committed| committed.image.topics.by_name(name).is_some();
            let mut committed = node.node.committed();
            let waited = tokio::time::timeout(Duration::from_secs(60), committed.wait_for(has)).await;
            waited.unwrap_or_else(|_| panic!("node {} has no {name}", node.node.id())).unwrap();
        }
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test);
}

#[test]
fn what_is_committed_is_on_all_nodes_and_outlives_each_leader() {
    run(async {
        let mut cluster = Cluster::start(u64::MAX).await;
        cluster.append("first").await;
        for round in 0..3 {
            let leadership = cluster.leader().await;
            cluster.stop(leadership.leader.unwrap()).await;
            cluster.append(&format!("round {round}")).await;
            assert!(cluster.leader().await.epoch > leadership.epoch);
            cluster.start_node(leadership.leader.unwrap());
            cluster.append(&format!("all of three in {round}")).await;
        }
        for id in [1, 2, 3] {
            assert_eq!(cluster.nodes[&id].node.committed().borrow().image.topics.iter().count(), 7);
        }
    });
}

#[test]
fn who_was_away_for_long_gets_a_snapshot() {
    run(async {
        let mut cluster = Cluster::start(1).await;
        cluster.append("before").await;
        let leader = cluster.leader().await.leader.unwrap();
        let follower = (1..=3).find(|&id| id != leader).unwrap();
        cluster.stop(follower).await;
        for number in 0..5 {
            cluster.append(&format!("meanwhile {number}")).await;
        }
        cluster.start_node(follower);
        cluster.append("after").await;
        assert_eq!(cluster.nodes[&follower].node.committed().borrow().image.topics.iter().count(), 7);
        for id in [1, 2, 3] {
            cluster.stop(id).await;
        }
        for id in [1, 2, 3] {
            cluster.start_node(id);
        }
        cluster.append("after a restart of all").await;
    });
}
