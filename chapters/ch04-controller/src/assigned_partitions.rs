//! The partitions that this broker has copies of, because the cluster's image says so; what each plays is in the image, too.
//!
//! ```text
//! image: broker 2 leads, epoch 7, in sync 1,2   ->  on broker 2   ReplicatedPartition::become_leader
//!                                               ->  on 1 and 3    ReplicatedPartition::become_follower
//! ```
//!
//! Chapter 3's partitions do the work. Here they are found, made, and told their roles, again with every image.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Instant;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch01_log::batch::Offset;
use ch01_log::config::TopicSettings;
use ch01_log::local_partition::LocalPartition;
use ch01_log::log_dir::CLEAN;
use ch01_log::log_manager::LogManager;
use ch01_log::metadata::PartitionImage;
use ch01_log::partition::{Partition, PartitionError};
use ch01_log::replicas::{OpenedLog, Replicas, UnknownFolders};
use ch01_log::text_checkpoint::{Offsets, TopicPartition};
use ch02_retention::live_config::LiveConfig;
use ch03_replication::fetcher::Copies;
use ch03_replication::isr::BrokerId;
use ch03_replication::replica::ReplicatedPartition;
use ch03_replication::replica_context::ReplicaContext;
use ch03_replication::replica_manager::census;
use ch03_replication::replica_roles::{Followership, Leadership};
use tokio::sync::{Notify, watch};
use tracing::error;

use crate::directory_assignments::Misplaced;
use crate::image::{ClusterImage, ConfigResource, PartitionRegistration};
use crate::replication_quotas::ReplicationQuotas;

/// A partition whose leader was elected though it may lack something, and has not said yet that it goes on with what it has.
const RECOVERING: i8 = 1;

/// Brokers that may be dead, and since when that is thought.
pub type Suspects = BTreeMap<BrokerId, Instant>;

/// The partitions of one broker.
pub struct AssignedPartitions {
    context: Arc<ReplicaContext>,
    config: Arc<LiveConfig>,
    /// The cluster, as it was last acted upon.
    cluster: RwLock<Arc<ClusterImage>>,
    partitions: RwLock<HashMap<TopicPartition, Arc<ReplicatedPartition>>>,
    /// High watermarks as they were when the broker started.
    checkpoints: Offsets,
    following: Notify,
    /// Leaders whose connection has broken, and of whom the controller has not said yet what became of them.
    suspects: watch::Sender<Suspects>,
    logs: OnceLock<Arc<LogManager>>,
    misplaced: Misplaced,
    quotas: Arc<ReplicationQuotas>,
    /// This broker's registration: the offset of its record in the metadata log; -1: none.
    broker_epoch: AtomicI64,
}

impl AssignedPartitions {
    /// No partition yet: they come when their logs are open.
    pub fn new(
        context: Arc<ReplicaContext>,
        config: Arc<LiveConfig>,
        cluster: Arc<ClusterImage>,
        checkpoints: Offsets,
        quotas: Arc<ReplicationQuotas>,
    ) -> AssignedPartitions {
        AssignedPartitions {
            context,
            config,
            cluster: RwLock::new(cluster),
            partitions: RwLock::default(),
            checkpoints,
            following: Notify::new(),
            suspects: watch::Sender::default(),
            logs: OnceLock::new(),
            misplaced: Misplaced::default(),
            quotas,
            broker_epoch: AtomicI64::new(-1),
        }
    }

    /// A partition that this broker has a copy of.
    pub fn get(&self, name: &TopicPartition) -> Option<Arc<ReplicatedPartition>> {
        self.partitions.read().unwrap().get(name).cloned()
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<ReplicatedPartition>> {
        self.partitions.read().unwrap().values().cloned().collect()
    }

    /// The cluster, as it was last acted upon.
    pub fn cluster(&self) -> Arc<ClusterImage> {
        self.cluster.read().unwrap().clone()
    }

    /// What partitions share.
    pub fn context(&self) -> &Arc<ReplicaContext> {
        &self.context
    }

    /// Leaders that may be dead, and may be replaced in a moment: until then, what clients would be told is about to be
    /// wrong.
    pub fn suspects(&self) -> watch::Receiver<Suspects> {
        self.suspects.subscribe()
    }

    /// Nothing is wrong with a broker, or the controller has said so by now.
    pub fn clear_suspicion(&self, broker: BrokerId) {
        self.suspects.send_if_modified(|suspects| suspects.remove(&broker).is_some());
    }

    /// Another image is acted upon from now on.
    pub fn set_cluster(&self, cluster: Arc<ClusterImage>) {
        let leads = |broker| cluster.nodes.is_active(broker);
        self.suspects.send_if_modified(|suspects| {
            let before = suspects.len();
            suspects.retain(|&broker, _| leads(broker));
            suspects.len() < before
        });
        *self.cluster.write().unwrap() = cluster;
    }

    /// The logs are open.
    pub fn set_logs(&self, logs: Arc<LogManager>) {
        let _ = self.logs.set(logs);
        let me = self.context.me;
        let is_misplaced = |name: &TopicPartition| {
            let registered = self.registration(name);
            registered.is_some_and(|registered| registered.directory(me) != self.directory_of(name))
        };
        let names = self.all().into_iter().map(|partition| partition.name().clone()).filter(is_misplaced);
        self.misplaced.put(names);
    }

    /// Those of this broker's directories that have failed.
    pub fn offline_directories(&self, directories: &[Uuid]) -> Vec<Uuid> {
        let Some(logs) = self.logs.get() else { return Vec::new() };
        let failed = logs.dirs().iter().filter(|dir| dir.is_failed()).map(|dir| dir.id());
        failed.filter(|id| directories.contains(id)).collect()
    }

    /// Copies in other directories than the metadata says.
    pub fn misplaced(&self) -> &Misplaced {
        &self.misplaced
    }

    /// How fast this broker copies, and gives copies.
    pub fn quotas(&self) -> &ReplicationQuotas {
        &self.quotas
    }

    /// The directory that a copy is in.
    pub fn directory_of(&self, name: &TopicPartition) -> Option<Uuid> {
        Some(self.logs.get()?.get(name)?.dir().id())
    }

    /// This broker's registration; -1: it has none.
    pub fn broker_epoch(&self) -> i64 {
        self.broker_epoch.load(Ordering::Relaxed)
    }

    /// The broker has registered.
    pub fn set_broker_epoch(&self, epoch: i64) {
        self.broker_epoch.store(epoch, Ordering::Relaxed);
    }

    /// What operators watch: partitions here, led here, of those not all in sync, and fewer in sync than the minimum. Where
    /// a partition moves to new brokers, it lacks nothing while they copy it.
    pub fn census(&self) -> [usize; 4] {
        let adding = |name: &TopicPartition| self.registration(name).map_or(0, |known| known.adding_replicas.len());
        census(&self.all(), adding)
    }

    /// Wakes those who copy: there may be something new.
    pub fn wake_fetchers(&self) {
        self.following.notify_waiters();
    }

    fn registration(&self, name: &TopicPartition) -> Option<PartitionRegistration> {
        let cluster = self.cluster.read().unwrap();
        cluster.topics.by_name(&name.topic)?.partitions.get(&name.partition).cloned()
    }

    fn min_insync_replicas(&self, topic: &str) -> usize {
        let cluster = self.cluster.read().unwrap();
        let own =
            cluster.configs.of(&ConfigResource::topic(topic)).and_then(|settings| settings.get(MIN_INSYNC_REPLICAS));
        let value = own.cloned().or_else(|| self.config.whole().get(MIN_INSYNC_REPLICAS));
        value.and_then(|value| value.parse().ok()).unwrap_or(1).max(1)
    }

    // ANCHOR: give_role
    /// Tells a partition what the image says of it.
    pub fn give_role(&self, name: &TopicPartition) {
        let (Some(partition), Some(registered)) = (self.get(name), self.registration(name)) else { return };
        let directory = self.directory_of(name);
        if directory.is_some() && directory != registered.directory(self.context.me) {
            self.misplaced.put([name.clone()]);
        }
        let PartitionRegistration { leader, leader_epoch: epoch, replicas, isr, partition_epoch: version, .. } =
            registered;
        if leader != self.context.me {
            let may_lose = registered.leader_recovery_state == RECOVERING;
            return partition.become_follower(Followership { leader, epoch, replicas, may_lose });
        }
        let min_insync_replicas = self.min_insync_replicas(&name.topic);
        let leadership = Leadership { epoch, replicas, isr, version, min_insync_replicas };
        if let Err(e) = partition.become_leader(leadership) {
            error!("{name}: cannot lead in epoch {epoch}: {e}");
        }
    }
    // ANCHOR_END: give_role
}

const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

impl Replicas for AssignedPartitions {
    fn place(&self, _: i32, _: i32) -> Result<Vec<BrokerId>, PartitionError> {
        Err(ErrorCode::NOT_CONTROLLER.into())
    }

    fn check(&self, _: &[BrokerId]) -> Result<(), PartitionError> {
        // The controller has looked before it said so.
        Ok(())
    }

    fn unknown_folders(&self) -> UnknownFolders {
        UnknownFolders::SetAside
    }

    fn describe(&self, name: &TopicPartition, replicas: &[BrokerId], _: Option<&LocalPartition>) -> PartitionImage {
        match self.registration(name) {
            Some(PartitionRegistration { leader, leader_epoch, replicas, isr, .. }) => {
                PartitionImage { leader, leader_epoch, replicas, isr }
            }
            None => {
                PartitionImage { leader: -1, leader_epoch: -1, replicas: replicas.to_vec(), isr: replicas.to_vec() }
            }
        }
    }

    fn partition(&self, name: &TopicPartition, logs: &LogManager) -> Result<Arc<dyn Partition>, ErrorCode> {
        match self.get(name) {
            Some(partition) => Ok(partition),
            None if logs.is_offline(name) => Err(ErrorCode::KAFKA_STORAGE_ERROR),
            None => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER),
        }
    }

    fn readable_end(&self, name: &TopicPartition) -> Option<Offset> {
        let known = self.get(name).map(|partition| partition.high_watermark());
        Some(known.or_else(|| self.checkpoints.get(name).copied()).unwrap_or(0))
    }

    fn opened(&self, logs: Vec<OpenedLog>) -> Result<(), PartitionError> {
        for log in logs {
            let known = self.get(&log.name);
            if known.is_none_or(|known| known.topic_id() != log.topic_id) {
                let high_watermark = self.checkpoints.get(&log.name).copied().unwrap_or(0);
                let partition = ReplicatedPartition::without_role(&log, high_watermark, self.context.clone());
                self.partitions.write().unwrap().insert(log.name.clone(), Arc::new(partition));
            }
            self.give_role(&log.name);
        }
        self.wake_fetchers();
        Ok(())
    }

    fn configured(&self, name: &TopicPartition, _: &TopicSettings) {
        if let Some(partition) = self.get(name) {
            partition.set_min_insync_replicas(self.min_insync_replicas(&name.topic));
        }
    }

    fn closing(&self, name: &TopicPartition) {
        if let Some(partition) = self.partitions.write().unwrap().remove(name) {
            partition.close();
        }
    }

    fn incarnation(&self) -> i64 {
        self.broker_epoch()
    }
}

// ANCHOR: previous_broker_epoch
/// The registration of a broker whose folder this is, if it stopped cleanly; -1 if not.
pub fn previous_broker_epoch(folder: &Path) -> i64 {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Mark {
        broker_epoch: i64,
    }
    let text = std::fs::read(folder.join(CLEAN)).unwrap_or_default();
    serde_json::from_slice(&text).map_or(-1, |mark: Mark| mark.broker_epoch)
}
// ANCHOR_END: previous_broker_epoch

impl Copies for AssignedPartitions {
    fn me(&self) -> BrokerId {
        self.context.me
    }

    fn get(&self, name: &TopicPartition) -> Option<Arc<ReplicatedPartition>> {
        self.get(name)
    }

    fn led_by(&self, leader: BrokerId) -> Vec<Arc<ReplicatedPartition>> {
        self.all().into_iter().filter(|partition| partition.leader() == leader).collect()
    }

    fn following(&self) -> &Notify {
        &self.following
    }

    fn logs(&self) -> &LogManager {
        self.logs.get().expect("set before anything is copied")
    }

    fn is_out_of_date(&self, _: BrokerId) {
        // The next image tells.
    }

    fn has_lost(&self, leader: BrokerId) {
        let is_there = self.cluster().nodes.is_active(leader);
        self.suspects.send_if_modified(|suspects| {
            let is_new = is_there && !suspects.contains_key(&leader);
            if is_new {
                suspects.insert(leader, Instant::now());
            }
            is_new
        });
    }

    fn broker_epoch(&self) -> i64 {
        self.broker_epoch()
    }
}
