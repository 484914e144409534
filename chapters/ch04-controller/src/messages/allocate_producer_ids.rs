//! AllocateProducerIds (67): a broker asks for a block of producer ids, which it then gives out by itself.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    AllocateProducerIds = 67: AllocateProducerIdsRequest -> AllocateProducerIdsResponse, versions 0-0, flexible 0+;

    /// Who asks.
    AllocateProducerIdsRequest {
        /// Its broker id.
        0+        broker_id: i32,
        /// Its broker epoch.
        0+        broker_epoch: i64 = -1,
    }

    /// A block of ids.
    AllocateProducerIdsResponse {
        /// Milliseconds that the broker is asked to pause.
        0+        throttle_time_ms: i32,
        /// Why there is none, or NONE.
        0+        error_code: ErrorCode,
        /// The first id.
        0+        producer_id_start: i64,
        /// How many there are.
        0+        producer_id_len: i32,
    }
}
