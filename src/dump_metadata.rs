//! What the records of the metadata log say: `dump` shows their names and fields in the place of bytes.
//!
//! ```text
//! $ mini-kafka dump data/__cluster_metadata-0
//!   offset 4: …, FeatureLevelRecord v0 {"name":"metadata.version","featureLevel":30}
//! ```
//!
//! A record that is newer than those of Apache Kafka 4.3 is shown as bytes, with a remark.

use std::path::Path;

use bytes::Bytes;
use ch01_log::record::Record;
use ch04_controller::records::{ControlRecord, MetadataRecord, MetadataRecordError};
use serde::Serialize;
use serde_json::Value;

use crate::dump_batch::control_type;

/// A record of the metadata log.
#[derive(Serialize)]
pub struct Meaning {
    /// Its name in Kafka, such as `TopicRecord`.
    #[serde(rename = "type")]
    name: &'static str,
    /// The version that it was written in.
    version: u32,
    /// Its fields. Those that this version does not have are shown with their defaults.
    data: Value,
}

/// Whether a file is a segment of the metadata log, or a snapshot of it.
pub fn is_metadata_log(path: &Path) -> bool {
    let is_snapshot = path.extension().is_some_and(|extension| extension == "checkpoint");
    // What is named without its folder is in this one.
    let path = std::path::absolute(path).unwrap_or_default();
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    is_snapshot || folder.to_string_lossy().starts_with("__cluster_metadata-")
}

/// What a record says.
pub fn meaning(record: &Record<'_>, is_control: bool) -> Result<Meaning, MetadataRecordError> {
    let value = record.value.unwrap_or_default();
    if !is_control {
        return value_meaning(value);
    }
    let key = record.key.unwrap_or_default();
    let control = ControlRecord::decode(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value))?;
    let version = value.first_chunk().map_or(0, |&first| u16::from_be_bytes(first));
    Ok(Meaning { name: control_type(key), version: version.into(), data: json(&control) })
}

/// What the value of a record says that is no control record.
pub fn value_meaning(value: &[u8]) -> Result<Meaning, MetadataRecordError> {
    let record = MetadataRecord::decode(Bytes::copy_from_slice(value))?;
    // The frame's version, the type, and the version, which are all small enough for a byte.
    let version = value.get(2).copied().unwrap_or_default();
    Ok(Meaning { name: record.name(), version: version.into(), data: json(&record) })
}

fn json(record: &impl Serialize) -> Value {
    serde_json::to_value(record).expect("a record has names and values, all of which JSON has")
}

impl std::fmt::Display for Meaning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} v{} {}", self.name, self.version, without_nulls(&self.data))
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
