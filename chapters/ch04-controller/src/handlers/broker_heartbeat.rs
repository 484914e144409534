//! BrokerHeartbeat, on the controller listener. The connection it comes over is watched: when it closes, the broker's own
//! listener is tried; a connection *refused* there means that its process is gone, and it need not be waited for.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ch00_wire::router::{Context, Reply};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tracing::info;

use crate::controller::Outcome;
use crate::controller_listener::ControllerState;
use crate::handlers::decided;
use crate::messages::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};

/// How long a broker may take to accept a connection before it is left to its session.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes note of the connection, and has the controller decide.
pub async fn handle(
    state: Arc<ControllerState>,
    context: Context,
    request: BrokerHeartbeatRequest,
) -> Reply<BrokerHeartbeatResponse> {
    let broker = request.broker_id;
    if state.watched.lock().unwrap().insert((broker, context.peer.connection)) {
        let (state, peer) = (state.clone(), context.peer.clone());
        state.tasks.clone().spawn(async move {
            tokio::select! {
                () = state.tasks.stopping() => return,
                () = peer.closed.cancelled() => {}
            }
            state.watched.lock().unwrap().remove(&(broker, peer.connection));
            if let Some(controller) = state.controller.get() {
                let disconnected = controller.ask(move |controller, _| {
                    controller.disconnected(broker);
                    Outcome::nothing(())
                });
                let _ = disconnected.await;
            }
            probe(&state, broker).await;
        });
    }
    decided::serve(state, context, request).await
}

// ANCHOR: probe
/// Fences a broker at once if nobody listens there any more.
pub async fn probe(state: &ControllerState, broker: i32) {
    let Some(controller) = state.controller.get() else { return };
    let Some((address, broker_epoch)) = state.registered_address(broker) else { return };
    if is_refused(&address).await {
        info!("broker {broker} is gone: {address} refuses connections");
        // A process that has registered since is not meant.
        let gone = controller.ask(move |controller, at| {
            match controller.image().nodes.broker(broker).is_some_and(|known| known.broker_epoch == broker_epoch) {
                true => controller.broker_gone(at, broker),
                false => Outcome::nothing(()),
            }
        });
        let _ = gone.await;
    }
}
// ANCHOR_END: probe

/// Whether nobody listens there. A process that is being killed may close its connections before its listeners: so a
/// connection that was accepted is no proof yet, and it is tried again for a while.
pub async fn is_refused(address: &str) -> bool {
    for pause in [0, 10, 30, 60, 100, 200, 400] {
        sleep(Duration::from_millis(pause)).await;
        match timeout(PATIENCE, TcpStream::connect(address)).await {
            Ok(Ok(_)) => {}
            Ok(Err(e)) => return e.kind() == io::ErrorKind::ConnectionRefused,
            Err(_) => return false,
        }
    }
    false
}
