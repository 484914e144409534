//! DescribeCluster (60): which brokers are there? Metadata's answer without the topics.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;

api! {
    DescribeCluster = 60: DescribeClusterRequest -> DescribeClusterResponse, versions 0-2, flexible 0+;

    /// Asks about the cluster.
    DescribeClusterRequest {
        /// Whether to say what the client may do to the cluster.
        0+        include_cluster_authorized_operations: bool,
        /// Whom to list: 1 brokers, 2 controllers. Chapter 4 gives the second its meaning.
        1+        endpoint_type: i8 = 1i8,
        /// Whether to list brokers that are cut off, too. Chapter 4 gives it meaning.
        2+        include_fenced_brokers: bool,
    }

    /// The cluster.
    DescribeClusterResponse {
        /// Milliseconds that the client is asked to pause.
        0+        throttle_time_ms: i32,
        /// What is wrong with the request, or NONE.
        0+        error_code: ErrorCode,
        /// The error in words, or null.
        0+        error_message: Option<String>,
        /// Who is listed: 1 brokers, 2 controllers.
        1+        endpoint_type: i8 = 1i8,
        /// The cluster's id.
        0+        cluster_id: String,
        /// A broker that takes administrative requests; -1 for none.
        0+        controller_id: i32 = -1,
        /// The brokers, each with the address of the listener that was asked.
        0+        brokers: Vec<DescribeClusterBroker>,
        /// What the client may do to the cluster, a bit for each operation; the smallest number if it did not ask.
        0+        cluster_authorized_operations: i32 = i32::MIN,
    }

    /// A broker.
    DescribeClusterBroker {
        /// Its id.
        0+        broker_id: i32,
        /// Its host name or address.
        0+        host: String,
        /// Its port: 0 to 65535, although four bytes wide here.
        0+        port: i32,
        /// Its rack, or null if it has none. Chapter 3 gives it meaning.
        0+        rack: Option<String>,
        /// Whether it is cut off from the cluster. Chapter 4 gives it meaning.
        2+        is_fenced: bool,
    }
}
