//! DeleteGroups (42): groups without members go, with their offsets.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    DeleteGroups = 42: DeleteGroupsRequest -> DeleteGroupsResponse, versions 0-2, flexible 2+;

    /// Which groups are to go.
    DeleteGroupsRequest {
        /// Their ids.
        0+        groups_names: Vec<String>,
    }

    /// Which groups are gone.
    DeleteGroupsResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// One entry for each group of the request.
        0+        results: Vec<DeletableGroupResult>,
    }

    /// What became of one group.
    DeletableGroupResult {
        /// Its id.
        0+        group_id: String,
        /// Why it is still there, or NONE.
        0+        error_code: ErrorCode,
    }
}
