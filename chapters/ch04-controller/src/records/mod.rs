//! The records of the metadata log, as Kafka encodes them: `__cluster_metadata-0` and its snapshots are Kafka's, byte for
//! byte.
//!
//! ```text
//! frame version   unsigned varint   1
//! record type     unsigned varint   which of the messages below
//! version         unsigned varint   of that message
//! body                              the message, flexible encoding
//! ```
//!
//! That is the value of an ordinary record (its key is null) in an ordinary batch; `batches` writes and reads those.
//! Between them stand control batches, with records of the quorum's own: `control`.
//!
//! Caveat: `metadata.version` says which records, in which versions, may stand in a log. What is written here is what
//! 4.3-IV0 writes; older versions of a record are read.

mod access;
mod batches;
mod cluster;
mod control;
mod nodes;
mod snapshot;
mod topics;

use bytes::Bytes;
use ch00_wire::codec::{DecodeError, Reader, Wire, Writer};
use ch00_wire::message;
use ch00_wire::table::Message;

pub use access::*;
pub use batches::*;
pub use cluster::*;
pub use control::*;
pub use nodes::*;
pub use snapshot::*;
pub use topics::*;

/// Why bytes are no record of the metadata log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MetadataRecordError {
    /// The frame or the message is damaged.
    #[error("{name}: {source}")]
    Message {
        /// What was to be read.
        name: &'static str,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// A frame of another kind.
    #[error("frame version {0}; only version 1 is known")]
    FrameVersion(u32),
    /// A record that Apache Kafka 4.3 does not have.
    #[error("record type {0} is not known")]
    Type(u32),
    /// A record newer than Apache Kafka 4.3's.
    #[error("{name} version {version} is not known; the newest is {newest}")]
    Version {
        /// The record's name.
        name: &'static str,
        /// Its version there.
        version: u32,
        /// The newest version known here.
        newest: i16,
    },
    /// More than the message.
    #[error("{name}: {left} bytes after its end")]
    Trailing {
        /// The record's name.
        name: &'static str,
        /// Bytes that are left.
        left: usize,
    },
}

/// The list of records: type, name, newest version, message.
macro_rules! metadata_records {
    ($($number:literal $name:ident 0-$newest:literal $message:ident)*) => {
        /// A record of the metadata log.
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        #[serde(untagged)]
        pub enum MetadataRecord { $(
            #[doc = concat!("Type ", $number, ", versions 0 to ", $newest, ".")]
            $name($message),
        )* }

        $(
            message! { $message, flexible 0+ }

            impl From<$message> for MetadataRecord {
                fn from(message: $message) -> MetadataRecord {
                    MetadataRecord::$name(message)
                }
            }
        )*

        impl MetadataRecord {
            /// The number that names it in the log.
            pub fn record_type(&self) -> u32 {
                match self { $( MetadataRecord::$name(_) => $number, )* }
            }

            /// Its name in Kafka, such as `TopicRecord`.
            pub fn name(&self) -> &'static str {
                match self { $( MetadataRecord::$name(_) => stringify!($message), )* }
            }

            fn newest_version(&self) -> i16 {
                match self { $( MetadataRecord::$name(_) => $newest, )* }
            }

            fn encode_body(&self, w: &mut Writer, version: i16) {
                match self { $( MetadataRecord::$name(message) => message.encode(w, <$message as Message>::version(version)), )* }
            }

            fn decode_body(number: u32, version: u32, r: &mut Reader) -> Result<MetadataRecord, MetadataRecordError> {
                match number {
                    $( $number => decode_message(r, stringify!($message), version, $newest).map(MetadataRecord::$name), )*
                    unknown => Err(MetadataRecordError::Type(unknown)),
                }
            }
        }
    };
}

metadata_records! {
     0 RegisterBroker             0-4  RegisterBrokerRecord
     1 UnregisterBroker           0-0  UnregisterBrokerRecord
     2 Topic                      0-0  TopicRecord
     3 Partition                  0-2  PartitionRecord
     4 Config                     0-0  ConfigRecord
     5 PartitionChange            0-2  PartitionChangeRecord
     7 FenceBroker                0-0  FenceBrokerRecord
     8 UnfenceBroker              0-0  UnfenceBrokerRecord
     9 RemoveTopic                0-0  RemoveTopicRecord
    10 DelegationToken            0-0  DelegationTokenRecord
    11 UserScramCredential        0-0  UserScramCredentialRecord
    12 FeatureLevel               0-0  FeatureLevelRecord
    14 ClientQuota                0-0  ClientQuotaRecord
    15 ProducerIds                0-0  ProducerIdsRecord
    17 BrokerRegistrationChange   0-3  BrokerRegistrationChangeRecord
    18 AccessControlEntry         0-0  AccessControlEntryRecord
    19 RemoveAccessControlEntry   0-0  RemoveAccessControlEntryRecord
    20 NoOp                       0-0  NoOpRecord
    21 ZkMigrationState           0-0  ZkMigrationStateRecord
    22 RemoveUserScramCredential  0-0  RemoveUserScramCredentialRecord
    23 BeginTransaction           0-0  BeginTransactionRecord
    24 EndTransaction             0-0  EndTransactionRecord
    25 AbortTransaction           0-0  AbortTransactionRecord
    26 RemoveDelegationToken      0-0  RemoveDelegationTokenRecord
    27 RegisterController         0-0  RegisterControllerRecord
    28 ClearElr                   0-0  ClearElrRecord
}

/// The version of all frames.
const FRAME_VERSION: u32 = 1;

impl MetadataRecord {
    /// The version it is written in.
    pub fn version(&self) -> i16 {
        match self {
            // The lowest that has a place for what has changed, so that older nodes understand as much as they can.
            MetadataRecord::BrokerRegistrationChange(change) if change.cordoned_log_dirs.is_none() => {
                match (change.log_dirs.is_empty(), change.in_controlled_shutdown) {
                    (true, 0) => 0,
                    (true, _) => 1,
                    (false, _) => 2,
                }
            }
            _ => self.newest_version(),
        }
    }

    // ANCHOR: frame
    /// The record's frame, as it stands in a batch.
    pub fn encode(&self) -> Bytes {
        let mut w = Writer::new();
        w.unsigned_varint(FRAME_VERSION);
        w.unsigned_varint(self.record_type());
        w.unsigned_varint(self.version() as u32);
        self.encode_body(&mut w, self.version());
        w.into_bytes()
    }

    /// The record in a frame.
    pub fn decode(frame: Bytes) -> Result<MetadataRecord, MetadataRecordError> {
        let mut r = Reader::new(frame);
        let damaged = |source| MetadataRecordError::Message { name: "frame", source };
        let mut varint = || r.unsigned_varint().map_err(damaged);
        let (frame_version, record_type, version) = (varint()?, varint()?, varint()?);
        if frame_version != FRAME_VERSION {
            return Err(MetadataRecordError::FrameVersion(frame_version));
        }
        MetadataRecord::decode_body(record_type, version, &mut r)
    }
    // ANCHOR_END: frame
}

/// Reads a message that goes to the end of its bytes.
fn decode_message<M: Message>(
    r: &mut Reader,
    name: &'static str,
    version: u32,
    newest: i16,
) -> Result<M, MetadataRecordError> {
    let number = i16::try_from(version).ok().filter(|&number| number <= newest);
    let number = number.ok_or(MetadataRecordError::Version { name, version, newest })?;
    let message = M::decode(r, M::version(number)).map_err(|source| MetadataRecordError::Message { name, source })?;
    match r.remaining() {
        0 => Ok(message),
        left => Err(MetadataRecordError::Trailing { name, left }),
    }
}
