//! The group coordinator of this broker: a task for each partition of `__consumer_offsets` that it leads.
//!
//! ```text
//! handler --ask--> task of the group's shard --append--> partition
//!    ^                  |  ^                                |
//!    +---- reply -------+  +-------- committed up to -------+
//! ```
//!
//! A task lives as long as one leadership. When that ends, everybody who waits is told NOT_COORDINATOR, and looks for the
//! new one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch01_log::batch::Epoch;
use ch01_log::metadata::{MetadataImage, PartitionImage, TopicImage};
use ch01_log::text_checkpoint::TopicPartition;
use ch04_controller::broker::State as ControllerState;
use tokio::sync::{Notify, mpsc, oneshot};

use crate::config::BrokerConfig;
use crate::consumer::{GroupTopic, GroupTopics, topic_hash};
use crate::settings::GroupSettings;
use crate::shard::{Command, shard_of};
use crate::shard_task::ShardTask;
use crate::step::Response;

/// The topic that all of it is in.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// Commands that may wait for a shard; who comes then waits.
const QUEUE: usize = 1_000;

/// A command, and where its reply goes.
pub struct Ask {
    /// What to do.
    pub command: Command,
    /// Where the reply goes.
    pub reply: oneshot::Sender<Result<Response, ErrorCode>>,
}

/// What will be replied to a command.
pub struct Answer(Result<oneshot::Receiver<Result<Response, ErrorCode>>, ErrorCode>);

impl Answer {
    /// The reply, once it is there.
    pub async fn get(self) -> Result<Response, ErrorCode> {
        // A shard's task that ends drops what it has not answered.
        self.0?.await.unwrap_or(Err(ErrorCode::NOT_COORDINATOR))
    }
}

/// A shard that this broker is the coordinator of.
struct Led {
    /// The leadership: the topic's id, and the leader epoch.
    leadership: (Uuid, Epoch),
    asks: mpsc::Sender<Ask>,
    is_loaded: Arc<AtomicBool>,
}

/// The coordinator.
pub struct GroupCoordinator {
    /// The broker around it.
    pub broker: Arc<ControllerState>,
    /// Its configuration.
    pub config: BrokerConfig,
    /// What of it groups obey.
    pub settings: GroupSettings,
    shards: RwLock<HashMap<i32, Led>>,
    topics: RwLock<Arc<GroupTopics>>,
    /// A shard's task has ended by itself.
    ended: Notify,
}

impl GroupCoordinator {
    /// Nothing is led yet.
    pub fn new(broker: Arc<ControllerState>, config: BrokerConfig, settings: GroupSettings) -> GroupCoordinator {
        let (shards, topics, ended) = (RwLock::default(), RwLock::default(), Notify::new());
        GroupCoordinator { broker, config, settings, shards, topics, ended }
    }

    /// The cluster's topics.
    pub fn topics(&self) -> Arc<GroupTopics> {
        self.topics.read().unwrap().clone()
    }

    // ANCHOR: ask
    /// Has the group's shard do something. When this returns, it is in the shard's queue; the answer comes later.
    pub async fn ask(&self, group: &str, command: Command) -> Answer {
        let partitions = self.offsets_topic().map_or(0, |topic| topic.partitions.len() as i32);
        if partitions == 0 {
            return Answer(Err(ErrorCode::COORDINATOR_NOT_AVAILABLE));
        }
        self.ask_shard(shard_of(group, partitions), command).await
    }

    /// Has a shard do something.
    pub async fn ask_shard(&self, shard: i32, command: Command) -> Answer {
        let asks = match self.shards.read().unwrap().get(&shard) {
            Some(led) if led.asks.is_closed() => Err(ErrorCode::NOT_COORDINATOR),
            Some(led) if !led.is_loaded.load(Ordering::Acquire) => Err(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
            Some(led) => Ok(led.asks.clone()),
            None => Err(ErrorCode::NOT_COORDINATOR),
        };
        let asks = match asks {
            Ok(asks) => asks,
            Err(error_code) => return Answer(Err(error_code)),
        };
        let (reply, answer) = oneshot::channel();
        match asks.send(Ask { command, reply }).await {
            Ok(()) => Answer(Ok(answer)),
            Err(_) => Answer(Err(ErrorCode::NOT_COORDINATOR)),
        }
    }
    // ANCHOR_END: ask

    /// The shards that are led here.
    pub fn shards(&self) -> Vec<i32> {
        self.shards.read().unwrap().keys().copied().collect()
    }

    /// `__consumer_offsets`, if it is there.
    pub fn offsets_topic(&self) -> Option<Arc<TopicImage>> {
        self.broker.log.image().topic(OFFSETS_TOPIC).cloned()
    }

    // ANCHOR: follow
    /// Leads what the image says, for as long as the broker runs.
    pub async fn follow(self: Arc<Self>) {
        let mut images = self.broker.log.image.clone();
        let tasks = self.broker.log.tasks.clone();
        let mut known: Vec<Arc<TopicImage>> = Vec::new();
        loop {
            let image = images.borrow_and_update().clone();
            let topics: Vec<_> = image.topics().cloned().collect();
            let is_same = |(before, now): (&Arc<TopicImage>, &Arc<TopicImage>)| Arc::ptr_eq(before, now);
            if known.len() != topics.len() || !known.iter().zip(&topics).all(is_same) {
                self.take_topics(&image);
            }
            self.lead(&image);
            let gone = known.iter().filter(|topic| image.topic(&topic.name).is_none());
            let gone: BTreeSet<String> = gone.map(|topic| topic.name.clone()).collect();
            known = topics;
            if !gone.is_empty() {
                self.forget(&gone);
            }
            tokio::select! {
                () = tasks.stopping() => return,
                changed = images.changed() => if changed.is_err() { return },
                () = self.ended.notified() => {}
            }
        }
    }

    /// A shard's task has ended. If the shard is still led here, there will be another.
    pub(crate) fn task_has_ended(&self) {
        self.ended.notify_one();
    }

    /// Topics are others than before: groups of the consumer protocol look at them with the next heartbeat.
    fn take_topics(&self, image: &MetadataImage) {
        let rack = |broker: &i32| image.brokers.get(broker).and_then(|broker| broker.rack.clone());
        let racks = |partition: &PartitionImage| partition.replicas.iter().filter_map(rack).collect::<Vec<_>>();
        let group_topic = |topic: &Arc<TopicImage>| {
            let racks: Vec<_> = topic.partitions.iter().map(racks).collect();
            let hash = topic_hash(&topic.name, topic.id, &racks);
            let partitions = topic.partitions.len() as i32;
            (topic.name.clone(), GroupTopic { id: topic.id, partitions, hash })
        };
        let mut topics = self.topics.write().unwrap();
        *topics = Arc::new(GroupTopics::new(topics.version() + 1, image.topics().map(group_topic)));
    }

    fn lead(self: &Arc<Self>, image: &MetadataImage) {
        let me = self.broker.partitions.context().me;
        let mut led = BTreeMap::new();
        if let Some(topic) = image.topic(OFFSETS_TOPIC) {
            let mine = (0..).zip(&topic.partitions).filter(|(_, partition)| partition.leader == me);
            led.extend(mine.map(|(index, partition)| (index, (topic.id, partition.leader_epoch))));
        }
        let mut shards = self.shards.write().unwrap();
        // Its task ends when nobody can ask it any more.
        shards.retain(|index, shard| led.get(index) == Some(&shard.leadership) && !shard.asks.is_closed());
        for (index, leadership) in led {
            shards.entry(index).or_insert_with(|| self.begin(index, leadership));
        }
    }
    // ANCHOR_END: follow

    fn begin(self: &Arc<Self>, index: i32, leadership: (Uuid, Epoch)) -> Led {
        let (asks, asked) = mpsc::channel(QUEUE);
        let is_loaded = Arc::new(AtomicBool::new(false));
        let task = ShardTask {
            coordinator: self.clone(),
            name: TopicPartition::new(OFFSETS_TOPIC, index),
            asked,
            is_loaded: is_loaded.clone(),
        };
        self.broker.log.tasks.spawn(task.run());
        Led { leadership, asks, is_loaded }
    }

    /// Has what was committed for topics that are gone be forgotten.
    fn forget(self: &Arc<Self>, topics: &BTreeSet<String>) {
        for shard in self.shards() {
            let (coordinator, command) = (self.clone(), Command::TopicsGone(topics.clone()));
            self.broker.log.tasks.spawn(async move {
                // Without an answer, somebody else leads the shard now, and saw the topics go as well.
                let _ = coordinator.ask_shard(shard, command).await.get().await;
            });
        }
    }
}
