//! SyncGroup (14): the leader of a classic group brings the assignment, the others come for theirs.

use bytes::Bytes;
use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    SyncGroup = 14: SyncGroupRequest -> SyncGroupResponse, versions 0-5, flexible 4+;

    /// The leader's assignment; a question, from everybody else.
    SyncGroupRequest {
        /// The group's id.
        0+        group_id: String,
        /// The generation that the member is part of.
        0+        generation_id: i32,
        /// The member's id.
        0+        member_id: String,
        /// The id of a static member, or null.
        3+        group_instance_id: Option<String>,
        /// What the member takes the group to be for; null if it does not say.
        5+        protocol_type: Option<String>,
        /// The assignor that it takes to be chosen; null if it does not say.
        5+        protocol_name: Option<String>,
        /// From the leader, one entry for each member; else empty.
        0+        assignments: Vec<SyncGroupRequestAssignment>,
    }

    /// What a member gets.
    SyncGroupRequestAssignment {
        /// The member's id.
        0+        member_id: String,
        /// The assignment: for consumers, partitions.
        0+        assignment: Bytes,
    }

    /// What the member gets.
    SyncGroupResponse {
        /// Milliseconds that the client is asked to pause.
        1+        throttle_time_ms: i32,
        /// Why it gets nothing, or NONE.
        0+        error_code: ErrorCode,
        /// What the group is for.
        5+        protocol_type: Option<String>,
        /// The chosen assignor.
        5+        protocol_name: Option<String>,
        /// The assignment, as the leader wrote it.
        0+        assignment: Bytes,
    }
}
