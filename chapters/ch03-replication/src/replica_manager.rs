//! All partitions that this broker has copies of: who they are served by, and what they play.
//!
//! The only one who knows of roles is a partition itself; here they are looked up, given their first role, told that time
//! passes, and given the answers to their proposals.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::Duration;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::tasks::Tasks;
use ch00_wire::uuid::Uuid;
use ch01_log::batch::Offset;
use ch01_log::config::TopicSettings;
use ch01_log::local_partition::LocalPartition;
use ch01_log::log_manager::LogManager;
use ch01_log::metadata::PartitionImage;
use ch01_log::partition::{Partition, PartitionError};
use ch01_log::replicas::{OpenedLog, Replicas, UnknownFolders};
use ch01_log::text_checkpoint::{Offsets, TopicPartition};
use ch02_retention::live_config::LiveConfig;
use tokio::sync::{Notify, mpsc};
use tracing::error;

use crate::cluster::Cluster;
use crate::isr::BrokerId;
use crate::leader_store::{LeaderStore, StoredLeader};
use crate::replica::ReplicatedPartition;
use crate::replica_context::{Proposal, ReplicaContext};

/// The partitions that this broker has copies of.
pub struct ReplicaManager {
    pub(crate) cluster: Cluster,
    pub(crate) context: Arc<ReplicaContext>,
    config: Arc<LiveConfig>,
    partitions: RwLock<HashMap<TopicPartition, Arc<ReplicatedPartition>>>,
    store: Mutex<LeaderStore>,
    /// The cluster whose topics this broker has copied, as it is stored.
    cluster_id: RwLock<Option<String>>,
    /// High watermarks as they were when the broker started.
    checkpoints: Offsets,
    /// What others lead, as they said last.
    pub(crate) elsewhere: RwLock<HashMap<TopicPartition, (Uuid, PartitionImage)>>,
    /// Whether partitions of before have their roles: new ones then get theirs at once.
    is_started: AtomicBool,
    /// Woken when there is something to tell others: a leader or its in-sync replicas.
    pub(crate) changed: Notify,
    /// Woken when there are partitions whose past is not known.
    pub(crate) lost: Notify,
    /// Woken when there is something to copy that was not there before.
    pub(crate) following: Arc<Notify>,
    logs: OnceLock<Arc<LogManager>>,
}

impl ReplicaManager {
    /// No partitions yet: they come when their logs are open.
    pub fn new(
        cluster: Cluster,
        context: Arc<ReplicaContext>,
        config: Arc<LiveConfig>,
        store: LeaderStore,
        checkpoints: Offsets,
    ) -> ReplicaManager {
        ReplicaManager {
            cluster,
            context,
            config,
            partitions: RwLock::default(),
            cluster_id: RwLock::new(store.cluster_id().map(str::to_owned)),
            store: Mutex::new(store),
            checkpoints,
            elsewhere: RwLock::default(),
            is_started: AtomicBool::new(false),
            changed: Notify::new(),
            lost: Notify::new(),
            following: Arc::default(),
            logs: OnceLock::new(),
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

    /// Those that another broker leads.
    pub fn led_by(&self, leader: BrokerId) -> Vec<Arc<ReplicatedPartition>> {
        let partitions = self.partitions.read().unwrap();
        partitions.values().filter(|partition| partition.leader() == leader).cloned().collect()
    }

    /// The logs.
    pub fn logs(&self) -> &Arc<LogManager> {
        self.logs.get().expect("set before anything is copied")
    }

    pub(crate) fn set_logs(&self, logs: Arc<LogManager>) {
        let _ = self.logs.set(logs);
    }

    fn store(&self) -> std::sync::MutexGuard<'_, LeaderStore> {
        self.store.lock().unwrap()
    }

    /// The cluster whose topics this broker has copied; `None`: none yet.
    pub fn cluster_id(&self) -> Option<String> {
        self.cluster_id.read().unwrap().clone()
    }

    /// From now on only that cluster's topics are copied. Blocks.
    pub fn join(&self, cluster_id: &str) -> std::io::Result<()> {
        self.store().join(cluster_id)?;
        *self.cluster_id.write().unwrap() = Some(cluster_id.to_owned());
        Ok(())
    }

    fn min_insync_replicas(&self, settings: &TopicSettings) -> usize {
        let own = settings.get("min.insync.replicas").cloned();
        let value = own.or_else(|| self.config.whole().get("min.insync.replicas"));
        value.and_then(|value| value.parse().ok()).unwrap_or(1).max(1)
    }

    // ANCHOR: new_epoch
    /// What is kept of a partition from now on: a new epoch, whatever happened in the last one.
    fn new_epoch(&self, store: &LeaderStore, opened: &OpenedLog) -> StoredLeader {
        let before = store.get(&opened.name).filter(|stored| stored.topic_id == opened.topic_id);
        let in_log = opened.log.log().epochs().latest().unwrap_or(0);
        match before {
            Some(stored) => StoredLeader { epoch: (stored.epoch + 1).max(in_log), ..stored.clone() },
            // Nobody has led it yet: all replicas are in sync, for all have nothing. Or it was led, and that is forgotten.
            None => {
                let epoch = if self.may_have_forgotten(opened) { -1 } else { in_log };
                StoredLeader { topic_id: opened.topic_id, epoch, version: 0, isr: opened.replicas.clone() }
            }
        }
    }
    // ANCHOR_END: new_epoch

    /// Of a topic that was there before this broker started it would have kept something; and one that copies topics for
    /// the first time was not there when they were made, or it was, and has lost its disk.
    fn may_have_forgotten(&self, opened: &OpenedLog) -> bool {
        let copies_for_the_first_time = !self.cluster.is_first() && self.cluster_id().is_none();
        let is_old = copies_for_the_first_time || !self.is_started.load(Ordering::Relaxed);
        is_old && opened.replicas.len() > 1
    }

    // ANCHOR: give_roles
    /// Gives partitions whose logs are open their roles. A leader's new epoch is on the disk before anything else happens.
    fn give_roles(&self, opened: &[OpenedLog]) -> std::io::Result<()> {
        let mut store = self.store();
        let is_mine = |log: &&OpenedLog| log.replicas.first() == Some(&self.context.me);
        let epochs: Vec<_> =
            opened.iter().filter(is_mine).map(|log| (log.name.clone(), self.new_epoch(&store, log))).collect();
        store.put(epochs.iter().filter(|(_, leader)| leader.epoch >= 0).cloned())?;
        drop(store);
        let mut epochs: BTreeMap<_, _> = epochs.into_iter().collect();
        for log in opened {
            let high_watermark = self.checkpoints.get(&log.name).copied().unwrap_or(0);
            let min_insync_replicas = self.min_insync_replicas(&log.settings);
            let partition = match epochs.remove(&log.name) {
                None => ReplicatedPartition::follower(log, high_watermark, self.context.clone()),
                Some(leader) => {
                    let at_once = self.may_lead_at_once(log, &leader);
                    let context = self.context.clone();
                    let partition =
                        ReplicatedPartition::starting(log, high_watermark, leader, min_insync_replicas, context);
                    // Else it asks the others first: see `catch_up` and `lost_disk`.
                    if at_once {
                        partition.lead();
                    }
                    partition
                }
            };
            let partition = Arc::new(partition);
            self.partitions.write().unwrap().insert(log.name.clone(), partition);
        }
        Ok(())
    }
    // ANCHOR_END: give_roles

    /// After a clean stop a log has all that it had; and without others in sync there is nobody to ask.
    fn may_lead_at_once(&self, log: &OpenedLog, leader: &StoredLeader) -> bool {
        let has_all = self.is_started.load(Ordering::Relaxed) || log.log.dir().was_clean();
        leader.epoch >= 0 && (has_all || leader.isr == [self.context.me])
    }

    /// Leads a partition whose past was found out, in the epoch that it has been given. Blocks.
    pub(crate) fn lead_found(&self, partition: &ReplicatedPartition) -> std::io::Result<()> {
        if let Some(leader) = partition.found() {
            self.store().put([(partition.name().clone(), leader)])?;
            partition.lead();
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Partitions that were there at the start have their roles: from now on new ones get theirs at once.
    pub fn started(&self) {
        self.is_started.store(true, Ordering::Relaxed);
    }

    // ANCHOR: confirm
    /// Confirms changes of in-sync replicas, for as long as the broker runs: all that wait are put on the disk at once.
    pub async fn keep_confirming(self: Arc<Self>, mut proposals: mpsc::UnboundedReceiver<Proposal>, tasks: Tasks) {
        loop {
            let mut waiting = Vec::new();
            tokio::select! {
                () = tasks.stopping() => return,
                received = proposals.recv_many(&mut waiting, usize::MAX) => if received == 0 { return },
            }
            let manager = self.clone();
            tasks.blocking(move || manager.confirm(&waiting)).await;
        }
    }

    fn confirm(&self, proposals: &[Proposal]) {
        let mut store = self.store();
        let changed = proposals.iter().filter_map(|proposal| {
            let known = store.get(&proposal.name).filter(|known| known.epoch == proposal.epoch)?;
            let (version, isr) = (proposal.version + 1, proposal.isr.clone());
            Some((proposal.name.clone(), StoredLeader { version, isr, ..known.clone() }))
        });
        let changed: Vec<_> = changed.collect();
        let stored = store.put(changed);
        drop(store);
        if let Err(e) = &stored {
            error!("in-sync replicas could not be stored, and stay as they are: {e}");
        }
        for proposal in proposals {
            if let Some(partition) = self.get(&proposal.name) {
                partition.settled(proposal, stored.is_ok());
            }
        }
        self.changed.notify_one();
    }
    // ANCHOR_END: confirm

    /// What operators watch.
    pub fn census(&self) -> [usize; 4] {
        census(&self.all(), |_| 0)
    }

    /// Tells leaders that time passes, for as long as the broker runs.
    pub async fn keep_ticking(self: Arc<Self>, tasks: Tasks) {
        let every = (self.context.lag_max_ms / 2).clamp(1, 10_000).unsigned_abs();
        loop {
            tokio::select! {
                () = tasks.stopping() => return,
                () = tokio::time::sleep(Duration::from_millis(every)) => {}
            }
            self.all().iter().for_each(|partition| partition.tick());
        }
    }
}

impl Replicas for ReplicaManager {
    fn place(&self, partition: i32, copies: i32) -> Result<Vec<BrokerId>, PartitionError> {
        self.cluster.place(partition, copies)
    }

    fn check(&self, brokers: &[BrokerId]) -> Result<(), PartitionError> {
        self.cluster.check(brokers)
    }

    fn unknown_folders(&self) -> UnknownFolders {
        if self.cluster.is_first() { UnknownFolders::Adopt } else { UnknownFolders::Leave }
    }

    // ANCHOR: describe
    fn describe(&self, name: &TopicPartition, replicas: &[BrokerId], _log: Option<&LocalPartition>) -> PartitionImage {
        let here = || self.get(name)?.describe();
        let there = || self.elsewhere.read().unwrap().get(name).map(|(_, image)| image.clone());
        let unknown = || PartitionImage { leader: -1, leader_epoch: -1, replicas: Vec::new(), isr: replicas.to_vec() };
        let image = here().or_else(there).unwrap_or_else(unknown);
        // A leader that has forgotten its epochs learns them from its followers.
        let known_here = self.get(name).map_or(-1, |partition| partition.known_epoch());
        PartitionImage { replicas: replicas.to_vec(), leader_epoch: image.leader_epoch.max(known_here), ..image }
    }
    // ANCHOR_END: describe

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
        let new: Vec<_> = logs
            .into_iter()
            .filter(|log| self.get(&log.name).is_none_or(|known| known.topic_id() != log.topic_id))
            .collect();
        self.give_roles(&new).map_err(|e| PartitionError {
            code: ErrorCode::KAFKA_STORAGE_ERROR,
            message: Some(format!("who leads could not be stored: {e}")),
        })?;
        self.changed.notify_one();
        self.lost.notify_one();
        self.following.notify_waiters();
        Ok(())
    }

    fn configured(&self, name: &TopicPartition, settings: &TopicSettings) {
        if let Some(partition) = self.get(name) {
            partition.set_min_insync_replicas(self.min_insync_replicas(settings));
        }
    }

    fn closing(&self, name: &TopicPartition) {
        if let Some(partition) = self.partitions.write().unwrap().remove(name) {
            partition.close();
            self.store().forget(name);
        }
        self.elsewhere.write().unwrap().remove(name);
    }
}

/// How many partitions have a copy here, how many are led here, how many of those have replicas that are not in sync, and
/// how many have fewer in sync than `min.insync.replicas`. `coming`: how many replicas of a partition never had a whole
/// copy, so that nothing is lost yet if they have none.
pub fn census(all: &[Arc<ReplicatedPartition>], coming: impl Fn(&TopicPartition) -> usize) -> [usize; 4] {
    let mut counts = [all.len(), 0, 0, 0];
    for partition in all {
        let looked = partition.with_leader(|leader| {
            let is_whole = leader.isr().confirmed().len() + coming(partition.name()) > leader.followers().len();
            (is_whole, leader.enough_replicas())
        });
        if let Some((is_whole, has_enough)) = looked {
            counts[1] += 1;
            counts[2] += usize::from(!is_whole);
            counts[3] += usize::from(!has_enough);
        }
    }
    counts
}
