//! JoinGroup (11): a member of a classic group wants to be part of its next generation.
//!
//! The answer comes when all members have asked, or the rebalance timeout has passed. One of them becomes the leader and
//! is told of all others, so that it can assign.

use bytes::Bytes;
use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    JoinGroup = 11: JoinGroupRequest -> JoinGroupResponse, versions 0-9, flexible 6+;

    /// Who joins, and how it would like partitions to be assigned.
    JoinGroupRequest {
        /// The group's id.
        0+        group_id: String,
        /// Milliseconds without a heartbeat after which the member is taken for dead.
        0+        session_timeout_ms: i32,
        /// Milliseconds that others wait for the member to join again; -1: as long as a session lasts.
        1+        rebalance_timeout_ms: i32 = -1,
        /// The member's id, or empty: it has none yet.
        0+        member_id: String,
        /// The id of a static member, which the same consumer keeps across restarts; null for a dynamic one.
        5+        group_instance_id: Option<String>,
        /// What the group is for: `consumer`, or `connect` and others.
        0+        protocol_type: String,
        /// The assignors that the member knows, the one that it likes best first.
        0+        protocols: Vec<JoinGroupRequestProtocol>,
        /// Why it joins, in words, or null.
        8+        reason: Option<String>,
    }

    /// An assignor that a member knows.
    JoinGroupRequestProtocol {
        /// Its name, such as `range`.
        0+        name: String,
        /// What it has to know of the member: for consumers, a subscription.
        0+        metadata: Bytes,
    }

    /// The new generation.
    JoinGroupResponse {
        /// Milliseconds that the client is asked to pause.
        2+        throttle_time_ms: i32,
        /// Why the member is not part of it, or NONE.
        0+        error_code: ErrorCode,
        /// The generation's number.
        0+        generation_id: i32 = -1,
        /// What the group is for.
        7+        protocol_type: Option<String>,
        /// The assignor that all members know and most like best. Empty where a version has no null.
        0+   ?7   protocol_name: Option<String> = String::new(),
        /// The leader's member id.
        0+        leader: String,
        /// Whether the leader leaves the assignment as it is: it is a static member that has come back.
        9+        skip_assignment: bool,
        /// The member's id.
        0+        member_id: String,
        /// For the leader all members, for others none.
        0+        members: Vec<JoinGroupResponseMember>,
    }

    /// A member, as the leader has to know it.
    JoinGroupResponseMember {
        /// Its id.
        0+        member_id: String,
        /// The id of a static member, or null.
        5+        group_instance_id: Option<String>,
        /// What it said about itself to the chosen assignor.
        0+        metadata: Bytes,
    }
}
