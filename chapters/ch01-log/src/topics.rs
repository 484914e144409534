//! Creating, growing and deleting topics.
//!
//! What is asked is checked against the image; what is decided goes into the file first (`topic_store`), then logs are
//! made, then the new image is published, and only then the client is answered.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::config::{BrokerConfig, LogConfigOf, LogHooks, TopicSettings};
use crate::disk::Disk;
use crate::log::LogConfig;
use crate::log_manager::{LogManager, topic_id_in};
use crate::metadata::{BrokerImage, MetadataImage, TopicImage, check_topic_name, metric_name};
use crate::partition::PartitionError;
use crate::producer_ids::ProducerIds;
use crate::replicas::{OpenedLog, Replicas, UnknownFolders};
use crate::text_checkpoint::TopicPartition;
use crate::topic_store::{StoredTopic, TopicStore};

/// The most partitions that one request may create.
const MOST_PARTITIONS: i32 = 10_000;

/// A topic that someone wants.
#[derive(Clone, Debug)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions, -1 for the default.
    pub partitions: i32,
    /// How many copies of each, -1 for the default.
    pub replication_factor: i16,
    /// The brokers of each partition, if the client chose them.
    pub assignments: Vec<(i32, Vec<i32>)>,
    /// Its own settings.
    pub settings: TopicSettings,
}

/// A topic to be made, or why not.
type Plan = Result<(String, StoredTopic), PartitionError>;

/// Whoever decides about topics.
pub struct Topics {
    config: BrokerConfig,
    pub(crate) log_config_of: LogConfigOf,
    pub(crate) store: TopicStore,
    pub(crate) logs: Arc<LogManager>,
    pub(crate) replicas: Arc<dyn Replicas>,
    image: Arc<watch::Sender<Arc<MetadataImage>>>,
    producer_ids: ProducerIds,
    /// No producer id below this one is given out.
    pub(crate) first_producer_id: i64,
}

pub(crate) fn error(code: ErrorCode, message: impl Into<String>) -> PartitionError {
    PartitionError { code, message: Some(message.into()) }
}

pub(crate) fn not_stored(e: io::Error) -> PartitionError {
    error(ErrorCode::KAFKA_STORAGE_ERROR, format!("the change could not be stored: {e}"))
}

impl Topics {
    /// Reads the file, opens the logs, adopts partitions that the file does not know, and makes the first image.
    pub fn open(
        config: &BrokerConfig,
        hooks: LogHooks,
        disk: &Disk,
        logs: Arc<LogManager>,
        broker: BrokerImage,
    ) -> Result<(Topics, watch::Receiver<Arc<MetadataImage>>), String> {
        let home = logs.dirs()[0].clone();
        let store = match hooks.topics {
            Some(contents) => TopicStore::kept_elsewhere(contents),
            None => TopicStore::open(disk, home.path())?,
        };
        let image = MetadataImage::new(home.cluster_id(), broker.id, vec![broker]);
        let (sender, receiver) = watch::channel(Arc::new(image));
        let mut topics = Topics {
            config: config.clone(),
            log_config_of: hooks.config_of,
            store,
            logs,
            replicas: hooks.replicas,
            image: Arc::new(sender),
            producer_ids: ProducerIds::default(),
            first_producer_id: 0,
        };
        topics.load().map_err(|e| format!("log directory {}: {e}", home.path().display()))?;
        Ok((topics, receiver))
    }

    fn load(&mut self) -> Result<(), String> {
        let settings: BTreeMap<String, TopicSettings> =
            self.store.contents().topics.iter().map(|(name, topic)| (name.clone(), topic.settings.clone())).collect();
        let config_of = |topic: &str| {
            let none = TopicSettings::new();
            self.log_config(topic, settings.get(topic).unwrap_or(&none))
        };
        self.logs.load(&config_of, self.config.num_recovery_threads_per_data_dir as usize)?;
        self.finish_deletions().map_err(|e| e.to_string())?;
        match self.replicas.unknown_folders() {
            UnknownFolders::Adopt => self.adopt().map_err(|e| e.to_string())?,
            UnknownFolders::Leave => {}
            UnknownFolders::SetAside => self.set_aside_unknown().map_err(|e| e.to_string())?,
        }
        let stored: Vec<_> = self.store.contents().topics.clone().into_iter().collect();
        for (name, topic) in &stored {
            let possible = topic.replicas.iter().try_for_each(|brokers| self.replicas.check(brokers));
            possible.map_err(|e| format!("topic {name}: {}", e.message.unwrap_or_default()))?;
            self.make_logs(name, topic)?;
        }
        let opened = stored.iter().flat_map(|(name, topic)| self.opened_logs(name, topic)).collect();
        self.replicas.opened(opened).map_err(|e| e.message.unwrap_or_default())?;
        self.publish_topics(stored.iter().map(|(name, topic)| (name, topic)));
        Ok(())
    }

    fn finish_deletions(&mut self) -> io::Result<()> {
        let contents = self.store.contents();
        let doomed: Vec<_> = contents.topics.iter().filter(|(_, t)| t.deleting).map(|(name, _)| name.clone()).collect();
        for name in doomed {
            self.remove_topic(&name)?;
        }
        Ok(())
    }

    // ANCHOR: adopt
    /// Takes in the partitions of a folder that came from elsewhere: their topics get the ids in their folders.
    fn adopt(&mut self) -> io::Result<()> {
        let mut found: BTreeMap<String, StoredTopic> = BTreeMap::new();
        for (name, partition) in self.logs.all() {
            if self.store.contents().topics.contains_key(&name.topic) {
                continue;
            }
            let file = partition.log().dir().join("partition.metadata");
            let id = std::fs::read_to_string(&file).ok().and_then(|text| topic_id_in(&text));
            let topic = found.entry(name.topic.clone()).or_insert_with(|| {
                info!("topic {}: found in {}", name.topic, partition.dir().path().display());
                StoredTopic { adopted: true, ..StoredTopic::default() }
            });
            topic.id = id.unwrap_or(topic.id);
            topic.partitions = topic.partitions.max(name.partition + 1);
        }
        found.values_mut().filter(|topic| topic.id.is_zero()).for_each(|topic| topic.id = Uuid::random());
        if found.is_empty() {
            return Ok(());
        }
        // Ids may have been given out that no log of ours knows; those that are in use are above these.
        let above = self.logs.highest_producer_id_in_batches()?.saturating_add(1);
        self.store.change(|contents| {
            contents.topics.extend(found);
            contents.next_producer_id = Some(contents.next_producer_id.unwrap_or(0).max(above));
        })
    }
    // ANCHOR_END: adopt

    /// Partitions of which this broker should have no copy are kept, under another name.
    fn set_aside_unknown(&self) -> io::Result<()> {
        let topics = &self.store.contents().topics;
        for (name, _) in self.logs.all() {
            let is_mine = |topic: &StoredTopic| self.own_partitions(topic).any(|index| index == name.partition);
            if !topics.get(&name.topic).is_some_and(is_mine) {
                self.logs.set_aside(&name)?;
            }
        }
        Ok(())
    }

    pub(crate) fn topic_image(&self, name: &str, topic: &StoredTopic) -> TopicImage {
        let partition = |index| {
            let (name, replicas) = (TopicPartition::new(name, index), topic.replicas_of(index, self.broker_id()));
            self.replicas.describe(&name, &replicas, self.logs.get(&name).as_deref())
        };
        let partitions = (0..topic.partitions).map(partition).collect();
        let (settings, adopted) = (topic.settings.clone(), topic.adopted);
        TopicImage { name: name.to_owned(), id: topic.id, partitions, settings, adopted }
    }

    pub(crate) fn broker_id(&self) -> i32 {
        self.config.wire.broker_id
    }

    /// Where images are published.
    pub fn publisher(&self) -> Arc<watch::Sender<Arc<MetadataImage>>> {
        self.image.clone()
    }

    pub(crate) fn publish_topics<'a>(&self, topics: impl IntoIterator<Item = (&'a String, &'a StoredTopic)>) {
        let topics: Vec<_> = topics.into_iter().map(|(name, topic)| self.topic_image(name, topic)).collect();
        self.image.send_modify(|image| topics.into_iter().for_each(|topic| Arc::make_mut(image).put_topic(topic)));
    }

    /// The configuration of a topic's logs. Settings that were stored and are wrong now do not keep it from being served.
    pub(crate) fn log_config(&self, topic: &str, settings: &TopicSettings) -> LogConfig {
        (self.log_config_of)(settings).unwrap_or_else(|problem| {
            warn!("topic {topic}: {problem}; using the broker's defaults");
            self.config.topic_defaults().log_config()
        })
    }

    /// The partitions of a topic that this broker has a copy of.
    pub(crate) fn own_partitions(&self, topic: &StoredTopic) -> impl Iterator<Item = i32> {
        let me = self.broker_id();
        (0..topic.partitions).filter(move |&index| topic.replicas_of(index, me).contains(&me))
    }

    /// Makes the logs that a topic has not yet. Where one cannot be made, the others still are.
    fn make_logs(&self, name: &str, topic: &StoredTopic) -> Result<(), String> {
        let config = self.log_config(name, &topic.settings);
        let mut result = Ok(());
        for index in self.own_partitions(topic) {
            let partition = TopicPartition::new(name, index);
            if self.logs.is_offline(&partition) {
                continue;
            }
            let made = self.logs.create(&partition, topic.id, config.clone());
            result = result.and(made.map_err(|e| format!("{partition}: {e}")));
        }
        result
    }

    /// The logs of a topic that are open.
    fn opened_logs(&self, name: &str, topic: &StoredTopic) -> Vec<OpenedLog> {
        let opened = self.own_partitions(topic).filter_map(|index| {
            let name = TopicPartition::new(name, index);
            let log = self.logs.get(&name)?;
            let (replicas, settings) = (topic.replicas_of(index, self.broker_id()), topic.settings.clone());
            Some(OpenedLog { name, topic_id: topic.id, replicas, settings, log })
        });
        opened.collect()
    }

    // ANCHOR: create
    /// Creates topics, each for itself: the answer says for each what became of it. With `validate_only` nothing is done.
    pub fn create(&mut self, wanted: &[NewTopic], validate_only: bool) -> Vec<Result<Arc<TopicImage>, PartitionError>> {
        let mut seen = HashSet::new();
        let repeated: HashSet<_> = wanted.iter().filter(|t| !seen.insert(&t.name)).map(|t| t.name.clone()).collect();
        let mut left = MOST_PARTITIONS;
        let mut planned: Vec<Plan> = Vec::new();
        for topic in wanted {
            let plan = match repeated.contains(&topic.name) {
                true => Err(error(ErrorCode::INVALID_REQUEST, "the topic is in the request twice")),
                false => self.plan(topic, left, &planned),
            };
            left -= plan.as_ref().map_or(0, |(_, stored)| stored.partitions);
            planned.push(plan);
        }
        let new: BTreeMap<_, _> = planned.iter().flatten().cloned().collect();
        if !validate_only
            && !new.is_empty()
            && let Err(e) = self.store_new(&new)
        {
            planned.iter_mut().filter(|plan| plan.is_ok()).for_each(|plan| *plan = Err(e.clone()));
        }
        planned.into_iter().map(|plan| plan.map(|(name, topic)| Arc::new(self.topic_image(&name, &topic)))).collect()
    }
    // ANCHOR_END: create

    // ANCHOR: store_new
    pub(crate) fn store_new(&mut self, new: &BTreeMap<String, StoredTopic>) -> Result<(), PartitionError> {
        self.store.change(|contents| contents.topics.extend(new.clone())).map_err(not_stored)?;
        for (name, topic) in new {
            if let Err(e) = self.make_logs(name, topic) {
                // The topic exists: its missing logs are made at the next start, until then they are offline.
                error!("topic {name}: {e}");
            }
        }
        let opened = new.iter().flat_map(|(name, topic)| self.opened_logs(name, topic)).collect();
        self.replicas.opened(opened)?;
        self.publish_topics(new);
        Ok(())
    }
    // ANCHOR_END: store_new

    // ANCHOR: plan
    /// Checks what is asked and fills in the defaults. `planned` comes before it in the same request.
    fn plan(&self, topic: &NewTopic, most_partitions: i32, planned: &[Plan]) -> Plan {
        check_topic_name(&topic.name).map_err(|why| error(ErrorCode::INVALID_TOPIC_EXCEPTION, why))?;
        let image = self.image.borrow().clone();
        if image.topic(&topic.name).is_some() {
            return Err(error(ErrorCode::TOPIC_ALREADY_EXISTS, format!("Topic '{}' already exists.", topic.name)));
        }
        if self.store.contents().topics.contains_key(&topic.name) {
            let why =
                format!("topic `{}` is still being deleted; a start of the broker removes what is left", topic.name);
            return Err(error(ErrorCode::TOPIC_ALREADY_EXISTS, why));
        }
        let metric = metric_name(&topic.name);
        let may_collide = topic.name.contains(['.', '_']);
        let planned = planned.iter().flatten().map(|(name, _)| name);
        let mut others = image.topics().map(|other| &other.name).chain(planned);
        if let Some(other) = others.find(|other| may_collide && metric_name(other) == metric) {
            let why = format!("topic `{}` collides with `{other}`: `.` and `_` are the same in metrics", topic.name);
            return Err(error(ErrorCode::INVALID_TOPIC_EXCEPTION, why));
        }
        let replicas = if topic.assignments.is_empty() {
            self.place(topic, most_partitions)?
        } else {
            self.check_assignments(topic)?
        };
        let partitions = replicas.len() as i32;
        if partitions > most_partitions {
            let why = format!("at most {MOST_PARTITIONS} partitions may be created by one request");
            return Err(error(ErrorCode::POLICY_VIOLATION, why));
        }
        (self.log_config_of)(&topic.settings).map_err(|why| error(ErrorCode::INVALID_CONFIG, why))?;
        let settings = topic.settings.clone();
        let id = Uuid::random();
        Ok((topic.name.clone(), StoredTopic { id, partitions, replicas, settings, ..Default::default() }))
    }
    // ANCHOR_END: plan

    /// The brokers of each partition of a new topic, by the numbers that were asked for.
    fn place(&self, topic: &NewTopic, most_partitions: i32) -> Result<Vec<Vec<i32>>, PartitionError> {
        let partitions = if topic.partitions == -1 { self.config.num_partitions } else { topic.partitions };
        if partitions < 1 {
            return Err(error(ErrorCode::INVALID_PARTITIONS, "a topic has at least one partition"));
        }
        let (copies, asked_by) = match topic.replication_factor {
            -1 => (self.config.default_replication_factor, "default.replication.factor"),
            copies => (i32::from(copies), "replication factor"),
        };
        // What lies above the limit is refused anyway.
        let placed =
            (0..partitions.min(most_partitions.saturating_add(1))).map(|index| self.replicas.place(index, copies));
        placed.collect::<Result<_, _>>().map_err(|e| {
            let why = e.message.unwrap_or_default();
            error(e.code, format!("{asked_by} {copies}: {why}"))
        })
    }

    fn check_assignments(&self, topic: &NewTopic) -> Result<Vec<Vec<i32>>, PartitionError> {
        if topic.partitions != -1 || topic.replication_factor != -1 {
            let why = "give either assignments or counts of partitions and copies";
            return Err(error(ErrorCode::INVALID_REQUEST, why));
        }
        let mut assignments = topic.assignments.clone();
        assignments.sort();
        for (expected, (index, brokers)) in (0..).zip(&assignments) {
            if *index != expected {
                return Err(error(ErrorCode::INVALID_REPLICA_ASSIGNMENT, format!("partition {expected} is missing")));
            }
            self.replicas.check(brokers)?;
        }
        Ok(assignments.into_iter().map(|(_, brokers)| brokers).collect())
    }

    /// Gives a topic more partitions: `count` altogether.
    pub fn grow(
        &mut self,
        name: &str,
        count: i32,
        assignments: Option<&[Vec<i32>]>,
        validate_only: bool,
    ) -> Result<(), PartitionError> {
        let image = self.image.borrow().clone();
        let unknown = || error(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, format!("there is no topic `{name}`"));
        let has = image.topic(name).ok_or_else(unknown)?.partitions.len() as i32;
        if count <= has {
            let why = format!("topic `{name}` has {has} partitions already; their number can only grow");
            return Err(error(ErrorCode::INVALID_PARTITIONS, why));
        }
        if count - has > MOST_PARTITIONS {
            let why = format!("at most {MOST_PARTITIONS} partitions may be created by one request");
            return Err(error(ErrorCode::POLICY_VIOLATION, why));
        }
        if let Some(assignments) = assignments {
            if assignments.len() as i32 != count - has {
                let why = format!("{} partitions are new, {} are assigned", count - has, assignments.len());
                return Err(error(ErrorCode::INVALID_REPLICA_ASSIGNMENT, why));
            }
            assignments.iter().try_for_each(|brokers| self.replicas.check(brokers))?;
        }
        let mut grown = self.store.contents().topics.get(name).cloned().ok_or_else(unknown)?;
        // New partitions have as many copies as the first.
        let copies = grown.replicas_of(0, self.broker_id()).len() as i32;
        let placed = |index: i32| match assignments {
            Some(assignments) => Ok(assignments[(index - has) as usize].clone()),
            None => self.replicas.place(index, copies),
        };
        let new = (has..count).map(placed).collect::<Result<Vec<_>, _>>()?;
        let before = (0..has).map(|index| grown.replicas_of(index, self.broker_id())).collect();
        grown.replicas = [before, new].concat();
        if validate_only {
            return Ok(());
        }
        grown.partitions = count;
        self.store_new(&BTreeMap::from([(name.to_owned(), grown)]))
    }

    // ANCHOR: delete
    /// Deletes a topic and its records.
    pub fn delete(&mut self, name: &str) -> Result<(), PartitionError> {
        if !self.config.delete_topic_enable {
            return Err(error(ErrorCode::TOPIC_DELETION_DISABLED, "delete.topic.enable is false"));
        }
        if self.image.borrow().topic(name).is_none() {
            return Err(error(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, format!("there is no topic `{name}`")));
        }
        self.remove(name)
    }

    /// Deletes a topic, whoever decided so.
    pub(crate) fn remove(&mut self, name: &str) -> Result<(), PartitionError> {
        let mark = |contents: &mut crate::topic_store::Contents| {
            if let Some(topic) = contents.topics.get_mut(name) {
                topic.deleting = true;
            }
        };
        self.store.change(mark).map_err(not_stored)?;
        self.image.send_modify(|image| Arc::make_mut(image).remove_topic(name));
        // What is left over is removed at the next start.
        self.remove_topic(name).unwrap_or_else(|e| error!("topic {name}: not removed whole: {e}"));
        Ok(())
    }
    // ANCHOR_END: delete

    fn remove_topic(&mut self, name: &str) -> io::Result<()> {
        let partitions = self.store.contents().topics.get(name).map_or(0, |topic| topic.partitions);
        for index in 0..partitions {
            let partition = TopicPartition::new(name, index);
            self.replicas.closing(&partition);
            self.logs.delete(&partition)?;
        }
        // Else a topic created again under the name would be taken for one that was synced, and cut, where this one was.
        self.logs.forget(name)?;
        self.store.change(|contents| drop(contents.topics.remove(name)))
    }

    /// A producer id that was never given before.
    pub fn next_producer_id(&mut self) -> io::Result<i64> {
        let Topics { producer_ids, store, first_producer_id, .. } = self;
        producer_ids.next(|block| {
            // Not those above the ids in the logs: a client may have made up the highest there is.
            let first = store.contents().next_producer_id.unwrap_or(0).max(*first_producer_id);
            let end = first.checked_add(block).ok_or_else(|| io::Error::other("no producer id is left"))?;
            store.change(|contents| contents.next_producer_id = Some(end))?;
            Ok(first)
        })
    }
}
