//! FindCoordinator (10): which broker looks after a group?
//!
//! Transactions and share groups have coordinators, too; this broker has none for them.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

/// The kind of key that is a group's id.
pub const GROUP_KEY: i8 = 0;

api! {
    FindCoordinator = 10: FindCoordinatorRequest -> FindCoordinatorResponse, versions 0-6, flexible 3+;

    /// What a coordinator is wanted for.
    FindCoordinatorRequest {
        /// The group's id.
        0-3       key: String,
        /// What the keys are: 0 groups, 1 transactions, 2 share groups.
        1+        key_type: i8,
        /// The groups' ids.
        4+        coordinator_keys: Vec<String>,
    }

    /// The coordinator: until version 3 of the one key, from then on of each.
    FindCoordinatorResponse {
        /// Milliseconds that the client is asked to pause.
        1+        throttle_time_ms: i32,
        /// Why there is none, or NONE.
        0-3       error_code: ErrorCode,
        /// The error in words, or null.
        1-3       error_message: Option<String>,
        /// The coordinator's broker id.
        0-3       node_id: i32,
        /// Its host name or address.
        0-3       host: String,
        /// Its port.
        0-3       port: i32,
        /// One entry for each key of the request.
        4+        coordinators: Vec<Coordinator>,
    }

    /// The coordinator of one key.
    Coordinator {
        /// The key.
        4+        key: String,
        /// The coordinator's broker id; -1 if there is none.
        4+        node_id: i32,
        /// Its host name or address.
        4+        host: String,
        /// Its port; -1 if there is none.
        4+        port: i32,
        /// Why there is none, or NONE.
        4+        error_code: ErrorCode,
        /// The error in words, or null.
        4+        error_message: Option<String>,
    }
}
