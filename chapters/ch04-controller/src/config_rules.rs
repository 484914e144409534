//! What settings mean, for a controller that only keeps them: chapter 2 knows.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch01_log::config::TopicSettings;
use ch01_log::partition::PartitionError;
use ch02_retention::config_change::check_broker;
use ch02_retention::config_keys::{is_broker_list, is_topic_list};
use ch02_retention::live_config::LiveConfig;

use crate::controller::ConfigRules;
use crate::image::{BROKER_RESOURCE, ConfigResource, Settings, TOPIC_RESOURCE};

/// The rules of this broker's configuration.
pub struct LiveRules(pub Arc<LiveConfig>);

fn plain(settings: &Settings) -> TopicSettings {
    settings.clone().into_iter().collect()
}

impl ConfigRules for LiveRules {
    fn check(&self, resource: &ConfigResource, before: &Settings, after: &Settings) -> Result<(), PartitionError> {
        let (before, after, none) = (plain(before), plain(after), TopicSettings::new());
        match resource.resource_type {
            TOPIC_RESOURCE => {
                let checked = self.0.whole().log_config(&after);
                let invalid = |why| PartitionError { code: ErrorCode::INVALID_CONFIG, message: Some(why) };
                checked.map(|_| ()).map_err(invalid)
            }
            BROKER_RESOURCE => {
                let is_for_all = resource.name.is_empty();
                let layers = if is_for_all { (&after, &none) } else { (&none, &after) };
                check_broker(&before, &after, &*self.0.with(layers.0, layers.1))
            }
            // Kept, and not acted on.
            _ => Ok(()),
        }
    }

    fn list(&self, resource: &ConfigResource, key: &str) -> Option<String> {
        let whole = self.0.whole();
        match resource.resource_type {
            TOPIC_RESOURCE => is_topic_list(&*whole, key).then(|| whole.topic_default(key).unwrap_or_default()),
            BROKER_RESOURCE if is_broker_list(&*whole, key) => self.0.loaded().config.get(key),
            _ => None,
        }
    }
}
