//! What the controller listener serves: the quorum's requests, and those that only the controller can serve.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock};

use ch00_wire::router::Router;
use ch00_wire::tasks::Tasks;
use ch00_wire::uuid::Uuid;

use crate::active_controller::ControllerHandle;
use crate::handlers::{broker_heartbeat, decided};
use crate::quorum_listener::{self, QuorumState};

/// What its handlers share.
pub struct ControllerState {
    /// What those of the quorum share.
    pub quorum: Arc<QuorumState>,
    /// This node's controller, once it is known which cluster it belongs to.
    pub controller: OnceLock<ControllerHandle>,
    /// Brokers and the connections that their heartbeats come over.
    pub watched: Mutex<HashSet<(i32, u64)>>,
    /// The listener that brokers use among themselves.
    pub broker_listener: String,
    /// Where tasks run.
    pub tasks: Tasks,
}

impl ControllerState {
    /// The name of a topic.
    pub fn topic_name(&self, id: Uuid) -> Option<String> {
        let committed = self.quorum.node.get()?.committed();
        let image = committed.borrow().image.clone();
        image.topics.get(id).map(|topic| topic.name.clone())
    }

    /// Where a broker that is not fenced listens for brokers, and its epoch.
    pub fn registered_address(&self, broker: i32) -> Option<(String, i64)> {
        let committed = self.quorum.node.get()?.committed();
        let image = committed.borrow().image.clone();
        let registered = image.nodes.broker(broker).filter(|broker| !broker.fenced)?;
        let own = registered.end_points.iter().find(|listener| listener.name == self.broker_listener);
        let listener = own.or_else(|| registered.end_points.first())?;
        Some((format!("{}:{}", listener.host, listener.port), registered.broker_epoch))
    }
}

// ANCHOR: routes
/// Everything that the controller listener serves.
pub fn routes(state: &Arc<ControllerState>) -> Router {
    use crate::messages::*;
    use ch01_log::messages::*;
    use ch02_retention::messages::{AlterConfigsRequest, IncrementalAlterConfigsRequest};
    let mut router = quorum_listener::routes(&state.quorum);
    router.add(state, broker_heartbeat::handle);
    router.add(state, decided::serve::<BrokerRegistrationRequest>);
    router.add(state, decided::serve::<AlterPartitionRequest>);
    router.add(state, decided::serve::<AllocateProducerIdsRequest>);
    router.add(state, decided::serve::<ControllerRegistrationRequest>);
    router.add(state, decided::serve::<UnregisterBrokerRequest>);
    router.add(state, decided::serve::<CreateTopicsRequest>);
    router.add(state, decided::serve::<DeleteTopicsRequest>);
    router.add(state, decided::serve::<CreatePartitionsRequest>);
    router.add(state, decided::serve::<IncrementalAlterConfigsRequest>);
    router.add(state, decided::serve::<AlterConfigsRequest>);
    router.add(state, decided::serve::<ElectLeadersRequest>);
    router.add(state, decided::serve::<AlterPartitionReassignmentsRequest>);
    router.add(state, decided::serve::<ListPartitionReassignmentsRequest>);
    router.add(state, decided::serve::<UpdateFeaturesRequest>);
    router.add(state, decided::serve::<AssignReplicasToDirsRequest>);
    router
}
// ANCHOR_END: routes
