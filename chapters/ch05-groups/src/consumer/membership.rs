//! Who sends a heartbeat: a member, a new one, or somebody who is none any more.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;

use super::draft::{Draft, Refusal};
use super::{ConsumerGroup, ConsumerMember, EpochPartitions};
use crate::messages::{ConsumerGroupHeartbeatRequest, HeartbeatTopicPartitions};

/// In place of a member's epoch: it joins.
pub const JOINING: i32 = 0;
/// In place of a member's epoch: it leaves.
pub const LEAVING: i32 = -1;
/// In place of a static member's epoch: it leaves and will be back, and nobody else gets what it has.
pub const LEAVING_FOR_A_WHILE: i32 = -2;

/// A member of this id, if there is.
pub fn known<'a>(group: &'a ConsumerGroup, member_id: &str) -> Result<&'a Arc<ConsumerMember>, Refusal> {
    let unknown = || format!("Member {member_id} is not a member of group {}.", group.group_id);
    group.members.get(member_id).ok_or_else(|| (ErrorCode::UNKNOWN_MEMBER_ID, unknown()))
}

/// The static member that a request is from.
pub fn known_static<'a>(
    group: &'a ConsumerGroup,
    member_id: &str,
    instance_id: &str,
) -> Result<&'a Arc<ConsumerMember>, Refusal> {
    let Some(owner) = group.static_member(instance_id) else {
        return Err((ErrorCode::UNKNOWN_MEMBER_ID, format!("Instance id {instance_id} is unknown.")));
    };
    if owner != member_id {
        let text = format!("Static member {member_id} with instance id {instance_id} was fenced by member {owner}.");
        return Err((ErrorCode::FENCED_INSTANCE_ID, text));
    }
    Ok(&group.members[owner])
}

/// The member that a heartbeat is from, as it was until now. A static one that comes back takes the place of its former
/// self, with all that it had.
pub fn find(
    draft: &mut Draft<'_>,
    member_id: &str,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<Arc<ConsumerMember>, Refusal> {
    let joins = request.member_epoch == JOINING;
    let member = match &request.instance_id {
        Some(instance_id) if joins => return join_static(draft, member_id, instance_id),
        None if joins => return Ok(draft.group.members.get(member_id).cloned().unwrap_or_default()),
        Some(instance_id) => known_static(&draft.group, member_id, instance_id)?,
        None => known(&draft.group, member_id)?,
    };
    check_epoch(member, request)?;
    Ok(member.clone())
}

fn join_static(draft: &mut Draft<'_>, member_id: &str, instance_id: &str) -> Result<Arc<ConsumerMember>, Refusal> {
    let Some(owner) = draft.group.static_member(instance_id) else {
        return Ok(draft.group.members.get(member_id).cloned().unwrap_or_default());
    };
    let former = &draft.group.members[owner];
    if former.epoch != LEAVING_FOR_A_WHILE && !former.is_classic() {
        let text = format!(
            "Static member {member_id} with instance id {instance_id} cannot join the group because the instance id is \
             owned by {owner} member."
        );
        return Err((ErrorCode::UNRELEASED_INSTANCE_ID, text));
    }
    let owner = owner.to_string();
    Ok(replace(draft, &owner, member_id))
}

/// A static member is back under another id, with all that it had.
pub fn replace(draft: &mut Draft<'_>, owner: &str, member_id: &str) -> Arc<ConsumerMember> {
    let former = ConsumerMember::clone(&draft.group.members[owner]);
    let member = ConsumerMember { epoch: 0, previous_epoch: 0, ..former };
    let target = draft.group.target.get(owner).cloned().unwrap_or_default();
    draft.remove_member(owner);
    draft.member_metadata(member_id, Some(member.metadata.clone()));
    draft.target(member_id, Some(&target));
    draft.current(member_id, Some(member.current()));
    Arc::new(member)
}

// ANCHOR: check_epoch
/// A member speaks in its epoch, or in the one before if it may not have heard of the newest: then it has nothing that it
/// would not have in the newest.
fn check_epoch(member: &ConsumerMember, request: &ConsumerGroupHeartbeatRequest) -> Result<(), Refusal> {
    let fenced = |compared: &str| {
        let text = format!(
            "The consumer group member has a {compared} member epoch ({}) than the one known by the group coordinator \
             ({}). The member must abandon all its partitions and rejoin.",
            request.member_epoch, member.epoch
        );
        Err((ErrorCode::FENCED_MEMBER_EPOCH, text))
    };
    let owned = request.topic_partitions.as_deref();
    match request.member_epoch {
        epoch if epoch == member.epoch => Ok(()),
        epoch if epoch > member.epoch => fenced("greater"),
        epoch if epoch == member.previous_epoch && owned.is_some_and(|owned| is_subset(owned, &member.assigned)) => {
            Ok(())
        }
        _ => fenced("smaller"),
    }
}
// ANCHOR_END: check_epoch

fn is_subset(owned: &[HeartbeatTopicPartitions], assigned: &EpochPartitions) -> bool {
    let has = |topic: &HeartbeatTopicPartitions| {
        assigned
            .get(&topic.topic_id)
            .is_some_and(|has| topic.partitions.iter().all(|partition| has.contains_key(partition)))
    };
    owned.iter().all(has)
}
