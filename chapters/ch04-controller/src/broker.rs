//! Chapter 4's broker: leaders move.
//!
//! ```text
//! quorum thread     controller listener -> quorum node <-> metadata log        active controller
//!                                              | committed image                      ^
//! broker threads    publisher <----------------+        heartbeats, changes of the ISR |, requests sent on
//! ```
//!
//! The list in [`routes`] is what it serves to clients beside, or otherwise than, the chapters before.

use std::sync::Arc;

use ch00_wire::broker::bind_all;
use ch00_wire::cli::{self, Ready};
use ch00_wire::config::Loaded;
use ch00_wire::router::Router;
use ch00_wire::tasks::Tasks;
use ch01_log::broker::State as LogState;
use ch01_log::messages::{CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest};
use ch02_retention::broker::{self as retention_broker, State as RetentionState};
use ch02_retention::live_config::LiveConfig;
use ch02_retention::messages::{AlterConfigsRequest, IncrementalAlterConfigsRequest};
use ch03_replication::broker::ReplicaState;
use ch03_replication::handlers as replication_handlers;
use tokio::sync::watch;

use crate::active_controller::ControllerHandle;
use crate::assigned_partitions::{AssignedPartitions, previous_broker_epoch};
use crate::broker_lifecycle::BrokerLifecycle;
use crate::broker_start::start_broker;
use crate::config::BrokerConfig;
use crate::handlers;
use crate::handlers::decided::send_on;
use crate::messages::{
    AlterPartitionReassignmentsRequest, ElectLeadersRequest, ListPartitionReassignmentsRequest,
    UnregisterBrokerRequest, UpdateFeaturesRequest,
};
use crate::node_start::{QuorumThread, start_node};
use crate::producer_ids::ProducerIds;
use crate::quorum_listener::QuorumState;
use crate::quorum_node::QuorumNode;

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
    router.replace(state, handlers::new_leader::produce);
    router.replace(state, handlers::new_leader::fetch);
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

/// Makes the list of what a broker serves, once all else of it stands. A later chapter has its own.
pub type Routes = Box<dyn FnOnce(&Arc<State>) -> Router + Send>;

/// A running node: a broker, a controller, or both.
pub struct Broker {
    ready: Ready,
    _quorum: QuorumThread,
    broker: Option<(retention_broker::Broker, Arc<BrokerLifecycle>)>,
    hands_over: bool,
    failure: watch::Receiver<Option<String>>,
}

impl Broker {
    /// Starts the node of a chapter. `live`: the same configuration, as it changes while the broker runs.
    pub async fn begin(
        chapter: u32,
        config: BrokerConfig,
        live: Arc<LiveConfig>,
        routes: Routes,
        tasks: Tasks,
    ) -> Result<Broker, String> {
        config.check()?;
        let wire = &config.replication.retention.log.wire;
        let clients = if config.is_broker() { wire.client_listeners()? } else { Vec::new() };
        let clients = bind_all(wire, clients)?;
        let for_controllers = config.controller_listener()?.filter(|_| config.is_controller());
        let for_controllers = bind_all(wire, for_controllers.into_iter().map(|listener| (listener, None)).collect())?;
        let address = clients.first().or(for_controllers.first()).map(|(bound, _)| bound.address);
        let address = address.ok_or("listeners: there is nothing to listen at")?;
        let quorum = QuorumThread::start()?;
        let (failed, failure) = watch::channel(None);
        let log_dirs = config.replication.retention.log.log_folders();
        // Opening the logs takes the mark away.
        let previous_epoch = log_dirs.iter().map(|folder| previous_broker_epoch(folder)).min().unwrap_or(-1);
        let parts = start_node(&config, &live, for_controllers, &quorum, failed, &tasks).await?;
        let ready = Ready { chapter, broker_id: config.node_id(), listener: address, log_dirs };
        let broker = match config.is_broker() {
            true => Some(start_broker(&config, live, clients, parts, previous_epoch, routes, &tasks).await?),
            false => None,
        };
        Ok(Broker { ready, _quorum: quorum, broker, hands_over: config.controlled_shutdown_enable, failure })
    }
}

impl cli::Broker for Broker {
    const CHAPTER: u32 = 4;
    type Config = BrokerConfig;

    async fn start(loaded: Loaded<BrokerConfig>, tasks: Tasks) -> Result<Broker, String> {
        let config = loaded.config.clone();
        let live = LiveConfig::new(loaded, &Default::default(), &Default::default());
        Broker::begin(Self::CHAPTER, config, live, Box::new(routes), tasks).await
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
