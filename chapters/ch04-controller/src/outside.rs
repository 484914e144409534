//! What a controller wants to know and cannot find out by itself: whether brokers are there that have not been heard of, and
//! where their copies of partitions end.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ch00_wire::client::Client;
use ch00_wire::tasks::Tasks;
use ch01_log::batch::Epoch;
use ch03_replication::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic};
use ch03_replication::replica_serving::CONTROLLER;
use tokio::time::timeout;

use crate::active_controller::{ControllerHandle, Outside};
use crate::controller::{AskLogEnd, LogEnd};
use crate::controller_listener::ControllerState;
use crate::handlers::broker_heartbeat::probe;

/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Finds out, for as long as the node runs.
pub async fn watch(state: Arc<ControllerState>, controller: ControllerHandle, tasks: Tasks) {
    let mut outside = controller.outside();
    let mut probed = HashSet::new();
    loop {
        tokio::select! {
            () = tasks.stopping() => return,
            changed = outside.changed() => if changed.is_err() { return },
        }
        let Outside { unheard, asks } = outside.borrow_and_update().clone();
        for ask in asks {
            let (state, controller) = (state.clone(), controller.clone());
            tasks.spawn(async move { ask_log_end(&state, &controller, ask).await });
        }
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

// ANCHOR: ask_log_end
/// Asks a broker where its copy of a partition ends, and tells the controller.
async fn ask_log_end(state: &ControllerState, controller: &ControllerHandle, asked: AskLogEnd) {
    let Some((address, broker_epoch)) = state.registered_address(asked.broker) else { return };
    let Some(topic) = state.topic_name(asked.topic_id).filter(|_| broker_epoch == asked.broker_epoch) else { return };
    let partition = OffsetForLeaderPartition {
        partition: asked.partition,
        current_leader_epoch: -1,
        // Its last epoch, whichever that is.
        leader_epoch: Epoch::MAX,
    };
    let topics = vec![OffsetForLeaderTopic { topic, partitions: vec![partition] }];
    let request = OffsetForLeaderEpochRequest { replica_id: CONTROLLER, topics };
    let name = format!("controller-{}", state.quorum.me.id);
    let call = async { Client::connect(&*address, &name).await?.call(&request).await };
    let Ok(Ok(answer)) = timeout(PATIENCE, call).await else { return };
    let said = answer.topics.into_iter().flat_map(|topic| topic.partitions).next();
    let Some(said) = said.filter(|said| !said.error_code.is_error()) else { return };
    let answer = LogEnd { asked, epoch: said.leader_epoch, end: said.end_offset };
    let _ = controller.ask(move |controller, at| controller.log_end(at, answer)).await;
}
// ANCHOR_END: ask_log_end
