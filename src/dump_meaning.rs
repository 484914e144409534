//! What the records of Kafka's own logs say: `dump` shows their names and fields in the place of bytes.
//!
//! ```text
//! $ mini-kafka dump data/__cluster_metadata-0
//!   offset 4: …, FeatureLevelRecord v0 {"name":"metadata.version","featureLevel":30}
//! $ mini-kafka dump data/__consumer_offsets-3
//!   offset 7: …, OffsetCommit v4 {"group":"readers","topic":"orders","partition":0} {"offset":5,…}
//! ```
//!
//! A record that is newer than those of Apache Kafka 4.3 is shown as bytes, with a remark; so is, without one, a record of
//! `__consumer_offsets` of a kind that this broker does not have.

use std::path::Path;

use bytes::Bytes;
use ch00_wire::table::Message;
use ch04_controller::records::{ControlRecord, MetadataRecord};
use ch05_groups::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, decode_consumer_protocol,
};
use ch05_groups::records::GroupRecord;
use mini_kafka::text::hex;
use serde::Serialize;
use serde_json::Value;

use crate::dump_batch::control_type;

/// What the records of a log are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordKind {
    /// Clients' own.
    #[default]
    Any,
    /// Those of the metadata log.
    Metadata,
    /// Those of `__consumer_offsets`.
    Group,
}

impl RecordKind {
    /// What is in a file: a segment of a log, or a snapshot of the metadata log.
    pub fn of(path: &Path) -> RecordKind {
        // What is named without its folder is in this one.
        let path = std::path::absolute(path).unwrap_or_default();
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        match () {
            _ if path.extension().is_some_and(|extension| extension == "checkpoint") => RecordKind::Metadata,
            _ if folder.starts_with("__cluster_metadata-") => RecordKind::Metadata,
            _ if folder.starts_with("__consumer_offsets-") => RecordKind::Group,
            _ => RecordKind::Any,
        }
    }

    /// What a record says, or why that cannot be told; `None` for bytes that only clients understand.
    pub fn meaning(
        self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        is_control: bool,
    ) -> Result<Option<Meaning>, String> {
        let (key, value) = (key.map(Bytes::copy_from_slice), value.map(Bytes::copy_from_slice));
        match self {
            RecordKind::Metadata if is_control => {
                control_meaning(key.unwrap_or_default(), value.unwrap_or_default()).map(Some)
            }
            RecordKind::Metadata => metadata_meaning(value.unwrap_or_default()).map(Some),
            RecordKind::Group if !is_control => group_meaning(key.unwrap_or_default(), value),
            RecordKind::Group | RecordKind::Any => Ok(None),
        }
    }
}

/// What a record says.
#[derive(Serialize)]
pub struct Meaning {
    /// Its name in Kafka, such as `TopicRecord`.
    #[serde(rename = "type")]
    name: &'static str,
    /// The version that it was written in; that of a record without a value is null.
    version: Option<u16>,
    /// Its fields. Those that this version does not have are shown with their defaults.
    data: Value,
    /// The fields of its key, if that says something, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Value>,
}

fn control_meaning(key: Bytes, value: Bytes) -> Result<Meaning, String> {
    let (name, version) = (control_type(&key), number(&value));
    let control = ControlRecord::decode(key, value).map_err(|e| e.to_string())?;
    Ok(Meaning { name, version: version.or(Some(0)), data: json(&control), key: None })
}

fn metadata_meaning(value: Bytes) -> Result<Meaning, String> {
    // The frame's version, the type, and the version, which are all small enough for a byte.
    let version = value.get(2).copied().unwrap_or_default();
    let record = MetadataRecord::decode(value).map_err(|e| e.to_string())?;
    Ok(Meaning { name: record.name(), version: Some(version.into()), data: json(&record), key: None })
}

fn group_meaning(key: Bytes, value: Option<Bytes>) -> Result<Option<Meaning>, String> {
    let version = value.as_ref().and_then(|value| number(value));
    let Some(record) = GroupRecord::decode(key, value).map_err(|e| e.to_string())? else { return Ok(None) };
    // By its name: the key, and the value.
    let Value::Object(fields) = json(&record) else { unreachable!("an enum with fields is an object") };
    let both = fields.into_iter().next().map(|(_, both)| both).unwrap_or_default();
    let (key, mut data) = (both[0].clone(), both[1].clone());
    match &record {
        GroupRecord::GroupMetadata(_, Some(group)) => {
            for (said, member) in group.members.iter().zip(data["members"].as_array_mut().into_iter().flatten()) {
                member["subscription"] = consumer_words::<ConsumerProtocolSubscription>(&said.subscription);
                member["assignment"] = consumer_words::<ConsumerProtocolAssignment>(&said.assignment);
            }
        }
        GroupRecord::ConsumerGroupMemberMetadata(_, Some(member)) => {
            let protocols = member.classic_member_metadata.0.iter().flat_map(|classic| &classic.supported_protocols);
            let shown = data.pointer_mut("/classicMemberMetadata/supportedProtocols").and_then(Value::as_array_mut);
            for (said, protocol) in protocols.zip(shown.into_iter().flatten()) {
                protocol["metadata"] = consumer_words::<ConsumerProtocolSubscription>(&said.metadata);
            }
        }
        _ => {}
    }
    Ok(Some(Meaning { name: record.name(), version, data, key: Some(key) }))
}

/// What consumers tell each other by way of the broker; the bytes, if it is something else.
fn consumer_words<M: Message>(bytes: &Bytes) -> Value {
    decode_consumer_protocol::<M>(bytes.clone()).map_or_else(|_| Value::String(hex(bytes)), |message| json(&message))
}

fn number(bytes: &[u8]) -> Option<u16> {
    bytes.first_chunk().map(|&first| u16::from_be_bytes(first))
}

fn json(record: &impl Serialize) -> Value {
    serde_json::to_value(record).expect("a record has names and values, all of which JSON has")
}

impl std::fmt::Display for Meaning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.name)?;
        self.version.iter().try_for_each(|version| write!(f, " v{version}"))?;
        self.key.iter().try_for_each(|key| write!(f, " {key}"))?;
        match &self.data {
            Value::Null => write!(f, " null (a tombstone)"),
            data => write!(f, " {}", without_nulls(data)),
        }
    }
}

/// Most records have many fields that say nothing.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let said = fields.iter().filter(|(_, value)| !value.is_null());
            said.map(|(name, value)| (name.clone(), without_nulls(value))).collect()
        }
        Value::Array(values) => values.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}
