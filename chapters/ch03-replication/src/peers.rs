//! The other brokers, as they speak of themselves: asked again and again with Metadata, over the listener between brokers.
//!
//! A broker is the authority on the partitions it leads: their epochs and who is in sync. The first broker is the authority
//! on topics. One that does not answer is left out of what clients are told, and its partitions have no leader: in this
//! chapter nobody takes its place.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ch00_wire::client::{Client, ClientError};
use ch00_wire::config::{Listener, Value};
use ch00_wire::tasks::Tasks;
use ch01_log::log_manager::LogManager;
use ch01_log::messages::{MetadataRequest, MetadataResponse};
use ch01_log::metadata::{BrokerImage, Endpoint, MetadataImage, PartitionImage, TopicImage};
use ch01_log::replicas::Replicas;
use ch01_log::text_checkpoint::TopicPartition;
use ch02_retention::config_admin::BROKER;
use ch02_retention::messages::{DescribeConfigsRequest, DescribeConfigsResource};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tracing::{debug, info, warn};

use crate::config::ClusterBroker;
use crate::fetcher::Copies;
use crate::isr::BrokerId;
use crate::replica::ReplicatedPartition;
use crate::replica_manager::ReplicaManager;
use crate::topic_copy::TopicCopy;

/// How often a broker is asked: the first one, which decides about topics, more often than the others; and more often
/// those that have not said yet that they lead what they are to lead.
const ASK_FIRST: Duration = Duration::from_millis(200);
const ASK_OTHERS: Duration = Duration::from_millis(500);
const ASK_LATE: Duration = Duration::from_millis(25);
/// The most of its time that a broker spends on asking another one: an answer about ten thousand partitions is long.
const LARGEST_PART: u32 = 20;
/// A broker that does not answer within this time is left out until it does.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pause after a broker was not reached.
const PAUSE: Duration = Duration::from_millis(100);

/// A broker, as it speaks of itself.
struct Peer {
    broker: ClusterBroker,
    /// What it has said; `None`: it does not answer.
    image: Option<BrokerImage>,
    /// Woken when it is to be asked at once.
    ask_now: Arc<Notify>,
    /// Counts the attempts to ask it.
    asked: watch::Sender<u64>,
}

/// The other brokers.
pub struct Peers {
    manager: Arc<ReplicaManager>,
    peers: Mutex<BTreeMap<BrokerId, Peer>>,
    me: BrokerImage,
    publisher: Arc<watch::Sender<Arc<MetadataImage>>>,
    topics: TopicCopy,
    tasks: Tasks,
}

impl Peers {
    /// Nobody has been asked yet.
    pub fn new(
        manager: Arc<ReplicaManager>,
        me: BrokerImage,
        publisher: Arc<watch::Sender<Arc<MetadataImage>>>,
        topics: TopicCopy,
        tasks: Tasks,
    ) -> Peers {
        let peer = |broker: &ClusterBroker| Peer {
            broker: broker.clone(),
            image: None,
            ask_now: Arc::default(),
            asked: watch::Sender::new(0),
        };
        let peers = manager.cluster.others().map(|broker| (broker.id, peer(broker))).collect();
        Peers { manager, peers: Mutex::new(peers), me, publisher, topics, tasks }
    }

    fn brokers(&self) -> Vec<ClusterBroker> {
        self.peers.lock().unwrap().values().map(|peer| peer.broker.clone()).collect()
    }

    /// Starts asking, and completes when each broker has answered once, or failed to.
    pub async fn start(self: &Arc<Self>) {
        for broker in self.brokers() {
            self.tasks.spawn(self.clone().keep_asking(broker));
        }
        self.tasks.spawn(self.clone().keep_publishing());
        for broker in self.brokers() {
            self.asked_again(broker.id, 1).await;
        }
    }

    /// Asks a broker at once, and completes when it has answered or failed to.
    pub async fn ask(&self, id: BrokerId) {
        let next = {
            let peers = self.peers.lock().unwrap();
            let Some(peer) = peers.get(&id) else { return };
            peer.ask_now.notify_one();
            // One attempt may be under way that does not know yet what has happened.
            *peer.asked.borrow() + 2
        };
        let _ = timeout(PATIENCE, self.asked_again(id, next)).await;
    }

    /// Has a broker asked soon.
    pub fn ask_soon(&self, id: BrokerId) {
        if let Some(peer) = self.peers.lock().unwrap().get(&id) {
            peer.ask_now.notify_one();
        }
    }

    async fn asked_again(&self, id: BrokerId, times: u64) {
        let asked = self.peers.lock().unwrap().get(&id).map(|peer| peer.asked.subscribe());
        if let Some(mut asked) = asked {
            let _ = asked.wait_for(|&count| count >= times).await;
        }
    }

    /// Whether a broker answers.
    pub fn is_alive(&self, id: BrokerId) -> bool {
        id == self.me.id || self.peers.lock().unwrap().get(&id).is_some_and(|peer| peer.image.is_some())
    }

    async fn keep_asking(self: Arc<Self>, broker: ClusterBroker) {
        let id = broker.id;
        let (ask_now, every) = {
            let peers = self.peers.lock().unwrap();
            (peers[&id].ask_now.clone(), if id == self.manager.cluster.first() { ASK_FIRST } else { ASK_OTHERS })
        };
        loop {
            let lost = tokio::select! {
                () = self.tasks.stopping() => return,
                lost = self.ask_until_it_fails(&broker, &ask_now, every) => lost,
            };
            debug!("broker {id} at {}: {lost}", broker.address);
            self.note_lost(id);
            tokio::select! {
                () = self.tasks.stopping() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    // ANCHOR: ask
    async fn ask_until_it_fails(&self, broker: &ClusterBroker, ask_now: &Notify, every: Duration) -> ClientError {
        let too_long = |_| ClientError::Timeout { api: "connect", after: PATIENCE };
        let name = format!("broker-{}", self.me.id);
        let connected = timeout(PATIENCE, Client::connect(&*broker.address, &name)).await.map_err(too_long);
        let mut client = match connected.and_then(|client| client) {
            Ok(client) => client,
            Err(e) => return e,
        };
        client.set_timeout(PATIENCE);
        let image = match ask_where(&mut client, broker.id).await {
            Ok(image) => image,
            Err(e) => return e,
        };
        let everything = MetadataRequest { topics: None, allow_auto_topic_creation: false, ..Default::default() };
        let mut last_settings: Option<Instant> = None;
        loop {
            let started = Instant::now();
            let answer = match client.call(&everything).await {
                Ok(answer) => answer,
                Err(e) => return e,
            };
            let took = started.elapsed();
            self.note_partitions(broker.id, &answer);
            if broker.id == self.manager.cluster.first()
                && let Err(e) = self.topics.follow(&mut client, &answer, &mut last_settings, &self.tasks).await
            {
                return e;
            }
            self.note_alive(broker.id, &image);
            let every = if self.is_late(broker.id) { ASK_LATE } else { every };
            tokio::select! {
                () = tokio::time::sleep(every.max(took * LARGEST_PART)) => {}
                () = ask_now.notified() => {}
            }
        }
    }
    // ANCHOR_END: ask

    /// Whether a broker that answers is to lead a partition, and has not said so.
    fn is_late(&self, id: BrokerId) -> bool {
        let image = self.publisher.borrow();
        let mut partitions = image.topics().flat_map(|topic| &topic.partitions);
        partitions.any(|partition| partition.leader == -1 && partition.replicas.first() == Some(&id))
    }

    fn note_alive(&self, id: BrokerId, image: &BrokerImage) {
        let is_news = {
            let mut peers = self.peers.lock().unwrap();
            let peer = peers.get_mut(&id).expect("a broker of the cluster");
            let is_news = peer.image.as_ref() != Some(image);
            peer.image = Some(image.clone());
            is_news
        };
        if is_news {
            info!("broker {id} is there");
            self.note_racks();
        }
        self.publish();
        self.count_attempt(id);
    }

    fn note_lost(&self, id: BrokerId) {
        let was_there = self.peers.lock().unwrap().get_mut(&id).is_some_and(|peer| peer.image.take().is_some());
        if was_there {
            warn!("broker {id} does not answer");
            self.note_racks();
            for (_, image) in self.manager.elsewhere.write().unwrap().values_mut() {
                if image.leader == id {
                    image.leader = -1;
                }
            }
            self.publish();
        }
        self.count_attempt(id);
    }

    fn count_attempt(&self, id: BrokerId) {
        self.peers.lock().unwrap()[&id].asked.send_modify(|count| *count += 1);
    }

    // ANCHOR: note_partitions
    /// Takes note of what a broker says of the partitions it leads, and tells those that follow it.
    fn note_partitions(&self, id: BrokerId, answer: &MetadataResponse) {
        let mut said = HashMap::new();
        for topic in &answer.topics {
            for partition in topic.partitions.iter().filter(|partition| partition.replica_nodes.first() == Some(&id)) {
                let name = TopicPartition::new(topic.name.as_deref().unwrap_or_default(), partition.partition_index);
                let image = PartitionImage {
                    leader: partition.leader_id,
                    leader_epoch: partition.leader_epoch,
                    replicas: partition.replica_nodes.clone(),
                    isr: partition.isr_nodes.clone(),
                };
                said.insert(name, (topic.topic_id, image));
            }
        }
        let mut is_news = false;
        for partition in self.manager.led_by(id) {
            if let Some((topic_id, image)) = said.get(partition.name())
                && *topic_id == partition.topic_id()
            {
                is_news |= partition.leader_says(id, image.leader_epoch);
            }
        }
        let mut elsewhere = self.manager.elsewhere.write().unwrap();
        elsewhere.retain(|_, (_, image)| image.replicas.first() != Some(&id));
        elsewhere.extend(said);
        drop(elsewhere);
        if is_news {
            self.manager.following.notify_waiters();
        }
    }
    // ANCHOR_END: note_partitions

    fn note_racks(&self) {
        let peers = self.peers.lock().unwrap();
        let alive = peers.values().filter_map(|peer| peer.image.as_ref()).chain([&self.me]);
        let racks = alive.filter_map(|broker| Some((broker.id, broker.rack.clone()?))).collect();
        self.manager.context.set_racks(racks);
    }

    async fn keep_publishing(self: Arc<Self>) {
        self.note_racks();
        loop {
            self.publish();
            tokio::select! {
                () = self.tasks.stopping() => return,
                () = self.manager.changed.notified() => {}
            }
        }
    }

    // ANCHOR: publish
    /// Publishes who is alive, who leads, and who is in sync, where that has changed.
    pub(crate) fn publish(&self) {
        let before = self.publisher.borrow().clone();
        let mut brokers = BTreeMap::from([(self.me.id, self.me.clone())]);
        let alive = self.peers.lock().unwrap().values().filter_map(|peer| peer.image.clone()).collect::<Vec<_>>();
        brokers.extend(alive.into_iter().map(|broker| (broker.id, broker)));
        let first = self.manager.cluster.first();
        let controller_id = if brokers.contains_key(&first) { first } else { -1 };
        let changed: Vec<_> = before.topics().filter_map(|topic| self.if_changed(topic)).collect();
        let cluster_id = self.manager.cluster_id().unwrap_or_else(|| before.cluster_id.clone());
        let is_same =
            (&cluster_id, controller_id, &brokers) == (&before.cluster_id, before.controller_id, &before.brokers);
        if changed.is_empty() && is_same {
            return;
        }
        self.publisher.send_modify(|image| {
            let image = Arc::make_mut(image);
            (image.cluster_id, image.brokers, image.controller_id) = (cluster_id, brokers, controller_id);
            for topic in changed {
                // Meanwhile the topic may have gone, or others may have changed it.
                if let Some(now) = image.topic(&topic.name).filter(|now| now.id == topic.id).cloned()
                    && now.partitions.len() == topic.partitions.len()
                {
                    image.put_topic(TopicImage { partitions: topic.partitions, ..TopicImage::clone(&now) });
                }
            }
        });
    }
    // ANCHOR_END: publish

    fn if_changed(&self, topic: &Arc<TopicImage>) -> Option<TopicImage> {
        let partition = |(index, partition): (i32, &PartitionImage)| {
            let name = TopicPartition::new(&topic.name, index);
            self.manager.describe(&name, &partition.replicas, None)
        };
        let partitions: Vec<_> = (0..).zip(&topic.partitions).map(partition).collect();
        (partitions != topic.partitions).then(|| TopicImage { partitions, ..TopicImage::clone(topic) })
    }
}

impl Copies for Peers {
    fn me(&self) -> BrokerId {
        self.me.id
    }

    fn get(&self, name: &TopicPartition) -> Option<Arc<ReplicatedPartition>> {
        self.manager.get(name)
    }

    fn led_by(&self, leader: BrokerId) -> Vec<Arc<ReplicatedPartition>> {
        self.manager.led_by(leader)
    }

    fn following(&self) -> &Notify {
        &self.manager.following
    }

    fn logs(&self) -> &LogManager {
        self.manager.logs()
    }

    fn is_out_of_date(&self, leader: BrokerId) {
        self.ask_soon(leader);
    }
}

/// Asks a broker where clients reach it, on each of its listeners, and where it stands.
async fn ask_where(client: &mut Client, id: BrokerId) -> Result<BrokerImage, ClientError> {
    const ADVERTISED: &str = "advertised.listeners";
    const RACK: &str = "broker.rack";
    let resource = DescribeConfigsResource {
        resource_type: BROKER,
        resource_name: id.to_string(),
        configuration_keys: Some(vec![ADVERTISED.to_string(), RACK.to_string()]),
    };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    let answer = client.call(&request).await?;
    let configs = answer.results.into_iter().flat_map(|result| result.configs);
    let values: BTreeMap<_, _> = configs.map(|config| (config.name, config.value.unwrap_or_default())).collect();
    let listeners = values.get(ADVERTISED).and_then(|text| Vec::<Listener>::parse(text).ok()).unwrap_or_default();
    let endpoint = |listener: Listener| (listener.name, Endpoint { host: listener.host, port: listener.port });
    Ok(BrokerImage {
        id,
        rack: values.get(RACK).filter(|rack| !rack.is_empty()).cloned(),
        endpoints: listeners.into_iter().map(endpoint).collect(),
    })
}
