//! What a client asks about groups: who their coordinator is, who is in them, what they have committed.
//!
//! Every question about a group goes to its coordinator, which any broker knows. It moves when its broker is gone: the old
//! one says so, or nothing any more, and then any broker is asked again.

use std::collections::BTreeMap;

use ch00_wire::client::ClientError;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::table::Request;
use ch01_log::batch::Offset;
use ch05_groups::consumer_protocol::{ConsumerProtocolAssignment, decode_consumer_protocol};
use ch05_groups::messages::{
    ConsumerGroupDescribeRequest, DescribeGroupsRequest, DescribedConsumerGroup, DescribedConsumerGroupMember,
    DescribedGroup, DescribedGroupMember, FindCoordinatorRequest, ListGroupsRequest, ListedGroup, OffsetFetchRequest,
    OffsetFetchRequestGroup,
};

use crate::cluster_client::{ClusterClient, address_of};
use crate::retry::{ClusterError, Retries};

/// Partitions by topic.
pub type Partitions = BTreeMap<String, Vec<i32>>;
/// Committed offsets by topic and partition.
pub type CommittedOffsets = BTreeMap<(String, i32), Offset>;

/// A group, whichever protocol it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// `classic` or `consumer`.
    pub protocol: &'static str,
    /// Its state, such as `Stable`.
    pub state: String,
    /// Who assigns partitions, such as `range`; empty while nobody does.
    pub assignor: String,
    /// Its members.
    pub members: Vec<GroupMember>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMember {
    /// Its id.
    pub id: String,
    /// `group.instance.id`, if it is a static member.
    pub instance_id: Option<String>,
    /// Its `client.id`.
    pub client_id: String,
    /// The address that it connects from, with a slash in front.
    pub host: String,
    /// What it has been assigned.
    pub partitions: Partitions,
}

impl From<DescribedGroup> for Group {
    fn from(group: DescribedGroup) -> Group {
        let member = |member: DescribedGroupMember| GroupMember {
            id: member.member_id,
            instance_id: member.group_instance_id,
            client_id: member.client_id,
            host: member.client_host,
            // What is no assignment of a consumer (Connect has others), or not there yet, is none.
            partitions: decode_consumer_protocol::<ConsumerProtocolAssignment>(member.member_assignment)
                .map(|assigned| by_topic(assigned.assigned_partitions.into_iter().map(|t| (t.topic, t.partitions))))
                .unwrap_or_default(),
        };
        Group {
            protocol: "classic",
            state: group.group_state,
            assignor: group.protocol_data,
            members: group.members.into_iter().map(member).collect(),
        }
    }
}

impl From<DescribedConsumerGroup> for Group {
    fn from(group: DescribedConsumerGroup) -> Group {
        let member = |member: DescribedConsumerGroupMember| GroupMember {
            id: member.member_id,
            instance_id: member.instance_id,
            client_id: member.client_id,
            host: member.client_host,
            partitions: by_topic(
                member.assignment.topic_partitions.into_iter().map(|topic| (topic.topic_name, topic.partitions)),
            ),
        };
        Group {
            protocol: "consumer",
            state: group.group_state,
            assignor: group.assignor_name,
            members: group.members.into_iter().map(member).collect(),
        }
    }
}

/// A topic may be named more than once: librdkafka's cooperative-sticky does that.
fn by_topic(topics: impl Iterator<Item = (String, Vec<i32>)>) -> Partitions {
    let mut partitions = Partitions::new();
    topics.for_each(|(topic, indexes)| partitions.entry(topic).or_default().extend(indexes));
    partitions
}

impl ClusterClient {
    // ANCHOR: coordinator
    /// The coordinator of a group: its broker id and its address.
    pub async fn coordinator(&mut self, group: &str) -> Result<(i32, String), ClusterError> {
        let request = FindCoordinatorRequest { coordinator_keys: vec![group.to_owned()], ..Default::default() };
        let found = self.call_any(&request).await?.coordinators.into_iter().next().unwrap_or_default();
        ClusterError::check(found.error_code, found.error_message, || format!("the coordinator of group `{group}`"))?;
        Ok((found.node_id, address_of(&found.host, found.port)))
    }

    /// Calls the coordinator of a group, again if that fails on the way. `code` is where the answer says that this broker
    /// is not, or not yet, the right one.
    pub async fn call_coordinator<R: Request>(
        &mut self,
        group: &str,
        request: &R,
        code: impl Fn(&R::Response) -> ErrorCode,
    ) -> Result<R::Response, ClusterError> {
        let what = format!("{} of group `{group}`", R::NAME);
        let mut retries = Retries::new(&what, self.timeout());
        loop {
            let answer = match self.coordinator(group).await {
                Ok((_, address)) => self.call(&address, request).await,
                Err(error) => Err(error),
            };
            let error = match answer {
                Ok(answer) if code(&answer).is_retriable() => {
                    ClusterError::Refused { what: what.clone(), code: code(&answer), message: None }
                }
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            retries.after(error).await?;
        }
    }
    // ANCHOR_END: coordinator

    /// The groups that one broker coordinates.
    pub async fn groups_of(&mut self, address: &str) -> Result<Vec<ListedGroup>, ClusterError> {
        let answer = self.call(address, &ListGroupsRequest::default()).await?;
        ClusterError::check(answer.error_code, None, || format!("groups of broker {address}"))?;
        Ok(answer.groups)
    }

    /// What a group is like; `None` if it does not exist.
    pub async fn group(&mut self, id: &str) -> Result<Option<Group>, ClusterError> {
        let request = DescribeGroupsRequest { groups: vec![id.to_owned()], include_authorized_operations: false };
        let first = |code: Option<ErrorCode>| code.unwrap_or(ErrorCode::GROUP_ID_NOT_FOUND);
        let answer = self.call_coordinator(id, &request, |a| first(a.groups.first().map(|g| g.error_code))).await?;
        let group = answer.groups.into_iter().next().unwrap_or_default();
        if group.error_code != ErrorCode::GROUP_ID_NOT_FOUND && group.group_state != "Dead" {
            ClusterError::check(group.error_code, group.error_message.clone(), || format!("group `{id}`"))?;
            return Ok(Some(group.into()));
        }
        // Not a classic one.
        let request = ConsumerGroupDescribeRequest { group_ids: vec![id.to_owned()], ..Default::default() };
        let asked = self.call_coordinator(id, &request, |a| first(a.groups.first().map(|g| g.error_code))).await;
        let group = match asked {
            Err(ClusterError::Connection { cause: ClientError::NoCommonVersion { .. }, .. }) => return Ok(None),
            answer => answer?.groups.into_iter().next().unwrap_or_default(),
        };
        if group.error_code == ErrorCode::GROUP_ID_NOT_FOUND {
            return Ok(None);
        }
        ClusterError::check(group.error_code, group.error_message.clone(), || format!("group `{id}`"))?;
        Ok(Some(group.into()))
    }

    /// What a group has committed, of topics that exist.
    pub async fn committed(&mut self, id: &str) -> Result<CommittedOffsets, ClusterError> {
        let group = OffsetFetchRequestGroup { group_id: id.to_owned(), ..Default::default() };
        let request = OffsetFetchRequest { groups: vec![group], ..Default::default() };
        let code = |group: Option<_>| group.unwrap_or(ErrorCode::NONE);
        let answer = self.call_coordinator(id, &request, |a| code(a.groups.first().map(|g| g.error_code))).await?;
        let group = answer.groups.into_iter().next().unwrap_or_default();
        ClusterError::check(group.error_code, None, || format!("offsets of group `{id}`"))?;
        // Newer versions say the topics' ids, older ones their names.
        let topics = self.metadata(None, false).await?.topics;
        let mut committed = BTreeMap::new();
        for answered in group.topics {
            let is_it = |name: &str, topic_id| name == answered.name || topic_id == answered.topic_id;
            let known = topics.iter().find(|t| t.name.as_deref().is_some_and(|name| is_it(name, t.topic_id)));
            let Some(name) = known.and_then(|topic| topic.name.clone()) else { continue };
            for partition in answered.partitions.into_iter().filter(|partition| partition.committed_offset >= 0) {
                committed.insert((name.clone(), partition.partition_index), partition.committed_offset);
            }
        }
        Ok(committed)
    }
}
