//! Envelope (58): a client's request that a broker sends on to the controller, header and all.

use bytes::Bytes;
use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    Envelope = 58: EnvelopeRequest -> EnvelopeResponse, versions 0-0, flexible 0+;

    /// A request that is sent on.
    EnvelopeRequest {
        /// The client's request: its header, then its body.
        0+        request_data: Bytes,
        /// Who the client is, in the form in which the broker writes that; null if it does not know.
        0+        request_principal: Option<Bytes> = Bytes::new(),
        /// The client's address: four bytes or sixteen.
        0+        client_host_address: Bytes,
    }

    /// The answer.
    EnvelopeResponse {
        /// The response to the client: its header, then its body; null after an error.
        0+        response_data: Option<Bytes>,
        /// What is wrong with the envelope, or NONE. NOT_CONTROLLER: it went to the wrong node.
        0+        error_code: ErrorCode,
    }
}
