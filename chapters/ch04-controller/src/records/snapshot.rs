//! Snapshots of the metadata log: what its records up to an offset add up to, so that they need not be kept.
//!
//! ```text
//! control batch   header; with kraft.version 1 also kraft version and voters
//! batches         records: replayed in order they give the image
//! control batch   footer
//! ```
//!
//! The file is named after what it stands for: `<end offset, 20 digits>-<epoch, 10 digits>.checkpoint`. Its batches have
//! offsets of their own, from 0, which mean nothing. A file without its footer is not whole; `bootstrap.checkpoint`, the
//! records that a new log begins with, is of the same form.

use bytes::Bytes;
use ch01_log::batch::{Epoch, Offset, Timestamp};

use super::{
    BatchContent, ControlRecord, MetadataBatch, MetadataLogError, MetadataRecord, SnapshotFooterRecord,
    SnapshotHeaderRecord, metadata_batches,
};

/// What is in a snapshot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetadataSnapshot {
    /// When the last record that it stands for was appended, in milliseconds since 1970.
    pub last_contained_log_timestamp: Timestamp,
    /// What the quorum has to know: kraft version and voters, if they stand in the log.
    pub control: Vec<ControlRecord>,
    /// The records.
    pub records: Vec<MetadataRecord>,
}

/// Records in a batch of a snapshot: a few hundred kilobytes.
const RECORDS_PER_BATCH: usize = 1024;

impl MetadataSnapshot {
    /// The batches of the file, for a snapshot at `epoch` that is written `now`.
    pub fn write(self, epoch: Epoch, now: Timestamp) -> impl Iterator<Item = Bytes> {
        let MetadataSnapshot { last_contained_log_timestamp, control, records } = self;
        let header = SnapshotHeaderRecord { version: 0, last_contained_log_timestamp };
        let first = std::iter::once(ControlRecord::SnapshotHeader(header)).chain(control).collect();
        let last = vec![ControlRecord::SnapshotFooter(SnapshotFooterRecord { version: 0 })];
        let mut records = records.into_iter();
        let between = std::iter::from_fn(move || {
            let batch: Vec<_> = records.by_ref().take(RECORDS_PER_BATCH).collect();
            (!batch.is_empty()).then_some(BatchContent::Records(batch))
        });
        let contents =
            std::iter::once(BatchContent::Control(first)).chain(between).chain([BatchContent::Control(last)]);
        let mut base_offset: Offset = 0;
        contents.map(move |content| {
            let batch = MetadataBatch { base_offset, leader_epoch: epoch, timestamp: now, content };
            base_offset = batch.next_offset();
            batch.encode()
        })
    }

    /// Reads a whole file.
    pub fn read(bytes: &[u8]) -> Result<MetadataSnapshot, MetadataLogError> {
        let mut snapshot = MetadataSnapshot::default();
        let (mut next_offset, mut has_header, mut has_footer) = (0, false, false);
        for batch in metadata_batches(bytes) {
            let batch = batch?;
            let error = |what| MetadataLogError::new(batch.base_offset, what);
            if batch.base_offset != next_offset {
                return Err(error("not the next batch of a snapshot"));
            }
            next_offset = batch.next_offset();
            match batch.content {
                _ if has_footer => return Err(error("a batch after the snapshot's footer")),
                BatchContent::Records(_) if !has_header => return Err(error("a snapshot without its header")),
                BatchContent::Records(records) => snapshot.records.extend(records),
                BatchContent::Control(records) => {
                    for record in records {
                        match record {
                            ControlRecord::SnapshotHeader(header) => {
                                has_header = true;
                                snapshot.last_contained_log_timestamp = header.last_contained_log_timestamp;
                            }
                            _ if !has_header => return Err(error("a snapshot without its header")),
                            ControlRecord::SnapshotFooter(_) => has_footer = true,
                            other => snapshot.control.push(other),
                        }
                    }
                }
            }
        }
        match has_footer {
            true => Ok(snapshot),
            false => Err(MetadataLogError::new(next_offset, "the snapshot ends before its footer")),
        }
    }
}
