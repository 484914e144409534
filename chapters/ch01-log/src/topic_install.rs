//! Taking over topics as another broker has decided them. Nothing in this chapter does; a broker that is not alone will.
//!
//! What is new is made, what is gone is deleted, what has changed is changed, by the same steps as if a client had asked
//! this broker. A topic that was deleted and created again has another id: then the old one goes first.

use std::collections::BTreeMap;

use crate::config::TopicSettings;
use crate::partition::PartitionError;
use crate::text_checkpoint::TopicPartition;
use crate::topic_store::StoredTopic;
use crate::topics::{Topics, not_stored};

impl Topics {
    /// The topics that there are, but for those that are being deleted.
    pub fn stored(&self) -> BTreeMap<String, StoredTopic> {
        let topics = self.store.contents().topics.iter().filter(|(_, topic)| !topic.deleting);
        topics.map(|(name, topic)| (name.clone(), topic.clone())).collect()
    }

    // ANCHOR: install
    /// Makes the topics be these.
    pub fn install(&mut self, wanted: &BTreeMap<String, StoredTopic>) -> Result<(), PartitionError> {
        let stored = self.stored();
        let is_other = |name: &String, topic: &StoredTopic| wanted.get(name).is_none_or(|other| other.id != topic.id);
        for (name, _) in stored.iter().filter(|(name, topic)| is_other(name, topic)) {
            self.remove(name)?;
        }
        let stored = self.stored();
        let is_new = |name: &String, topic: &StoredTopic| {
            stored.get(name).is_none_or(|known| known.partitions < topic.partitions)
        };
        let new: BTreeMap<_, _> = wanted
            .iter()
            .filter(|(name, topic)| is_new(name, topic))
            .map(|(name, topic)| (name.clone(), topic.clone()))
            .collect();
        if !new.is_empty() {
            self.store_new(&new)?;
        }
        for (name, topic) in wanted.iter().filter(|(name, _)| !new.contains_key(*name)) {
            if stored.get(name).is_some_and(|known| known.settings != topic.settings) {
                self.change_settings(name, topic.settings.clone())?;
            }
        }
        Ok(())
    }
    // ANCHOR_END: install

    // ANCHOR: take
    /// Some topics are gone, and others are now these; whatever is not named is as it was. For who keeps topics elsewhere.
    pub fn take(&mut self, gone: &[String], changed: &BTreeMap<String, StoredTopic>) -> Result<(), PartitionError> {
        for name in gone {
            self.remove(name)?;
        }
        for (name, topic) in changed {
            let Some(known) = self.store.contents().topics.get(name).cloned() else { continue };
            if known.id != topic.id {
                self.remove(name)?;
                continue;
            }
            for index in self.own_partitions(&known) {
                if !topic.replicas_of(index, self.broker_id()).contains(&self.broker_id()) {
                    let partition = TopicPartition::new(name, index);
                    self.replicas.closing(&partition);
                    self.logs.delete_one(&partition).map_err(not_stored)?;
                }
            }
        }
        self.store_new(changed)?;
        for (name, topic) in changed {
            self.configure_logs_of(name, topic.partitions, &topic.settings);
        }
        Ok(())
    }
    // ANCHOR_END: take

    /// Publishes topics again: who leads them, or who is in sync, has changed.
    pub fn publish_again<'a>(&self, names: impl IntoIterator<Item = &'a String>) {
        let topics = &self.store.contents().topics;
        self.publish_topics(names.into_iter().filter_map(|name| Some((name, topics.get(name)?))));
    }

    /// Producer ids are given out from here on, or from where they were.
    pub fn give_producer_ids_from(&mut self, first: i64) {
        self.first_producer_id = first;
    }

    /// Settings of all brokers, as another broker has them.
    pub fn install_broker_settings(&mut self, settings: TopicSettings) -> Result<bool, PartitionError> {
        if self.broker_settings("") == settings {
            return Ok(false);
        }
        self.change_broker_settings("", settings)?;
        Ok(true)
    }
}
