//! Listening: binds a listener, accepts connections, and gives each a task.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::config::{Listener, WireConfig};
use crate::connection::{self, Limits};
use crate::router::{Peer, Router};
use crate::tasks::Tasks;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// How long accepting pauses when the process has no file descriptor left.
const OUT_OF_FILES: Duration = Duration::from_millis(100);

/// A bound listener.
pub struct BoundListener {
    /// The listener as configured.
    pub listener: Listener,
    /// The address it is bound to: the port is known, even where the configuration says 0.
    pub address: SocketAddr,
    socket: TcpListener,
}

/// Binds a listener. A restart takes the same port at once (`SO_REUSEADDR`).
pub fn bind(listener: &Listener, config: &WireConfig) -> io::Result<BoundListener> {
    let host = if listener.host.is_empty() { "0.0.0.0" } else { &listener.host };
    let address = (host, listener.port).to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    // Buffer sizes are inherited by accepted connections; -1 leaves them to the operating system.
    if let Ok(size) = usize::try_from(config.socket_send_buffer_bytes) {
        socket.set_send_buffer_size(size)?;
    }
    if let Ok(size) = usize::try_from(config.socket_receive_buffer_bytes) {
        socket.set_recv_buffer_size(size)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    let socket = TcpListener::from_std(socket.into())?;
    Ok(BoundListener { listener: listener.clone(), address: socket.local_addr()?, socket })
}

/// How many connections are open, altogether and from each address. One for all listeners of a broker.
pub struct Connections {
    most: usize,
    most_per_ip: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
    next_id: AtomicU64,
    hang_up: watch::Sender<()>,
}

impl Connections {
    /// Counts against `max.connections` and `max.connections.per.ip`.
    pub fn new(config: &WireConfig) -> Connections {
        Connections {
            most: config.max_connections as usize,
            most_per_ip: config.max_connections_per_ip as usize,
            open: Mutex::default(),
            next_id: AtomicU64::new(1),
            hang_up: watch::Sender::default(),
        }
    }

    /// Closes all that are open. New ones are served.
    pub fn hang_up(&self) {
        self.hang_up.send_replace(());
    }

    fn admit(&self, ip: IpAddr) -> Result<(), &'static str> {
        let mut open = self.open.lock().unwrap();
        if open.values().sum::<usize>() >= self.most {
            return Err("max.connections");
        }
        let from_ip = open.entry(ip).or_default();
        if *from_ip >= self.most_per_ip {
            return Err("max.connections.per.ip");
        }
        *from_ip += 1;
        Ok(())
    }

    fn leave(&self, ip: IpAddr) {
        let mut open = self.open.lock().unwrap();
        match open.get_mut(&ip) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.remove(&ip)),
        }
    }
}

// ANCHOR: serve
/// Accepts connections and serves them until the broker stops.
pub async fn serve(
    bound: BoundListener,
    router: Arc<Router>,
    connections: Arc<Connections>,
    config: &WireConfig,
    tasks: Tasks,
) {
    let limits = Limits {
        frame: config.socket_request_max_bytes as usize,
        idle: Duration::from_millis(config.connections_max_idle_ms as u64),
        stalled: Duration::from_millis(config.connections_max_idle_ms as u64).min(Duration::from_secs(30)),
    };
    let name: Arc<str> = bound.listener.name.as_str().into();
    loop {
        let accepted = tokio::select! {
            () = tasks.stopping() => return,
            accepted = bound.socket.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                warn!("{}: cannot accept a connection: {e}; check `ulimit -n`", bound.address);
                tokio::time::sleep(OUT_OF_FILES).await;
                continue;
            }
        };
        if let Err(limit) = connections.admit(address.ip()) {
            warn!("{address}: connection refused: {limit} is reached");
            continue;
        }
        let id = connections.next_id.fetch_add(1, Ordering::Relaxed);
        let peer = Peer { address, listener: name.clone(), connection: id, closed: CancellationToken::new() };
        tasks.spawn(serve_one(stream, peer, router.clone(), connections.clone(), limits.clone(), tasks.clone()));
    }
}
// ANCHOR_END: serve

async fn serve_one(
    stream: TcpStream,
    peer: Peer,
    router: Arc<Router>,
    connections: Arc<Connections>,
    limits: Limits,
    tasks: Tasks,
) {
    debug!("{}: connected to {}", peer.address, peer.listener);
    let (ip, closed) = (peer.address.ip(), peer.closed.clone());
    // Small responses leave at once; without this they would wait for the acknowledgement of the last one.
    let mut hang_up = connections.hang_up.subscribe();
    if stream.set_nodelay(true).is_ok() {
        tokio::select! {
            () = connection::serve(stream, peer, router, limits, tasks) => {}
            _ = hang_up.changed() => debug!("{ip}: hung up"),
        }
    }
    connections.leave(ip);
    closed.cancel();
}
