//! Settings of topics and brokers are changed.
//!
//! The controller keeps them, and knows only whose they are: what they mean is asked of [`ConfigRules`](super::ConfigRules).

use std::collections::BTreeSet;

use crate::image::{BROKER_RESOURCE, ConfigResource, Settings, TOPIC_RESOURCE};
use crate::records::{ClearElrRecord, ConfigRecord};

use super::draft::Draft;

/// The setting by which eligible leader replicas are chosen.
const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

impl Draft<'_> {
    /// Gives a resource other settings: those that are different are written.
    pub(super) fn write_settings(&mut self, resource: &ConfigResource, before: &Settings, after: &Settings) {
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let changed: Vec<_> = names.into_iter().filter(|name| before.get(*name) != after.get(*name)).collect();
        for &name in &changed {
            self.write(ConfigRecord {
                resource_type: resource.resource_type,
                resource_name: resource.name.clone(),
                name: name.clone(),
                value: after.get(name).cloned(),
            });
        }
        let is_chosen_by = matches!(resource.resource_type, TOPIC_RESOURCE | BROKER_RESOURCE);
        if is_chosen_by && self.is_elr_enabled() && changed.iter().any(|name| *name == MIN_INSYNC_REPLICAS) {
            let topic_name =
                if resource.resource_type == TOPIC_RESOURCE { resource.name.clone() } else { String::new() };
            self.write(ClearElrRecord { topic_name });
        }
    }
}
