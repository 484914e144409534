//! Settings that stand in the metadata log: those of topics, and those of brokers that were changed while they ran.

use std::collections::BTreeMap;

use crate::records::{ConfigRecord, MetadataRecord};

/// The type of a topic's settings.
pub const TOPIC_RESOURCE: i8 = 2;
/// The type of a broker's settings.
pub const BROKER_RESOURCE: i8 = 4;

/// Whose settings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigResource {
    /// 2 a topic's, 4 a broker's, 8 a broker's loggers', 16 client metrics', 32 a group's.
    pub resource_type: i8,
    /// The topic's name, the broker's id, …; empty: the default of all brokers.
    pub name: String,
}

impl ConfigResource {
    /// A topic.
    pub fn topic(name: &str) -> ConfigResource {
        ConfigResource { resource_type: TOPIC_RESOURCE, name: name.to_owned() }
    }

    /// A broker.
    pub fn broker(id: i32) -> ConfigResource {
        ConfigResource { resource_type: BROKER_RESOURCE, name: id.to_string() }
    }

    /// All brokers.
    pub fn all_brokers() -> ConfigResource {
        ConfigResource { resource_type: BROKER_RESOURCE, name: String::new() }
    }
}

/// Values by key.
pub type Settings = BTreeMap<String, String>;

/// Settings by whose they are; nobody is listed without any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configs {
    resources: BTreeMap<ConfigResource, Settings>,
}

impl Configs {
    /// The settings of a resource.
    pub fn of(&self, resource: &ConfigResource) -> Option<&Settings> {
        self.resources.get(resource)
    }

    /// All resources that have settings.
    pub fn resources(&self) -> impl Iterator<Item = (&ConfigResource, &Settings)> {
        self.resources.iter()
    }

    pub(super) fn set(&mut self, record: &ConfigRecord) {
        let resource = ConfigResource { resource_type: record.resource_type, name: record.resource_name.clone() };
        let settings = self.resources.entry(resource.clone()).or_default();
        match &record.value {
            Some(value) => settings.insert(record.name.clone(), value.clone()),
            None => settings.remove(&record.name),
        };
        if settings.is_empty() {
            self.resources.remove(&resource);
        }
    }

    pub(super) fn remove(&mut self, resource: &ConfigResource) {
        self.resources.remove(resource);
    }

    pub(super) fn to_records(&self) -> impl Iterator<Item = MetadataRecord> {
        self.resources.iter().flat_map(|(resource, settings)| {
            settings.iter().map(|(name, value)| {
                let (resource_name, name, value) = (resource.name.clone(), name.clone(), Some(value.clone()));
                ConfigRecord { resource_type: resource.resource_type, resource_name, name, value }.into()
            })
        })
    }
}
