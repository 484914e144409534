//! Members go: because they say so, because they were not heard of, or because they did not give back in time.

use ch01_log::batch::Timestamp;

use super::draft::{Draft, Refusal};
use super::membership::{LEAVING_FOR_A_WHILE, known, known_static};
use super::subscription;
use super::{ConsumerGroup, ConsumerGroupState, ConsumerMember, ConsumerSessions, EpochPartitions, GroupTopics};
use crate::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use crate::records::GroupRecord;

/// A member leaves.
pub fn leave(
    draft: &mut Draft<'_>,
    sessions: &mut ConsumerSessions,
    topics: &GroupTopics,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<ConsumerGroupHeartbeatResponse, Refusal> {
    let id = &request.member_id;
    let member = match &request.instance_id {
        Some(instance_id) => known_static(&draft.group, id, instance_id)?,
        None => known(&draft.group, id)?,
    };
    if request.member_epoch == LEAVING_FOR_A_WHILE {
        // It keeps what it has, and when it is back it gets it as if for the first time.
        let mut assigned = member.assigned.clone();
        assigned.values_mut().flat_map(|partitions| partitions.values_mut()).for_each(|epoch| *epoch = 0);
        let revoking = EpochPartitions::new();
        let away = ConsumerMember { epoch: LEAVING_FOR_A_WHILE, assigned, revoking, ..ConsumerMember::clone(member) };
        draft.current(id, Some(away.current()));
        sessions.cancel_revocation(id);
    } else {
        remove(draft, topics, std::slice::from_ref(id));
        sessions.forget(id);
    }
    let (member_id, member_epoch) = (Some(id.clone()), request.member_epoch);
    Ok(ConsumerGroupHeartbeatResponse { member_id, member_epoch, ..Default::default() })
}

/// Members are gone, with what they had, and with expressions that nobody else has.
pub fn remove(draft: &mut Draft<'_>, topics: &GroupTopics, member_ids: &[String]) {
    member_ids.iter().for_each(|id| draft.remove_member(id));
    subscription::forget_patterns(draft);
    let hash = topics.hash(draft.group.subscribed_topics());
    draft.raise_epoch(hash);
}

impl ConsumerGroup {
    /// Removes the members whose time is over.
    pub fn tick(&self, sessions: &mut ConsumerSessions, topics: &GroupTopics, now: Timestamp) -> Vec<GroupRecord> {
        let expired = sessions.take_expired(self, now);
        let mut draft = Draft::new(self);
        if !expired.is_empty() {
            remove(&mut draft, topics, &expired);
        }
        draft.records
    }

    /// The records that delete a group; none if it has members.
    pub fn delete(&self) -> Vec<GroupRecord> {
        let mut draft = Draft::new(self);
        if self.state() == ConsumerGroupState::Empty {
            draft.target_metadata(None);
            self.patterns.keys().for_each(|pattern| draft.pattern(pattern, None));
            draft.delete_partition_metadata();
            draft.delete_group();
        }
        draft.records
    }
}
