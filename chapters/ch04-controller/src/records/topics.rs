//! Records about topics and their partitions.
//!
//! A partition is described whole once, by a [`PartitionRecord`]; from then on a [`PartitionChangeRecord`] says only what
//! is different. Each change raises the partition epoch by one, and one that names a leader raises the leader epoch too,
//! even if it is the leader there was: that is how a leader is made to begin anew.

use ch00_wire::structs;
use ch00_wire::uuid::Uuid;

/// In place of a leader: there is none.
pub const NO_LEADER: i32 = -1;
/// In a change, in place of a leader: it is who it was, and so is its epoch.
pub const NO_LEADER_CHANGE: i32 = -2;
/// In a change, in place of a leader recovery state: it is what it was.
pub const NO_RECOVERY_CHANGE: i8 = -1;

structs! {
    /// A topic is created. The records of its partitions follow.
    TopicRecord {
        /// Its name.
        0+        name: String,
        /// Its id, which no other topic ever has.
        0+        topic_id: Uuid,
    }

    /// A topic is gone, with its partitions and settings.
    RemoveTopicRecord {
        /// Its id.
        0+        topic_id: Uuid,
    }

    /// A partition as it is.
    PartitionRecord {
        /// Its index, from 0.
        0+        partition_id: i32 = -1,
        /// Its topic.
        0+        topic_id: Uuid,
        /// The brokers that have a copy, or are to have one; the preferred leader first.
        0+        replicas: Vec<i32>,
        /// Those of them that are in sync.
        0+        isr: Vec<i32>,
        /// Those of them that are to have no copy any more.
        0+        removing_replicas: Vec<i32>,
        /// Those of them that are about to get one.
        0+        adding_replicas: Vec<i32>,
        /// The leader, or [`NO_LEADER`].
        0+        leader: i32 = -1,
        /// 1 while the leader recovers from an unclean election, else 0.
        0+   @0   leader_recovery_state: i8,
        /// The leader's term, from 0.
        0+        leader_epoch: i32 = -1,
        /// The number of changes so far.
        0+        partition_epoch: i32 = -1,
        /// The log directory of each replica, in the order of `replicas`.
        1+        directories: Vec<Uuid>,
        /// Replicas out of sync that nevertheless have everything that was acknowledged; null for none.
        2+   @1   eligible_leader_replicas: Option<Vec<i32>>,
        /// The last that were eligible before nobody was; null for none.
        2+   @2   last_known_elr: Option<Vec<i32>>,
    }

    /// What is different about a partition. Null: what it was.
    PartitionChangeRecord {
        /// Its index.
        0+        partition_id: i32 = -1,
        /// Its topic.
        0+        topic_id: Uuid,
        /// The in-sync replicas.
        0+   @0   isr: Option<Vec<i32>>,
        /// The leader, [`NO_LEADER`], or [`NO_LEADER_CHANGE`].
        0+   @1   leader: i32 = -2,
        /// The replicas.
        0+   @2   replicas: Option<Vec<i32>>,
        /// The replicas that are to go.
        0+   @3   removing_replicas: Option<Vec<i32>>,
        /// The replicas that are to come.
        0+   @4   adding_replicas: Option<Vec<i32>>,
        /// 1 after an unclean election, 0 when the leader has recovered, or [`NO_RECOVERY_CHANGE`].
        0+   @5   leader_recovery_state: i8 = -1i8,
        /// The eligible leader replicas.
        2+   @6   eligible_leader_replicas: Option<Vec<i32>>,
        /// The last known eligible leader replicas.
        2+   @7   last_known_elr: Option<Vec<i32>>,
        /// The log directory of each replica.
        1+   @8   directories: Option<Vec<Uuid>>,
    }

    /// No replica counts as eligible any more: `min.insync.replicas`, by which they were chosen, has changed.
    ClearElrRecord {
        /// The topic; empty for all.
        0+        topic_name: String,
    }
}
