//! Chapter 0's broker: it listens, speaks frames, and knows one answer.

use std::net::SocketAddr;
use std::sync::Arc;

use tracing::warn;

use crate::cli::{self, Ready};
use crate::config::{Listener, Loaded, WireConfig};
use crate::router::Router;
use crate::server::{self, Connections};
use crate::tasks::Tasks;

/// A broker that answers ApiVersions.
pub struct Broker {
    id: i32,
    address: SocketAddr,
}

impl cli::Broker for Broker {
    const CHAPTER: u32 = 0;
    type Config = WireConfig;

    async fn start(loaded: Loaded<WireConfig>, tasks: Tasks) -> Result<Broker, String> {
        let config = loaded.config;
        let listeners = bind(&config)?;
        let address = listeners[0].0.address;
        let router = Arc::new(Router::new());
        serve(listeners, |_| router.clone(), &config, &tasks);
        Ok(Broker { id: config.broker_id, address })
    }

    fn ready(&self) -> Ready {
        Ready { chapter: Self::CHAPTER, broker_id: self.id, listener: self.address, log_dirs: Vec::new() }
    }

    async fn stop(self) {}
}

/// Binds every client listener, each with the address that its clients are to be told.
pub fn bind(config: &WireConfig) -> Result<Vec<(server::BoundListener, Listener)>, String> {
    for listener in config.listeners.iter().filter(|l| config.controller_listener_names.contains(&l.name)) {
        warn!("{listener} stays closed: no controller runs in this chapter's broker");
    }
    bind_all(config, config.client_listeners()?)
}

/// Binds listeners, each with the address that is to be told to others, if it is not the one where it listens.
pub fn bind_all(
    config: &WireConfig,
    wanted: Vec<(Listener, Option<Listener>)>,
) -> Result<Vec<(server::BoundListener, Listener)>, String> {
    let mut listeners = Vec::new();
    for (listener, advertised) in wanted {
        let bound = server::bind(&listener, config)
            .map_err(|e| format!("listeners: cannot listen at {listener}: {e}; is another broker running there?"))?;
        let host = if listener.host.is_empty() { host_name() } else { listener.host.clone() };
        let here = Listener { name: listener.name.clone(), host, port: bound.address.port() };
        listeners.push((bound, advertised.unwrap_or(here)));
    }
    Ok(listeners)
}

/// Serves every bound listener with the router that `router_for` gives for its position in the list. The result: the
/// connections to all of them.
pub fn serve(
    listeners: Vec<(server::BoundListener, Listener)>,
    router_for: impl Fn(usize) -> Arc<Router>,
    config: &WireConfig,
    tasks: &Tasks,
) -> Arc<Connections> {
    let connections = Arc::new(Connections::new(config));
    for (i, (bound, _)) in listeners.into_iter().enumerate() {
        let (router, connections, config, tasks) = (router_for(i), connections.clone(), config.clone(), tasks.clone());
        tasks.clone().spawn(async move { server::serve(bound, router, connections, &config, tasks).await });
    }
    connections
}

fn host_name() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    return std::env::var("COMPUTERNAME").unwrap_or_else(|_| "localhost".to_string());
}
