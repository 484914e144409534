//! Records about the cluster as a whole: features, settings, producer ids, and the log's own housekeeping.
//!
//! A batch is atomic by itself. Changes that are too many for one stand between a [`BeginTransactionRecord`] and an
//! [`EndTransactionRecord`], and count when the latter is there; a controller that finds an open transaction which it has
//! not begun itself writes an [`AbortTransactionRecord`].

use ch00_wire::structs;

structs! {
    /// What the cluster speaks from now on. `metadata.version` is in the first record of every log and snapshot, for it
    /// says which records may follow.
    FeatureLevelRecord {
        /// The feature's name.
        0+        name: String,
        /// Its level; 0: switched off.
        0+        feature_level: i16,
    }

    /// A setting.
    ConfigRecord {
        /// Whose it is: 2 a topic's, 4 a broker's, 8 a broker's loggers', 16 client metrics', 32 a group's.
        0+        resource_type: i8,
        /// The topic's name, the broker's id, …; empty: the default of all brokers.
        0+        resource_name: String,
        /// The key.
        0+        name: String,
        /// The value; null: none of its own any more.
        0+        value: Option<String>,
    }

    /// A block of producer ids has been given to a broker.
    ProducerIdsRecord {
        /// The broker; -1 in a snapshot.
        0+        broker_id: i32,
        /// Its epoch.
        0+        broker_epoch: i64 = -1,
        /// The first id that has not been given to anybody.
        0+        next_producer_id: i64,
    }

    /// Nothing. Written now and then, so that those who follow the log see that it lives.
    NoOpRecord {}

    /// From here on records wait for the transaction's end.
    BeginTransactionRecord {
        /// What it is about, for people; or null.
        0+   @0   name: Option<String>,
    }

    /// What was written since the transaction began counts.
    EndTransactionRecord {}

    /// What was written since the transaction began does not count.
    AbortTransactionRecord {
        /// Why, for people; or null.
        0+   @0   reason: Option<String>,
    }

    /// Left over from the time of ZooKeeper.
    ZkMigrationStateRecord {
        /// How far the move from ZooKeeper has come: 0 none, 1 pre-migration, 2 migration, 3 after, 4 never.
        0+        zk_migration_state: i8,
    }
}
