//! ListGroups (16): which groups does a broker coordinate?

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    ListGroups = 16: ListGroupsRequest -> ListGroupsResponse, versions 0-5, flexible 3+;

    /// Which groups are wanted.
    ListGroupsRequest {
        /// Their states; empty for all.
        4+        states_filter: Vec<String>,
        /// Their types, `classic` and `consumer`; empty for all.
        5+        types_filter: Vec<String>,
    }

    /// The groups.
    ListGroupsResponse {
        /// Milliseconds that the client is asked to pause.
        1+        throttle_time_ms: i32,
        /// Why there may be more, or NONE.
        0+        error_code: ErrorCode,
        /// The groups.
        0+        groups: Vec<ListedGroup>,
    }

    /// A group.
    ListedGroup {
        /// Its id.
        0+        group_id: String,
        /// What it is for; empty if only offsets were ever committed in its name.
        0+        protocol_type: String,
        /// Its state, such as `Stable`.
        4+        group_state: String,
        /// `classic` or `consumer`.
        5+        group_type: String,
    }
}
