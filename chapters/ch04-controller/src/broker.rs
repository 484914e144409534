//! Chapter 4's broker: leaders move.
//!
//! ```text
//! quorum thread     controller listener -> quorum node <-> metadata log        active controller
//!                                              | committed image                      ^
//! broker threads    publisher <----------------+        heartbeats, changes of the ISR |, requests sent on
//! ```
//!
//! The list in [`routes`] is what it serves to clients beside, or otherwise than, the chapters before.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ch00_wire::broker::{bind_all, serve};
use ch00_wire::cli::{self, Ready};
use ch00_wire::config::{Listener, Loaded};
use ch00_wire::router::Router;
use ch00_wire::server::BoundListener;
use ch00_wire::tasks::Tasks;
use ch00_wire::uuid::Uuid;
use ch01_log::broker::State as LogState;
use ch01_log::clock::SystemClock;
use ch01_log::config::LogHooks;
use ch01_log::disk::Disk;
use ch01_log::log_manager::LogManager;
use ch01_log::messages::{CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest};
use ch02_retention::broker::{self as retention_broker, State as RetentionState};
use ch02_retention::live_config::LiveConfig;
use ch02_retention::messages::{AlterConfigsRequest, IncrementalAlterConfigsRequest};
use ch03_replication::broker::{RACK_AWARE, ReplicaState, broker_listener, high_watermarks};
use ch03_replication::fetcher::FetcherConfig;
use ch03_replication::handlers as replication_handlers;
use ch03_replication::metrics::Metrics;
use ch03_replication::replica_context::ReplicaContext;
use ch03_replication::replica_manager::census;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::info;

use crate::active_controller::ControllerHandle;
use crate::assigned_partitions::{AssignedPartitions, previous_broker_epoch};
use crate::broker_lifecycle::{BrokerLifecycle, register};
use crate::config::BrokerConfig;
use crate::config_rules::LiveRules;
use crate::controller::{ControllerSettings, supported_features};
use crate::controller_channel::ControllerChannel;
use crate::controller_listener::{self, ControllerState};
use crate::fetchers::Fetchers;
use crate::formation::{Meta, Verdict, find_cluster};
use crate::handlers;
use crate::handlers::decided::send_on;
use crate::isr_changes::IsrChanges;
use crate::messages::{
    AlterPartitionReassignmentsRequest, BrokerRegistrationRequest, ElectLeadersRequest, LeaderEndpoint,
    ListPartitionReassignmentsRequest, RegistrationListener, UnregisterBrokerRequest, UpdateFeaturesRequest,
};
use crate::metadata_log::FOLDER;
use crate::metadata_publisher::{MetadataPublisher, contents};
use crate::producer_ids::ProducerIds;
use crate::quorum::ReplicaKey;
use crate::quorum_listener::QuorumState;
use crate::quorum_node::{NodeConfig, QuorumNode};
use crate::quorum_state::{MayVote, VotersHome};
use crate::quorum_wire::Identity;

/// How long the controller may take to answer a broker.
const PATIENCE: Duration = Duration::from_secs(5);

/// What this chapter's handlers share.
pub struct State {
    /// What chapter 1's handlers share.
    pub log: Arc<LogState>,
    /// What chapter 2's handlers share.
    pub retention: Arc<RetentionState>,
    /// What handlers share that serve replicas.
    pub replicas: Arc<ReplicaState>,
    /// The partitions that this broker has copies of.
    pub partitions: Arc<AssignedPartitions>,
    /// The node of the quorum.
    pub node: QuorumNode,
    /// What the handlers of the quorum share.
    pub quorum: Arc<QuorumState>,
    /// This node's controller, if it may be one.
    pub controller: Option<ControllerHandle>,
    /// Producer ids to give out.
    pub producer_ids: ProducerIds,
    /// Up to where the metadata log was acted upon.
    pub applied: watch::Receiver<i64>,
}

// ANCHOR: routes
/// Everything this broker serves to clients and to other brokers.
pub fn routes(state: &Arc<State>) -> Router {
    let mut router = retention_broker::routes(&state.retention);
    router.add(&state.replicas, replication_handlers::offset_for_leader_epoch::handle);
    router.replace(&state.replicas, replication_handlers::replica_requests::handle_fetch);
    router.replace(&state.replicas, replication_handlers::replica_requests::handle_list_offsets);
    router.replace(state, handlers::metadata::handle);
    router.replace(state, handlers::init_producer_id::handle);
    router.replace(state, send_on::<CreateTopicsRequest>);
    router.replace(state, send_on::<DeleteTopicsRequest>);
    router.replace(state, send_on::<CreatePartitionsRequest>);
    router.replace(state, send_on::<IncrementalAlterConfigsRequest>);
    router.replace(state, send_on::<AlterConfigsRequest>);
    router.add(state, send_on::<ElectLeadersRequest>);
    router.add(state, send_on::<AlterPartitionReassignmentsRequest>);
    router.add(state, send_on::<ListPartitionReassignmentsRequest>);
    router.add(state, send_on::<UpdateFeaturesRequest>);
    router.add(state, send_on::<UnregisterBrokerRequest>);
    router.add(state, handlers::describe_quorum::relay);
    router.add(state, handlers::list_config_resources::handle);
    router
}
// ANCHOR_END: routes

/// A running node: a broker, a controller, or both.
pub struct Broker {
    ready: Ready,
    _quorum: QuorumThread,
    broker: Option<(retention_broker::Broker, Arc<BrokerLifecycle>)>,
    hands_over: bool,
    failure: watch::Receiver<Option<String>>,
}

/// What both roles need.
struct NodeParts {
    node: QuorumNode,
    quorum: Arc<QuorumState>,
    controller: Option<ControllerHandle>,
    cluster_id: String,
}

impl cli::Broker for Broker {
    const CHAPTER: u32 = 4;
    type Config = BrokerConfig;

    async fn start(loaded: Loaded<BrokerConfig>, tasks: Tasks) -> Result<Broker, String> {
        let config = loaded.config.clone();
        config.check()?;
        let wire = &config.replication.retention.log.wire;
        let clients = if config.is_broker() { wire.client_listeners()? } else { Vec::new() };
        let clients = bind_all(wire, clients)?;
        let for_controllers = config.controller_listener()?.filter(|_| config.is_controller());
        let for_controllers = bind_all(wire, for_controllers.into_iter().map(|listener| (listener, None)).collect())?;
        let address = clients.first().or(for_controllers.first()).map(|(bound, _)| bound.address);
        let address = address.ok_or("listeners: there is nothing to listen at")?;
        let quorum = start_runtime()?;
        let live = LiveConfig::new(loaded, &Default::default(), &Default::default());
        let (failed, failure) = watch::channel(None);
        let log_dirs = config.replication.retention.log.log_folders();
        // Opening the logs takes the mark away.
        let previous_epoch = log_dirs.iter().map(|folder| previous_broker_epoch(folder)).min().unwrap_or(-1);
        let parts = start_node(&config, &live, for_controllers, &quorum, failed, &tasks).await?;
        let ready = Ready { chapter: Self::CHAPTER, broker_id: config.node_id(), listener: address, log_dirs };
        let broker = match config.is_broker() {
            true => Some(start_broker(&config, live, clients, parts, previous_epoch, &tasks).await?),
            false => None,
        };
        Ok(Broker { ready, _quorum: quorum, broker, hands_over: config.controlled_shutdown_enable, failure })
    }

    fn ready(&self) -> Ready {
        self.ready.clone()
    }

    async fn failed(&self) -> String {
        let mut failure = self.failure.clone();
        let metadata_log = async {
            if failure.wait_for(Option::is_some).await.is_err() {
                return std::future::pending().await;
            }
            failure.borrow().clone().unwrap_or_default()
        };
        match &self.broker {
            Some((broker, _)) => tokio::select! {
                why = broker.failed() => why,
                why = metadata_log => why,
            },
            None => metadata_log.await,
        }
    }

    async fn stopping(&self) {
        if let Some((_, lifecycle)) = self.broker.as_ref().filter(|_| self.hands_over) {
            lifecycle.shut_down().await;
        }
    }

    async fn stop(self) {
        if let Some((broker, _)) = self.broker {
            broker.stop().await;
        }
    }
}

/// The quorum has threads of its own: the broker's may be busy writing, and a heartbeat that waits for them is late.
struct QuorumThread(Option<Runtime>);

impl QuorumThread {
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

fn start_runtime() -> Result<QuorumThread, String> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).thread_name("quorum").enable_all().build();
    runtime.map(|runtime| QuorumThread(Some(runtime))).map_err(|e| format!("cannot start threads: {e}"))
}

// ANCHOR: start_node
/// Finds out which cluster this is, and takes part in its quorum.
async fn start_node(
    config: &BrokerConfig,
    live: &Arc<LiveConfig>,
    listeners: Vec<(BoundListener, Listener)>,
    quorum: &QuorumThread,
    failed: watch::Sender<Option<String>>,
    tasks: &Tasks,
) -> Result<NodeParts, String> {
    let (disk, clock) = (Disk::default(), Arc::new(SystemClock));
    let (me, home) = (config.node_id(), config.metadata_folder());
    let folder = home.join(FOLDER);
    disk.create_dir(&home).map_err(|e| format!("log directory {}: cannot be created: {e}", home.display()))?;
    disk.create_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut meta = Meta::open(&disk, &home, me)?;
    let own = ReplicaKey { id: me, directory_id: meta.directory_id };
    let endpoints: Vec<LeaderEndpoint> = listeners.iter().map(|(_, advertised)| leader_endpoint(advertised)).collect();
    let listener = listeners.first().map(|(_, advertised)| advertised.name.clone()).unwrap_or_default();
    let wire = &config.replication.retention.log.wire;
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
        broker_listener: wire.inter_broker_listener_name.clone(),
        tasks: tasks.clone(),
    });
    let router = Arc::new(controller_listener::routes(&state));
    {
        let _on_quorum = quorum.enter();
        serve(listeners, |_| router.clone(), wire, tasks);
    }
    let may_vote = MayVote::new(&disk, &folder);
    let cluster_id = find_own_cluster(config, &disk, &mut meta, &may_vote).await?;
    let _ = state.quorum.cluster_id.set(cluster_id.clone());
    let _on_quorum = quorum.enter();
    let voters = config.voters(own.directory_id);
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
            disk,
            clock,
            seed: seed(),
        },
        move |why| drop(failed.send_replace(Some(why))),
        tasks,
    )?;
    let _ = state.quorum.node.set(node.clone());
    let controller = config.is_controller().then(|| {
        let handle = ControllerHandle::start(&node, controller_settings(config, &cluster_id, live), seed(), tasks);
        let _ = state.controller.set(handle.clone());
        tasks.spawn(crate::outside::watch(state.clone(), handle.clone(), tasks.clone()));
        handle
    });
    Ok(NodeParts { node, quorum: state.quorum.clone(), controller, cluster_id })
}
// ANCHOR_END: start_node

fn leader_endpoint(listener: &Listener) -> LeaderEndpoint {
    LeaderEndpoint { name: listener.name.clone(), host: listener.host.clone(), port: listener.port }
}

/// The cluster that this node's folder belongs to, from now on if not before.
async fn find_own_cluster(
    config: &BrokerConfig,
    disk: &Disk,
    meta: &mut Meta,
    may_vote: &MayVote,
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
    meta.join(disk, &cluster_id).map_err(|e| format!("meta.properties cannot be written: {e}"))?;
    Ok(cluster_id)
}

fn controller_settings(config: &BrokerConfig, cluster_id: &str, live: &Arc<LiveConfig>) -> ControllerSettings {
    let log = &config.replication.retention.log;
    ControllerSettings {
        session_timeout_ms: config.broker_session_timeout_ms.into(),
        num_partitions: log.num_partitions,
        default_replication_factor: log.default_replication_factor as i16,
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

// ANCHOR: start_broker
/// Registers, reads the metadata, opens the logs, and serves.
async fn start_broker(
    config: &BrokerConfig,
    live: Arc<LiveConfig>,
    listeners: Vec<(BoundListener, Listener)>,
    parts: NodeParts,
    previous_epoch: i64,
    tasks: &Tasks,
) -> Result<(retention_broker::Broker, Arc<BrokerLifecycle>), String> {
    let NodeParts { node, quorum, controller, cluster_id } = parts;
    let (me, log_config) = (config.node_id(), &config.replication.retention.log);
    let mut directories = Vec::new();
    for folder in log_config.log_folders() {
        directories.push(claim_folder(&folder, me, &cluster_id)?);
    }
    let channel = |name: &str| ControllerChannel::new(node.clone(), controller.clone(), name, PATIENCE);
    let registration = registration(config, &cluster_id, &listeners, directories.clone(), previous_epoch);
    let patience = Duration::from_millis(config.initial_broker_registration_timeout_ms.unsigned_abs().into());
    let mut heartbeats = channel(&format!("broker-{me}-heartbeat"));
    let broker_epoch = register(&mut heartbeats, &registration, patience).await?;
    let mut committed = node.committed();
    let caught_up = timeout(patience, committed.wait_for(|now| now.offset > broker_epoch)).await;
    let begun = caught_up.map_err(|_| "the metadata log was not read in time")?.map_err(|e| e.to_string())?.clone();
    // What it is open with is what it has acted upon.
    let context = {
        let rack_aware = config.replication.replica_selector_class == RACK_AWARE;
        let metrics = Arc::new(match config.replication.metrics_listener.as_str() {
            "" => Metrics::off(),
            address => Metrics::serve(address, tasks)?,
        });
        ReplicaContext::new(me, config.replication.replica_lag_time_max_ms, rack_aware, metrics)
    };
    let (context, proposals) = (Arc::new(context.0), context.1);
    let checkpoints = high_watermarks(log_config)?;
    let partitions = Arc::new(AssignedPartitions::new(context.clone(), live.clone(), begun.image.clone(), checkpoints));
    partitions.set_broker_epoch(broker_epoch);
    let (applied, lifecycle) = start_heartbeats(config, &partitions, heartbeats, registration, directories, tasks);
    let hooks = LogHooks { replicas: partitions.clone(), topics: Some(contents(&begun.image, me)), ..live.log_hooks() };
    let retention = retention_broker::Broker::open(live.clone(), hooks, &listeners, tasks).await?;
    let log = retention.state().log.clone();
    partitions.set_logs(log.logs.clone());
    let between_brokers = inter_broker_listener(config, &listeners);
    let fetcher_config = FetcherConfig::new(&config.replication);
    let fetchers = Arc::new(Fetchers::new(partitions.clone(), fetcher_config, &between_brokers, tasks.clone()));
    tasks.spawn(fetchers.clone().keep_asking());
    let session = Duration::from_millis(config.broker_session_timeout_ms.unsigned_abs().into());
    let publisher =
        MetadataPublisher::new(partitions.clone(), log.topics.clone(), live, fetchers, session, &cluster_id, applied);
    let applied = publisher.applied();
    tasks.spawn(Arc::new(publisher).run(node.committed(), node.leadership(), tasks.clone()));
    let isr_changes =
        IsrChanges { partitions: partitions.clone(), channel: channel(&format!("broker-{me}-alter-partition")) };
    tasks.spawn(isr_changes.run(proposals, tasks.clone()));
    tasks.spawn(keep_ticking(partitions.clone(), tasks.clone()));
    let every_ms = config.replication.replica_high_watermark_checkpoint_interval_ms;
    tasks.spawn(log.logs.clone().repeat(every_ms, LogManager::checkpoint));
    let counted = partitions.clone();
    tasks.spawn(context.metrics.clone().keep_looking(move || census(&counted.all()), tasks.clone()));
    let state = Arc::new(State {
        replicas: Arc::new(ReplicaState {
            log: log.clone(),
            copies: partitions.clone(),
            broker_listener: broker_listener(&config.replication)?,
        }),
        log,
        retention: retention.state().clone(),
        partitions,
        producer_ids: ProducerIds::new(channel(&format!("broker-{me}-producer-ids"))),
        node: node.clone(),
        quorum,
        controller: controller.clone(),
        applied,
    });
    let mut router = routes(&state);
    if let Some(observer) = context.metrics.observer() {
        router.observe(observer);
    }
    let router = Arc::new(router);
    serve(listeners, |_| router.clone(), &log_config.wire, tasks);
    lifecycle.ready().await;
    Ok((retention, lifecycle))
}
// ANCHOR_END: start_broker

/// A log directory belongs to this node and its cluster; its id.
fn claim_folder(folder: &Path, me: i32, cluster_id: &str) -> Result<Uuid, String> {
    let disk = Disk::default();
    let mut meta = Meta::open(&disk, folder, me)?;
    if meta.cluster_id.is_none() {
        meta.join(&disk, cluster_id).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    Ok(meta.directory_id)
}

fn registration(
    config: &BrokerConfig,
    cluster_id: &str,
    listeners: &[(BoundListener, Listener)],
    log_dirs: Vec<Uuid>,
    previous_broker_epoch: i64,
) -> BrokerRegistrationRequest {
    let listener = |(_, advertised): &(BoundListener, Listener)| RegistrationListener {
        name: advertised.name.clone(),
        host: advertised.host.clone(),
        port: advertised.port,
        // PLAINTEXT is the only protocol that is served.
        security_protocol: 0,
    };
    BrokerRegistrationRequest {
        broker_id: config.node_id(),
        cluster_id: cluster_id.to_owned(),
        incarnation_id: Uuid::random(),
        listeners: listeners.iter().map(listener).collect(),
        features: supported_features(),
        rack: Some(config.replication.broker_rack.clone()).filter(|rack| !rack.is_empty()),
        log_dirs,
        previous_broker_epoch,
        ..Default::default()
    }
}

/// The listener that brokers use among themselves: the first, unless another is named.
fn inter_broker_listener(config: &BrokerConfig, listeners: &[(BoundListener, Listener)]) -> String {
    match config.replication.retention.log.wire.inter_broker_listener_name.as_str() {
        "" => listeners[0].1.name.clone(),
        named => named.to_owned(),
    }
}

/// Heartbeats go on while the logs are opened, which may take long.
fn start_heartbeats(
    config: &BrokerConfig,
    partitions: &Arc<AssignedPartitions>,
    channel: ControllerChannel,
    registration: BrokerRegistrationRequest,
    directories: Vec<Uuid>,
    tasks: &Tasks,
) -> (watch::Sender<i64>, Arc<BrokerLifecycle>) {
    let applied = watch::Sender::new(0);
    let interval = Duration::from_millis(config.broker_heartbeat_interval_ms.unsigned_abs().into());
    let known = partitions.clone();
    let offline = Box::new(move || known.offline_directories(&directories));
    let lifecycle = Arc::new(BrokerLifecycle::new(partitions.clone(), interval, applied.subscribe(), offline));
    tasks.spawn(lifecycle.clone().keep_beating(channel, registration, tasks.clone()));
    (applied, lifecycle)
}

/// Tells leaders that time passes, for as long as the broker runs.
async fn keep_ticking(partitions: Arc<AssignedPartitions>, tasks: Tasks) {
    let every = (partitions.context().lag_max_ms / 2).clamp(1, 10_000).unsigned_abs();
    loop {
        tokio::select! {
            () = tasks.stopping() => return,
            () = tokio::time::sleep(Duration::from_millis(every)) => {}
        }
        partitions.all().iter().for_each(|partition| partition.tick());
    }
}
