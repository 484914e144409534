//! Records about brokers and controllers: who is there, and who may lead partitions.
//!
//! A broker's epoch is the offset of its registration in the metadata log. Whatever names an older epoch comes from, or is
//! about, a process that is not there any more.

use ch00_wire::structs;
use ch00_wire::uuid::Uuid;

use crate::messages::{RegistrationFeature, RegistrationListener};

structs! {
    /// A broker has registered; what was known of its earlier processes no longer counts.
    RegisterBrokerRecord {
        /// Its id.
        0+        broker_id: i32,
        /// Left over from the time of ZooKeeper: false.
        2+        is_migrating_zk_broker: bool,
        /// Drawn anew at each start of the process.
        0+        incarnation_id: Uuid,
        /// Its broker epoch.
        0+        broker_epoch: i64,
        /// Where it listens.
        0+        end_points: Vec<RegistrationListener>,
        /// The features it can speak.
        0+        features: Vec<RegistrationFeature>,
        /// Its rack, or null.
        0+        rack: Option<String>,
        /// Whether it is fenced: it leads nothing, is in sync with nothing, and clients are not sent to it.
        0+        fenced: bool = true,
        /// Whether it is about to stop: it gets no new leaderships.
        1+        in_controlled_shutdown: bool,
        /// The ids of its log directories that work.
        3+   @0   log_dirs: Vec<Uuid>,
        /// The ids of its log directories that get no new partitions; null until it has said so.
        4+   @1   cordoned_log_dirs: Option<Vec<Uuid>>,
    }

    /// A broker is forgotten.
    UnregisterBrokerRecord {
        /// Its id.
        0+        broker_id: i32,
        /// Its epoch.
        0+        broker_epoch: i64,
    }

    /// What is different about a broker.
    BrokerRegistrationChangeRecord {
        /// Its id.
        0+        broker_id: i32,
        /// Its epoch.
        0+        broker_epoch: i64,
        /// 1: it is fenced now; -1: it is not any more; 0: no change.
        0+   @0   fenced: i8,
        /// 1: it is about to stop; 0: no change.
        1+   @1   in_controlled_shutdown: i8,
        /// The log directories that work; none: no change.
        2+   @2   log_dirs: Vec<Uuid>,
        /// The log directories that get no new partitions; null: no change.
        3+   @3   cordoned_log_dirs: Option<Vec<Uuid>>,
    }

    /// A broker is fenced: what metadata versions before 3.0 had in place of a change.
    FenceBrokerRecord {
        /// Its id.
        0+        id: i32,
        /// Its epoch.
        0+        epoch: i64,
    }

    /// A broker is not fenced any more.
    UnfenceBrokerRecord {
        /// Its id.
        0+        id: i32,
        /// Its epoch.
        0+        epoch: i64,
    }

    /// A node of the quorum has made itself known.
    RegisterControllerRecord {
        /// Its id.
        0+        controller_id: i32,
        /// Drawn anew at each start of the process.
        0+        incarnation_id: Uuid,
        /// Left over from the time of ZooKeeper: false.
        0+        zk_migration_ready: bool,
        /// Where it listens.
        0+        end_points: Vec<RegistrationListener>,
        /// The features it can speak.
        0+        features: Vec<RegistrationFeature>,
    }
}
