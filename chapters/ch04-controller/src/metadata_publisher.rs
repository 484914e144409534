//! A broker acts on the cluster's image: it makes and deletes logs, leads and follows, and takes other settings into use.
//!
//! ```text
//! committed records --> image --difference--> topics, logs        (chapter 1)
//!                                         --> settings            (chapter 2)
//!                                         --> leaders, followers  (chapter 3)
//!                                         --> what clients are told
//! ```
//!
//! It looks at the newest image there is; those in between it may never see.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ch00_wire::tasks::Tasks;
use ch01_log::config::TopicSettings;
use ch01_log::metadata::{BrokerImage, Endpoint, MetadataImage};
use ch01_log::text_checkpoint::TopicPartition;
use ch01_log::topic_store::{Contents, StoredTopic};
use ch01_log::topics::Topics;
use ch02_retention::live_config::LiveConfig;
use tokio::sync::watch;
use tracing::error;

use crate::assigned_partitions::AssignedPartitions;
use crate::fetchers::Fetchers;
use crate::image::{BrokerRegistration, Change, ClusterImage, ConfigResource, Topic, difference};
use crate::quorum_node::{Committed, Leadership};

/// Whoever acts on images.
pub struct MetadataPublisher {
    me: i32,
    partitions: Arc<AssignedPartitions>,
    topics: Arc<Mutex<Topics>>,
    config: Arc<LiveConfig>,
    fetchers: Arc<Fetchers>,
    image: Arc<watch::Sender<Arc<MetadataImage>>>,
    /// Brokers, and when they were last seen alive.
    seen: Mutex<BTreeMap<i32, (BrokerImage, Instant)>>,
    /// `broker.session.timeout.ms`.
    session: Duration,
    cluster_id: String,
    /// Up to where the metadata log was acted upon.
    applied: watch::Sender<i64>,
}

impl MetadataPublisher {
    /// Nothing was acted upon yet, but what `partitions` and `topics` were opened with.
    pub fn new(
        partitions: Arc<AssignedPartitions>,
        topics: Arc<Mutex<Topics>>,
        config: Arc<LiveConfig>,
        fetchers: Arc<Fetchers>,
        session: Duration,
        cluster_id: &str,
        applied: watch::Sender<i64>,
    ) -> MetadataPublisher {
        let image = topics.lock().unwrap().publisher();
        let (me, cluster_id) = (partitions.context().me, cluster_id.to_owned());
        let seen = Mutex::default();
        MetadataPublisher { me, partitions, topics, config, fetchers, image, seen, session, cluster_id, applied }
    }

    /// Up to where the metadata log was acted upon.
    pub fn applied(&self) -> watch::Receiver<i64> {
        self.applied.subscribe()
    }

    // ANCHOR: run
    /// Follows the metadata log, for as long as the broker runs.
    pub async fn run(
        self: Arc<Self>,
        mut committed: watch::Receiver<Committed>,
        mut leadership: watch::Receiver<Leadership>,
        tasks: Tasks,
    ) {
        loop {
            let (now, controller) = {
                let now = committed.borrow_and_update().clone();
                (now, leadership.borrow_and_update().leader)
            };
            let publisher = self.clone();
            tasks.blocking(move || publisher.apply(now, controller)).await;
            tokio::select! {
                () = tasks.stopping() => return,
                changed = committed.changed() => if changed.is_err() { return },
                changed = leadership.changed() => if changed.is_err() { return },
            }
        }
    }
    // ANCHOR_END: run

    // ANCHOR: apply
    /// Does what is between the last image and this one. Blocks.
    fn apply(&self, now: Committed, controller: Option<i32>) {
        let (before, after) = (self.partitions.cluster(), now.image);
        let difference = difference(self.me, &before, &after);
        self.partitions.set_cluster(after.clone());
        let (gone, changed) = changed_topics(&before, &after);
        let mut topics = self.topics.lock().unwrap();
        if !gone.is_empty() || !changed.is_empty() {
            let taken = topics.take(&gone, &changed);
            taken.unwrap_or_else(|e| error!("topics: {}", e.message.unwrap_or_default()));
        }
        self.take_settings(&mut topics, &difference.configs, &after);
        if !Arc::ptr_eq(&before.configs, &after.configs) {
            self.partitions.quotas().follow(&after, &*self.config.whole());
        }
        let mut named = BTreeSet::new();
        for (topic, index, change) in difference.partitions {
            let Some(topic) = after.topics.get(topic) else { continue };
            named.insert(topic.name.clone());
            if change != Change::Remove {
                self.partitions.give_role(&TopicPartition::new(&topic.name, index));
            }
        }
        // Others' partitions are told to clients, too.
        named.extend(others(&before, &after));
        topics.publish_again(&named);
        drop(topics);
        self.publish_brokers(&after, controller);
        self.partitions.wake_fetchers();
        self.applied.send_replace(now.offset);
    }
    // ANCHOR_END: apply

    fn take_settings(&self, topics: &mut Topics, changed: &[ConfigResource], after: &ClusterImage) {
        let own = ConfigResource::broker(self.me);
        let all = ConfigResource::all_brokers();
        if !changed.iter().any(|resource| *resource == own || *resource == all) {
            return;
        }
        let (for_all, mine) = (settings_of(after, &all), settings_of(after, &own));
        self.config.change(&for_all, &mine);
        for (name, settings) in [(String::new(), for_all), (self.me.to_string(), mine)] {
            let stored = topics.change_broker_settings(&name, settings);
            stored.unwrap_or_else(|e| error!("settings of brokers: {}", e.message.unwrap_or_default()));
        }
        topics.configure_logs();
    }

    // ANCHOR: just_gone
    /// A broker that is gone stays in the list for as long as a session lasts: some clients drop what they were about to
    /// send to a broker that is not listed any more, and think about it for a second. Apache Kafka's controller notices a
    /// death that late by itself.
    fn with_those_just_gone(&self, alive: BTreeMap<i32, BrokerImage>) -> BTreeMap<i32, BrokerImage> {
        let (mut seen, now) = (self.seen.lock().unwrap(), Instant::now());
        seen.extend(alive.iter().map(|(&id, broker)| (id, (broker.clone(), now))));
        seen.retain(|_, (_, last)| now.duration_since(*last) < self.session);
        let mut brokers: BTreeMap<_, _> = seen.iter().map(|(&id, (broker, _))| (id, broker.clone())).collect();
        brokers.extend(alive);
        brokers
    }
    // ANCHOR_END: just_gone

    fn publish_brokers(&self, cluster: &ClusterImage, controller: Option<i32>) {
        let alive = cluster.nodes.brokers().filter(|broker| !broker.fenced);
        let brokers: BTreeMap<_, _> = alive.map(|broker| (broker.broker_id, broker_image(broker))).collect();
        self.fetchers.follow(brokers.values());
        let racks = brokers.values().filter_map(|broker| Some((broker.id, broker.rack.clone()?))).collect();
        self.partitions.context().set_racks(racks);
        // Clients connect to it: it has to be a broker that is alive. Any of them sends on what only the controller can do.
        let controller_id = controller.filter(|id| brokers.contains_key(id));
        let controller_id = controller_id.or_else(|| brokers.keys().next().copied()).unwrap_or(-1);
        let brokers = self.with_those_just_gone(brokers);
        // While it starts, it may be the only one that there is, and fenced. A list with nobody on it would make clients
        // forget all they know: it stays what it was at first, this broker.
        if brokers.is_empty() {
            return;
        }
        self.image.send_if_modified(|image| {
            let is_same =
                (&image.brokers, image.controller_id, &image.cluster_id) == (&brokers, controller_id, &self.cluster_id);
            if !is_same {
                let image = Arc::make_mut(image);
                (image.brokers, image.controller_id) = (brokers, controller_id);
                image.cluster_id = self.cluster_id.clone();
            }
            !is_same
        });
    }
}

fn broker_image(broker: &BrokerRegistration) -> BrokerImage {
    let endpoint = |listener: &crate::messages::RegistrationListener| {
        (listener.name.clone(), Endpoint { host: listener.host.clone(), port: listener.port })
    };
    let endpoints = broker.end_points.iter().map(endpoint).collect();
    BrokerImage { id: broker.broker_id, rack: broker.rack.clone(), endpoints }
}

/// The settings of a resource.
pub fn settings_of(cluster: &ClusterImage, resource: &ConfigResource) -> TopicSettings {
    let settings = cluster.configs.of(resource).cloned().unwrap_or_default();
    settings.into_iter().collect()
}

/// A topic as chapter 1 stores it.
fn stored_topic(cluster: &ClusterImage, topic: &Topic) -> StoredTopic {
    let partitions = topic.partitions.last_key_value().map_or(0, |(&last, _)| last + 1);
    let replicas = |index| topic.partitions.get(&index).map(|partition| partition.replicas.clone()).unwrap_or_default();
    StoredTopic {
        id: topic.id,
        partitions,
        replicas: (0..partitions).map(replicas).collect(),
        settings: settings_of(cluster, &ConfigResource::topic(&topic.name)),
        ..StoredTopic::default()
    }
}

/// What chapter 1's topics begin with.
pub fn contents(cluster: &ClusterImage, me: i32) -> Contents {
    let topics = cluster.topics.iter().map(|topic| (topic.name.clone(), stored_topic(cluster, topic)));
    let settings = [(String::new(), ConfigResource::all_brokers()), (me.to_string(), ConfigResource::broker(me))];
    let settings = settings.map(|(name, resource)| (name, settings_of(cluster, &resource)));
    let brokers = settings.into_iter().filter(|(_, settings)| !settings.is_empty()).collect();
    Contents { version: 1, topics: topics.collect(), brokers, ..Contents::default() }
}

/// Topics that are gone, and those whose replicas or settings are others now.
fn changed_topics(before: &ClusterImage, after: &ClusterImage) -> (Vec<String>, BTreeMap<String, StoredTopic>) {
    let is_gone = |topic: &&Arc<Topic>| after.topics.get(topic.id).is_none();
    let gone = before.topics.iter().filter(is_gone).map(|topic| topic.name.clone()).collect();
    let mut changed = BTreeMap::new();
    let same_settings = Arc::ptr_eq(&before.configs, &after.configs);
    for topic in after.topics.iter() {
        let known = before.topics.get(topic.id);
        if same_settings && known.is_some_and(|known| Arc::ptr_eq(known, topic)) {
            continue;
        }
        let now = stored_topic(after, topic);
        if known.is_none_or(|known| stored_topic(before, known) != now) {
            changed.insert(topic.name.clone(), now);
        }
    }
    (gone, changed)
}

/// Topics that are not as they were.
fn others<'a>(before: &'a ClusterImage, after: &'a ClusterImage) -> impl Iterator<Item = String> + 'a {
    let is_other = |topic: &&Arc<Topic>| before.topics.get(topic.id).is_none_or(|known| !Arc::ptr_eq(known, topic));
    after.topics.iter().filter(is_other).map(|topic| topic.name.clone())
}
