//! Chapter 3's broker: one of several that keep copies of each other's partitions.
//!
//! The list in [`routes`] is what it serves beside, or otherwise than, chapter 2's.

use std::collections::BTreeMap;
use std::sync::Arc;

use ch00_wire::broker::{bind, serve};
use ch00_wire::cli::{self, Ready};
use ch00_wire::config::{Listener, Loaded};
use ch00_wire::router::{Context, Router};
use ch00_wire::server::BoundListener;
use ch00_wire::tasks::Tasks;
use ch01_log::broker::State as LogState;
use ch01_log::config::LogHooks;
use ch01_log::disk::Disk;
use ch01_log::log_dir::READABLE_ENDS;
use ch01_log::log_manager::LogManager;
use ch01_log::metadata::{BrokerImage, Endpoint};
use ch01_log::text_checkpoint::{Offsets, read_offsets};
use ch02_retention::broker::{self as retention_broker, State as RetentionState, read_settings};

use crate::cluster::Cluster;
use crate::config::BrokerConfig;
use crate::fetcher::{Copies, Fetcher, FetcherConfig};
use crate::handlers;
use crate::leader_store::LeaderStore;
use crate::metrics::Metrics;
use crate::peers::Peers;
use crate::replica_context::ReplicaContext;
use crate::replica_manager::ReplicaManager;
use crate::topic_copy::TopicCopy;

/// The class that sends consumers to a replica in their rack.
pub const RACK_AWARE: &str = "org.apache.kafka.common.replica.RackAwareReplicaSelector";

/// What handlers share that serve replicas.
pub struct ReplicaState {
    /// What chapter 1's handlers share.
    pub log: Arc<LogState>,
    /// The copies.
    pub copies: Arc<dyn Copies>,
    /// The listener that only brokers use, if there is one.
    pub broker_listener: Option<String>,
}

impl ReplicaState {
    /// Whether brokers that copy may ask on the listener that a request came through.
    pub fn serves_replicas(&self, context: &Context) -> bool {
        self.broker_listener.as_deref().is_none_or(|own| own == &*context.peer.listener)
    }
}

/// What this chapter's handlers share.
pub struct State {
    /// What chapter 1's handlers share.
    pub log: Arc<LogState>,
    /// What chapter 2's handlers share.
    pub retention: Arc<RetentionState>,
    /// The partitions that this broker has copies of.
    pub manager: Arc<ReplicaManager>,
    /// The other brokers.
    pub peers: Arc<Peers>,
    /// What handlers share that serve replicas.
    pub replicas: Arc<ReplicaState>,
}

impl State {
    /// Whether this broker decides about topics.
    pub fn decides(&self) -> bool {
        self.manager.cluster.is_first()
    }
}

// ANCHOR: routes
/// Everything this broker serves.
pub fn routes(state: &Arc<State>) -> Router {
    let mut router = retention_broker::routes(&state.retention);
    router.add(&state.replicas, handlers::offset_for_leader_epoch::handle);
    router.replace(&state.replicas, handlers::replica_requests::handle_fetch);
    router.replace(&state.replicas, handlers::replica_requests::handle_list_offsets);
    router.replace(state, handlers::metadata::handle);
    router.replace(state, handlers::decided::create_topics);
    router.replace(state, handlers::decided::delete_topics);
    router.replace(state, handlers::decided::create_partitions);
    router.replace(state, handlers::decided::incremental_alter_configs);
    router.replace(state, handlers::decided::alter_configs);
    router
}
// ANCHOR_END: routes

/// A running broker.
pub struct Broker {
    retention: retention_broker::Broker,
    state: Arc<State>,
}

impl Broker {
    /// What its handlers share.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Opens everything. Partitions have roles, but nobody is served yet, and nothing is copied.
    pub async fn open(
        loaded: Loaded<BrokerConfig>,
        listeners: &[(BoundListener, Listener)],
        tasks: &Tasks,
    ) -> Result<Broker, String> {
        let config = loaded.config.clone();
        let log_config = &config.retention.log;
        let (me, home) = (log_config.wire.broker_id, log_config.log_folders().into_iter().next().unwrap_or_default());
        let cluster = Cluster::new(me, config.cluster_brokers.0.clone())?;
        let broker_listener = broker_listener(&config)?;
        let live = read_settings(loaded)?;
        let rack_aware = config.replica_selector_class == RACK_AWARE;
        let metrics = Arc::new(match config.metrics_listener.as_str() {
            "" => Metrics::off(),
            address => Metrics::serve(address, tasks)?,
        });
        let (context, proposals) = ReplicaContext::new(me, config.replica_lag_time_max_ms, rack_aware, metrics.clone());
        let store = LeaderStore::open(&Disk::default(), &home)?;
        let checkpoints = high_watermarks(log_config)?;
        let is_alone = cluster.others().next().is_none();
        let manager = Arc::new(ReplicaManager::new(cluster, Arc::new(context), live.clone(), store, checkpoints));
        tasks.spawn(manager.clone().keep_confirming(proposals, tasks.clone()));
        let counted = manager.clone();
        tasks.spawn(metrics.keep_looking(move || counted.census(), tasks.clone()));
        let hooks = LogHooks { replicas: manager.clone(), ..live.log_hooks() };
        let retention = retention_broker::Broker::open(live.clone(), hooks, listeners, tasks).await?;
        let log = retention.state().log.clone();
        manager.set_logs(log.logs.clone());
        if !is_alone {
            // Four thousand million ids for each broker: none can be given out twice.
            log.topics.lock().unwrap().give_producer_ids_from(i64::from(me) << 32);
        }
        let (image, publisher) = {
            let topics = log.topics.lock().unwrap();
            (describe_self(&config, listeners), topics.publisher())
        };
        let copy = TopicCopy::new(log.topics.clone(), manager.clone(), live, me);
        let peers = Arc::new(Peers::new(manager.clone(), image, publisher, copy, tasks.clone()));
        // What this broker has heard of epochs is told from its first answer on.
        peers.publish();
        let replicas = Arc::new(ReplicaState { log: log.clone(), copies: peers.clone(), broker_listener });
        let state = Arc::new(State { log, retention: retention.state().clone(), manager, peers, replicas });
        Ok(Broker { retention, state })
    }

    // ANCHOR: start
    /// Meets the other brokers, leads and follows. They may ask this one for the same reason, so it is served already.
    async fn start_replication(&self, config: &BrokerConfig, tasks: &Tasks) {
        let State { log, manager, peers, .. } = &*self.state;
        peers.start().await;
        manager.catch_up().await;
        tasks.spawn(manager.clone().keep_finding(tasks.clone()));
        manager.started();
        let fetchers = FetcherConfig::new(config);
        for leader in manager.cluster.others() {
            for index in 0..fetchers.count {
                let (copies, config) = (peers.clone(), fetchers.clone());
                let fetcher = Fetcher { leader: leader.clone(), index, config, copies };
                tasks.spawn(fetcher.run(tasks.clone()));
            }
        }
        tasks.spawn(manager.clone().keep_ticking(tasks.clone()));
        let every_ms = config.replica_high_watermark_checkpoint_interval_ms;
        tasks.spawn(log.logs.clone().repeat(every_ms, LogManager::checkpoint));
    }
    // ANCHOR_END: start
}

impl cli::Broker for Broker {
    const CHAPTER: u32 = 3;
    type Config = BrokerConfig;

    async fn start(mut loaded: Loaded<BrokerConfig>, tasks: Tasks) -> Result<Broker, String> {
        let listeners = bind(&loaded.config.retention.log.wire)?;
        // Other brokers ask where clients reach this one: ports are known only now.
        let advertised = listeners.iter().map(|(_, advertised)| advertised.clone()).collect();
        loaded.config.retention.log.wire.advertised_listeners = advertised;
        let config = loaded.config.clone();
        let broker = Broker::open(loaded, &listeners, &tasks).await?;
        let mut router = routes(&broker.state);
        if let Some(observer) = broker.state.manager.context.metrics.observer() {
            router.observe(observer);
        }
        let router = Arc::new(router);
        serve(listeners, |_| router.clone(), &config.retention.log.wire, &tasks);
        broker.start_replication(&config, &tasks).await;
        Ok(broker)
    }

    fn ready(&self) -> Ready {
        Ready { chapter: Self::CHAPTER, ..self.retention.ready() }
    }

    async fn failed(&self) -> String {
        self.retention.failed().await
    }

    async fn stop(self) {
        self.retention.stop().await;
    }
}

/// The listener that only brokers use: `inter.broker.listener.name`, if there are others for clients.
pub fn broker_listener(config: &BrokerConfig) -> Result<Option<String>, String> {
    let wire = &config.retention.log.wire;
    let name = &wire.inter_broker_listener_name;
    if name.is_empty() {
        return Ok(None);
    }
    if wire.listeners.iter().all(|listener| listener.name != *name) {
        return Err(format!("inter.broker.listener.name: {name} is not in listeners"));
    }
    let is_own = wire.listeners.iter().any(|listener| listener.name != *name);
    Ok(is_own.then(|| name.clone()))
}

fn describe_self(config: &BrokerConfig, listeners: &[(BoundListener, Listener)]) -> BrokerImage {
    let endpoint = |(_, advertised): &(BoundListener, Listener)| {
        (advertised.name.clone(), Endpoint { host: advertised.host.clone(), port: advertised.port })
    };
    BrokerImage {
        id: config.retention.log.wire.broker_id,
        rack: Some(config.broker_rack.clone()).filter(|rack| !rack.is_empty()),
        endpoints: listeners.iter().map(endpoint).collect::<BTreeMap<_, _>>(),
    }
}

/// High watermarks as they were last written down.
pub fn high_watermarks(config: &ch01_log::config::BrokerConfig) -> Result<Offsets, String> {
    let mut all = Offsets::new();
    for folder in config.log_folders() {
        let file = folder.join(READABLE_ENDS);
        all.extend(read_offsets(&file).map_err(|e| format!("{}: {e}", file.display()))?);
    }
    Ok(all)
}
