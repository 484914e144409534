//! Whether a heartbeat is one at all, before anybody looks at the group.

use ch00_wire::error_code::ErrorCode;

use super::ConsumerGroupSettings;
use super::draft::Refusal;
use super::membership::{JOINING, LEAVING, LEAVING_FOR_A_WHILE};
use crate::assignor::Assignor;
use crate::messages::ConsumerGroupHeartbeatRequest;

/// Holds a request against Kafka's rules.
pub fn check(
    request: &ConsumerGroupHeartbeatRequest,
    api_version: i16,
    settings: &ConsumerGroupSettings,
) -> Result<(), Refusal> {
    let invalid = |what: &str| Err((ErrorCode::INVALID_REQUEST, what.to_string()));
    let is_blank = |text: &Option<String>| text.as_ref().is_some_and(|text| text.trim().is_empty());
    let epoch = request.member_epoch;
    let needs_member_id = api_version >= 1 || epoch > 0 || epoch == LEAVING;
    match () {
        _ if needs_member_id && request.member_id.trim().is_empty() => return invalid("MemberId can't be empty."),
        _ if request.group_id.trim().is_empty() => return invalid("GroupId can't be empty."),
        _ if is_blank(&request.instance_id) => return invalid("InstanceId can't be empty."),
        _ if is_blank(&request.rack_id) => return invalid("RackId can't be empty."),
        _ if epoch == JOINING && request.rebalance_timeout_ms == -1 => {
            return invalid("RebalanceTimeoutMs must be provided in first request.");
        }
        _ if epoch == JOINING && request.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()) => {
            return invalid("TopicPartitions must be empty when (re-)joining.");
        }
        _ if epoch == JOINING
            && request.subscribed_topic_names.is_none()
            && request.subscribed_topic_regex.is_none() =>
        {
            return invalid("Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.");
        }
        _ if epoch == LEAVING_FOR_A_WHILE && request.instance_id.is_none() => {
            return invalid("InstanceId can't be null.");
        }
        _ if epoch < LEAVING_FOR_A_WHILE => return invalid("MemberEpoch is invalid."),
        _ => {}
    }
    match &request.server_assignor {
        Some(name) if !settings.assignors.iter().any(|assignor| assignor.name() == name) => {
            let known: Vec<_> = settings.assignors.iter().map(|assignor: &Assignor| assignor.name()).collect();
            let text = format!("ServerAssignor {name} is not supported. Supported assignors: {}.", known.join(", "));
            Err((ErrorCode::UNSUPPORTED_ASSIGNOR, text))
        }
        _ => Ok(()),
    }
}
