//! ApiVersions (18): which APIs, in which versions, does this broker speak? The first request of every connection.
//!
//! A broker that does not know the request's version answers in version 0, with error 35 and its own range for this
//! API, and the client asks again. That is why the response's header never has tagged fields.

use crate::api;
use crate::error_code::ErrorCode;

// ANCHOR: table
api! {
    ApiVersions = 18: ApiVersionsRequest -> ApiVersionsResponse, versions 0-4, flexible 3+;

    /// Asks for the broker's versions.
    ApiVersionsRequest {
        /// The client library's name, such as `apache-kafka-java`.
        3+        client_software_name: String,
        /// The client library's version.
        3+        client_software_version: String,
    }

    /// The broker's versions.
    ApiVersionsResponse {
        /// UNSUPPORTED_VERSION if the request's version is unknown here.
        0+        error_code: ErrorCode,
        /// One entry for each API served.
        0+        api_keys: Vec<ApiVersion>,
        /// Milliseconds that the client is asked to pause.
        1+        throttle_time_ms: i32,
        /// Features that the broker could run, with the levels it knows.
        3+   @0   supported_features: Vec<SupportedFeatureKey>,
        /// The epoch of the finalized features; -1 if unknown.
        3+   @1   finalized_features_epoch: i64 = -1,
        /// Features that the whole cluster has agreed on.
        3+   @2   finalized_features: Vec<FinalizedFeatureKey>,
        /// Whether a ZooKeeper cluster is ready to become a KRaft one.
        3+   @3   zk_migration_ready: bool,
    }

    /// The versions of one API, both ends included.
    ApiVersion {
        /// The API.
        0+        api_key: i16,
        /// The lowest version served.
        0+        min_version: i16,
        /// The highest version served.
        0+        max_version: i16,
    }

    /// A feature this broker could run.
    SupportedFeatureKey {
        /// Its name, such as `metadata.version`.
        3+        name: String,
        /// The lowest level.
        3+        min_version: i16,
        /// The highest level.
        3+        max_version: i16,
    }

    /// A feature the cluster has agreed on.
    FinalizedFeatureKey {
        /// Its name.
        3+        name: String,
        /// The highest level agreed on.
        3+        max_version_level: i16,
        /// The lowest level agreed on.
        3+        min_version_level: i16,
    }
}
// ANCHOR_END: table
