//! What a controller is told when it begins: the keys of its server.properties that matter to it.

use std::sync::Arc;

use ch01_log::partition::PartitionError;

use crate::image::{ConfigResource, Settings};
use crate::records::MetadataRecord;

/// A controller's settings. What can also be set for a topic or for all brokers counts where it is not.
#[derive(Clone)]
pub struct ControllerSettings {
    /// The cluster that brokers must belong to.
    pub cluster_id: String,
    /// `broker.session.timeout.ms`: a broker that was not heard of for longer is fenced.
    pub session_timeout_ms: i64,
    /// `num.partitions` of topics whose creator does not say.
    pub num_partitions: i32,
    /// `default.replication.factor` of topics whose creator does not say.
    pub default_replication_factor: i16,
    /// `delete.topic.enable`: whether topics can be deleted at all.
    pub delete_topic_enable: bool,
    /// `min.insync.replicas`.
    pub min_insync_replicas: usize,
    /// `unclean.leader.election.enable`.
    pub unclean_leader_election_enable: bool,
    /// `auto.leader.rebalance.enable`: whether leaders move back to preferred replicas by themselves.
    pub auto_leader_rebalance_enable: bool,
    /// `leader.imbalance.check.interval.seconds`, in milliseconds.
    pub leader_imbalance_check_interval_ms: i64,
    /// `metadata.max.idle.interval.ms`: after so long without a record, one that says nothing is written; 0: never.
    pub metadata_max_idle_interval_ms: i64,
    /// The records that the log of a new cluster begins with, if the folder was formatted; empty: the levels of Apache
    /// Kafka 4.3.
    pub bootstrap: Vec<MetadataRecord>,
    /// What settings mean.
    pub rules: Arc<dyn ConfigRules>,
}

impl ControllerSettings {
    /// Kafka's defaults.
    pub fn new(cluster_id: &str, rules: Arc<dyn ConfigRules>) -> ControllerSettings {
        ControllerSettings {
            cluster_id: cluster_id.to_owned(),
            session_timeout_ms: 9_000,
            num_partitions: 1,
            default_replication_factor: 1,
            delete_topic_enable: true,
            min_insync_replicas: 1,
            unclean_leader_election_enable: false,
            auto_leader_rebalance_enable: true,
            leader_imbalance_check_interval_ms: 300_000,
            metadata_max_idle_interval_ms: 500,
            bootstrap: Vec::new(),
            rules,
        }
    }
}

/// Who knows what settings mean. The controller only knows whose they are.
pub trait ConfigRules: Send + Sync {
    /// Whether a topic or broker that has the settings `before` may have the settings `after`.
    fn check(&self, resource: &ConfigResource, before: &Settings, after: &Settings) -> Result<(), PartitionError>;

    /// What a list is where it is not set; `None` for keys that are no lists.
    fn list(&self, resource: &ConfigResource, key: &str) -> Option<String>;
}
