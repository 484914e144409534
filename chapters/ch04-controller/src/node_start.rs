//! How a node begins, whatever its roles: its folders are locked, it finds out which cluster they belong to, and takes part
//! in the quorum.
//!
//! ```text
//! locks  -->  meta.properties  -->  which cluster?  -->  quorum node  -->  controller, if it is one
//!                 (formation)       (others ask for the same reason: the controller listener is open by now)
//! ```

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ch00_wire::broker::serve;
use ch00_wire::config::Listener;
use ch00_wire::server::BoundListener;
use ch00_wire::tasks::Tasks;
use ch00_wire::uuid::Uuid;
use ch01_log::clock::SystemClock;
use ch01_log::disk::Disk;
use ch01_log::log_dir::FolderLock;
use ch02_retention::live_config::LiveConfig;
use ch03_replication::metrics::Metrics;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tracing::info;

use crate::active_controller::ControllerHandle;
use crate::config::BrokerConfig;
use crate::config_rules::LiveRules;
use crate::controller::ControllerSettings;
use crate::controller_listener::{self, ControllerState};
use crate::controller_metrics::{ControllerMetrics, keep_looking};
use crate::earlier_folder::{EarlierFolder, earlier_cluster_id};
use crate::format;
use crate::formation::{Meta, Verdict, find_cluster};
use crate::messages::LeaderEndpoint;
use crate::metadata_log::FOLDER;
use crate::quorum::ReplicaKey;
use crate::quorum_listener::QuorumState;
use crate::quorum_node::{NodeConfig, QuorumNode};
use crate::quorum_state::{MayVote, VotersHome};
use crate::quorum_wire::Identity;

/// What both roles need.
pub(crate) struct NodeParts {
    pub(crate) node: QuorumNode,
    pub(crate) quorum: Arc<QuorumState>,
    pub(crate) controller: Option<ControllerHandle>,
    pub(crate) cluster_id: String,
    pub(crate) earlier: Arc<EarlierFolder>,
    pub(crate) metrics: Arc<Metrics>,
    /// Of all log directories; of the metadata log's, if it is none of them, the quorum has it.
    pub(crate) locks: Vec<FolderLock>,
}

/// The quorum has threads of its own: the broker's may be busy writing, and a heartbeat that waits for them is late.
pub(crate) struct QuorumThread(Option<Runtime>);

impl QuorumThread {
    pub(crate) fn start() -> Result<QuorumThread, String> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("quorum").enable_all().build();
        runtime.map(|runtime| QuorumThread(Some(runtime))).map_err(|e| format!("cannot start threads: {e}"))
    }

    fn enter(&self) -> tokio::runtime::EnterGuard<'_> {
        self.0.as_ref().expect("it is there until it is dropped").enter()
    }
}

impl Drop for QuorumThread {
    fn drop(&mut self) {
        // Its tasks have ended, or nobody needs them: whoever drops it must not be kept waiting.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

// ANCHOR: start_node
/// Finds out which cluster this is, and takes part in its quorum.
pub(crate) async fn start_node(
    config: &BrokerConfig,
    live: &Arc<LiveConfig>,
    listeners: Vec<(BoundListener, Listener)>,
    quorum: &QuorumThread,
    failed: watch::Sender<Option<String>>,
    tasks: &Tasks,
) -> Result<NodeParts, String> {
    let metrics = Arc::new(match config.replication.metrics_listener.as_str() {
        "" => Metrics::off(),
        address => Metrics::serve(address, tasks)?,
    });
    let (disk, clock) = (Disk::default(), Arc::new(SystemClock));
    let log = &config.replication.retention.log;
    let (me, home, folders) = (config.node_id(), config.metadata_folder(), log.log_folders());
    let mut locks = lock_all(folders.iter().chain([&home]))?;
    let folder = home.join(FOLDER);
    let mut meta = Meta::open(&disk, &home, me)?;
    let own = ReplicaKey { id: me, directory_id: meta.directory_id };
    let earlier = Arc::new(EarlierFolder::read(&disk, &folders, me, config.is_alone(), !folder.exists())?);
    disk.create_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let endpoints: Vec<LeaderEndpoint> = listeners.iter().map(|(_, advertised)| leader_endpoint(advertised)).collect();
    let listener = listeners.first().map(|(_, advertised)| advertised.name.clone()).unwrap_or_default();
    let state = Arc::new(ControllerState {
        quorum: Arc::new(QuorumState {
            me: own,
            node: OnceLock::new(),
            cluster_id: OnceLock::new(),
            listener,
            clock: clock.clone(),
        }),
        controller: OnceLock::new(),
        watched: Mutex::default(),
        broker_listener: log.wire.inter_broker_listener_name.clone(),
        tasks: tasks.clone(),
    });
    let router = Arc::new(controller_listener::routes(&state));
    {
        let _on_quorum = quorum.enter();
        serve(listeners, |_| router.clone(), &log.wire, tasks);
    }
    let may_vote = MayVote::new(&disk, &folder);
    if earlier.topics().is_some()
        && let Some(cluster_id) = earlier_cluster_id(&disk, &folders[0])?
    {
        join_all(&disk, &folders, me, &cluster_id)?;
        meta = Meta::open(&disk, &home, me)?;
    }
    let cluster_id = find_own_cluster(config, &disk, &mut meta, &may_vote, &endpoints).await?;
    let _ = state.quorum.cluster_id.set(cluster_id.clone());
    let _on_quorum = quorum.enter();
    let voters = config.voters(own.directory_id);
    let lock = locks.iter().position(|lock| !folders.contains(&lock.path().to_owned()));
    let node = QuorumNode::start(
        NodeConfig {
            identity: Identity { me: own, cluster_id: Some(cluster_id.clone()), endpoints },
            voters_home: VotersHome::Configuration(voters.ids().collect()),
            voters,
            addresses: config.voter_addresses(),
            may_vote,
            timeouts: config.timeouts(),
            request_timeout: Duration::from_millis(config.controller_quorum_request_timeout_ms.unsigned_abs().into()),
            log: config.metadata_log_config()?,
            max_bytes_between_snapshots: config.metadata_log_max_record_bytes_between_snapshots.unsigned_abs(),
            folder,
            lock: lock.map(|index| locks.swap_remove(index)),
            disk,
            clock,
            seed: seed(),
        },
        move |why| drop(failed.send_replace(Some(why))),
        tasks,
    )?;
    let _ = state.quorum.node.set(node.clone());
    let controller = config.is_controller().then(|| {
        let settings = ControllerSettings {
            bootstrap: format::bootstrap(&home)?,
            ..controller_settings(config, &cluster_id, live)
        };
        let counted = ControllerMetrics::new(&metrics);
        let handle = ControllerHandle::start(&node, settings, earlier.clone(), seed(), counted, tasks);
        let _ = state.controller.set(handle.clone());
        tasks.spawn(crate::outside::watch(state.clone(), handle.clone(), tasks.clone()));
        Ok::<_, String>(handle)
    });
    let controller = controller.transpose()?;
    let is_active = controller.as_ref().map(ControllerHandle::is_active);
    tasks.spawn(keep_looking(metrics.clone(), node.clone(), is_active, tasks.clone()));
    Ok(NodeParts { node, quorum: state.quorum.clone(), controller, cluster_id, earlier, metrics, locks })
}
// ANCHOR_END: start_node

fn lock_all<'a>(folders: impl Iterator<Item = &'a PathBuf>) -> Result<Vec<FolderLock>, String> {
    let mut locks: Vec<FolderLock> = Vec::new();
    for folder in folders {
        if locks.iter().all(|lock| lock.path() != folder) {
            locks.push(FolderLock::take(folder)?);
        }
    }
    Ok(locks)
}

/// Folders of chapter 3 have cluster ids of their own, and know the one that they have joined.
fn join_all(disk: &Disk, folders: &[PathBuf], me: i32, cluster_id: &str) -> Result<(), String> {
    for folder in folders {
        let mut meta = Meta::open(disk, folder, me)?;
        meta.join(disk, cluster_id).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    Ok(())
}

fn leader_endpoint(listener: &Listener) -> LeaderEndpoint {
    LeaderEndpoint { name: listener.name.clone(), host: listener.host.clone(), port: listener.port }
}

/// The cluster that this node's folder belongs to, from now on if not before.
async fn find_own_cluster(
    config: &BrokerConfig,
    disk: &Disk,
    meta: &mut Meta,
    may_vote: &MayVote,
    endpoints: &[LeaderEndpoint],
) -> Result<String, String> {
    if let Some(known) = &meta.cluster_id {
        return Ok(known.clone());
    }
    let cluster_id = if config.is_alone() {
        Uuid::random().to_string()
    } else if config.controller_quorum_voters.0.is_empty() {
        return Err(
            "controller.quorum.bootstrap.servers: the folder is empty, and it is not known whether there is a \
             cluster already; name all voters in controller.quorum.voters, or run `mini-kafka format --cluster-id`"
                .to_string(),
        );
    } else {
        match find_cluster(config.node_id(), meta, &config.voter_addresses()).await {
            Verdict::Join(id) => {
                may_vote.withhold().map_err(|e| format!("the node cannot be marked as new: {e}"))?;
                id
            }
            Verdict::Found(id) => id,
            Verdict::Wait => unreachable!("it waits until it knows"),
        }
    };
    info!("cluster {cluster_id}: this folder belongs to it from now on");
    if config.is_alone() && !config.controller_quorum_bootstrap_servers.is_empty() {
        format::write_standalone(disk, meta, endpoints)?;
    }
    meta.join(disk, &cluster_id).map_err(|e| format!("meta.properties cannot be written: {e}"))?;
    Ok(cluster_id)
}

fn controller_settings(config: &BrokerConfig, cluster_id: &str, live: &Arc<LiveConfig>) -> ControllerSettings {
    let log = &config.replication.retention.log;
    ControllerSettings {
        session_timeout_ms: config.broker_session_timeout_ms.into(),
        num_partitions: log.num_partitions,
        default_replication_factor: log.default_replication_factor as i16,
        delete_topic_enable: log.delete_topic_enable,
        min_insync_replicas: config.replication.min_insync_replicas.max(1) as usize,
        unclean_leader_election_enable: config.unclean_leader_election_enable,
        auto_leader_rebalance_enable: config.auto_leader_rebalance_enable,
        leader_imbalance_check_interval_ms: config.leader_imbalance_check_interval_seconds * 1000,
        metadata_max_idle_interval_ms: config.metadata_max_idle_interval_ms.into(),
        ..ControllerSettings::new(cluster_id, Arc::new(LiveRules(live.clone())))
    }
}

/// Random numbers begin somewhere else in every node.
fn seed() -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = Uuid::random().0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
