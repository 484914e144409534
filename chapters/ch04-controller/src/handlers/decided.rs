//! Requests that only the controller can serve: on the controller listener it does; a broker sends them on.

use std::sync::Arc;
use std::time::Duration;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use tokio::time::{Instant, sleep, timeout};

use crate::broker::State;
use crate::controller_channel::{ChannelError, ControllerChannel, Decided};
use crate::controller_listener::ControllerState;

/// How long a request that is sent on may take altogether.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a client may wait for this broker to know what was decided.
const SEEN: Duration = Duration::from_secs(5);
/// The pause before the next controller is asked.
const PAUSE: Duration = Duration::from_millis(20);

const NOBODY: &str = "this node is not the active controller";

/// Has this node's controller decide.
pub async fn serve<R: Decided>(state: Arc<ControllerState>, _: Context, request: R) -> Reply<R::Response> {
    let Some(controller) = state.controller.get().cloned() else {
        return request.refused(ErrorCode::NOT_CONTROLLER, NOBODY).into();
    };
    Reply::Later(Box::pin(async move {
        let asked = request.clone();
        let decided = controller.ask(move |controller, at| asked.decide(controller, at)).await;
        decided.unwrap_or_else(|_| request.refused(ErrorCode::NOT_CONTROLLER, NOBODY))
    }))
}

// ANCHOR: send_on
/// Sends a request on to the active controller. When its answer is here, so is what it has decided.
pub async fn send_on<R: Decided>(state: Arc<State>, context: Context, request: R) -> Reply<R::Response> {
    Reply::Later(Box::pin(async move {
        let deadline = Instant::now() + PATIENCE;
        let name = context.client_id.as_deref().unwrap_or_default();
        let mut channel = ControllerChannel::new(state.node.clone(), state.controller.clone(), name, PATIENCE);
        let answer = loop {
            match channel.ask(&request, Some(context.version)).await {
                Ok(answer) => break answer,
                // Nothing has happened. Whether something has when a connection breaks nobody knows: the client decides.
                Err(ChannelError::NoController) if Instant::now() < deadline => sleep(PAUSE).await,
                Err(e) => return request.refused(ErrorCode::NOT_CONTROLLER, &e.to_string()),
            }
        };
        let mut applied = state.applied.clone();
        let seen = async {
            if let Some(committed) = channel.committed().await {
                let _ = applied.wait_for(|&applied| applied >= committed).await;
            }
        };
        // It has been decided, whether this broker comes to know of it in time or not.
        let _ = timeout(SEEN, seen).await;
        answer
    }))
}
// ANCHOR_END: send_on
