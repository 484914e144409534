//! UpdateFeatures (57): raise or lower what the whole cluster speaks, `metadata.version` above all.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    UpdateFeatures = 57: UpdateFeaturesRequest -> UpdateFeaturesResponse, versions 0-2, flexible 0+;

    /// Which features, to which level.
    UpdateFeaturesRequest {
        /// Milliseconds that the client waits.
        0+        timeout_ms: i32 = 60_000,
        /// The features.
        0+        feature_updates: Vec<FeatureUpdateKey>,
        /// Whether only to say what would happen.
        1+        validate_only: bool,
    }

    /// One feature.
    FeatureUpdateKey {
        /// Its name.
        0+        feature: String,
        /// The level it should have; below 1: none, the feature is switched off.
        0+        max_version_level: i16,
        /// Whether that may be lower than it is.
        0-0       allow_downgrade: bool,
        /// 1: up only; 2: down, if nothing is lost by it; 3: down, whatever is lost.
        1+        upgrade_type: i8 = 1i8,
    }

    /// What became of it.
    UpdateFeaturesResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// Why nothing was changed, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        0+        error_message: Option<String>,
        /// One entry for each feature.
        0-1       results: Vec<UpdatableFeatureResult>,
    }

    /// What became of one feature.
    UpdatableFeatureResult {
        /// Its name.
        0+        feature: String,
        /// Why it was not changed, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        0+        error_message: Option<String>,
    }
}
