//! How to reach a leader of the quorum: two structs that the messages between its nodes share.

use ch00_wire::structs;

structs! {
    /// A leader that an answer names. Kafka's schemas call this `NodeEndpoint`.
    QuorumNodeEndpoint {
        /// Its id.
        1+        node_id: i32,
        /// Host name or address.
        1+        host: String,
        /// The port.
        1+        port: u16,
    }

    /// Where the leader that asks listens.
    LeaderEndpoint {
        /// The listener's name.
        1+        name: String,
        /// Host name or address.
        1+        host: String,
        /// The port.
        1+        port: u16,
    }
}
