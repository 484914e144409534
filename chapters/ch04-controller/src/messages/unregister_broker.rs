//! UnregisterBroker (64): forget a broker that will not come back.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    UnregisterBroker = 64: UnregisterBrokerRequest -> UnregisterBrokerResponse, versions 0-0, flexible 0+;

    /// Whom to forget.
    UnregisterBrokerRequest {
        /// The broker's id.
        0+        broker_id: i32,
    }

    /// Whether it is forgotten.
    UnregisterBrokerResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// Why not, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        0+        error_message: Option<String>,
    }
}
