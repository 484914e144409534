//! The records of `__consumer_offsets`, as Kafka encodes them.
//!
//! ```text
//! key     record type i16, then one of the keys below
//! value   version i16, then the value below in that version; a null value takes back what was said under the same key
//! ```
//!
//! The topic is compacted: of each key, the last record stays.
//!
//! Caveat: others write to the same topic (groups of kinds that are not known here, a newer Kafka). A record of a type that
//! is not known is no error: it stays in the log, and means nothing.

mod classic;
mod consumer;
mod offsets;

use bytes::Bytes;
use ch00_wire::codec::{DecodeError, Reader, Writer};
use ch00_wire::message;
use ch00_wire::table::Message;

pub use classic::*;
pub use consumer::*;
pub use offsets::*;

/// Why bytes are no record of a group.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GroupRecordError {
    /// The key or the value is damaged.
    #[error("{name}: {source}")]
    Message {
        /// What was to be read.
        name: &'static str,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// A value newer than Apache Kafka 4.3's.
    #[error("{name} version {version} is not known; the newest is {newest}")]
    Version {
        /// The value's name.
        name: &'static str,
        /// Its version there.
        version: i16,
        /// The newest version known here.
        newest: i16,
    },
}

/// The list of records: type, name, the value's versions and the first flexible one, key, value.
macro_rules! group_records {
    ($($number:literal $name:ident 0-$newest:literal flexible $flexible:literal+ $key:ident $value:ident)*) => {
        /// A record: what is said of a group, or `None` where it does not hold any more.
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        pub enum GroupRecord { $(
            #[doc = concat!("Type ", $number, ", values of versions 0 to ", $newest, ".")]
            $name($key, Option<$value>),
        )* }

        $(
            message! { $key }
            message! { $value, flexible $flexible+ }
        )*

        impl GroupRecord {
            /// The number that names it in the log.
            pub fn record_type(&self) -> i16 {
                match self { $( GroupRecord::$name(..) => $number, )* }
            }

            /// Whether it only takes back what was said before.
            pub fn is_tombstone(&self) -> bool {
                match self { $( GroupRecord::$name(_, value) => value.is_none(), )* }
            }

            /// Its name in Kafka, such as `OffsetCommit`.
            pub fn name(&self) -> &'static str {
                match self { $( GroupRecord::$name(..) => stringify!($name), )* }
            }

            /// Its key and its value, as they stand in a batch.
            pub fn encode(&self) -> (Bytes, Option<Bytes>) {
                let version = self.version();
                match self { $( GroupRecord::$name(key, value) => {
                    let value = value.as_ref().map(|value| encode_after(version, value, version));
                    (encode_after($number, key, 0), value)
                } )* }
            }

            /// The record of a key and a value. `None`: a record of a type that is not known here.
            pub fn decode(key: Bytes, value: Option<Bytes>) -> Result<Option<GroupRecord>, GroupRecordError> {
                let mut key = Reader::new(key);
                Ok(Some(match read_number(&mut key, "key")? {
                    $( number if is_type($number, number) => GroupRecord::$name(
                        decode_message(&mut key, stringify!($key), 0)?,
                        value.map(|value| decode_value(value, stringify!($value), $newest)).transpose()?,
                    ), )*
                    _ => return Ok(None),
                }))
            }
        }
    };
}

group_records! {
     1 OffsetCommit                           0-4 flexible 4+ OffsetCommitKey OffsetCommitValue
     2 GroupMetadata                          0-4 flexible 4+ GroupMetadataKey GroupMetadataValue
     3 ConsumerGroupMetadata                  0-0 flexible 0+ ConsumerGroupMetadataKey ConsumerGroupMetadataValue
     4 ConsumerGroupPartitionMetadata         0-0 flexible 0+ ConsumerGroupPartitionMetadataKey ConsumerGroupPartitionMetadataValue
     5 ConsumerGroupMemberMetadata            0-0 flexible 0+ ConsumerGroupMemberMetadataKey ConsumerGroupMemberMetadataValue
     6 ConsumerGroupTargetAssignmentMetadata  0-0 flexible 0+ ConsumerGroupTargetAssignmentMetadataKey ConsumerGroupTargetAssignmentMetadataValue
     7 ConsumerGroupTargetAssignmentMember    0-0 flexible 0+ ConsumerGroupTargetAssignmentMemberKey ConsumerGroupTargetAssignmentMemberValue
     8 ConsumerGroupCurrentMemberAssignment   0-0 flexible 0+ ConsumerGroupCurrentMemberAssignmentKey ConsumerGroupCurrentMemberAssignmentValue
    16 ConsumerGroupRegularExpression         0-0 flexible 0+ ConsumerGroupRegularExpressionKey ConsumerGroupRegularExpressionValue
}

impl GroupRecord {
    /// The version that its value is written in: what Apache Kafka 4.3 writes, which older ones can read.
    pub fn version(&self) -> i16 {
        match self {
            // Only version 1 has a place for it.
            GroupRecord::OffsetCommit(_, Some(value)) if value.expire_timestamp != -1 => 1,
            GroupRecord::OffsetCommit(..) => 4,
            GroupRecord::GroupMetadata(..) => 3,
            _ => 0,
        }
    }
}

impl GroupRecord {
    /// The group that it is about.
    pub fn group_id(&self) -> &str {
        match self {
            GroupRecord::OffsetCommit(key, _) => &key.group,
            GroupRecord::GroupMetadata(key, _) => &key.group,
            GroupRecord::ConsumerGroupMetadata(key, _) => &key.group_id,
            GroupRecord::ConsumerGroupPartitionMetadata(key, _) => &key.group_id,
            GroupRecord::ConsumerGroupMemberMetadata(key, _) => &key.group_id,
            GroupRecord::ConsumerGroupTargetAssignmentMetadata(key, _) => &key.group_id,
            GroupRecord::ConsumerGroupTargetAssignmentMember(key, _) => &key.group_id,
            GroupRecord::ConsumerGroupCurrentMemberAssignment(key, _) => &key.group_id,
            GroupRecord::ConsumerGroupRegularExpression(key, _) => &key.group_id,
        }
    }
}

/// Whether this is the number of a type. Offsets also had 0, long ago.
fn is_type(number: i16, found: i16) -> bool {
    found == number || (number, found) == (1, 0)
}

/// A message behind a number of two bytes.
fn encode_after<M: Message>(number: i16, message: &M, version: i16) -> Bytes {
    let mut w = Writer::new();
    w.put(&number.to_be_bytes());
    message.encode(&mut w, M::version(version));
    w.into_bytes()
}

fn read_number(r: &mut Reader, name: &'static str) -> Result<i16, GroupRecordError> {
    r.array().map(i16::from_be_bytes).map_err(|source| GroupRecordError::Message { name, source })
}

fn decode_value<M: Message>(value: Bytes, name: &'static str, newest: i16) -> Result<M, GroupRecordError> {
    let mut r = Reader::new(value);
    match read_number(&mut r, name)? {
        version if (0..=newest).contains(&version) => decode_message(&mut r, name, version),
        version => Err(GroupRecordError::Version { name, version, newest }),
    }
}

fn decode_message<M: Message>(r: &mut Reader, name: &'static str, version: i16) -> Result<M, GroupRecordError> {
    M::decode(r, M::version(version)).map_err(|source| GroupRecordError::Message { name, source })
}
