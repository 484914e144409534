//! IncrementalAlterConfigs (44): change some settings of topics and brokers, and leave the others as they are.

use ch00_wire::api;

use super::AlterConfigsResourceResponse;

api! {
    IncrementalAlterConfigs = 44: IncrementalAlterConfigsRequest -> IncrementalAlterConfigsResponse,
        versions 0-1, flexible 1+;

    /// Changes to settings.
    IncrementalAlterConfigsRequest {
        /// Whose settings.
        0+        resources: Vec<IncrementalAlterConfigsResource>,
        /// Whether to check only, and change nothing.
        0+        validate_only: bool,
    }

    /// Changes to the settings of one resource. Kafka's schema calls this `AlterConfigsResource`.
    IncrementalAlterConfigsResource {
        /// What it is: 2 a topic, 4 a broker.
        0+        resource_type: i8,
        /// The topic's name, or the broker's id; no id: the defaults of all brokers.
        0+        resource_name: String,
        /// The changes, one a key.
        0+        configs: Vec<IncrementalAlterableConfig>,
    }

    /// One change. Kafka's schema calls this `AlterableConfig`.
    IncrementalAlterableConfig {
        /// The key.
        0+        name: String,
        /// What to do with it: 0 set it, 1 go back to the default, 2 append to a list, 3 take out of a list.
        0+        config_operation: i8,
        /// The value, or what is appended or taken out; null to go back to the default.
        0+        value: Option<String>,
    }

    /// What became of the resources.
    IncrementalAlterConfigsResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// One entry for each resource of the request.
        0+        responses: Vec<AlterConfigsResourceResponse>,
    }
}
