//! AlterConfigs (33): replace all settings of topics and brokers.
//!
//! What the request leaves out goes back to its default. That made two administrators undo each other's work, so clients
//! use IncrementalAlterConfigs today.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    AlterConfigs = 33: AlterConfigsRequest -> AlterConfigsResponse, versions 0-2, flexible 2+;

    /// New settings.
    AlterConfigsRequest {
        /// Whose settings.
        0+        resources: Vec<AlterConfigsResource>,
        /// Whether to check only, and change nothing.
        0+        validate_only: bool,
    }

    /// All new settings of one resource.
    AlterConfigsResource {
        /// What it is: 2 a topic, 4 a broker.
        0+        resource_type: i8,
        /// The topic's name, or the broker's id; no id: the defaults of all brokers.
        0+        resource_name: String,
        /// Its settings from now on.
        0+        configs: Vec<AlterableConfig>,
    }

    /// One key.
    AlterableConfig {
        /// Its name.
        0+        name: String,
        /// Its value; null is refused.
        0+        value: Option<String>,
    }

    /// What became of the resources.
    AlterConfigsResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// One entry for each resource of the request.
        0+        responses: Vec<AlterConfigsResourceResponse>,
    }

    /// What became of one resource, here and in IncrementalAlterConfigs.
    AlterConfigsResourceResponse {
        /// Why nothing was changed, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        0+        error_message: Option<String>,
        /// What it is, as in the request.
        0+        resource_type: i8,
        /// Its name.
        0+        resource_name: String,
    }
}
