//! Batches of the metadata log: records of the controller's, or control records of the quorum's, never both.
//!
//! They are ordinary batches of chapter 1, with what the metadata log never has left out: no producer, no headers, no
//! keys but those of control records, and no holes between offsets. All records of a batch count, or none: a batch is what
//! the controller writes for one decision.

use bytes::Bytes;
use ch01_log::batch::{self, BatchHeader, Epoch, HEADER_LEN, Offset, Timestamp};
use ch01_log::builder::BatchBuilder;
use ch01_log::compression::Compression;
use ch01_log::record::{Record, Records};

use super::{ControlRecord, MetadataRecord};

/// A batch of the metadata log or of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct MetadataBatch {
    /// The offset of its first record.
    pub base_offset: Offset,
    /// The epoch of the leader that wrote it.
    pub leader_epoch: Epoch,
    /// When it was written, in milliseconds since 1970.
    pub timestamp: Timestamp,
    /// What is in it.
    pub content: BatchContent,
}

/// What is in a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum BatchContent {
    /// Records of the controller's.
    Records(Vec<MetadataRecord>),
    /// Control records.
    Control(Vec<ControlRecord>),
}

/// Why a metadata log or snapshot cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("metadata record at offset {offset}: {what}")]
pub struct MetadataLogError {
    /// Offset of the record, or of the first of its batch.
    pub offset: Offset,
    /// What is wrong.
    pub what: String,
}

impl MetadataLogError {
    pub(super) fn new(offset: Offset, what: impl ToString) -> MetadataLogError {
        MetadataLogError { offset, what: what.to_string() }
    }
}

/// The attribute bit of control batches.
const CONTROL: i16 = 0x20;

impl MetadataBatch {
    /// The offset after its last record.
    pub fn next_offset(&self) -> Offset {
        let count = match &self.content {
            BatchContent::Records(records) => records.len(),
            BatchContent::Control(records) => records.len(),
        };
        self.base_offset + count as Offset
    }

    /// The batch as it stands in the log. It has at least one record.
    pub fn encode(&self) -> Bytes {
        assert!(self.next_offset() > self.base_offset, "an empty batch has no place in a log");
        let mut builder = BatchBuilder::new(self.base_offset).leader_epoch(self.leader_epoch);
        match &self.content {
            BatchContent::Records(records) => {
                records.iter().for_each(|record| builder.push(self.timestamp, None, Some(&record.encode()), &[]));
            }
            BatchContent::Control(records) => {
                builder = builder.attributes(CONTROL);
                for record in records {
                    builder.push(self.timestamp, Some(&record.encode_key()), Some(&record.encode_value()), &[]);
                }
            }
        }
        builder.build()
    }

    /// Reads the batch at the beginning of `bytes`, its checksum first.
    pub fn decode(bytes: &[u8]) -> Result<MetadataBatch, MetadataLogError> {
        let header = batch::check(bytes).map_err(|e| {
            // Of a batch that is damaged, the offset may still be right.
            let offset = bytes.first_chunk().map_or(-1, |&first| Offset::from_be_bytes(first));
            MetadataLogError::new(offset, e)
        })?;
        let error = |what: &dyn ToString| MetadataLogError::new(header.base_offset, what.to_string());
        let codec = Compression::from_codec(header.attributes.codec()).ok_or_else(|| error(&"an unknown codec"))?;
        let body = codec.decompress(&bytes[HEADER_LEN..header.size()]).map_err(|e| error(&e))?;
        let content = match header.attributes.is_control() {
            false => BatchContent::Records(read(&header, &body, metadata_record)?),
            true => BatchContent::Control(read(&header, &body, control_record)?),
        };
        let (base_offset, leader_epoch) = (header.base_offset, header.partition_leader_epoch);
        Ok(MetadataBatch { base_offset, leader_epoch, timestamp: header.max_timestamp, content })
    }
}

/// The batches in `bytes`, one after the other; after an error no more.
pub fn metadata_batches(mut bytes: &[u8]) -> impl Iterator<Item = Result<MetadataBatch, MetadataLogError>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let batch = MetadataBatch::decode(bytes);
        let rest = BatchHeader::parse(bytes).ok().and_then(|header| bytes.get(header.size()..));
        bytes = rest.filter(|_| batch.is_ok()).unwrap_or_default();
        Some(batch)
    })
}

/// Reads all records of a batch, whose offsets have no holes.
fn read<T>(
    header: &BatchHeader,
    body: &[u8],
    one: impl Fn(&Record<'_>) -> Result<T, String>,
) -> Result<Vec<T>, MetadataLogError> {
    let mut records = Records::new(body, header.record_count);
    let mut read = Vec::new();
    for (delta, record) in (0..).zip(&mut records) {
        let error = |what| MetadataLogError::new(header.base_offset + Offset::from(delta), what);
        let record = record.map_err(|e| error(e.to_string()))?;
        if record.offset_delta != delta {
            return Err(error(format!("it says that it is number {} of its batch", record.offset_delta)));
        }
        read.push(one(&record).map_err(error)?);
    }
    let left = records.finish().map_err(|e| e.to_string());
    let whole = read.len() as i64 == i64::from(header.last_offset_delta) + 1 && !read.is_empty();
    match left.and_then(|()| whole.then_some(read).ok_or("offsets without records".to_string())) {
        Ok(read) => Ok(read),
        Err(what) => Err(MetadataLogError::new(header.base_offset, what)),
    }
}

fn metadata_record(record: &Record<'_>) -> Result<MetadataRecord, String> {
    let value = record.value.ok_or("no value")?;
    MetadataRecord::decode(Bytes::copy_from_slice(value)).map_err(|e| e.to_string())
}

fn control_record(record: &Record<'_>) -> Result<ControlRecord, String> {
    let [key, value] = [record.key, record.value].map(|part| part.map(Bytes::copy_from_slice));
    ControlRecord::decode(key.ok_or("no key")?, value.ok_or("no value")?).map_err(|e| e.to_string())
}
