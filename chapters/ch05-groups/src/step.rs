//! What the machines of this chapter are given, and what they give back.
//!
//! A machine is handed a [`Step`]: the time, the settings, and two lists to fill. Whoever drives it appends the records to
//! the group's partition, gives each to `replay`, and gives the replies once the records are committed. A request that has
//! to wait for others (a member that joins waits for all members) leaves its [`Token`] with the machine, and is replied to
//! in a later step.

use ch00_wire::uuid::Uuid;
use ch01_log::batch::Timestamp;
use ch04_controller::controller::Random;

use crate::consumer::GroupTopics;
use crate::messages::{
    ConsumerGroupHeartbeatResponse, DeletableGroupResult, DescribedConsumerGroup, DescribedGroup, HeartbeatResponse,
    JoinGroupResponse, LeaveGroupResponse, ListedGroup, OffsetCommitResponse, OffsetDeleteResponse,
    OffsetFetchResponseGroup, SyncGroupResponse,
};
use crate::records::GroupRecord;
use crate::settings::GroupSettings;

/// A request that waits for its reply: the number that the driver knows it by.
pub type Token = u64;

/// One reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// To JoinGroup.
    Join(JoinGroupResponse),
    /// To SyncGroup.
    Sync(SyncGroupResponse),
    /// To Heartbeat.
    Heartbeat(HeartbeatResponse),
    /// To LeaveGroup.
    Leave(LeaveGroupResponse),
    /// To OffsetCommit.
    Commit(OffsetCommitResponse),
    /// To one group's part of OffsetFetch.
    Offsets(OffsetFetchResponseGroup),
    /// To OffsetDelete.
    DeleteOffsets(OffsetDeleteResponse),
    /// To one group's part of DescribeGroups.
    Describe(DescribedGroup),
    /// To one shard's part of ListGroups.
    List(Vec<ListedGroup>),
    /// To one group's part of DeleteGroups.
    Delete(DeletableGroupResult),
    /// To ConsumerGroupHeartbeat.
    ConsumerHeartbeat(ConsumerGroupHeartbeatResponse),
    /// To one group's part of ConsumerGroupDescribe.
    ConsumerDescribe(DescribedConsumerGroup),
}

/// One step of a machine.
pub struct Step<'a> {
    /// Milliseconds since 1970.
    pub now: Timestamp,
    /// The broker's settings.
    pub settings: &'a GroupSettings,
    /// The cluster's topics.
    pub topics: &'a GroupTopics,
    /// What ids of members are drawn from.
    pub random: &'a mut Random,
    /// What has been decided, to be appended and replayed in this order.
    pub records: Vec<GroupRecord>,
    /// Replies, to be given when the records are committed.
    pub replies: Vec<(Token, Response)>,
}

impl<'a> Step<'a> {
    /// A step in which nothing has been decided yet.
    pub fn new(
        now: Timestamp,
        settings: &'a GroupSettings,
        topics: &'a GroupTopics,
        random: &'a mut Random,
    ) -> Step<'a> {
        Step { now, settings, topics, random, records: Vec::new(), replies: Vec::new() }
    }

    /// Answers a request.
    pub fn reply(&mut self, to: Token, response: Response) {
        self.replies.push((to, response));
    }

    /// A new id for a member, that begins with a name: its client's, or that of a static instance.
    pub fn member_id(&mut self, name: &str) -> String {
        let Uuid(bytes) = self.random.id();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{name}-{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}
