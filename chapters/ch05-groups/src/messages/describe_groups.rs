//! DescribeGroups (15): what classic groups are like, for people.

use bytes::Bytes;
use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    DescribeGroups = 15: DescribeGroupsRequest -> DescribeGroupsResponse, versions 0-6, flexible 5+;

    /// The groups in question.
    DescribeGroupsRequest {
        /// Their ids.
        0+        groups: Vec<String>,
        /// Whether to say what the requester may do.
        3+        include_authorized_operations: bool,
    }

    /// The groups.
    DescribeGroupsResponse {
        /// Milliseconds that the client is asked to pause.
        1+        throttle_time_ms: i32,
        /// One entry for each group of the request.
        0+        groups: Vec<DescribedGroup>,
    }

    /// A group.
    DescribedGroup {
        /// Why the rest is empty, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        6+        error_message: Option<String>,
        /// Its id.
        0+        group_id: String,
        /// Its state, such as `Stable`.
        0+        group_state: String,
        /// What it is for.
        0+        protocol_type: String,
        /// The chosen assignor; empty while there is none.
        0+        protocol_data: String,
        /// Its members.
        0+        members: Vec<DescribedGroupMember>,
        /// What the requester may do with it, a bit for each operation; -2147483648 if it did not ask.
        3+        authorized_operations: i32 = i32::MIN,
    }

    /// A member of a group.
    DescribedGroupMember {
        /// Its id.
        0+        member_id: String,
        /// The id of a static member, or null.
        4+        group_instance_id: Option<String>,
        /// The client id of its requests.
        0+        client_id: String,
        /// Its address, with a slash in front.
        0+        client_host: String,
        /// What it said about itself to the chosen assignor.
        0+        member_metadata: Bytes,
        /// What it has been assigned.
        0+        member_assignment: Bytes,
    }
}
