//! How a broker begins, once its node takes part in the quorum: it registers, reads the metadata log up to its own
//! registration, opens its logs, leads and follows, and serves.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ch00_wire::broker::serve;
use ch00_wire::config::Listener;
use ch00_wire::server::BoundListener;
use ch00_wire::tasks::Tasks;
use ch00_wire::uuid::Uuid;
use ch01_log::config::LogHooks;
use ch01_log::disk::Disk;
use ch01_log::log_manager::LogManager;
use ch02_retention::broker as retention_broker;
use ch02_retention::live_config::LiveConfig;
use ch03_replication::broker::{RACK_AWARE, ReplicaState, broker_listener, high_watermarks};
use ch03_replication::fetcher::FetcherConfig;
use ch03_replication::replica_context::ReplicaContext;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::assigned_partitions::AssignedPartitions;
use crate::broker::{Routes, State};
use crate::broker_lifecycle::{BrokerLifecycle, register};
use crate::config::BrokerConfig;
use crate::controller::{supported_features, unsupported_level};
use crate::controller_channel::ControllerChannel;
use crate::directory_assignments::DirectoryAssignments;
use crate::features::features;
use crate::fetchers::Fetchers;
use crate::formation::Meta;
use crate::image::ConfigResource;
use crate::isolation::hang_up_when_unheard;
use crate::isr_changes::IsrChanges;
use crate::messages::{BrokerRegistrationRequest, RegistrationListener};
use crate::metadata_publisher::{MetadataPublisher, contents, settings_of};
use crate::node_start::NodeParts;
use crate::producer_ids::ProducerIds;
use crate::replication_quotas::ReplicationQuotas;

/// How long the controller may take to answer a broker.
const PATIENCE: Duration = Duration::from_secs(5);

// ANCHOR: start_broker
/// Registers, reads the metadata, opens the logs, and serves.
pub(crate) async fn start_broker(
    config: &BrokerConfig,
    live: Arc<LiveConfig>,
    listeners: Vec<(BoundListener, Listener)>,
    parts: NodeParts,
    previous_epoch: i64,
    routes: Routes,
    tasks: &Tasks,
) -> Result<(retention_broker::Broker, Arc<BrokerLifecycle>), String> {
    let NodeParts { node, quorum, controller, cluster_id, earlier, metrics, locks } = parts;
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
    if let Some(why) = unsupported_level(&begun.image) {
        return Err(why);
    }
    // The controller has taken the topics of an earlier chapter over, from this folder or another's.
    earlier.taken_over();
    // What it is open with is what it has acted upon.
    let settings = |resource| settings_of(&begun.image, &resource);
    live.change(&settings(ConfigResource::all_brokers()), &settings(ConfigResource::broker(me)));
    let quotas = Arc::new(ReplicationQuotas::new(config));
    quotas.follow(&begun.image, &*live.whole());
    let (lag_max_ms, rack_aware) =
        (config.replication.replica_lag_time_max_ms, config.replication.replica_selector_class == RACK_AWARE);
    let (mut context, proposals) = ReplicaContext::new(me, lag_max_ms, rack_aware, metrics);
    context.limits = quotas.clone();
    let context = Arc::new(context);
    let checkpoints = high_watermarks(log_config)?;
    let partitions =
        Arc::new(AssignedPartitions::new(context.clone(), live.clone(), begun.image.clone(), checkpoints, quotas));
    partitions.set_broker_epoch(broker_epoch);
    let (applied, lifecycle) = start_heartbeats(config, &partitions, heartbeats, registration, directories, tasks);
    let hooks = LogHooks {
        replicas: partitions.clone(),
        topics: Some(contents(&begun.image, me)),
        locks: Arc::new(Mutex::new(locks)),
        ..live.log_hooks()
    };
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
    let directory_assignments =
        DirectoryAssignments { partitions: partitions.clone(), channel: channel(&format!("broker-{me}-directories")) };
    tasks.spawn(directory_assignments.run(tasks.clone()));
    tasks.spawn(keep_ticking(partitions.clone(), tasks.clone()));
    let every_ms = config.replication.replica_high_watermark_checkpoint_interval_ms;
    tasks.spawn(log.logs.clone().repeat(every_ms, LogManager::checkpoint));
    let counted = partitions.clone();
    tasks.spawn(context.metrics.clone().keep_looking(move || counted.census(), tasks.clone()));
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
    let committed = node.committed();
    router.name_features(Arc::new(move || features(&committed.borrow())));
    let router = Arc::new(router);
    let connections = serve(listeners, |_| router.clone(), &log_config.wire, tasks);
    tasks.spawn(hang_up_when_unheard(lifecycle.clone(), session, connections, tasks.clone()));
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
