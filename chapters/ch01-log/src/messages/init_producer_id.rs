//! InitProducerId (22): a number for a producer, which with sequence numbers lets a broker recognise repeated batches.
//!
//! A producer without a transactional id gets a number that nobody had before; its epoch is 0.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    InitProducerId = 22: InitProducerIdRequest -> InitProducerIdResponse, versions 0-5, flexible 2+;

    /// Asks for a producer id.
    InitProducerIdRequest {
        /// The producer's transactional id, or null outside transactions.
        0+        transactional_id: Option<String>,
        /// Milliseconds after which an idle transaction is aborted; without a meaning outside transactions.
        0+        transaction_timeout_ms: i32,
        /// The id that the producer has and wants a new epoch of; -1 if it has none.
        3+        producer_id: i64 = -1,
        /// The epoch of that id; -1 if it has none.
        3+        producer_epoch: i16 = -1i16,
    }

    /// The producer's id and epoch.
    InitProducerIdResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// Why there is no id, or NONE.
        0+        error_code: ErrorCode,
        /// The id; -1 after an error.
        0+        producer_id: i64 = -1,
        /// Its epoch, from 0; -1 after an error (the schema's default is 0).
        0+        producer_epoch: i16,
    }
}
