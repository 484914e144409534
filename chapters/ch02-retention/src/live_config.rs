//! The configuration as it is now: what server.properties says, and over it what administrators have set since.
//!
//! ```text
//! a topic's own setting                 IncrementalAlterConfigs on the topic
//!   the broker's, set while it ran      … on the broker, by its number
//!     all brokers', set while they ran  … on the broker without a number
//!       server.properties, --override
//!         the default
//! ```
//!
//! The first that says something counts.

use std::sync::{Arc, RwLock};

use ch00_wire::config::{Config, Loaded};
use ch01_log::config::{LogHooks, TopicSettings};
use ch01_log::metadata::TopicImage;
use tracing::warn;

use crate::cleanup::CleanupConfig;
use crate::config::{BrokerConfig, CleanupTopicConfig};
use crate::swap_recovery;
use crate::whole_config::WholeConfig;

/// A broker's configuration, which may change.
pub struct LiveConfig {
    /// What was read at the start.
    loaded: Loaded<Box<dyn WholeConfig>>,
    effective: RwLock<Arc<dyn WholeConfig>>,
}

impl LiveConfig {
    /// Begins with what was read at the start, and with the settings that were made while earlier runs lasted: those for
    /// all brokers and those for this one.
    pub fn new<C: WholeConfig + 'static>(
        loaded: Loaded<C>,
        for_all: &TopicSettings,
        own: &TopicSettings,
    ) -> Arc<LiveConfig> {
        let Loaded { config, given, warnings } = loaded;
        let effective = RwLock::new(Arc::from(config.copy()));
        let live = LiveConfig { loaded: Loaded { config: Box::new(config), given, warnings }, effective };
        live.change(for_all, own);
        Arc::new(live)
    }

    /// What was read at the start.
    pub fn loaded(&self) -> &Loaded<Box<dyn WholeConfig>> {
        &self.loaded
    }

    /// The configuration as it is now: this chapter's part of it.
    pub fn now(&self) -> BrokerConfig {
        self.whole().retention().clone()
    }

    /// The configuration as it is now, with the keys of all chapters.
    pub fn whole(&self) -> Arc<dyn WholeConfig> {
        self.effective.read().unwrap().clone()
    }

    /// Takes other settings into use. Logs learn of it from `Topics::configure_logs`.
    pub fn change(&self, for_all: &TopicSettings, own: &TopicSettings) {
        *self.effective.write().unwrap() = Arc::from(self.with(for_all, own));
    }

    /// What the configuration would be with other settings. What is wrong among them is left out, with a warning.
    pub fn with(&self, for_all: &TopicSettings, own: &TopicSettings) -> Box<dyn WholeConfig> {
        let mut config = self.loaded.config.copy();
        for (key, value) in for_all.iter().chain(own) {
            match config.set(key, value) {
                Some(Ok(())) => {}
                Some(Err(problem)) => warn!("{key}: `{value}`, set while the broker ran, {problem}; ignored"),
                None => warn!("{key}: `{value}` was set while the broker ran; this broker does not use it"),
            }
        }
        config
    }

    // ANCHOR: log_hooks
    /// What logs are opened and configured with.
    pub fn log_hooks(self: &Arc<LiveConfig>) -> LogHooks {
        let live = self.clone();
        LogHooks {
            config_of: Arc::new(move |settings| live.whole().log_config(settings)),
            before_open: swap_recovery::complete_swaps,
            ..LogHooks::new(&self.now().log)
        }
    }
    // ANCHOR_END: log_hooks

    // ANCHOR: cleanup_of
    /// What goes from a topic's logs. A topic that came with a folder from elsewhere keeps everything until someone says
    /// here what is to go: the settings it had there are in a log that this broker does not read, and the default would
    /// delete what was to be kept.
    pub fn cleanup_of(&self, topic: &TopicImage) -> CleanupConfig {
        if keeps_everything(topic) {
            return CleanupConfig::keep_everything();
        }
        self.whole().retention().cleanup_config(&topic.settings).unwrap_or_else(|problem| {
            warn!("topic {}: {problem}; its logs keep everything", topic.name);
            CleanupConfig::keep_everything()
        })
    }
    // ANCHOR_END: cleanup_of
}

/// Whether a topic came with a folder from elsewhere, and nobody has said here what is to go from it.
pub fn keeps_everything(topic: &TopicImage) -> bool {
    let is_ours = |key: &String| CleanupTopicConfig::default().get(key).is_some();
    topic.adopted && !topic.settings.keys().any(is_ours)
}
