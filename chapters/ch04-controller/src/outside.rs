//! What a controller wants to know and cannot find out by itself: whether brokers are there that have not been heard of, and
//! where their copies of partitions end.

use std::collections::HashSet;
use std::sync::Arc;

use ch00_wire::tasks::Tasks;

use crate::active_controller::{ControllerHandle, Outside};
use crate::controller_listener::ControllerState;
use crate::handlers::broker_heartbeat::probe;

/// Finds out, for as long as the node runs.
pub async fn watch(state: Arc<ControllerState>, controller: ControllerHandle, tasks: Tasks) {
    let mut outside = controller.outside();
    let mut probed = HashSet::new();
    loop {
        tokio::select! {
            () = tasks.stopping() => return,
            changed = outside.changed() => if changed.is_err() { return },
        }
        let Outside { unheard, .. } = outside.borrow_and_update().clone();
        probed.retain(|broker| unheard.contains(broker));
        for broker in unheard {
            // Once is enough: who accepts connections, or does not answer, is left to its session.
            if probed.insert(broker) {
                let state = state.clone();
                tasks.spawn(async move { probe(&state, broker).await });
            }
        }
    }
}
