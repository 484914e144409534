//! Who may commit and fetch a group's offsets.

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

use super::{ConsumerGroup, ConsumerMember};

/// From this version of OffsetCommit on, members of the consumer protocol may use it: older ones do not know its errors.
const FIRST_COMMIT_VERSION: i16 = 9;

impl ConsumerGroup {
    // ANCHOR: commit
    /// Whether a member may commit an offset of a partition. One that is behind may as long as it has had the partition
    /// since then: what it commits it has processed itself.
    pub fn may_commit(
        &self,
        member_id: &str,
        epoch: i32,
        api_version: i16,
        (topic, partition): (Uuid, i32),
    ) -> Result<(), ErrorCode> {
        // From outside the group, as long as there is nobody inside.
        if epoch < 0 && self.members.is_empty() {
            return Ok(());
        }
        let member = self.members.get(member_id).ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
        if !member.is_classic() && api_version < FIRST_COMMIT_VERSION {
            return Err(ErrorCode::UNSUPPORTED_VERSION);
        }
        let had_it_already = || member.epoch_of(topic, partition).is_some_and(|since| since <= epoch);
        if epoch == member.epoch || (epoch < member.epoch && had_it_already()) {
            return Ok(());
        }
        Err(stale(member))
    }
    // ANCHOR_END: commit

    /// Whether somebody may fetch offsets: a member in its epoch, or (`None`, and an epoch below 0) who is no member.
    pub fn may_fetch(&self, member_id: Option<&str>, epoch: i32) -> Result<(), ErrorCode> {
        let Some(member_id) = member_id.or((epoch >= 0).then_some("")) else { return Ok(()) };
        let member = self.members.get(member_id).ok_or(ErrorCode::UNKNOWN_MEMBER_ID)?;
        if epoch == member.epoch { Ok(()) } else { Err(stale(member)) }
    }
}

/// The error of a wrong epoch, in the words of the member's protocol.
fn stale(member: &ConsumerMember) -> ErrorCode {
    if member.is_classic() { ErrorCode::ILLEGAL_GENERATION } else { ErrorCode::STALE_MEMBER_EPOCH }
}
