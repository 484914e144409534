//! BrokerHeartbeat (63): a broker says that it lives, how far it has read the metadata log, and what it wants.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

api! {
    BrokerHeartbeat = 63: BrokerHeartbeatRequest -> BrokerHeartbeatResponse, versions 0-2, flexible 0+;

    /// A sign of life.
    BrokerHeartbeatRequest {
        /// The broker's id.
        0+        broker_id: i32,
        /// Its broker epoch.
        0+        broker_epoch: i64 = -1,
        /// The last offset of the metadata log that it acts on.
        0+        current_metadata_offset: i64,
        /// Whether it wants to stay fenced.
        0+        want_fence: bool,
        /// Whether it wants to stop, as soon as its leaderships are elsewhere.
        0+        want_shut_down: bool,
        /// The ids of its log directories that have failed.
        1+   @0   offline_log_dirs: Vec<Uuid>,
        /// The ids of its log directories that should get no new partitions; null while it starts.
        2+   @1   cordoned_log_dirs: Option<Vec<Uuid>>,
    }

    /// What the controller makes of it.
    BrokerHeartbeatResponse {
        /// Milliseconds that the broker is asked to pause.
        0+        throttle_time_ms: i32,
        /// What is wrong with the request, or NONE.
        0+        error_code: ErrorCode,
        /// Whether it has read the metadata log nearly to the end.
        0+        is_caught_up: bool,
        /// Whether it is fenced: it leads nothing, and clients are not sent to it.
        0+        is_fenced: bool = true,
        /// Whether it may stop now.
        0+        should_shut_down: bool,
    }
}
