//! Who may speak for a member, and of which generation.

use ch00_wire::error_code::ErrorCode;

use super::{ClassicGroup, Phase};

impl ClassicGroup {
    // ANCHOR: check_member
    /// Whether this is a member, and speaks of the present generation.
    pub fn check_member(&self, id: &str, instance: Option<&str>, generation: i32) -> Result<(), ErrorCode> {
        self.check_identity(id, instance)?;
        if generation != self.generation {
            return Err(ErrorCode::ILLEGAL_GENERATION);
        }
        Ok(())
    }

    /// Whether this is a member. A static one whose id is not that of its instance any more has been replaced: another
    /// process has started under the same name, and this one must stop.
    pub fn check_identity(&self, id: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            return match self.instances.get(instance) {
                None => Err(ErrorCode::UNKNOWN_MEMBER_ID),
                Some(present) if present != id => Err(ErrorCode::FENCED_INSTANCE_ID),
                Some(_) => Ok(()),
            };
        }
        if !self.members.contains_key(id) {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        Ok(())
    }
    // ANCHOR_END: check_member

    // ANCHOR: check_commit
    /// Whether offsets may be committed, by somebody who says these things. Generation -1 and no member's id: a consumer
    /// that was assigned its partitions by hand. It may, as long as nobody is in the group.
    pub fn check_commit(&self, id: &str, instance: Option<&str>, generation: i32) -> Result<(), ErrorCode> {
        let by_hand = generation < 0 && id.is_empty() && instance.is_none();
        match &self.phase {
            Phase::Empty if generation < 0 => Ok(()),
            _ if by_hand => Err(ErrorCode::UNKNOWN_MEMBER_ID),
            Phase::CompletingRebalance { .. } => {
                self.check_member(id, instance, generation)?;
                Err(ErrorCode::REBALANCE_IN_PROGRESS)
            }
            Phase::Empty | Phase::PreparingRebalance { .. } | Phase::Stable => {
                self.check_member(id, instance, generation)
            }
        }
    }
    // ANCHOR_END: check_commit
}
