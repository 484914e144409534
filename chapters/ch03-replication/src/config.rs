//! The configuration of this chapter: which brokers there are, and how copies are kept.

use ch00_wire::config;
use ch00_wire::config::{Config, Key, Value};
use ch01_log::config::TopicSettings;
use ch01_log::log::LogConfig;
use ch02_retention::config::BrokerConfig as RetentionConfig;
use ch02_retention::config_keys;
use ch02_retention::whole_config::WholeConfig;

use crate::isr::BrokerId;

config! {
    /// What the broker of chapter 3 reads from server.properties.
    pub struct BrokerConfig: retention: RetentionConfig {
        /// All brokers of the cluster, as `ID@HOST:PORT`, separated by commas, in the same order everywhere; the first decides about topics. The address is that of the listener over which brokers talk to each other. Empty: this broker is alone. A key that Apache Kafka does not have.
        cluster_brokers: ClusterBrokers = "";
        /// Where the broker stands, such as the name of a rack or of a data centre; empty: it does not say.
        broker_rack: String = "";
        /// How many replicas have to be in sync, the leader counted, for records to be acknowledged with `acks=all` and read; a topic's `min.insync.replicas`.
        min_insync_replicas: i32 = "1", in 1..=i64::from(i32::MAX);
        /// Milliseconds for which a follower may lack something that the leader has and still be in sync.
        replica_lag_time_max_ms: i64 = "30000", in 0..=i64::MAX;
        /// How often high watermarks are written down, in milliseconds.
        replica_high_watermark_checkpoint_interval_ms: i64 = "5000", in 1..=i64::MAX;
        /// Connections over which this broker copies from each other broker.
        num_replica_fetchers: i32 = "1", in 1..=1000;
        /// The fewest bytes that are worth an answer to a follower before its wait is over.
        replica_fetch_min_bytes: i32 = "1", in 0..=i64::from(i32::MAX);
        /// The most bytes of one partition in an answer to a follower; a first batch larger than that is sent nevertheless.
        replica_fetch_max_bytes: i32 = "1048576", in 0..=i64::from(i32::MAX);
        /// The most bytes in an answer to a follower.
        replica_fetch_response_max_bytes: i32 = "10485760", in 0..=i64::from(i32::MAX);
        /// How long the leader may wait for `replica.fetch.min.bytes`, in milliseconds.
        replica_fetch_wait_max_ms: i32 = "500", in 0..=i64::from(i32::MAX);
        /// How long a follower pauses after an error before it fetches again, in milliseconds.
        replica_fetch_backoff_ms: i32 = "1000", in 0..=i64::from(i32::MAX);
        /// How long a follower waits for an answer before it takes the connection for dead, in milliseconds.
        replica_socket_timeout_ms: i32 = "30000", in 1..=i64::from(i32::MAX);
        /// Where metrics are served over HTTP, as `HOST:PORT`, in Prometheus' text format at `/metrics`; empty: nowhere. Port 0 takes a free port, which the log names. A key that Apache Kafka does not have: it has JMX.
        metrics_listener: String = "";
        /// Who chooses the replica that a consumer reads from. Empty: it is the leader. `org.apache.kafka.common.replica.RackAwareReplicaSelector`: one in the consumer's rack.
        replica_selector_class: String = "", of ["", "org.apache.kafka.common.replica.RackAwareReplicaSelector", "org.apache.kafka.common.replica.LeaderSelector"];
    }
}

config! {
    /// A topic's own settings of this chapter; each has the broker's as its default.
    pub struct ReplicationTopicConfig {
        /// How many replicas have to be in sync, the leader counted, for records to be acknowledged with `acks=all` and read.
        min_insync_replicas: i32 = "1", in 1..=i64::from(i32::MAX);
    }
}

/// A broker of the cluster, and where the others reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterBroker {
    /// Its number.
    pub id: BrokerId,
    /// Host and port.
    pub address: String,
}

/// `cluster.brokers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterBrokers(pub Vec<ClusterBroker>);

impl Value for ClusterBrokers {
    const KIND: &'static str = "LIST";

    fn parse(text: &str) -> Result<ClusterBrokers, String> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let brokers: Vec<_> = words.map(parse_broker).collect::<Result<_, String>>()?;
        let is_repeated = |(at, broker): &(usize, &ClusterBroker)| brokers[..*at].iter().any(|b| b.id == broker.id);
        match brokers.iter().enumerate().find(is_repeated) {
            Some((_, twice)) => Err(format!("names broker {} twice", twice.id)),
            None => Ok(ClusterBrokers(brokers)),
        }
    }

    fn show(&self) -> String {
        let words: Vec<_> = self.0.iter().map(|broker| format!("{}@{}", broker.id, broker.address)).collect();
        words.join(",")
    }
}

fn parse_broker(word: &str) -> Result<ClusterBroker, String> {
    let wrong = || format!("has `{word}`: legal is ID@HOST:PORT, such as 2@localhost:9092");
    let (id, address) = word.split_once('@').ok_or_else(wrong)?;
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let id = id.parse().ok().filter(|&id: &i32| id >= 0).ok_or_else(wrong)?;
    port.parse::<u16>().map_err(|_| wrong())?;
    if host.is_empty() { Err(wrong()) } else { Ok(ClusterBroker { id, address: address.to_owned() }) }
}

impl BrokerConfig {
    /// `min.insync.replicas` of a topic with these settings.
    pub fn min_insync_replicas(&self, settings: &TopicSettings) -> usize {
        let own = settings.get("min.insync.replicas").and_then(|value| value.parse().ok());
        own.unwrap_or(self.min_insync_replicas).max(1) as usize
    }
}

/// The broker's key behind this chapter's only topic key.
const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

impl WholeConfig for BrokerConfig {
    fn retention(&self) -> &RetentionConfig {
        &self.retention
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
        [ReplicationTopicConfig::keys(), config_keys::topic_keys()].concat()
    }

    fn behind(&self, topic_key: &str) -> &'static [&'static str] {
        if topic_key == MIN_INSYNC_REPLICAS { &[MIN_INSYNC_REPLICAS] } else { config_keys::behind(topic_key) }
    }

    fn topic_default(&self, topic_key: &str) -> Option<String> {
        match topic_key {
            MIN_INSYNC_REPLICAS => Some(self.min_insync_replicas.to_string()),
            _ => config_keys::topic_default(&self.retention, topic_key),
        }
    }

    fn is_changeable(&self, broker_key: &str) -> bool {
        broker_key == MIN_INSYNC_REPLICAS || config_keys::is_changeable(broker_key)
    }

    fn log_config(&self, settings: &TopicSettings) -> Result<LogConfig, String> {
        let mut own = ReplicationTopicConfig::default();
        for (key, value) in settings {
            if let Some(Err(problem)) = own.set(key, value) {
                return Err(format!("{key}: `{value}` {problem}"));
            }
        }
        self.retention.log_config(settings)
    }
}
