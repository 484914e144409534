//! ControllerRegistration (70): a node of the quorum makes itself known to the one that leads it.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

use super::{RegistrationFeature, RegistrationListener};

api! {
    ControllerRegistration = 70: ControllerRegistrationRequest -> ControllerRegistrationResponse, versions 0-0, flexible 0+;

    /// Who it is.
    ControllerRegistrationRequest {
        /// Its id.
        0+        controller_id: i32,
        /// Drawn anew at each start.
        0+        incarnation_id: Uuid,
        /// Left over from the time of ZooKeeper: false.
        0+        zk_migration_ready: bool,
        /// Where it listens.
        0+        listeners: Vec<RegistrationListener>,
        /// The features it can speak.
        0+        features: Vec<RegistrationFeature>,
    }

    /// Its registration.
    ControllerRegistrationResponse {
        /// Milliseconds that the controller is asked to pause.
        0+        throttle_time_ms: i32,
        /// Why it is not registered, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        0+        error_message: Option<String>,
    }
}
