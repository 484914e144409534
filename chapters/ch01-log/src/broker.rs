//! Chapter 1's broker: one node that stores what producers send and gives it to consumers.
//!
//! The list in [`routes`] is everything it serves.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ch00_wire::broker::{bind, serve};
use ch00_wire::cli::{self, Ready};
use ch00_wire::config::{Listener, Loaded};
use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Router};
use ch00_wire::server::BoundListener;
use ch00_wire::tasks::Tasks;
use tokio::sync::watch;
use tracing::warn;

use crate::clock::{Clock, SystemClock};
use crate::config::{BrokerConfig, LogHooks};
use crate::disk::Disk;
use crate::handlers;
use crate::log_manager::LogManager;
use crate::messages::ProduceRequest;
use crate::metadata::{BrokerImage, Endpoint, MetadataImage};
use crate::partition::Partition;
use crate::refusals::Refusals;
use crate::replicas::Replicas;
use crate::text_checkpoint::TopicPartition;
use crate::topics::Topics;

/// What all handlers share.
pub struct State {
    /// The configuration.
    pub config: BrokerConfig,
    /// The cluster as it looks now.
    pub image: watch::Receiver<Arc<MetadataImage>>,
    /// The logs.
    pub logs: Arc<LogManager>,
    /// Who has copies of partitions, and who serves them.
    pub replicas: Arc<dyn Replicas>,
    /// Whoever creates and deletes topics; locked by one blocking task at a time.
    pub topics: Arc<Mutex<Topics>>,
    /// Where work that blocks goes.
    pub tasks: Tasks,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Batches that were refused for now.
    pub refusals: Refusals,
}

impl State {
    /// The cluster as it looks now.
    pub fn image(&self) -> Arc<MetadataImage> {
        self.image.borrow().clone()
    }

    // ANCHOR: partition
    /// A partition of a topic, or the error that clients know: no such topic, no such partition, or no log for it.
    pub fn partition(&self, topic: &str, partition: i32) -> Result<Arc<dyn Partition>, ErrorCode> {
        let name = TopicPartition::new(topic, partition);
        self.replicas.partition(&name, &self.logs).map_err(|e| match self.image().topic(topic) {
            Some(topic) if (0..topic.partitions.len() as i32).contains(&partition) => e,
            _ => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        })
    }
    // ANCHOR_END: partition
}

// ANCHOR: routes
/// Everything this broker serves.
pub fn routes(state: &Arc<State>) -> Router {
    let mut router = Router::new();
    router.add(state, handlers::produce::handle);
    // Clients built on librdkafka below 2.11 compress only if Produce is announced from version 0.
    router.advertise_from::<ProduceRequest>(0);
    router.add(state, handlers::fetch::handle);
    router.add(state, handlers::list_offsets::handle);
    router.add(state, handlers::metadata::handle);
    router.add(state, handlers::create_topics::handle);
    router.add(state, handlers::delete_topics::handle);
    router.add(state, handlers::create_partitions::handle);
    router.add(state, handlers::init_producer_id::handle);
    router.add(state, handlers::describe_cluster::handle);
    router.add(state, handlers::describe_topic_partitions::handle);
    router
}
// ANCHOR_END: routes

/// A running broker.
pub struct Broker {
    state: Arc<State>,
    address: SocketAddr,
}

impl Broker {
    /// What its handlers share.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Opens everything and starts what goes on in the background; nobody is served yet.
    pub async fn open(
        config: BrokerConfig,
        hooks: LogHooks,
        listeners: &[(BoundListener, Listener)],
        tasks: &Tasks,
    ) -> Result<Broker, String> {
        let address = listeners[0].0.address;
        let endpoints = listeners.iter().map(|(_, advertised)| {
            (advertised.name.clone(), Endpoint { host: advertised.host.clone(), port: advertised.port })
        });
        let (endpoints, opening, clock) = (endpoints.collect(), tasks.clone(), Arc::new(SystemClock));
        let open = move || open_state(config, hooks, endpoints, &Disk::default(), clock, opening);
        let state = Arc::new(tasks.blocking(open).await?);
        start_housekeeping(&state);
        Ok(Broker { state, address })
    }
}

impl cli::Broker for Broker {
    const CHAPTER: u32 = 1;
    type Config = BrokerConfig;

    async fn start(loaded: Loaded<BrokerConfig>, tasks: Tasks) -> Result<Broker, String> {
        let config = loaded.config;
        let listeners = bind(&config.wire)?;
        let hooks = LogHooks::new(&config);
        let broker = Broker::open(config, hooks, &listeners, &tasks).await?;
        let router = Arc::new(routes(&broker.state));
        serve(listeners, |_| router.clone(), &broker.state.config.wire, &tasks);
        Ok(broker)
    }

    fn ready(&self) -> Ready {
        Ready {
            chapter: Self::CHAPTER,
            broker_id: self.state.config.wire.broker_id,
            listener: self.address,
            log_dirs: self.state.logs.paths(),
        }
    }

    async fn failed(&self) -> String {
        self.state.logs.all_failed().await;
        let paths: Vec<PathBuf> = self.state.logs.paths();
        format!("the last log directory has failed (log.dirs={paths:?}): nothing can be stored")
    }

    async fn stop(self) {
        // All tasks have ended, so nobody waits for this thread.
        self.state.logs.close();
    }
}

/// Opens folders, topics and logs. Blocks.
pub fn open_state(
    config: BrokerConfig,
    hooks: LogHooks,
    endpoints: BTreeMap<String, Endpoint>,
    disk: &Disk,
    clock: Arc<dyn Clock>,
    tasks: Tasks,
) -> Result<State, String> {
    let logs = Arc::new(LogManager::new(&config, &hooks, disk, clock.clone(), tasks.clone())?);
    let id = config.wire.broker_id;
    let broker = BrokerImage { id, rack: None, endpoints };
    let replicas = hooks.replicas.clone();
    let (topics, image) = Topics::open(&config, hooks, disk, logs.clone(), broker)?;
    let (topics, refusals) = (Arc::new(Mutex::new(topics)), Refusals::default());
    Ok(State { config, image, logs, replicas, topics, tasks, clock, refusals })
}

fn start_housekeeping(state: &State) {
    let (logs, config) = (&state.logs, &state.config);
    state.tasks.spawn(logs.clone().keep_flushed(config.log_flush_scheduler_interval_ms));
    state.tasks.spawn(logs.clone().keep_removing());
    let (checkpoint_ms, expire_ms) =
        (config.log_flush_offset_checkpoint_interval_ms, config.producer_id_expiration_check_interval_ms);
    state.tasks.spawn(logs.clone().repeat(checkpoint_ms.into(), LogManager::checkpoint));
    state.tasks.spawn(logs.clone().repeat(expire_ms.into(), LogManager::expire_producers));
    if config.log_preallocate {
        warn!("log.preallocate: disk space is reserved a few megabytes ahead, never for a whole segment");
    }
}

// ANCHOR: endpoint_for
/// The endpoint of a broker on the listener that a client used.
pub fn endpoint_for<'a>(broker: &'a BrokerImage, context: &Context) -> Option<&'a Endpoint> {
    broker.endpoints.get(&*context.peer.listener)
}
// ANCHOR_END: endpoint_for
