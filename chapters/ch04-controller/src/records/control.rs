//! Control records: what the quorum itself writes into the metadata log and its snapshots, between the records that the
//! controller writes.
//!
//! ```text
//! key     version i16 = 0, type i16
//! value   the message below; its first field says its version
//! ```
//!
//! They stand in batches of their own, marked as control batches, and take offsets like all others.

use bytes::Bytes;
use ch00_wire::codec::{Reader, Wire, Writer};
use ch00_wire::table::Message;
use ch00_wire::uuid::Uuid;
use ch00_wire::{message, structs};

use super::{MetadataRecordError, decode_message};

structs! {
    /// The first record of every epoch. When it is committed, so is everything before it.
    LeaderChangeMessage {
        /// The version of this message.
        0+        version: i16,
        /// The leader.
        0+        leader_id: i32,
        /// All voters.
        0+        voters: Vec<LeaderChangeVoter>,
        /// Those of them that voted for the leader.
        0+        granting_voters: Vec<LeaderChangeVoter>,
    }

    /// A voter. Kafka's schema calls this `Voter`.
    LeaderChangeVoter {
        /// Its id.
        0+        voter_id: i32,
        /// The id of the directory that its log is in.
        1+        voter_directory_id: Uuid,
    }

    /// The first record of a snapshot.
    SnapshotHeaderRecord {
        /// The version of this message.
        0+        version: i16,
        /// When the last record that the snapshot stands for was appended, in milliseconds since 1970.
        0+        last_contained_log_timestamp: i64,
    }

    /// The last record of a snapshot: what has none is not whole.
    SnapshotFooterRecord {
        /// The version of this message.
        0+        version: i16,
    }

    /// Whether the voters stand in the configuration (0) or in the log (1).
    KRaftVersionRecord {
        /// The version of this message.
        0+        version: i16,
        /// The level of the feature `kraft.version`.
        0+        k_raft_version: i16,
    }

    /// Who votes.
    VotersRecord {
        /// The version of this message.
        0+        version: i16,
        /// The voters.
        0+        voters: Vec<VotersRecordVoter>,
    }

    /// A voter. Kafka's schema calls this `Voter`.
    VotersRecordVoter {
        /// Its id.
        0+        voter_id: i32,
        /// The id of the directory that its log is in.
        0+        voter_directory_id: Uuid,
        /// Where it listens.
        0+        endpoints: Vec<VotersRecordEndpoint>,
        /// The levels of `kraft.version` that it can speak.
        0+        k_raft_version_feature: KRaftVersionFeature,
    }

    /// Where a voter listens. Kafka's schema calls this `Endpoint`.
    VotersRecordEndpoint {
        /// The listener's name.
        0+        name: String,
        /// Host name or address.
        0+        host: String,
        /// The port.
        0+        port: u16,
    }

    /// The levels of `kraft.version` that a voter can speak.
    KRaftVersionFeature {
        /// The lowest.
        0+        min_supported_version: i16,
        /// The highest.
        0+        max_supported_version: i16,
    }
}

/// The list of control records: type, name, newest version, message.
macro_rules! control_records {
    ($($number:literal $name:ident 0-$newest:literal $message:ident)*) => {
        /// A control record.
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        #[serde(untagged)]
        pub enum ControlRecord { $(
            #[doc = concat!("Type ", $number, ".")]
            $name($message),
        )* }

        $( message! { $message, flexible 0+ } )*

        impl ControlRecord {
            /// The number that names it in its key.
            pub fn record_type(&self) -> i16 {
                match self { $( ControlRecord::$name(_) => $number, )* }
            }

            /// Its value.
            pub fn encode_value(&self) -> Bytes {
                let mut w = Writer::new();
                match self { $( ControlRecord::$name(message) => {
                    message.encode(&mut w, <$message as Message>::version(message.version))
                } )* }
                w.into_bytes()
            }

            fn decode_value(number: i16, version: u32, r: &mut Reader) -> Result<ControlRecord, MetadataRecordError> {
                match number {
                    $( $number => decode_message(r, stringify!($message), version, $newest).map(ControlRecord::$name), )*
                    unknown => Err(MetadataRecordError::Type(unknown as u16 as u32)),
                }
            }
        }
    };
}

// Types 0 and 1 end transactions of producers, and have no place in the metadata log.
control_records! {
    2 LeaderChange    0-1  LeaderChangeMessage
    3 SnapshotHeader  0-0  SnapshotHeaderRecord
    4 SnapshotFooter  0-0  SnapshotFooterRecord
    5 KRaftVersion    0-0  KRaftVersionRecord
    6 Voters          0-0  VotersRecord
}

impl ControlRecord {
    /// Its key.
    pub fn encode_key(&self) -> [u8; 4] {
        let [high, low] = self.record_type().to_be_bytes();
        [0, 0, high, low]
    }

    /// The record of a key and a value.
    pub fn decode(key: Bytes, value: Bytes) -> Result<ControlRecord, MetadataRecordError> {
        let (mut key, mut version) = (Reader::new(key), Reader::new(value.clone()));
        let short = |source| MetadataRecordError::Message { name: "control record", source };
        let _key_version: [u8; 2] = key.array().map_err(short)?;
        let record_type = key.array().map(i16::from_be_bytes).map_err(short)?;
        let version = version.array().map(u16::from_be_bytes).map_err(short)?;
        ControlRecord::decode_value(record_type, version.into(), &mut Reader::new(value))
    }
}
