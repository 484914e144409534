//! The same things in the words of either protocol: topics have names there and ids here.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ch00_wire::codec::Decoded;

use super::{ConsumerMember, EpochPartitions, GroupTopics};
use crate::assignor::Partitions;
use crate::classic::Client;
use crate::consumer_protocol::*;
use crate::messages::{HeartbeatTopicPartitions, JoinGroupRequestProtocol};
use crate::records::*;

/// A member of the classic protocol, as it describes itself.
pub struct ClassicIdentity<'a> {
    pub instance_id: Option<&'a str>,
    pub client: &'a Client,
    pub session_timeout_ms: i32,
    pub rebalance_timeout_ms: i32,
    pub protocols: &'a [JoinGroupRequestProtocol],
}

/// What it wants: it says the same in all protocols, which are only ways to assign.
pub fn subscription(protocols: &[JoinGroupRequestProtocol]) -> Decoded<ConsumerProtocolSubscription> {
    decode_consumer_protocol(protocols.first().map(|first| first.metadata.clone()).unwrap_or_default())
}

/// How it is described in a group of this protocol.
pub fn describe(
    who: &ClassicIdentity<'_>,
    subscription: ConsumerProtocolSubscription,
) -> ConsumerGroupMemberMetadataValue {
    let supported = who
        .protocols
        .iter()
        .map(|protocol| ClassicProtocol { name: protocol.name.clone(), metadata: protocol.metadata.clone() });
    ConsumerGroupMemberMetadataValue {
        instance_id: who.instance_id.map(str::to_owned),
        rack_id: subscription.rack_id,
        client_id: who.client.id.clone(),
        client_host: who.client.host.clone(),
        subscribed_topic_names: subscription.topics.into_iter().collect::<BTreeSet<_>>().into_iter().collect(),
        subscribed_topic_regex: Some(String::new()),
        rebalance_timeout_ms: who.rebalance_timeout_ms,
        server_assignor: None,
        classic_member_metadata: ClassicMember(Some(ClassicMemberMetadata {
            session_timeout_ms: who.session_timeout_ms,
            supported_protocols: supported.collect(),
        })),
    }
}

/// Partitions of topics that exist, by id.
pub fn by_id(named: &[ConsumerProtocolTopic], topics: &GroupTopics) -> Partitions {
    let mut partitions = Partitions::new();
    for topic in named.iter().filter(|topic| !topic.partitions.is_empty()) {
        if let Some(known) = topics.get(&topic.topic) {
            partitions.entry(known.id).or_default().extend(&topic.partitions);
        }
    }
    partitions
}

/// The same, as a heartbeat would say it.
pub fn as_in_heartbeat(partitions: Partitions) -> Vec<HeartbeatTopicPartitions> {
    let topics = partitions.into_iter();
    topics
        .map(|(topic_id, of_topic)| HeartbeatTopicPartitions { topic_id, partitions: of_topic.into_iter().collect() })
        .collect()
}

/// Partitions that a member of the classic protocol got, all in one generation.
pub fn since(epoch: i32, partitions: &Partitions) -> EpochPartitions {
    let topics = partitions.iter();
    topics.map(|(topic, of_topic)| (*topic, of_topic.iter().map(|partition| (*partition, epoch)).collect())).collect()
}

/// What a member may use, without since when.
pub fn without_epochs(partitions: &EpochPartitions) -> Partitions {
    let of_topic = |(topic, of_topic): (&_, &BTreeMap<i32, i32>)| (*topic, of_topic.keys().copied().collect());
    partitions.iter().map(of_topic).collect()
}

/// An assignment, in the version in which the member spoke.
pub fn assignment(member: &ConsumerMember, partitions: &Partitions, topics: &GroupTopics) -> Bytes {
    let named = partitions.iter().filter_map(|(topic, of_topic)| {
        let topic = topics.name(*topic)?.to_owned();
        Some(ConsumerProtocolTopic { topic, partitions: of_topic.iter().copied().collect() })
    });
    let assignment = ConsumerProtocolAssignment { assigned_partitions: named.collect(), user_data: None };
    let classic = member.metadata.classic_member_metadata.0.as_ref();
    let first = classic.and_then(|classic| classic.supported_protocols.first());
    let version = first.and_then(|first| consumer_protocol_version(&first.metadata)).unwrap_or(0);
    encode_consumer_protocol(&assignment, version)
}

/// The protocol that a member of the classic one is told has been chosen: its own first. Nobody assigns by it.
pub fn protocol_of(member: &ConsumerMember) -> &str {
    let classic = member.metadata.classic_member_metadata.0.as_ref();
    classic.and_then(|classic| classic.supported_protocols.first()).map_or("", |first| &first.name)
}
