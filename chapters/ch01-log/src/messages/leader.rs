//! Where a partition's leader is: two structs that the answers to Produce and Fetch share.

use ch00_wire::structs;

structs! {
    /// The broker that clients should use instead of this one.
    LeaderIdAndEpoch {
        /// The leader's broker id; -1 if unknown.
        0+        leader_id: i32 = -1,
        /// The leader's epoch; -1 if unknown. Chapter 3 gives it meaning.
        0+        leader_epoch: i32 = -1,
    }

    /// How to reach a broker that was named as a leader.
    NodeEndpoint {
        /// The broker's id.
        0+        node_id: i32,
        /// Its host name or address.
        0+        host: String,
        /// Its port: 0 to 65535, although four bytes wide here.
        0+        port: i32,
        /// Its rack, or null if it has none. Chapter 3 gives it meaning.
        0+        rack: Option<String>,
    }
}
