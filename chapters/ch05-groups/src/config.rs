//! The configuration of this chapter: `__consumer_offsets`, and what groups may do.

use ch00_wire::config;
use ch00_wire::config::{Config, Key};
use ch01_log::config::TopicSettings;
use ch01_log::log::LogConfig;
use ch02_retention::config::BrokerConfig as RetentionConfig;
use ch02_retention::whole_config::WholeConfig;
use ch04_controller::config::BrokerConfig as ControllerConfig;

use crate::assignor::Assignor;
use crate::consumer::ConsumerGroupSettings;
use crate::settings::GroupSettings;

config! {
    /// What the broker of chapter 5 reads from server.properties.
    pub struct BrokerConfig: controller: ControllerConfig {
        /// Partitions of `__consumer_offsets`. It counts when the topic is created, by the first group.
        offsets_topic_num_partitions: i32 = "50", in 1..=i64::from(i32::MAX);
        /// Copies of each; as many as there are brokers, if these are fewer.
        offsets_topic_replication_factor: i32 = "3", in 1..=i64::from(i16::MAX);
        /// The most bytes in one of its segments.
        offsets_topic_segment_bytes: i32 = "104857600", in 1..=i64::from(i32::MAX);
        /// How long a commit may wait for its copies, in milliseconds.
        offsets_commit_timeout_ms: i32 = "5000", in 1..=i64::from(i32::MAX);
        /// How long offsets outlive the group's last member, in minutes.
        offsets_retention_minutes: i32 = "10080", in 1..=i64::from(i32::MAX);
        /// How often it is looked for offsets whose time is over, in milliseconds.
        offsets_retention_check_interval_ms: i64 = "600000", in 1..=i64::MAX;
        /// The most bytes that a member may write beside an offset.
        offset_metadata_max_bytes: i32 = "4096", in 0..=i64::from(i32::MAX);
        /// How long the first members of an empty group wait for more, in milliseconds.
        group_initial_rebalance_delay_ms: i32 = "3000", in 0..=i64::from(i32::MAX);
        /// The shortest session that a member may ask for, in milliseconds.
        group_min_session_timeout_ms: i32 = "6000", in 0..=i64::from(i32::MAX);
        /// The longest session that a member may ask for, in milliseconds.
        group_max_session_timeout_ms: i32 = "1800000", in 0..=i64::from(i32::MAX);
        /// The most members of a group.
        group_max_size: i32 = "2147483647", in 1..=i64::from(i32::MAX);
        /// Without a heartbeat for so long, a member of the consumer protocol is taken for dead, in milliseconds.
        group_consumer_session_timeout_ms: i32 = "45000", in 1..=i64::from(i32::MAX);
        /// How often such members are to send heartbeats, in milliseconds.
        group_consumer_heartbeat_interval_ms: i32 = "5000", in 1..=i64::from(i32::MAX);
        /// The most members of a group of the consumer protocol.
        group_consumer_max_size: i32 = "2147483647", in 1..=i64::from(i32::MAX);
        /// The assignors that members may ask for, `uniform` and `range`; the first is used where nobody asks.
        group_consumer_assignors: Vec<String> = "uniform,range";
        /// The shortest time between two assignments of a group, in milliseconds: members that come together cause one.
        group_consumer_assignment_interval_ms: i32 = "1000", in 0..=i64::from(i32::MAX);
        /// Which groups with members may become groups of the other protocol: `disabled`, `upgrade` (to the consumer protocol),
        /// `downgrade`, `bidirectional`.
        group_consumer_migration_policy: String = "bidirectional";
    }
}

impl BrokerConfig {
    /// What groups obey, or which setting makes no sense.
    pub fn group_settings(&self) -> Result<GroupSettings, String> {
        let names = self.group_consumer_assignors.iter();
        let assignors = names.map(|name| {
            Assignor::from_name(name)
                .ok_or_else(|| format!("group.consumer.assignors: `{name}`: legal are uniform and range"))
        });
        let assignors: Vec<_> = assignors.collect::<Result<_, _>>()?;
        if assignors.is_empty() {
            return Err("group.consumer.assignors: names none; legal are uniform and range".to_owned());
        }
        let consumer = ConsumerGroupSettings {
            session_timeout_ms: self.group_consumer_session_timeout_ms,
            heartbeat_interval_ms: self.group_consumer_heartbeat_interval_ms,
            max_size: self.group_consumer_max_size.unsigned_abs() as usize,
            assignment_interval_ms: self.group_consumer_assignment_interval_ms,
            assignors,
            migration_policy: self
                .group_consumer_migration_policy
                .parse()
                .map_err(|legal| format!("group.consumer.migration.policy: {legal}"))?,
        };
        Ok(GroupSettings {
            initial_rebalance_delay_ms: self.group_initial_rebalance_delay_ms.into(),
            min_session_timeout_ms: self.group_min_session_timeout_ms,
            max_session_timeout_ms: self.group_max_session_timeout_ms,
            max_size: self.group_max_size.unsigned_abs() as usize,
            offset_metadata_max_bytes: self.offset_metadata_max_bytes.unsigned_abs() as usize,
            offsets_retention_ms: i64::from(self.offsets_retention_minutes) * 60_000,
            offsets_retention_check_interval_ms: self.offsets_retention_check_interval_ms,
            consumer,
        })
    }
}

impl WholeConfig for BrokerConfig {
    fn retention(&self) -> &RetentionConfig {
        self.controller.retention()
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
        self.controller.topic_keys()
    }

    fn behind(&self, topic_key: &str) -> &'static [&'static str] {
        self.controller.behind(topic_key)
    }

    fn topic_default(&self, topic_key: &str) -> Option<String> {
        self.controller.topic_default(topic_key)
    }

    fn is_changeable(&self, broker_key: &str) -> bool {
        self.controller.is_changeable(broker_key)
    }

    fn log_config(&self, settings: &TopicSettings) -> Result<LogConfig, String> {
        self.controller.log_config(settings)
    }
}
