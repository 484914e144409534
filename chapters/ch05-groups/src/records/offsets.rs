//! The record of a committed offset.

use ch00_wire::structs;
use ch00_wire::uuid::Uuid;

// ANCHOR: offsets
structs! {
    /// Whose offset it is.
    OffsetCommitKey {
        /// The group's id.
        0+        group: String,
        /// The topic's name.
        0+        topic: String,
        /// The partition's index.
        0+        partition: i32,
    }

    /// A committed offset.
    OffsetCommitValue {
        /// The offset of the first record that is not done yet.
        0+        offset: i64,
        /// The leader epoch of the last record that is done; -1 if unknown.
        3+        leader_epoch: i32 = -1,
        /// The client's note; empty for none.
        0+        metadata: String,
        /// When it was committed, in milliseconds since 1970.
        0+        commit_timestamp: i64,
        /// When the client wants it to go, in milliseconds since 1970; -1 if it did not say.
        1-1       expire_timestamp: i64 = -1,
        /// The topic's id; zeros if unknown.
        4+   @0   topic_id: Uuid,
    }
}
// ANCHOR_END: offsets
