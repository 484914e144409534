//! Changing the settings of topics and brokers that exist.
//!
//! The file first, then the logs, then the image, as with every other change. What settings mean is not decided here: a
//! log gets what [`LogConfigOf`](crate::config::LogConfigOf) makes of them.

use ch00_wire::error_code::ErrorCode;

use crate::config::TopicSettings;
use crate::partition::PartitionError;
use crate::text_checkpoint::TopicPartition;
use crate::topics::{Topics, error, not_stored};

impl Topics {
    // ANCHOR: change_settings
    /// Gives a topic other settings, all of them.
    pub fn change_settings(&mut self, name: &str, settings: TopicSettings) -> Result<(), PartitionError> {
        (self.log_config_of)(&settings).map_err(|why| error(ErrorCode::INVALID_CONFIG, why))?;
        let Some(mut topic) = self.store.contents().topics.get(name).filter(|topic| !topic.deleting).cloned() else {
            return Err(error(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, format!("there is no topic `{name}`")));
        };
        topic.settings = settings;
        let stored = topic.clone();
        self.store.change(|contents| drop(contents.topics.insert(name.to_owned(), stored))).map_err(not_stored)?;
        self.configure_logs_of(name, topic.partitions, &topic.settings);
        self.publish_topics([(&name.to_owned(), &topic)]);
        Ok(())
    }
    // ANCHOR_END: change_settings

    /// The settings of a broker that were made while it ran; those under the empty name are for all brokers.
    pub fn broker_settings(&self, broker: &str) -> TopicSettings {
        self.store.contents().brokers.get(broker).cloned().unwrap_or_default()
    }

    /// Stores other settings of a broker, all of them.
    pub fn change_broker_settings(&mut self, broker: &str, settings: TopicSettings) -> Result<(), PartitionError> {
        let change = self.store.change(|contents| match settings.is_empty() {
            true => drop(contents.brokers.remove(broker)),
            false => drop(contents.brokers.insert(broker.to_owned(), settings)),
        });
        change.map_err(not_stored)
    }

    /// Tells every log its configuration again: the defaults have changed.
    pub fn configure_logs(&self) {
        for (name, topic) in &self.store.contents().topics {
            self.configure_logs_of(name, topic.partitions, &topic.settings);
        }
    }

    pub(crate) fn configure_logs_of(&self, name: &str, partitions: i32, settings: &TopicSettings) {
        let config = self.log_config(name, settings);
        for name in (0..partitions).map(|index| TopicPartition::new(name, index)) {
            if let Some(partition) = self.logs.get(&name) {
                partition.set_config(config.clone());
                self.replicas.configured(&name, settings);
            }
        }
    }
}
