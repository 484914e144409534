//! The messages that this chapter adds, one file per API, written as those of chapter 1.
//!
//! Four groups: [`FindCoordinatorRequest`] comes first, whatever follows; [`JoinGroupRequest`], [`SyncGroupRequest`],
//! [`HeartbeatRequest`] and [`LeaveGroupRequest`] are the classic protocol; [`ConsumerGroupHeartbeatRequest`] is all of the
//! consumer protocol; [`OffsetCommitRequest`] and [`OffsetFetchRequest`] belong to both. The rest is for administrators.

mod consumer_group_describe;
mod consumer_group_heartbeat;
mod delete_groups;
mod describe_groups;
mod find_coordinator;
mod heartbeat;
mod join_group;
mod leave_group;
mod list_groups;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod sync_group;

pub use consumer_group_describe::*;
pub use consumer_group_heartbeat::*;
pub use delete_groups::*;
pub use describe_groups::*;
pub use find_coordinator::*;
pub use heartbeat::*;
pub use join_group::*;
pub use leave_group::*;
pub use list_groups::*;
pub use offset_commit::*;
pub use offset_delete::*;
pub use offset_fetch::*;
pub use sync_group::*;
