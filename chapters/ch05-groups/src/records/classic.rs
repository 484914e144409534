//! The record of a classic group: all of it in one.

use bytes::Bytes;
use ch00_wire::structs;

structs! {
    /// Which group it is.
    GroupMetadataKey {
        /// The group's id.
        0+        group: String,
    }

    /// A generation of a group, with its assignment.
    GroupMetadataValue {
        /// What the group is for; empty in one without members that never had any.
        0+        protocol_type: String,
        /// The generation's number.
        0+        generation: i32,
        /// The chosen assignor; null without members.
        0+        protocol: Option<String>,
        /// The leader's member id; null without members.
        0+        leader: Option<String>,
        /// When the group came into its state, in milliseconds since 1970; -1 if unknown.
        2+        current_state_timestamp: i64 = -1,
        /// The members.
        0+        members: Vec<MemberMetadata>,
    }

    /// A member.
    MemberMetadata {
        /// Its id.
        0+        member_id: String,
        /// The id of a static member, or null.
        3+        group_instance_id: Option<String>,
        /// The client id of its requests.
        0+        client_id: String,
        /// Its address, with a slash in front.
        0+        client_host: String,
        /// Milliseconds that others wait for it to join again; -1: as long as a session lasts.
        1+        rebalance_timeout: i32 = -1,
        /// Milliseconds without a heartbeat after which it is taken for dead.
        0+        session_timeout: i32,
        /// What it said about itself to the chosen assignor.
        0+        subscription: Bytes,
        /// What it has been assigned.
        0+        assignment: Bytes,
    }
}
