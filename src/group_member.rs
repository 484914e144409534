//! A member of a group by the consumer protocol (KIP-848): what a consumer adds to be one of several.
//!
//! ```text
//! heartbeat: I am alive, I have 0, 1, 2         ->  epoch 5: you are to have 0, 1
//!            commit how far 2 was read, drop it
//! heartbeat: I am alive, I have 0, 1            ->  epoch 6: you are to have 0, 1
//!                                                   now somebody else gets 2
//! ```
//!
//! Each heartbeat here says everything, so each answer does, too: no message depends on one that was lost.

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch01_log::batch::Offset;
use ch05_groups::messages::{
    ConsumerGroupHeartbeatRequest, HeartbeatTopicPartitions, OffsetCommitRequest, OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
};

use crate::cluster_client::ClusterClient;
use crate::retry::ClusterError;

/// In place of an epoch: the member joins, or leaves.
const JOINING: i32 = 0;
const LEAVING: i32 = -1;
/// Milliseconds that the member may take to give a partition back.
const REBALANCE_TIMEOUT_MS: i32 = 60_000;

/// A member of a group that reads one topic.
pub struct GroupMember {
    cluster: ClusterClient,
    group: String,
    topic: String,
    id: String,
    epoch: i32,
}

/// What a member is told.
pub enum Told {
    /// It is to have these partitions, and no others.
    Assigned(BTreeSet<i32>),
    /// It is no member any more: whatever it had may be somebody else's by now.
    Fenced,
}

impl GroupMember {
    /// A member that has not joined yet: the first heartbeat does that.
    pub fn new(cluster: ClusterClient, group: &str, topic: &str) -> GroupMember {
        let (group, topic) = (group.to_owned(), topic.to_owned());
        GroupMember { cluster, group, topic, id: Uuid::random().to_string(), epoch: JOINING }
    }

    /// The cluster, as this member reaches it.
    pub fn cluster(&mut self) -> &mut ClusterClient {
        &mut self.cluster
    }

    // ANCHOR: heartbeat
    /// Says that it is alive and what it has. Also says when the next heartbeat is due, in milliseconds.
    pub async fn heartbeat(&mut self, owned: &BTreeSet<i32>) -> Result<(Told, u64), ClusterError> {
        let topic_id = self.cluster.topic(&self.topic, false).await?.topic_id;
        let partitions = owned.iter().copied().collect::<Vec<_>>();
        let has = (!owned.is_empty()).then_some(HeartbeatTopicPartitions { topic_id, partitions });
        let request = ConsumerGroupHeartbeatRequest {
            rebalance_timeout_ms: REBALANCE_TIMEOUT_MS,
            subscribed_topic_names: Some(vec![self.topic.clone()]),
            topic_partitions: Some(has.into_iter().collect()),
            ..self.request(self.epoch)
        };
        let answer = self.cluster.call_coordinator(&self.group, &request, |answer| answer.error_code).await?;
        match answer.error_code {
            ErrorCode::FENCED_MEMBER_EPOCH | ErrorCode::UNKNOWN_MEMBER_ID => {
                self.epoch = JOINING;
                return Ok((Told::Fenced, 0));
            }
            code => ClusterError::check(code, answer.error_message, || format!("group `{}`", self.group))?,
        }
        self.epoch = answer.member_epoch;
        let topics = answer.assignment.unwrap_or_default().topic_partitions;
        let of_topic = topics.into_iter().filter(|topic| topic.topic_id == topic_id);
        let assigned = of_topic.flat_map(|topic| topic.partitions).collect();
        Ok((Told::Assigned(assigned), answer.heartbeat_interval_ms.max(1).unsigned_abs().into()))
    }
    // ANCHOR_END: heartbeat

    /// Leaves: its partitions go to the others at once.
    pub async fn leave(&mut self) -> Result<(), ClusterError> {
        let request = self.request(LEAVING);
        // Whatever it says, this is no member any more.
        self.cluster.call_coordinator(&self.group, &request, |answer| answer.error_code).await?;
        Ok(())
    }

    fn request(&self, member_epoch: i32) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            group_id: self.group.clone(),
            member_id: self.id.clone(),
            member_epoch,
            ..Default::default()
        }
    }

    // ANCHOR: commit
    /// Commits positions: the next offset to be read of each partition. Those that are refused, because they are somebody
    /// else's by now, are returned: somebody reads from where the last commit was.
    pub async fn commit(&mut self, positions: &BTreeMap<i32, Offset>) -> Result<Vec<(i32, ErrorCode)>, ClusterError> {
        let partition = |(&partition_index, &committed_offset): (&i32, &Offset)| OffsetCommitRequestPartition {
            partition_index,
            committed_offset,
            ..Default::default()
        };
        let topic_id = self.cluster.topic(&self.topic, false).await?.topic_id;
        let partitions = positions.iter().map(partition).collect();
        let request = OffsetCommitRequest {
            group_id: self.group.clone(),
            member_id: self.id.clone(),
            generation_id_or_member_epoch: self.epoch,
            topics: vec![OffsetCommitRequestTopic { name: self.topic.clone(), topic_id, partitions }],
            ..Default::default()
        };
        let code = |answer: Option<ErrorCode>| answer.unwrap_or(ErrorCode::NONE);
        let answer = self
            .cluster
            .call_coordinator(&self.group, &request, |answer| {
                code(
                    answer
                        .topics
                        .iter()
                        .flat_map(|topic| &topic.partitions)
                        .map(|partition| partition.error_code)
                        .next(),
                )
            })
            .await?;
        let partitions = answer.topics.into_iter().flat_map(|topic| topic.partitions);
        let refused = partitions.filter(|partition| partition.error_code.is_error());
        Ok(refused.map(|partition| (partition.partition_index, partition.error_code)).collect())
    }
    // ANCHOR_END: commit
}
