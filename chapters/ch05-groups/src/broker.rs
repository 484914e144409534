//! Chapter 5's broker: consumers share the work, and come back to where they were.
//!
//! The list in [`routes`] is what it serves beside what chapter 4 does.

use std::sync::Arc;

use ch00_wire::cli::{self, Ready};
use ch00_wire::config::Loaded;
use ch00_wire::router::Router;
use ch00_wire::tasks::Tasks;
use ch02_retention::live_config::LiveConfig;
use ch04_controller::broker::{self as controller_broker, Routes, State as ControllerState};

use crate::config::BrokerConfig;
use crate::coordinator::GroupCoordinator;
use crate::handlers::{admin, find_coordinator, membership, offsets};

// ANCHOR: routes
/// Everything this broker serves.
pub fn routes(groups: &Arc<GroupCoordinator>) -> Router {
    let mut router = controller_broker::routes(&groups.broker);
    router.add(groups, find_coordinator::handle);
    router.add(groups, membership::join);
    router.add(groups, membership::sync);
    router.add(groups, membership::heartbeat);
    router.add(groups, membership::leave);
    router.add(groups, membership::consumer_heartbeat);
    router.add(groups, offsets::commit);
    router.add(groups, offsets::fetch);
    router.add(groups, offsets::delete);
    router.add(groups, admin::describe);
    router.add(groups, admin::consumer_describe);
    router.add(groups, admin::list);
    router.add(groups, admin::delete);
    router
}
// ANCHOR_END: routes

/// A running broker.
pub struct Broker(controller_broker::Broker);

impl cli::Broker for Broker {
    const CHAPTER: u32 = 5;
    type Config = BrokerConfig;

    async fn start(loaded: Loaded<BrokerConfig>, tasks: Tasks) -> Result<Broker, String> {
        let config = loaded.config.clone();
        let (controller, settings) = (config.controller.clone(), config.group_settings()?);
        let live = LiveConfig::new(loaded, &Default::default(), &Default::default());
        let with_groups: Routes = Box::new(move |broker: &Arc<ControllerState>| {
            let groups = Arc::new(GroupCoordinator::new(broker.clone(), config, settings));
            broker.log.tasks.spawn(groups.clone().follow());
            routes(&groups)
        });
        controller_broker::Broker::begin(Self::CHAPTER, controller, live, with_groups, tasks).await.map(Broker)
    }

    fn ready(&self) -> Ready {
        self.0.ready()
    }

    async fn failed(&self) -> String {
        self.0.failed().await
    }

    async fn stopping(&self) {
        self.0.stopping().await;
    }

    async fn stop(self) {
        self.0.stop().await;
    }
}
