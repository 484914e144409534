//! What the controller decides about: each request with the command it is, and what is answered when nobody decides.
//!
//! The list is all of it. A request that only the controller can serve is served by every broker: it is sent on.

use ch00_wire::error_code::ErrorCode;
use ch01_log::messages::*;
use ch02_retention::messages::*;

use crate::controller::{At, Controller, Outcome};
use crate::controller_channel::Decided;
use crate::messages::*;

/// `Request => command, nobody(response) -> bool, refused(request, code, why) -> response`.
macro_rules! decided {
    ($( $request:ident => $command:ident, |$response:ident| $nobody:expr, |$asked:ident, $code:ident, $why:ident| $refused:expr; )*) => { $(
        impl Decided for $request {
            fn decide(&self, controller: &mut Controller, at: At) -> Outcome<Self::Response> {
                controller.$command(at, self)
            }

            fn refused(&self, $code: ErrorCode, $why: &str) -> Self::Response {
                let $asked = self;
                let _ = ($asked, $why);
                $refused
            }

            fn is_from_nobody($response: &Self::Response) -> bool {
                $nobody
            }
        }
    )* };
}

const NOT: ErrorCode = ErrorCode::NOT_CONTROLLER;

fn some(why: &str) -> Option<String> {
    Some(why.to_owned())
}

decided! {
    BrokerRegistrationRequest => register_broker, |r| r.error_code == NOT,
        |_asked, error_code, _why| BrokerRegistrationResponse { error_code, ..Default::default() };
    BrokerHeartbeatRequest => heartbeat, |r| r.error_code == NOT,
        |_asked, error_code, _why| BrokerHeartbeatResponse { error_code, ..Default::default() };
    AlterPartitionRequest => alter_partition, |r| r.error_code == NOT,
        |_asked, error_code, _why| AlterPartitionResponse { error_code, ..Default::default() };
    AllocateProducerIdsRequest => allocate_producer_ids, |r| r.error_code == NOT,
        |_asked, error_code, _why| AllocateProducerIdsResponse { error_code, ..Default::default() };
    UnregisterBrokerRequest => unregister_broker, |r| r.error_code == NOT,
        |_asked, error_code, why| UnregisterBrokerResponse { error_code, error_message: some(why), ..Default::default() };
    ControllerRegistrationRequest => register_controller, |r| r.error_code == NOT,
        |_asked, error_code, why| ControllerRegistrationResponse { error_code, error_message: some(why), ..Default::default() };
    CreateTopicsRequest => create_topics, |r| r.topics.iter().any(|topic| topic.error_code == NOT),
        |asked, error_code, why| {
            let refused = |topic: &CreatableTopic| CreatableTopicResult {
                name: topic.name.clone(), error_code, error_message: some(why), ..Default::default()
            };
            CreateTopicsResponse { topics: asked.topics.iter().map(refused).collect(), ..Default::default() }
        };
    DeleteTopicsRequest => delete_topics, |r| r.responses.iter().any(|topic| topic.error_code == NOT),
        |asked, error_code, why| {
            let refused = |name: Option<String>, topic_id| DeletableTopicResult {
                name, topic_id, error_code, error_message: some(why)
            };
            let named = asked.topic_names.iter().map(|name| refused(Some(name.clone()), Default::default()));
            let others = asked.topics.iter().map(|topic| refused(topic.name.clone(), topic.topic_id));
            DeleteTopicsResponse { responses: named.chain(others).collect(), ..Default::default() }
        };
    CreatePartitionsRequest => create_partitions, |r| r.results.iter().any(|topic| topic.error_code == NOT),
        |asked, error_code, why| {
            let refused = |topic: &CreatePartitionsTopic| CreatePartitionsTopicResult {
                name: topic.name.clone(), error_code, error_message: some(why)
            };
            CreatePartitionsResponse { results: asked.topics.iter().map(refused).collect(), ..Default::default() }
        };
    IncrementalAlterConfigsRequest => incremental_alter_configs, |r| r.responses.iter().any(|one| one.error_code == NOT),
        |asked, error_code, why| {
            let refused = |resource: &IncrementalAlterConfigsResource| AlterConfigsResourceResponse {
                error_code, error_message: some(why),
                resource_type: resource.resource_type, resource_name: resource.resource_name.clone(),
            };
            IncrementalAlterConfigsResponse { responses: asked.resources.iter().map(refused).collect(), ..Default::default() }
        };
    AlterConfigsRequest => alter_configs, |r| r.responses.iter().any(|one| one.error_code == NOT),
        |asked, error_code, why| {
            let refused = |resource: &AlterConfigsResource| AlterConfigsResourceResponse {
                error_code, error_message: some(why),
                resource_type: resource.resource_type, resource_name: resource.resource_name.clone(),
            };
            AlterConfigsResponse { responses: asked.resources.iter().map(refused).collect(), ..Default::default() }
        };
    ElectLeadersRequest => elect_leaders, |r| r.error_code == NOT,
        |_asked, error_code, _why| ElectLeadersResponse { error_code, ..Default::default() };
    AlterPartitionReassignmentsRequest => alter_partition_reassignments, |r| r.error_code == NOT,
        |_asked, error_code, why| AlterPartitionReassignmentsResponse { error_code, error_message: some(why), ..Default::default() };
    UpdateFeaturesRequest => update_features, |r| r.error_code == NOT,
        |_asked, error_code, why| UpdateFeaturesResponse { error_code, error_message: some(why), ..Default::default() };
    AssignReplicasToDirsRequest => assign_replicas_to_dirs, |r| r.error_code == NOT,
        |_asked, error_code, _why| AssignReplicasToDirsResponse { error_code, ..Default::default() };
}

impl Decided for ListPartitionReassignmentsRequest {
    fn decide(&self, controller: &mut Controller, _: At) -> Outcome<Self::Response> {
        Outcome::nothing(controller.list_partition_reassignments(self))
    }

    fn refused(&self, error_code: ErrorCode, why: &str) -> Self::Response {
        ListPartitionReassignmentsResponse { error_code, error_message: some(why), ..Default::default() }
    }

    fn is_from_nobody(response: &Self::Response) -> bool {
        response.error_code == NOT
    }
}
