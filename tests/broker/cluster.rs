//! Several brokers that keep copies of each other's partitions, with a link between every two that can be cut.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ch00_wire::client::Client;
use ch01_log::messages::*;
use ch04_controller::messages::*;

use super::network::{Doors, Namespaces, Network};
use super::*;

/// A cluster. Brokers are numbered from 1; in chapter 3 the first decides about topics, later the brokers are controllers,
/// too.
pub struct Cluster {
    // Brokers end before the network and their folders go.
    brokers: BTreeMap<i32, Broker>,
    setups: BTreeMap<i32, Setup>,
    network: Network,
    dir: TempDir,
}

/// Settings with which nobody that only says nothing is given up.
pub const PATIENT: &[&str] = &["replica.lag.time.max.ms=600000", "broker.session.timeout.ms=600000"];

/// What Metadata says of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    pub leader: i32,
    pub epoch: i32,
    pub replicas: Vec<i32>,
    pub isr: Vec<i32>,
}

impl Cluster {
    /// Starts brokers 1 to `count`, with `settings` beside those that a cluster needs.
    pub fn start(chapter: u32, count: i32, settings: &[&str]) -> Cluster {
        Cluster::start_with(chapter, count, |_| settings.iter().map(|setting| setting.to_string()).collect())
    }

    /// The same with settings of their own.
    pub fn start_with(chapter: u32, count: i32, settings: impl Fn(i32) -> Vec<String>) -> Cluster {
        let ids: Vec<i32> = (1..=count).collect();
        Cluster::start_on(Network::Doors(Doors::new(chapter, &ids)), chapter, &ids, &[], settings)
    }

    /// The same, with doors for brokers that join later: up to this number.
    pub fn start_to_grow(chapter: u32, count: i32, up_to: i32, settings: &[&str]) -> Cluster {
        let (ids, all): (Vec<i32>, Vec<i32>) = ((1..=count).collect(), (1..=up_to).collect());
        let network = Network::Doors(Doors::new(chapter, &all));
        Cluster::start_on(network, chapter, &ids, &[], |_| settings.iter().map(|setting| setting.to_string()).collect())
    }

    /// The same, each in a network namespace of its own.
    pub fn start_in_namespaces(chapter: u32, count: i32, settings: &[&str]) -> Cluster {
        let ids: Vec<i32> = (1..=count).collect();
        let network = Network::Namespaces(Namespaces::new(&ids));
        Cluster::start_on(network, chapter, &ids, &[], |_| settings.iter().map(|setting| setting.to_string()).collect())
    }

    /// One broker for each of these folders, with a copy of it.
    pub fn start_on_folders(chapter: u32, folders: &[PathBuf]) -> Cluster {
        let ids: Vec<i32> = (1..).take(folders.len()).collect();
        let network = Network::Doors(Doors::new(chapter, &ids));
        Cluster::start_on(network, chapter, &ids, folders, |_| Vec::new())
    }

    fn start_on(
        network: Network,
        chapter: u32,
        ids: &[i32],
        folders: &[PathBuf],
        settings: impl Fn(i32) -> Vec<String>,
    ) -> Cluster {
        let dir = TempDir::new();
        let mut cluster = Cluster { brokers: BTreeMap::new(), setups: BTreeMap::new(), network, dir };
        for &id in ids {
            let setup = cluster.planned(chapter, id, ids, settings(id));
            cluster.setups.insert(id, setup);
        }
        for (id, folder) in ids.iter().zip(folders) {
            files::copy_dir(folder, &cluster.setups[id].dir);
        }
        cluster.start_brokers(ids);
        cluster.wait("all brokers know each other", |cluster| {
            cluster.brokers.keys().all(|&id| run(cluster.metadata(id)).brokers.len() == ids.len())
        });
        cluster
    }

    /// How a broker is started, in a cluster of others.
    fn planned(&self, chapter: u32, id: i32, ids: &[i32], settings: Vec<String>) -> Setup {
        let mut setup = Setup::new(chapter, &self.dir)
            .set(&format!("broker.id={id}"))
            .set("inter.broker.listener.name=BROKERS")
            .set(&format!("default.replication.factor={}", ids.len()))
            .set("replica.fetch.backoff.ms=100");
        setup = self.tied(setup, id, ids);
        for setting in settings {
            setup = setup.set(&setting);
        }
        let ports = self.network.ports(id);
        (setup.port, setup.broker_port) = (ports.clients, Some(ports.brokers));
        setup.controller_port = (chapter >= 4).then_some(ports.controllers);
        setup.dir = self.dir.path().join(format!("data-{id}"));
        if let Network::Namespaces(namespaces) = &self.network {
            (setup.namespace, setup.host) = (Some(namespaces.name(id)), namespaces.host(id));
        }
        setup
    }

    /// Another broker, which is no controller.
    pub fn join(&mut self, id: i32, settings: &[&str]) {
        let (&first, voters) = (self.setups.keys().next().unwrap(), self.setups.keys().copied().collect::<Vec<_>>());
        let settings = ["process.roles=broker"].iter().chain(settings).map(|setting| setting.to_string()).collect();
        let mut setup = self.planned(self.setups[&first].chapter, id, &voters, settings);
        setup.controller_port = None;
        self.setups.insert(id, setup);
        self.start_broker(id);
        self.wait("all brokers know the new one", |cluster| {
            let knows = |&other: &i32| run(cluster.metadata(other)).brokers.iter().any(|broker| broker.node_id == id);
            cluster.brokers.keys().all(knows)
        });
    }

    /// How a broker finds the others.
    fn tied(&self, setup: Setup, id: i32, ids: &[i32]) -> Setup {
        let chapter = setup.chapter;
        let all: Vec<_> = ids.iter().map(|&to| format!("{to}@{}", self.network.address(chapter, id, to))).collect();
        let all = all.join(",");
        if chapter == 3 {
            return setup
                .set(&format!("cluster.brokers={all}"))
                .set("listener.security.protocol.map=PLAINTEXT:PLAINTEXT,BROKERS:PLAINTEXT");
        }
        let setup = setup
            .set(&format!("controller.quorum.voters={all}"))
            .set("controller.listener.names=CONTROLLER")
            .set("listener.security.protocol.map=PLAINTEXT:PLAINTEXT,BROKERS:PLAINTEXT,CONTROLLER:PLAINTEXT")
            // A broker that is there and says nothing is given up after this time.
            .set("broker.session.timeout.ms=3000")
            .set("broker.heartbeat.interval.ms=500");
        match self.network.advertised(id) {
            Some(address) => setup.set(&format!("advertised.listeners=BROKERS://{address}")),
            None => setup,
        }
    }

    /// Starts a broker that is down.
    pub fn start_broker(&mut self, id: i32) {
        self.start_brokers(&[id]);
    }

    /// Starts brokers that are down, at the same time: some are only ready when others are there.
    pub fn start_brokers(&mut self, ids: &[i32]) {
        ids.iter().for_each(|&id| self.network.set_up(id, true));
        let started: Vec<Broker> = std::thread::scope(|scope| {
            let starting: Vec<_> = ids.iter().map(|id| scope.spawn(|| self.setups[id].start())).collect();
            starting.into_iter().map(|broker| broker.join().unwrap()).collect()
        });
        self.brokers.extend(ids.iter().copied().zip(started));
    }

    /// SIGKILL.
    pub fn kill(&mut self, id: i32) {
        self.brokers.remove(&id).expect("it runs").kill();
        self.network.set_up(id, false);
    }

    /// SIGTERM; what it said on standard error.
    pub fn terminate(&mut self, id: i32) -> String {
        let (code, stderr) = self.brokers.remove(&id).expect("it runs").terminate();
        assert_eq!(code, Some(0), "{stderr}");
        self.network.set_up(id, false);
        stderr
    }

    /// SIGSTOP: it is there and says nothing.
    pub fn pause(&self, id: i32) {
        let broker = &self.brokers[&id];
        broker.signal(rustix::process::Signal::STOP);
        // The kernel stops one thread after the other; until then the rest go on.
        self.wait("every thread has stopped", |_| {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", broker.pid())).unwrap();
            let stat = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
            let stats = tasks.map_while(Result::ok).map(stat);
            stats.into_iter().all(|stat| stat.rsplit_once(')').is_none_or(|(_, state)| state.starts_with(" T")))
        });
    }

    /// SIGCONT.
    pub fn resume(&self, id: i32) {
        self.brokers[&id].signal(rustix::process::Signal::CONT);
    }

    /// Cuts a broker off from the others: what it says, what it is told, or both.
    pub fn isolate(&self, id: i32, says: bool, is_told: bool) {
        self.network.isolate(id, says, is_told);
    }

    /// Mends every link.
    pub fn mend(&self) {
        self.network.mend();
    }

    pub fn broker(&self, id: i32) -> &Broker {
        &self.brokers[&id]
    }

    pub fn setup(&self, id: i32) -> &Setup {
        &self.setups[&id]
    }

    /// All brokers that run, for clients.
    pub fn bootstrap(&self) -> String {
        let addresses: Vec<_> = self.brokers.values().map(Broker::bootstrap).collect();
        addresses.join(",")
    }

    pub async fn client(&self, id: i32) -> Client {
        self.brokers[&id].client().await
    }

    /// Everything that a broker says about the cluster.
    pub async fn metadata(&self, id: i32) -> MetadataResponse {
        let request = MetadataRequest { topics: None, allow_auto_topic_creation: false, ..Default::default() };
        self.client(id).await.call(&request).await.unwrap()
    }

    /// What a broker says of partition 0 of a topic; `None`: it does not know it.
    pub fn partition(&self, id: i32, topic: &str) -> Option<Partition> {
        let answer = run(self.metadata(id));
        let found = answer.topics.into_iter().find(|found| found.name.as_deref() == Some(topic))?;
        let partition = found.partitions.into_iter().find(|partition| partition.partition_index == 0)?;
        Some(Partition {
            leader: partition.leader_id,
            epoch: partition.leader_epoch,
            replicas: partition.replica_nodes,
            isr: partition.isr_nodes,
        })
    }

    /// The broker that decides about topics and leaders, as one of them sees it; `None`: there is nobody at the moment.
    pub fn controller_at(&self, id: i32) -> Option<i32> {
        if self.setups[&id].chapter == 3 {
            return Some(1);
        }
        let partitions = vec![DescribeQuorumPartition { partition_index: 0 }];
        let topics = vec![DescribeQuorumTopic { topic_name: "__cluster_metadata".to_string(), partitions }];
        let answer = run(async { self.client(id).await.call(&DescribeQuorumRequest { topics }).await.unwrap() });
        answer.topics.first().map(|topic| topic.partitions[0].leader_id).filter(|&leader| leader > 0)
    }

    /// Waits until one of some brokers is the controller, as another sees it.
    pub fn wait_for_controller_at(&self, id: i32, among: &[i32]) -> i32 {
        self.wait(&format!("one of {among:?} is the controller"), |cluster| {
            cluster.controller_at(id).is_some_and(|controller| among.contains(&controller))
        });
        self.controller_at(id).expect("it was there")
    }

    /// The same, as any of them sees it.
    pub fn wait_for_controller(&self, among: &[i32]) -> i32 {
        self.wait_for_controller_at(among[0], among)
    }

    /// Waits until one of some brokers leads a topic, as another says.
    pub fn wait_for_leader_at(&self, id: i32, topic: &str, among: &[i32]) -> i32 {
        let leader = |cluster: &Cluster| cluster.partition(id, topic).map_or(-1, |partition| partition.leader);
        self.wait(&format!("one of {among:?} leads"), |cluster| among.contains(&leader(cluster)));
        leader(self)
    }

    /// Who leads a topic.
    pub fn leader(&self, topic: &str) -> i32 {
        let up: Vec<i32> = self.brokers.keys().copied().collect();
        self.wait_for_leader_at(up[0], topic, &up)
    }

    /// Creates a topic of one partition that all brokers have copies of, led by the first, and waits until every broker
    /// that runs knows who leads it.
    pub fn create(&self, topic: &str, settings: &[(&str, &str)]) {
        let all: Vec<i32> = self.setups.keys().copied().collect();
        self.create_on(&all, topic, settings);
    }

    /// The same with copies on these brokers, led by the first of them.
    pub fn create_on(&self, replicas: &[i32], topic: &str, settings: &[(&str, &str)]) {
        let id = *self.brokers.keys().next().unwrap();
        let assignments = vec![CreatableReplicaAssignment { partition_index: 0, broker_ids: replicas.to_vec() }];
        run(async {
            let created = create_assigned(&mut self.client(id).await, topic, assignments, settings).await;
            assert_eq!(created.error_code, ErrorCode::NONE, "{:?}", created.error_message);
        });
        self.wait("the new topic is known everywhere", |cluster| {
            cluster.brokers.keys().all(|&id| cluster.partition(id, topic).is_some_and(|p| p.leader >= 0))
        });
    }

    /// Waits until the in-sync replicas of a topic are these, as a broker says.
    pub fn wait_for_isr(&self, id: i32, topic: &str, isr: &[i32]) {
        self.wait(&format!("in-sync replicas {isr:?}"), |cluster| {
            // Their order says when they came.
            let same = |partition: Partition| BTreeSet::from_iter(partition.isr) == BTreeSet::from_iter(isr.to_vec());
            cluster.partition(id, topic).is_some_and(same)
        });
    }

    /// Waits until the first replica of a topic leads it; where leaders move, has it lead.
    pub fn wait_for_first(&self, topic: &str) {
        self.wait("the first replica leads", |cluster| {
            let id = *cluster.brokers.keys().next().unwrap();
            if cluster.partition(id, topic).is_some_and(|p| p.leader == p.replicas[0]) {
                return true;
            }
            if cluster.setups[&id].chapter >= 4 {
                let partitions = vec![ElectLeadersTopic { topic: topic.to_string(), partitions: vec![0] }];
                let request =
                    ElectLeadersRequest { election_type: 0, topic_partitions: Some(partitions), timeout_ms: 5000 };
                // It is not elected before it has everything.
                run(async { cluster.client(id).await.call(&request).await.unwrap() });
            }
            false
        });
    }

    /// Waits until something is so.
    pub fn wait(&self, what: &str, is_so: impl Fn(&Cluster) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            if Instant::now() > deadline {
                let said: Vec<_> =
                    self.brokers.iter().map(|(id, broker)| format!("broker {id}:\n{}", broker.said_all())).collect();
                panic!("waited {PATIENCE:?} until {what}\n{}", said.join("\n"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The bytes of the `.log` files of a topic's partition 0, of a broker; none, if it has no folder of it yet.
    pub fn log_bytes(&self, id: i32, topic: &str) -> Vec<u8> {
        let folder = self.setups[&id].dir.join(format!("{topic}-0"));
        let entries = std::fs::read_dir(&folder).into_iter().flatten();
        let mut logs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.sort();
        // A file that is written to has space reserved behind its end.
        let bytes: Vec<u8> = logs.iter().flat_map(|path| std::fs::read(path).unwrap()).collect();
        ch01_log::batch::split(&bytes).flat_map(|(_, batch)| batch.to_vec()).collect()
    }

    /// Waits until the logs of a topic are the same on these brokers, byte for byte.
    pub fn wait_for_same_logs(&self, ids: &[i32], topic: &str) {
        self.wait("logs are the same", |cluster| {
            let first = cluster.log_bytes(ids[0], topic);
            ids[1..].iter().all(|&id| cluster.log_bytes(id, topic) == first)
        });
    }
}
