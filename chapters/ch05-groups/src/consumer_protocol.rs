//! What consumers of the classic protocol put into JoinGroup and SyncGroup, which a broker passes on without looking: the
//! subscription that a member brings, the assignment that it gets.
//!
//! ```text
//! version   i16
//! body      one of the messages below in that version, classic encoding
//! ```
//!
//! A version that is not known here only has more at its end: it is read as the newest that is known.

use bytes::Bytes;
use ch00_wire::codec::{Decoded, Reader, Writer};
use ch00_wire::table::Message;
use ch00_wire::{message, structs};

/// The newest version of both messages.
pub const CONSUMER_PROTOCOL_VERSION: i16 = 3;

// ANCHOR: subscription
structs! {
    /// What a member wants.
    ConsumerProtocolSubscription {
        /// The names of the topics.
        0+        topics: Vec<String>,
        /// What its assignor adds, or null.
        0+        user_data: Option<Bytes>,
        /// The partitions that it has.
        1+        owned_partitions: Vec<ConsumerProtocolTopic>,
        /// The generation in which it got them; -1 if unknown.
        2+        generation_id: i32 = -1,
        /// Where it is, or null.
        3+        rack_id: Option<String>,
    }

    /// What a member gets.
    ConsumerProtocolAssignment {
        /// The partitions.
        0+        assigned_partitions: Vec<ConsumerProtocolTopic>,
        /// What the leader's assignor adds, or null.
        0+        user_data: Option<Bytes>,
    }

    /// Partitions of one topic. Kafka's schema calls this `TopicPartition`.
    ConsumerProtocolTopic {
        /// The topic's name.
        0+        topic: String,
        /// Their indexes.
        0+        partitions: Vec<i32>,
    }
}
// ANCHOR_END: subscription

message! { ConsumerProtocolSubscription }
message! { ConsumerProtocolAssignment }

/// The version that a subscription or an assignment is written in, as far as it is known here.
pub fn consumer_protocol_version(bytes: &Bytes) -> Option<i16> {
    Some(i16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]).clamp(0, CONSUMER_PROTOCOL_VERSION))
}

/// Reads a subscription or an assignment.
pub fn decode_consumer_protocol<M: Message>(bytes: Bytes) -> Decoded<M> {
    let mut r = Reader::new(bytes);
    let version = i16::from_be_bytes(r.array()?);
    M::decode(&mut r, M::version(version.clamp(0, CONSUMER_PROTOCOL_VERSION)))
}

/// Writes a subscription or an assignment.
pub fn encode_consumer_protocol<M: Message>(message: &M, version: i16) -> Bytes {
    let mut w = Writer::new();
    w.put(&version.to_be_bytes());
    message.encode(&mut w, M::version(version));
    w.into_bytes()
}
