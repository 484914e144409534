//! LeaveGroup (13): members leave a classic group, or are removed by an administrator.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    LeaveGroup = 13: LeaveGroupRequest -> LeaveGroupResponse, versions 0-5, flexible 4+;

    /// Who leaves.
    LeaveGroupRequest {
        /// The group's id.
        0+        group_id: String,
        /// The member's id.
        0-2       member_id: String,
        /// The members.
        3+        members: Vec<MemberIdentity>,
    }

    /// A member that leaves.
    MemberIdentity {
        /// Its id; empty if only the other one is known.
        3+        member_id: String,
        /// The id of a static member, or null.
        3+        group_instance_id: Option<String>,
        /// Why it leaves, in words, or null.
        5+        reason: Option<String>,
    }

    /// Who has left.
    LeaveGroupResponse {
        /// Milliseconds that the client is asked to pause.
        1+        throttle_time_ms: i32,
        /// What is wrong with the whole request, or NONE; until version 2 also with its one member.
        0+        error_code: ErrorCode,
        /// One entry for each member of the request.
        3+        members: Vec<LeaveGroupMemberResponse>,
    }

    /// What became of one member. Kafka's schema calls this `MemberResponse`.
    LeaveGroupMemberResponse {
        /// Its id, as in the request.
        3+        member_id: String,
        /// The id of a static member, as in the request.
        3+        group_instance_id: Option<String>,
        /// Why it has not left, or NONE.
        3+        error_code: ErrorCode,
    }
}
