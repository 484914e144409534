//! What administrators may look at and change: the settings of topics, of this broker, and of all brokers.
//!
//! A change is checked, stored, and applied, in this order and under the lock that every change of topics takes: what was
//! answered is on the disk, and what is applied comes back after a restart.

use ch00_wire::error_code::ErrorCode;
use ch01_log::config::TopicSettings;
use ch01_log::metadata::check_topic_name;
use ch01_log::partition::PartitionError;
use ch01_log::topics::Topics;

use crate::broker::State;
use crate::config_change::{check_broker, refusal};
use crate::config_entries::{Entry, Layers, broker_entries, default_entries, topic_entries};
use crate::config_keys::{is_broker_list, is_topic_list};
use crate::live_config::keeps_everything;

/// Kafka's number for a topic.
pub const TOPIC: i8 = 2;
/// Kafka's number for a broker.
pub const BROKER: i8 = 4;

/// Who has settings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A topic, by name.
    Topic(String),
    /// This broker.
    ThisBroker,
    /// All brokers: what counts for those that have no setting of their own.
    AllBrokers,
}

impl Resource {
    /// From a request's words, or what is wrong with them.
    pub fn named(state: &State, kind: i8, name: &str) -> Result<Resource, PartitionError> {
        let me = state.log.config.wire.broker_id;
        match (kind, name) {
            (TOPIC, name) => match check_topic_name(name) {
                Ok(()) => Ok(Resource::Topic(name.to_owned())),
                Err(why) => Err(refusal(ErrorCode::INVALID_TOPIC_EXCEPTION, why)),
            },
            (BROKER, "") => Ok(Resource::AllBrokers),
            (BROKER, name) => match name.parse::<i32>() {
                Ok(id) if id == me => Ok(Resource::ThisBroker),
                Ok(id) => {
                    let why =
                        format!("this is broker {me}, the request is about {id}: ask that one, or leave the id empty");
                    Err(refusal(ErrorCode::INVALID_REQUEST, why))
                }
                Err(_) => {
                    let why = format!("a broker's id is a number or empty for all brokers, not `{name}`");
                    Err(refusal(ErrorCode::INVALID_REQUEST, why))
                }
            },
            _ => {
                let why = format!("resource type {kind} has no settings here; {TOPIC} is a topic, {BROKER} a broker");
                Err(refusal(ErrorCode::INVALID_REQUEST, why))
            }
        }
    }
}

fn unknown_topic(name: &str) -> PartitionError {
    refusal(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, format!("there is no topic `{name}`"))
}

fn own_id(state: &State) -> String {
    state.log.config.wire.broker_id.to_string()
}

/// What a resource's settings are, and where they come from. Waits for whoever changes topics.
pub fn describe(state: &State, resource: &Resource) -> Result<Vec<Entry>, PartitionError> {
    let (own, for_all) = {
        let topics = state.log.topics.lock().unwrap();
        (topics.broker_settings(&own_id(state)), topics.broker_settings(""))
    };
    let config = state.config.whole();
    let layers = Layers { own: &own, for_all: &for_all, file: &state.config.loaded().given };
    Ok(match resource {
        Resource::AllBrokers => default_entries(&for_all, &*config),
        Resource::ThisBroker => broker_entries(layers, &*config),
        Resource::Topic(name) => {
            let image = state.log.image();
            let topic = image.topic(name).ok_or_else(|| unknown_topic(name))?;
            let mut entries = topic_entries(&topic.settings, layers, &*config);
            if keeps_everything(topic) {
                let policy = entries.iter_mut().find(|entry| entry.name == "cleanup.policy");
                policy
                    .into_iter()
                    .for_each(|policy| (policy.value, policy.synonyms) = (Some(String::new()), Vec::new()));
            }
            entries
        }
    })
}

/// The settings of a resource as they are, for who makes new ones of them.
pub struct Current<'a> {
    /// The settings.
    pub settings: TopicSettings,
    /// Whose they are.
    resource: &'a Resource,
    state: &'a State,
    for_all: TopicSettings,
}

impl Current<'_> {
    /// What a list is without a setting here; `None` for keys that are no lists.
    pub fn list(&self, key: &str) -> Option<String> {
        let none = TopicSettings::new();
        let live = &self.state.config;
        match self.resource {
            Resource::Topic(name) => {
                let keeps_everything = self.state.log.image().topic(name).is_some_and(|topic| keeps_everything(topic));
                let default =
                    live.whole().topic_default(key).filter(|_| !(keeps_everything && key == "cleanup.policy"));
                is_topic_list(&*live.whole(), key).then(|| default.unwrap_or_default())
            }
            Resource::ThisBroker if is_broker_list(&*live.whole(), key) => live.with(&self.for_all, &none).get(key),
            Resource::AllBrokers if is_broker_list(&*live.whole(), key) => live.loaded().config.get(key),
            _ => None,
        }
    }
}

// ANCHOR: alter
/// Gives a resource the settings that `change` makes of those it has. With `validate_only` they are only checked.
pub fn alter(
    state: &State,
    resource: &Resource,
    validate_only: bool,
    change: impl FnOnce(&Current<'_>) -> Result<TopicSettings, PartitionError>,
) -> Result<(), PartitionError> {
    let mut topics = state.log.topics.lock().unwrap();
    let for_all = topics.broker_settings("");
    let settings = match resource {
        Resource::Topic(name) => {
            let image = state.log.image();
            image.topic(name).ok_or_else(|| unknown_topic(name))?.settings.clone()
        }
        Resource::ThisBroker => topics.broker_settings(&own_id(state)),
        Resource::AllBrokers => for_all.clone(),
    };
    let current = Current { settings, resource, state, for_all };
    let new = change(&current)?;
    match resource {
        Resource::Topic(_) if validate_only => {
            state.config.whole().log_config(&new).map_err(|why| refusal(ErrorCode::INVALID_CONFIG, why))?;
            Ok(())
        }
        Resource::Topic(name) => topics.change_settings(name, new),
        Resource::ThisBroker => {
            let for_all = current.for_all.clone();
            alter_broker(&mut topics, &current, &own_id(state), [&for_all, &new], validate_only)
        }
        Resource::AllBrokers => {
            let own = topics.broker_settings(&own_id(state));
            alter_broker(&mut topics, &current, "", [&new, &own], validate_only)
        }
    }
}
// ANCHOR_END: alter

/// `layers`: the settings of all brokers and of this one, as they would be.
fn alter_broker(
    topics: &mut Topics,
    current: &Current<'_>,
    name: &str,
    layers: [&TopicSettings; 2],
    validate_only: bool,
) -> Result<(), PartitionError> {
    let live = &current.state.config;
    let [for_all, own] = layers;
    let new = if name.is_empty() { for_all } else { own };
    check_broker(&current.settings, new, &*live.with(for_all, own))?;
    if !validate_only {
        topics.change_broker_settings(name, new.clone())?;
        live.change(for_all, own);
        topics.configure_logs();
    }
    Ok(())
}
