//! A whole configuration: all keys of a broker, whichever chapter's, as those see it who list and change settings.
//!
//! What deletes and compacts asks for this chapter's part of it and knows nothing of the rest.

use ch00_wire::config::{Config, Key};
use ch01_log::config::TopicSettings;
use ch01_log::log::LogConfig;

use crate::config::BrokerConfig;
use crate::config_keys;

/// All keys of a broker, and what they are set to.
pub trait WholeConfig: Send + Sync {
    /// This chapter's keys and those of the chapters before.
    fn retention(&self) -> &BrokerConfig;

    /// A copy that can be changed.
    fn copy(&self) -> Box<dyn WholeConfig>;

    /// Sets a key; `None` if there is no such key.
    fn set(&mut self, key: &str, value: &str) -> Option<Result<(), String>>;

    /// The value of a key, as it would stand in the file.
    fn get(&self, key: &str) -> Option<String>;

    /// Every key of the broker.
    fn broker_keys(&self) -> Vec<Key>;

    /// Every key of a topic.
    fn topic_keys(&self) -> Vec<Key> {
        config_keys::topic_keys()
    }

    /// The broker's keys behind a topic key, the one that counts first.
    fn behind(&self, topic_key: &str) -> &'static [&'static str] {
        config_keys::behind(topic_key)
    }

    /// What a topic has that says nothing itself.
    fn topic_default(&self, topic_key: &str) -> Option<String> {
        config_keys::topic_default(self.retention(), topic_key)
    }

    /// Whether a broker's key can change while it runs.
    fn is_changeable(&self, broker_key: &str) -> bool {
        config_keys::is_changeable(broker_key)
    }

    /// The configuration of a topic's logs, or which setting is wrong.
    fn log_config(&self, settings: &TopicSettings) -> Result<LogConfig, String> {
        self.retention().log_config(settings)
    }
}

impl WholeConfig for BrokerConfig {
    fn retention(&self) -> &BrokerConfig {
        self
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
        config_keys::broker_keys()
    }
}
