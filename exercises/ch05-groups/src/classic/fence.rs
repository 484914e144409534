//! Who may speak for a member, and of which generation.

use ch00_wire::error_code::ErrorCode;

use super::{ClassicGroup, Phase};

impl ClassicGroup {
    /// Whether this is a member, and speaks of the present generation.
    pub fn check_member(&self, id: &str, instance: Option<&str>, generation: i32) -> Result<(), ErrorCode> {
        todo!("exercise generation-fencing")
    }

    /// Whether this is a member. A static one whose id is not that of its instance any more has been replaced: another
    /// process has started under the same name, and this one must stop.
    pub fn check_identity(&self, id: &str, instance: Option<&str>) -> Result<(), ErrorCode> {
        todo!("exercise generation-fencing")
    }

    /// Whether offsets may be committed, by somebody who says these things. Generation -1 and no member's id: a consumer
    /// that was assigned its partitions by hand. It may, as long as nobody is in the group.
    pub fn check_commit(&self, id: &str, instance: Option<&str>, generation: i32) -> Result<(), ErrorCode> {
        todo!("exercise who-may-commit")
    }
}
