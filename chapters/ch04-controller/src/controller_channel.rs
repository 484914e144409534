//! The way to the active controller, wherever it is: in this process, or on another node, over its controller listener.
//!
//! What brokers and clients ask of it are Kafka's requests. Each knows how it is decided (`Decided`), so the same code
//! serves it here, answers it on the controller listener, and sends it on from a broker that is not the controller.

use std::sync::Arc;
use std::time::Duration;

use ch00_wire::client::{Client, ClientError};
use ch00_wire::error_code::ErrorCode;
use ch00_wire::table::Request;
use tokio::time::timeout;

use crate::active_controller::ControllerHandle;
use crate::controller::{At, Controller, Outcome};
use crate::messages::{DescribeQuorumPartition, DescribeQuorumRequest, DescribeQuorumTopic};
use crate::quorum::NodeId;
use crate::quorum_node::QuorumNode;
use crate::quorum_wire::TOPIC;

/// A request that the controller decides about.
pub trait Decided: Request<Response: Sync> + Clone + Sync {
    /// What the controller makes of it.
    fn decide(&self, controller: &mut Controller, at: At) -> Outcome<Self::Response>;

    /// The answer when it was not decided, and why.
    fn refused(&self, error: ErrorCode, why: &str) -> Self::Response;

    /// Whether an answer says that the one who gave it is not the controller.
    fn is_from_nobody(response: &Self::Response) -> bool;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// Nobody leads the quorum, as far as is known here.
    #[error("there is no active controller at the moment")]
    NoController,
    /// It was not reached.
    #[error("controller {0}: {1}")]
    Client(NodeId, ClientError),
}

/// One connection to the active controller, made anew when that is another.
pub struct ControllerChannel {
    node: QuorumNode,
    controller: Option<ControllerHandle>,
    name: Arc<str>,
    patience: Duration,
    client: Option<(NodeId, Client)>,
}

impl ControllerChannel {
    /// No connection yet. `controller`: this node's own, if it may be one; `patience`: how long an answer may take.
    pub fn new(
        node: QuorumNode,
        controller: Option<ControllerHandle>,
        name: &str,
        patience: Duration,
    ) -> ControllerChannel {
        ControllerChannel { node, controller, name: name.into(), patience, client: None }
    }

    // ANCHOR: ask
    /// Asks the controller. `version`: of the request, if somebody else has chosen it.
    pub async fn ask<R: Decided>(&mut self, request: &R, version: Option<i16>) -> Result<R::Response, ChannelError> {
        let leader = self.node.leadership().borrow().leader.ok_or(ChannelError::NoController)?;
        if leader == self.node.id() {
            let controller = self.controller.as_ref().ok_or(ChannelError::NoController)?;
            let request = request.clone();
            let decided = controller.ask(move |controller, at| request.decide(controller, at));
            // Without a majority nothing is ever committed.
            let answer = timeout(self.patience, decided).await.map_err(|_| ChannelError::NoController)?;
            return answer.map_err(|_| ChannelError::NoController);
        }
        let mut leadership = self.node.leadership();
        let another = leadership.wait_for(|now| now.leader.is_some_and(|now| now != leader));
        let answer = tokio::select! {
            called = timeout(self.patience, self.call(leader, request, version)) => {
                called.unwrap_or(Err(ClientError::Timeout { api: R::NAME, after: self.patience }))
            }
            // Who was the controller may be there and say nothing: a heartbeat must not wait for that.
            _ = another => Err(ClientError::Closed),
        };
        match answer {
            Ok(answer) if R::is_from_nobody(&answer) => Err(ChannelError::NoController),
            Ok(answer) => Ok(answer),
            Err(e) => {
                self.client = None;
                Err(ChannelError::Client(leader, e))
            }
        }
    }
    // ANCHOR_END: ask

    /// Up to where everything is committed that was decided before: whoever has read as far knows of it.
    pub async fn committed(&mut self) -> Option<i64> {
        let leader = self.node.leadership().borrow().leader?;
        if leader == self.node.id() {
            return Some(self.node.committed().borrow().offset);
        }
        let partitions = vec![DescribeQuorumPartition { partition_index: 0 }];
        let topics = vec![DescribeQuorumTopic { topic_name: TOPIC.to_string(), partitions }];
        let answer = self.call(leader, &DescribeQuorumRequest { topics }, None).await.ok()?;
        let described = answer.topics.into_iter().flat_map(|topic| topic.partitions).next()?;
        (!described.error_code.is_error()).then_some(described.high_watermark)
    }

    /// Sends a request to the leader of the quorum that any node of it could answer, if it were the leader.
    pub async fn relay<R: Request>(&mut self, request: &R, version: i16) -> Result<R::Response, ChannelError> {
        let leader = self.node.leadership().borrow().leader.ok_or(ChannelError::NoController)?;
        let called = timeout(self.patience, self.call(leader, request, Some(version))).await;
        let too_long = ClientError::Timeout { api: R::NAME, after: self.patience };
        called.unwrap_or(Err(too_long)).map_err(|e| ChannelError::Client(leader, e))
    }

    async fn call<R: Request>(
        &mut self,
        leader: NodeId,
        request: &R,
        version: Option<i16>,
    ) -> Result<R::Response, ClientError> {
        if self.client.as_ref().is_none_or(|(node, _)| *node != leader) {
            let address = self.node.address_of(leader).unwrap_or_default();
            let mut client = Client::connect(address, &self.name).await?;
            client.set_timeout(self.patience);
            self.client = Some((leader, client));
        }
        let (_, client) = self.client.as_mut().expect("connected above");
        match version {
            Some(version) => client.call_version(version, request).await,
            None => client.call(request).await,
        }
    }
}
