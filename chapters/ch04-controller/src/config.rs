//! The configuration of this chapter: who is in the quorum, and how long everybody waits for everybody.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ch00_wire::config;
use ch00_wire::config::{Config, Key, Listener, Value};
use ch00_wire::uuid::Uuid;
use ch01_log::config::TopicSettings;
use ch01_log::log::LogConfig;
use ch02_retention::config::BrokerConfig as RetentionConfig;
use ch02_retention::whole_config::WholeConfig;
use ch03_replication::config::BrokerConfig as ReplicationConfig;

use crate::quorum::{NodeId, ReplicaKey, Timeouts, Voters};
use crate::replication_quotas::{FOLLOWER_RATE, LEADER_RATE, ThrottledReplicas};

config! {
    /// What the broker of chapter 4 reads from server.properties.
    pub struct BrokerConfig: replication: ReplicationConfig {
        /// What this node is: `broker`, `controller`, or both. Empty: both.
        process_roles: Vec<String> = "";
        /// The voters of the metadata quorum, as `ID@HOST:PORT`, separated by commas, the same everywhere; the address is that of the controller listener. Empty, and `controller.quorum.bootstrap.servers` too: this node is the only voter.
        controller_quorum_voters: QuorumVoters = "";
        /// Where to look for the quorum, as `HOST:PORT`, separated by commas, if the voters stand in the metadata log.
        controller_quorum_bootstrap_servers: Vec<String> = "";
        /// Milliseconds without a leader after which a voter stands for election; up to twice as many, by chance.
        controller_quorum_election_timeout_ms: i32 = "1000", in 1..=i64::from(i32::MAX);
        /// Milliseconds without an answer from the leader after which a node has none; and one and a half times that without being fetched from by a majority, after which a leader gives up.
        controller_quorum_fetch_timeout_ms: i32 = "2000", in 1..=i64::from(i32::MAX);
        /// The longest pause after a lost election, in milliseconds.
        controller_quorum_election_backoff_max_ms: i32 = "1000", in 1..=i64::from(i32::MAX);
        /// How long a request of the quorum may take, in milliseconds.
        controller_quorum_request_timeout_ms: i32 = "2000", in 1..=i64::from(i32::MAX);
        /// The pause after such a request has failed, in milliseconds.
        controller_quorum_retry_backoff_ms: i32 = "20", in 1..=i64::from(i32::MAX);
        /// Where the metadata log is; empty: in the first log directory.
        metadata_log_dir: String = "";
        /// The most bytes in a segment of the metadata log.
        metadata_log_segment_bytes: i32 = "1073741824", in 8388608..=i64::from(i32::MAX);
        /// The longest time in a segment of the metadata log, in milliseconds.
        metadata_log_segment_ms: i64 = "604800000", in 1..=i64::MAX;
        /// Bytes of records after which a snapshot of the metadata is written.
        metadata_log_max_record_bytes_between_snapshots: i64 = "20971520", in 1..=i64::MAX;
        /// Milliseconds without a record after which the controller writes one that says nothing; 0: never.
        metadata_max_idle_interval_ms: i32 = "500", in 0..=i64::from(i32::MAX);
        /// Milliseconds without a heartbeat after which a broker is fenced.
        broker_session_timeout_ms: i32 = "9000", in 1..=i64::from(i32::MAX);
        /// Milliseconds from one heartbeat to the next.
        broker_heartbeat_interval_ms: i32 = "2000", in 1..=i64::from(i32::MAX);
        /// How long a broker that starts may take to register, in milliseconds.
        initial_broker_registration_timeout_ms: i32 = "60000", in 1..=i64::from(i32::MAX);
        /// Whether a broker that is stopped hands its partitions over before.
        controlled_shutdown_enable: bool = "true";
        /// Whether a replica may lead that may lack what was acknowledged, if no other is there.
        unclean_leader_election_enable: bool = "false";
        /// Whether leaders move back to the first of their replicas by themselves.
        auto_leader_rebalance_enable: bool = "true";
        /// How often it is looked whether they should, in seconds.
        leader_imbalance_check_interval_seconds: i64 = "300", in 1..=i64::from(i32::MAX);
        /// The most bytes a second that this broker gives to followers that are behind, of the partitions in the topics' `leader.replication.throttled.replicas`.
        leader_replication_throttled_rate: i64 = "9223372036854775807", in 0..=i64::MAX;
        /// The most bytes a second that this broker fetches of partitions with which it is behind, of those in the topics' `follower.replication.throttled.replicas`.
        follower_replication_throttled_rate: i64 = "9223372036854775807", in 0..=i64::MAX;
        /// In how many windows these two rates are measured.
        replication_quota_window_num: i32 = "11", in 1..=i64::from(i32::MAX);
        /// The length of a window, in seconds.
        replication_quota_window_size_seconds: i32 = "1", in 1..=i64::from(i32::MAX);
    }
}

config! {
    /// A topic's own settings of this chapter.
    pub struct ThrottleTopicConfig {
        /// Which copies are given no faster than `leader.replication.throttled.rate` says while they are behind, as `PARTITION:BROKER`, separated by commas; the brokers are those that give. `*`: all.
        leader_replication_throttled_replicas: ThrottledReplicas = "";
        /// Which copies are fetched no faster than `follower.replication.throttled.rate` says while they are behind, likewise; the brokers are those that fetch.
        follower_replication_throttled_replicas: ThrottledReplicas = "";
    }
}

/// A voter, and where it is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuorumVoter {
    /// Its number.
    pub id: NodeId,
    /// Host and port of its controller listener.
    pub address: String,
}

/// `controller.quorum.voters`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuorumVoters(pub Vec<QuorumVoter>);

impl Value for QuorumVoters {
    const KIND: &'static str = "LIST";

    fn parse(text: &str) -> Result<QuorumVoters, String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let voters: Vec<_> = words.map(parse_voter).collect::<Result<_, String>>()?;
        let is_repeated = |(at, voter): &(usize, &QuorumVoter)| voters[..*at].iter().any(|other| other.id == voter.id);
        match voters.iter().enumerate().find(is_repeated) {
            Some((_, twice)) => Err(format!("names voter {} twice", twice.id)),
            None => Ok(QuorumVoters(voters)),
        }
    }

    fn show(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|voter| format!("{}@{}", voter.id, voter.address)).collect();
        words.join(",")
    }
}

fn parse_voter(word: &str) -> Result<QuorumVoter, String> {
    let wrong = || format!("has `{word}`: legal is ID@HOST:PORT, such as 2@localhost:9093");
    let (id, address) = word.split_once('@').ok_or_else(wrong)?;
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let id = id.parse().ok().filter(|&id: &i32| id >= 0).ok_or_else(wrong)?;
    port.parse::<u16>().map_err(|_| wrong())?;
    if host.is_empty() { Err(wrong()) } else { Ok(QuorumVoter { id, address: address.to_owned() }) }
}

impl BrokerConfig {
    /// This node's number.
    pub fn node_id(&self) -> NodeId {
        self.replication.retention.log.wire.broker_id
    }

    /// Whether it is a broker: it serves clients.
    pub fn is_broker(&self) -> bool {
        self.process_roles.is_empty() || self.process_roles.iter().any(|role| role == "broker")
    }

    /// Whether it is a controller: it votes, and may lead the quorum.
    pub fn is_controller(&self) -> bool {
        self.process_roles.is_empty() || self.process_roles.iter().any(|role| role == "controller")
    }

    /// What no single key can tell: whether they fit together.
    pub fn check(&self) -> Result<(), String> {
        if !self.replication.cluster_brokers.0.is_empty() {
            return Err(
                "cluster.brokers: brokers register with the controller from this chapter on, and nobody lists \
                 them; name the voters of the quorum in controller.quorum.voters instead"
                    .to_string(),
            );
        }
        if let Some(role) = self.process_roles.iter().find(|role| !matches!(role.as_str(), "broker" | "controller")) {
            return Err(format!("process.roles: `{role}` is no role: legal are broker and controller"));
        }
        let voters = &self.controller_quorum_voters.0;
        let votes = voters.iter().any(|voter| voter.id == self.node_id());
        if !voters.is_empty() && self.is_controller() && !votes {
            let id = self.node_id();
            return Err(format!("controller.quorum.voters: node.id {id} is a controller and not among the voters"));
        }
        if votes && !self.is_controller() {
            return Err(format!(
                "controller.quorum.voters: node.id {} votes, but process.roles has no controller",
                self.node_id()
            ));
        }
        if !self.is_alone() && self.is_controller() && self.controller_listener()?.is_none() {
            return Err(
                "controller.listener.names: a controller that is not alone needs a listener of its own: name one \
                 of listeners here"
                    .to_string(),
            );
        }
        Ok(())
    }

    /// Whether this node is the whole quorum, because nobody else is named.
    pub fn is_alone(&self) -> bool {
        let voters = &self.controller_quorum_voters.0;
        let own = self.controller_listener().ok().flatten();
        let is_own = |server: &String| own.as_ref().is_some_and(|listener| is_address_of(listener, server));
        voters.iter().all(|voter| voter.id == self.node_id())
            && self.controller_quorum_bootstrap_servers.iter().all(is_own)
    }

    /// The listener that nodes of the quorum use, if there is one.
    pub fn controller_listener(&self) -> Result<Option<Listener>, String> {
        let wire = &self.replication.retention.log.wire;
        let own = wire.listeners.iter().find(|listener| wire.controller_listener_names.contains(&listener.name));
        match own {
            Some(listener) => {
                let protocol = wire.listener_security_protocol_map.iter().find(|p| p.listener == listener.name);
                match protocol.map(|p| p.protocol.as_str()) {
                    // Kafka, too, takes a controller listener without an entry for PLAINTEXT.
                    Some("PLAINTEXT") | None => Ok(Some(listener.clone())),
                    Some(other) => Err(format!("listeners: {listener} uses {other}; this node serves PLAINTEXT only")),
                }
            }
            None => Ok(None),
        }
    }

    /// The voters that are named here, with any directory; this node alone, if none is.
    pub fn voters(&self, own_directory: Uuid) -> Voters {
        let named = self.controller_quorum_voters.0.iter();
        let mut keys: Vec<_> = named.map(|voter| ReplicaKey { id: voter.id, directory_id: Uuid::ZERO }).collect();
        if keys.is_empty() && self.is_alone() {
            keys.push(ReplicaKey { id: self.node_id(), directory_id: own_directory });
        }
        Voters::new(keys)
    }

    /// Where they are.
    pub fn voter_addresses(&self) -> BTreeMap<NodeId, String> {
        self.controller_quorum_voters.0.iter().map(|voter| (voter.id, voter.address.clone())).collect()
    }

    /// How long nodes of the quorum wait.
    pub fn timeouts(&self) -> Timeouts {
        Timeouts {
            election_timeout_ms: self.controller_quorum_election_timeout_ms.into(),
            fetch_timeout_ms: self.controller_quorum_fetch_timeout_ms.into(),
            election_backoff_max_ms: self.controller_quorum_election_backoff_max_ms.into(),
            retry_backoff_ms: self.controller_quorum_retry_backoff_ms.into(),
        }
    }

    /// The folder that the metadata log's is in.
    pub fn metadata_folder(&self) -> PathBuf {
        match self.metadata_log_dir.as_str() {
            "" => self.replication.retention.log.log_folders().into_iter().next().unwrap_or_default(),
            named => PathBuf::from(named),
        }
    }

    /// How the metadata log's segments are.
    pub fn metadata_log_config(&self) -> Result<LogConfig, String> {
        let mut config = self.replication.retention.log.log_config(&TopicSettings::new())?;
        config.segment.max_bytes = self.metadata_log_segment_bytes as u32;
        config.segment.max_ms = self.metadata_log_segment_ms;
        Ok(config)
    }
}

/// Whether `HOST:PORT` is where a listener of this machine's listens.
fn is_address_of(listener: &Listener, address: &str) -> bool {
    let Some((host, port)) = address.rsplit_once(':') else { return false };
    let is_local = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "::1");
    let is_same_host = host == listener.host || is_local(host) && (is_local(&listener.host) || is_any(&listener.host));
    is_same_host && port == listener.port.to_string()
}

fn is_any(host: &str) -> bool {
    matches!(host, "" | "0.0.0.0" | "::" | "[::]")
}

/// Keys of this chapter that count at once when they are changed while the broker runs.
const CHANGEABLE: &[&str] = &["unclean.leader.election.enable", LEADER_RATE, FOLLOWER_RATE];

impl WholeConfig for BrokerConfig {
    fn retention(&self) -> &RetentionConfig {
        &self.replication.retention
    }

    fn copy(&self) -> Box<dyn WholeConfig> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, value: &str) -> Option<Result<(), String>> {
        Config::set(self, key, value)
    }

    fn get(&self, key: &str) -> Option<String> {
        Config::get(self, key)
    }

    fn broker_keys(&self) -> Vec<Key> {
        BrokerConfig::keys()
    }

    fn topic_keys(&self) -> Vec<Key> {
        [ThrottleTopicConfig::keys(), self.replication.topic_keys()].concat()
    }

    fn behind(&self, topic_key: &str) -> &'static [&'static str] {
        self.replication.behind(topic_key)
    }

    fn topic_default(&self, topic_key: &str) -> Option<String> {
        ThrottleTopicConfig::default().get(topic_key).or_else(|| self.replication.topic_default(topic_key))
    }

    fn is_changeable(&self, broker_key: &str) -> bool {
        CHANGEABLE.contains(&broker_key) || self.replication.is_changeable(broker_key)
    }

    fn log_config(&self, settings: &TopicSettings) -> Result<LogConfig, String> {
        let mut own = ThrottleTopicConfig::default();
        for (key, value) in settings {
            if let Some(Err(problem)) = own.set(key, value) {
                return Err(format!("{key}: `{value}` {problem}"));
            }
        }
        self.replication.log_config(settings)
    }
}
