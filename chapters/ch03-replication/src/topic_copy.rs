//! Copying what the first broker has decided: topics, their replicas, and their settings.
//!
//! Topics come with every answer to Metadata; the settings of a topic that is new here are asked for at once, those of the
//! others one after the other, so that a change arrives within seconds. All of it is kept on this broker's own disk: while
//! the first broker is down, what there is goes on.
//!
//! Caveat: a first broker that has lost its disk knows of no topic, and would have all others delete theirs. It also has
//! another cluster id, and so it is not believed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ch00_wire::client::{Client, ClientError};
use ch00_wire::tasks::Tasks;
use ch01_log::config::TopicSettings;
use ch01_log::messages::{MetadataResponse, MetadataResponseTopic};
use ch01_log::partition::PartitionError;
use ch01_log::topic_store::StoredTopic;
use ch01_log::topics::Topics;
use ch02_retention::config_admin::{BROKER, TOPIC};
use ch02_retention::config_entries::Source;
use ch02_retention::live_config::LiveConfig;
use ch02_retention::messages::{DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResult};
use tracing::error;

use crate::replica_manager::ReplicaManager;

/// How often settings are asked for.
const SETTINGS_EVERY: Duration = Duration::from_secs(2);
/// Topics whose settings are asked for at a time.
const TOPICS_AT_A_TIME: usize = 50;

/// Follows what the first broker decides.
pub struct TopicCopy {
    topics: Arc<Mutex<Topics>>,
    manager: Arc<ReplicaManager>,
    config: Arc<LiveConfig>,
    broker_id: i32,
    /// The topics as they are stored here; `None`: not looked at yet.
    installed: Mutex<Option<BTreeMap<String, StoredTopic>>>,
    /// Where asking for settings goes on.
    next: AtomicUsize,
    /// Whether it was said that the first broker is not believed.
    has_complained: AtomicBool,
}

/// What settings were asked about.
type Settings = BTreeMap<String, TopicSettings>;

impl TopicCopy {
    /// Copies into a broker's own topics.
    pub fn new(
        topics: Arc<Mutex<Topics>>,
        manager: Arc<ReplicaManager>,
        config: Arc<LiveConfig>,
        id: i32,
    ) -> TopicCopy {
        let (next, has_complained) = (AtomicUsize::new(0), AtomicBool::new(false));
        TopicCopy { topics, manager, config, broker_id: id, installed: Mutex::default(), next, has_complained }
    }

    // ANCHOR: follow
    /// Makes the topics here be those in the first broker's answer.
    pub async fn follow(
        &self,
        client: &mut Client,
        answer: &MetadataResponse,
        last_settings: &mut Option<Instant>,
        tasks: &Tasks,
    ) -> Result<(), ClientError> {
        let cluster_id = answer.cluster_id.clone().unwrap_or_default();
        if !self.believes(&cluster_id) {
            return Ok(());
        }
        let known = self.installed.lock().unwrap().clone();
        let stored = match known {
            Some(stored) => stored,
            None => self.on_topics(tasks, |topics| topics.stored()).await,
        };
        let mut wanted: BTreeMap<String, StoredTopic> =
            answer.topics.iter().filter_map(|topic| stored_topic(topic, &stored)).collect();
        let is_new = |name: &&String| stored.get(*name).is_none_or(|known| known.id != wanted[*name].id);
        let mut ask: Vec<String> = wanted.keys().filter(is_new).cloned().collect();
        let is_time = last_settings.is_none_or(|last| last.elapsed() >= SETTINGS_EVERY);
        if is_time {
            *last_settings = Some(Instant::now());
            ask.extend(self.next_topics(&wanted));
        }
        let mut for_all = None;
        if is_time || !ask.is_empty() {
            let settings = ask_settings(client, &ask).await?;
            for (name, settings) in settings.0 {
                wanted.entry(name).and_modify(|topic| topic.settings = settings);
            }
            for_all = settings.1;
        }
        if wanted != stored || for_all.is_some() {
            let config = self.config.clone();
            let own = self.broker_id.to_string();
            let installed = self.on_topics(tasks, move |topics| {
                let installed = install(topics, &wanted, for_all, &config, &own);
                installed.unwrap_or_else(|e| error!("topics not copied: {}", e.message.unwrap_or_default()));
                topics.stored()
            });
            *self.installed.lock().unwrap() = Some(installed.await);
        }
        if self.manager.cluster_id().is_none() {
            let manager = self.manager.clone();
            let joined = tasks.blocking(move || manager.join(&cluster_id)).await;
            joined.unwrap_or_else(|e| error!("the cluster's id could not be stored: {e}"));
        }
        Ok(())
    }
    // ANCHOR_END: follow

    async fn on_topics<T: Send + 'static>(
        &self,
        tasks: &Tasks,
        work: impl FnOnce(&mut Topics) -> T + Send + 'static,
    ) -> T {
        let topics = self.topics.clone();
        tasks.blocking(move || work(&mut topics.lock().unwrap())).await
    }

    // ANCHOR: believes
    /// Whether the first broker is believed: it has the cluster id that it had when topics were first copied from it.
    fn believes(&self, cluster_id: &str) -> bool {
        let known = self.manager.cluster_id();
        let is_believed = known.as_deref().is_none_or(|known| known == cluster_id);
        if !is_believed && !self.has_complained.swap(true, Ordering::Relaxed) {
            error!(
                "the first broker of cluster.brokers belongs to cluster {cluster_id}, this one to {}: has it lost its \
                 disk? Nothing is copied from it, and nothing is deleted",
                known.unwrap_or_default()
            );
        }
        is_believed
    }
    // ANCHOR_END: believes

    /// The topics whose settings are asked for next, round robin.
    fn next_topics(&self, topics: &BTreeMap<String, StoredTopic>) -> Vec<String> {
        let count = topics.len().min(TOPICS_AT_A_TIME);
        let from = self.next.fetch_add(count, Ordering::Relaxed) % topics.len().max(1);
        topics.keys().cycle().skip(from).take(count).cloned().collect()
    }
}

/// A topic as it is to be stored here; its settings are those known here, until they have been asked for.
fn stored_topic(
    topic: &MetadataResponseTopic,
    stored: &BTreeMap<String, StoredTopic>,
) -> Option<(String, StoredTopic)> {
    let name = topic.name.clone()?;
    let known = stored.get(&name).filter(|known| known.id == topic.topic_id);
    let mut partitions: Vec<_> = topic.partitions.iter().collect();
    partitions.sort_by_key(|partition| partition.partition_index);
    let topic = StoredTopic {
        id: topic.topic_id,
        partitions: partitions.len() as i32,
        replicas: partitions.iter().map(|partition| partition.replica_nodes.clone()).collect(),
        settings: known.map(|known| known.settings.clone()).unwrap_or_default(),
        deleting: false,
        adopted: false,
    };
    Some((name, topic))
}

/// Asks for the settings of topics, and for those of all brokers.
async fn ask_settings(
    client: &mut Client,
    topics: &[String],
) -> Result<(Settings, Option<TopicSettings>), ClientError> {
    let resource = |resource_type, name: &str| DescribeConfigsResource {
        resource_type,
        resource_name: name.to_owned(),
        configuration_keys: None,
    };
    let mut names: Vec<&String> = topics.iter().collect();
    names.sort();
    names.dedup();
    let mut resources: Vec<_> = names.into_iter().map(|name| resource(TOPIC, name)).collect();
    resources.push(resource(BROKER, ""));
    let answer = client.call(&DescribeConfigsRequest { resources, ..Default::default() }).await?;
    let (mut settings, mut for_all) = (Settings::new(), None);
    for result in answer.results.into_iter().filter(|result| !result.error_code.is_error()) {
        match result.resource_type {
            TOPIC => drop(settings.insert(result.resource_name.clone(), set_in(result, Source::DynamicTopic))),
            _ => for_all = Some(set_in(result, Source::DynamicDefaultBroker)),
        }
    }
    Ok((settings, for_all))
}

/// The settings that were made in one place.
fn set_in(result: DescribeConfigsResult, place: Source) -> TopicSettings {
    let set = result.configs.into_iter().filter(|config| config.config_source == place as i8);
    set.filter_map(|config| Some((config.name, config.value?))).collect()
}

fn install(
    topics: &mut Topics,
    wanted: &BTreeMap<String, StoredTopic>,
    for_all: Option<TopicSettings>,
    config: &LiveConfig,
    own: &str,
) -> Result<(), PartitionError> {
    if let Some(for_all) = for_all
        && topics.install_broker_settings(for_all.clone())?
    {
        config.change(&for_all, &topics.broker_settings(own));
        topics.configure_logs();
    }
    topics.install(wanted)
}
