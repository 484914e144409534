//! Heartbeat (12): a member of a classic group is alive. The answer tells it when to join again.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    Heartbeat = 12: HeartbeatRequest -> HeartbeatResponse, versions 0-4, flexible 4+;

    /// Who is alive.
    HeartbeatRequest {
        /// The group's id.
        0+        group_id: String,
        /// The generation that the member is part of.
        0+        generation_id: i32,
        /// The member's id.
        0+        member_id: String,
        /// The id of a static member, or null.
        3+        group_instance_id: Option<String>,
    }

    /// How the group is.
    HeartbeatResponse {
        /// Milliseconds that the client is asked to pause.
        1+        throttle_time_ms: i32,
        /// NONE, REBALANCE_IN_PROGRESS when the member should join again, or why it is no part of the group.
        0+        error_code: ErrorCode,
    }
}
