//! BrokerRegistration (62): a broker that starts makes itself known to the controller, and gets a broker epoch.

use ch00_wire::api;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

api! {
    BrokerRegistration = 62: BrokerRegistrationRequest -> BrokerRegistrationResponse, versions 0-4, flexible 0+;

    /// Who starts.
    BrokerRegistrationRequest {
        /// Its broker id.
        0+        broker_id: i32,
        /// The cluster it belongs to.
        0+        cluster_id: String,
        /// Drawn anew at each start, so that a second process of the same id is noticed.
        0+        incarnation_id: Uuid,
        /// Where it listens.
        0+        listeners: Vec<RegistrationListener>,
        /// The features it can speak. Before version 4 those that begin at level 0 are left out.
        0+        features: Vec<RegistrationFeature>,
        /// Its rack, or null.
        0+        rack: Option<String>,
        /// Left over from the time of ZooKeeper: false.
        1+        is_migrating_zk_broker: bool,
        /// The ids of its log directories that work.
        2+        log_dirs: Vec<Uuid>,
        /// Its broker epoch before a clean stop: nothing is lost since; -1 if it did not stop cleanly.
        3+        previous_broker_epoch: i64 = -1,
    }

    /// Where a broker or controller listens. Kafka's schemas call this `Listener`.
    RegistrationListener {
        /// The listener's name.
        0+        name: String,
        /// Host name or address, as advertised.
        0+        host: String,
        /// The port, as advertised.
        0+        port: u16,
        /// 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL.
        0+        security_protocol: i16,
    }

    /// A feature that a broker or controller can speak. Kafka's schemas call this `Feature`.
    RegistrationFeature {
        /// Its name.
        0+        name: String,
        /// The lowest level.
        0+        min_supported_version: i16,
        /// The highest level.
        0+        max_supported_version: i16,
    }

    /// Its registration.
    BrokerRegistrationResponse {
        /// Milliseconds that the broker is asked to pause.
        0+        throttle_time_ms: i32,
        /// Why it is not registered, or NONE.
        0+        error_code: ErrorCode,
        /// Its broker epoch: the offset of its registration in the metadata log; -1 if it is not registered.
        0+        broker_epoch: i64 = -1,
    }
}
