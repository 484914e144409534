//! What a node of the quorum serves to the others: the list in [`routes`].

use std::sync::{Arc, OnceLock};

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::Router;
use ch01_log::clock::Clock;
use ch01_log::messages::NodeEndpoint;

use crate::features::features;
use crate::handlers;
use crate::messages::{DescribeQuorumListener, DescribeQuorumNode};
use crate::quorum::{NodeId, ReplicaKey};
use crate::quorum_node::QuorumNode;

/// What the handlers share.
pub struct QuorumState {
    /// This node and its directory.
    pub me: ReplicaKey,
    /// The node, once it is known which cluster it belongs to.
    pub node: OnceLock<QuorumNode>,
    /// The cluster it belongs to, once that is known.
    pub cluster_id: OnceLock<String>,
    /// The name of the listener that nodes use.
    pub listener: String,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl QuorumState {
    /// Whether a request is meant for this node's cluster; one that names none is.
    pub fn check_cluster(&self, named: Option<&str>) -> Result<(), ErrorCode> {
        match (named, self.cluster_id.get()) {
            (Some(named), Some(own)) if named != own => Err(ErrorCode::INCONSISTENT_CLUSTER_ID),
            _ => Ok(()),
        }
    }

    /// The node, if it takes part already.
    pub fn node(&self) -> Result<&QuorumNode, ErrorCode> {
        self.node.get().ok_or(ErrorCode::BROKER_NOT_AVAILABLE)
    }

    /// Who leads the quorum, as far as is known here.
    pub fn leader(&self) -> Option<NodeId> {
        self.node.get().and_then(|node| node.leadership().borrow().leader)
    }

    /// Where a node is reached.
    pub fn endpoint_of(&self, node: Option<NodeId>) -> Vec<NodeEndpoint> {
        let endpoint = |id: NodeId| {
            let (host, port) = self.address_of(id)?;
            Some(NodeEndpoint { node_id: id, host, port: port.into(), rack: None })
        };
        node.and_then(endpoint).into_iter().collect()
    }

    /// Where the voters are reached.
    pub fn voter_endpoints(&self) -> Vec<DescribeQuorumNode> {
        let node = |node_id: NodeId| {
            let (host, port) = self.address_of(node_id)?;
            let listeners = vec![DescribeQuorumListener { name: self.listener.clone(), host, port }];
            Some(DescribeQuorumNode { node_id, listeners })
        };
        let known = self.node.get().map(QuorumNode::known_nodes).unwrap_or_default();
        known.into_iter().filter_map(node).collect()
    }

    fn address_of(&self, node: NodeId) -> Option<(String, u16)> {
        let address = self.node.get()?.address_of(node)?;
        let (host, port) = address.rsplit_once(':')?;
        Some((host.to_owned(), port.parse().ok()?))
    }
}

// ANCHOR: routes
/// What is served for the quorum.
pub fn routes(state: &Arc<QuorumState>) -> Router {
    let mut router = Router::new();
    router.add(state, handlers::quorum::vote);
    router.add(state, handlers::quorum::begin);
    router.add(state, handlers::quorum::end);
    router.add(state, handlers::metadata_fetch::handle);
    router.add(state, handlers::fetch_snapshot::handle);
    router.add(state, handlers::describe_quorum::handle);
    router.add(state, handlers::describe_controllers::handle);
    let quorum = state.clone();
    router.name_features(Arc::new(move || {
        let committed = quorum.node.get().map(QuorumNode::committed);
        committed.map(|committed| features(&committed.borrow())).unwrap_or_default()
    }));
    router
}
// ANCHOR_END: routes
