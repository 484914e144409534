//! DescribeConfigs (32): the settings of topics and brokers, each with the place its value comes from.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    DescribeConfigs = 32: DescribeConfigsRequest -> DescribeConfigsResponse, versions 1-4, flexible 4+;

    /// Asks for settings.
    DescribeConfigsRequest {
        /// Whose settings.
        0+        resources: Vec<DescribeConfigsResource>,
        /// Whether to list, for each key, every place that could give its value.
        1+        include_synonyms: bool,
        /// Whether to say what each key does.
        3+        include_documentation: bool,
    }

    /// Whose settings are asked for.
    DescribeConfigsResource {
        /// What it is: 2 a topic, 4 a broker; chapter 5 has others.
        0+        resource_type: i8,
        /// The topic's name, or the broker's id; no id: the defaults of all brokers.
        0+        resource_name: String,
        /// The keys in question; null for all.
        0+        configuration_keys: Option<Vec<String>>,
    }

    /// Settings.
    DescribeConfigsResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// One entry for each resource of the request.
        0+        results: Vec<DescribeConfigsResult>,
    }

    /// The settings of one resource.
    DescribeConfigsResult {
        /// Why they cannot be listed, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        0+        error_message: Option<String>,
        /// What it is, as in the request.
        0+        resource_type: i8,
        /// Its name.
        0+        resource_name: String,
        /// Its settings.
        0+        configs: Vec<DescribeConfigsResourceResult>,
    }

    /// One key.
    DescribeConfigsResourceResult {
        /// Its name.
        0+        name: String,
        /// Its value; null if it has none or is a secret.
        0+        value: Option<String>,
        /// Whether it cannot be changed while the broker runs.
        0+        read_only: bool,
        /// Where the value comes from: 1 the topic, 2 this broker while it runs, 3 all brokers while they run, 4 the
        /// broker's file, 5 the default; -1 unknown.
        1+        config_source: i8 = -1i8,
        /// Whether the value is a secret.
        0+        is_sensitive: bool,
        /// The places that give it a value, the one that counts first.
        1+        synonyms: Vec<DescribeConfigsSynonym>,
        /// 1 BOOLEAN, 2 STRING, 3 INT, 4 SHORT, 5 LONG, 6 DOUBLE, 7 LIST, 8 CLASS, 9 PASSWORD; 0 unknown.
        3+        config_type: i8,
        /// What the key does, or null.
        3+        documentation: Option<String>,
    }

    /// A place that gives a key a value.
    DescribeConfigsSynonym {
        /// The key's name there.
        1+        name: String,
        /// The value there; null if it has none or is a secret.
        1+        value: Option<String>,
        /// Which place, as in `config_source`.
        1+        source: i8,
    }
}
