//! ListConfigResources (74): for what are there settings? Version 0, when it was called ListClientMetricsResources,
//! knew one kind only.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    ListConfigResources = 74: ListConfigResourcesRequest -> ListConfigResourcesResponse, versions 0-1, flexible 0+;

    /// What to list.
    ListConfigResourcesRequest {
        /// Kinds: 2 topics, 4 brokers, 8 broker loggers, 16 client metrics, 32 groups; none for all.
        1+        resource_types: Vec<i8>,
    }

    /// What there is.
    ListConfigResourcesResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// What is wrong with the request, or NONE.
        0+        error_code: ErrorCode,
        /// The resources.
        0+        config_resources: Vec<ListedConfigResource>,
    }

    /// A resource. Kafka's schema calls this `ConfigResource`.
    ListedConfigResource {
        /// Its name.
        0+        resource_name: String,
        /// Its kind, as in the request.
        1+        resource_type: i8 = 16i8,
    }
}
