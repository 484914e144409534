//! Chapter 2's broker: what is stored goes again, by age, by size, or because something newer came; and what is
//! configured can be asked for and changed.
//!
//! The list in [`routes`] is what it serves beside chapter 1's.

use std::sync::Arc;

use ch00_wire::broker::{bind, serve};
use ch00_wire::cli::{self, Ready};
use ch00_wire::config::{Listener, Loaded};
use ch00_wire::router::Router;
use ch00_wire::server::BoundListener;
use ch00_wire::tasks::Tasks;
use ch01_log::broker::{self as log_broker, State as LogState};
use ch01_log::config::LogHooks;
use ch01_log::disk::Disk;
use ch01_log::topic_store::TopicStore;

use crate::config::BrokerConfig;
use crate::handlers;
use crate::live_config::LiveConfig;
use crate::maintenance::Maintenance;
use crate::whole_config::WholeConfig;

/// What this chapter's handlers share.
pub struct State {
    /// What chapter 1's handlers share.
    pub log: Arc<LogState>,
    /// The configuration, which may change.
    pub config: Arc<LiveConfig>,
    /// Whoever deletes and compacts.
    pub maintenance: Arc<Maintenance>,
}

impl State {
    /// What is needed beside chapter 1's state.
    pub fn new(log: Arc<LogState>, config: Arc<LiveConfig>) -> State {
        let maintenance = Arc::new(Maintenance::new(log.clone(), config.clone()));
        State { log, config, maintenance }
    }
}

// ANCHOR: routes
/// Everything this broker serves.
pub fn routes(state: &Arc<State>) -> Router {
    let mut router = log_broker::routes(&state.log);
    router.add(state, handlers::delete_records::handle);
    router.add(state, handlers::describe_configs::handle);
    router.add(state, handlers::incremental_alter_configs::handle);
    router.add(state, handlers::alter_configs::handle);
    router.add(state, handlers::describe_log_dirs::handle);
    router
}
// ANCHOR_END: routes

/// A running broker.
pub struct Broker {
    log: log_broker::Broker,
    state: Arc<State>,
}

impl Broker {
    /// What its handlers share.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Opens everything and starts what goes on in the background; nobody is served yet.
    pub async fn open(
        config: Arc<LiveConfig>,
        hooks: LogHooks,
        listeners: &[(BoundListener, Listener)],
        tasks: &Tasks,
    ) -> Result<Broker, String> {
        let log = log_broker::Broker::open(config.now().log, hooks, listeners, tasks).await?;
        let state = Arc::new(State::new(log.state().clone(), config));
        start_maintenance(&state);
        Ok(Broker { log, state })
    }
}

impl cli::Broker for Broker {
    const CHAPTER: u32 = 2;
    type Config = BrokerConfig;

    async fn start(loaded: Loaded<BrokerConfig>, tasks: Tasks) -> Result<Broker, String> {
        let listeners = bind(&loaded.config.log.wire)?;
        let config = read_settings(loaded)?;
        let broker = Broker::open(config.clone(), config.log_hooks(), &listeners, &tasks).await?;
        let router = Arc::new(routes(&broker.state));
        serve(listeners, |_| router.clone(), &broker.state.log.config.wire, &tasks);
        Ok(broker)
    }

    fn ready(&self) -> Ready {
        Ready { chapter: Self::CHAPTER, ..self.log.ready() }
    }

    async fn failed(&self) -> String {
        self.log.failed().await
    }

    async fn stop(self) {
        self.log.stop().await;
    }
}

/// The settings that were made while earlier runs lasted. They are in the file of topics, which is opened for good only
/// when logs are; logs are opened with the configuration.
pub fn read_settings<C: WholeConfig + 'static>(loaded: Loaded<C>) -> Result<Arc<LiveConfig>, String> {
    let log = &loaded.config.retention().log;
    let home = log.log_folders().into_iter().next().unwrap_or_default();
    let store = TopicStore::open(&Disk::default(), &home)?;
    let settings = |broker: &str| store.contents().brokers.get(broker).cloned().unwrap_or_default();
    let id = log.wire.broker_id.to_string();
    Ok(LiveConfig::new(loaded, &settings(""), &settings(&id)))
}

fn start_maintenance(state: &State) {
    let (tasks, maintenance) = (&state.log.tasks, &state.maintenance);
    tasks.spawn(maintenance.clone().keep_deleting());
    tasks.spawn(maintenance.clone().keep_removing());
    for _ in 0..state.config.whole().retention().log_cleaner_threads {
        tasks.spawn(maintenance.clone().keep_cleaning());
    }
}
