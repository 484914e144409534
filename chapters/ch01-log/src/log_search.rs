//! Searching a log by time: the first record at or after a timestamp, and the one with the largest.

use crate::batch::{self, BatchHeader, Epoch, Offset, Timestamp};
use crate::compression::Compression;
use crate::log::Log;
use crate::record::Records;
use crate::scan::{Corruption, LogError};
use crate::segment::Segment;

/// A record found by its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundTimestamp {
    /// The record's timestamp.
    pub timestamp: Timestamp,
    /// Its offset.
    pub offset: Offset,
    /// The leader epoch of its batch.
    pub leader_epoch: Epoch,
}

impl Log {
    // ANCHOR: find_timestamp
    /// The first record at or after a time, below `end`.
    pub fn find_timestamp(&mut self, target: Timestamp, end: Offset) -> Result<Option<FoundTimestamp>, LogError> {
        let mut from = self.log_start_offset;
        for base in self.segment_offsets() {
            let segment = self.segments.get_mut(&base).expect("just listed");
            if segment.max_timestamp()?.timestamp < target {
                continue;
            }
            while let Some((position, header)) = segment.find_timestamp(target, from)? {
                if header.base_offset >= end {
                    return Ok(None);
                }
                let bytes = segment.read_batch(position, &header)?;
                let is_wanted = |offset, timestamp| offset >= from && offset < end && timestamp >= target;
                if let Some(found) = find_record(&bytes, segment, position, is_wanted)? {
                    return Ok(Some(found));
                }
                from = header.next_offset();
            }
        }
        Ok(None)
    }
    // ANCHOR_END: find_timestamp

    /// The first record among those with the largest timestamp.
    pub fn find_max_timestamp(&mut self, end: Offset) -> Result<Option<FoundTimestamp>, LogError> {
        let mut largest: Option<(Timestamp, Offset)> = None;
        for (&base, segment) in self.segments.iter_mut() {
            let max = segment.max_timestamp()?;
            if max.timestamp != batch::NO_TIMESTAMP && largest.is_none_or(|(timestamp, _)| max.timestamp > timestamp) {
                largest = Some((max.timestamp, base));
            }
        }
        let Some((timestamp, _)) = largest else { return Ok(None) };
        self.find_timestamp(timestamp, end)
    }
}

/// The first record of a batch that is wanted, by offset and timestamp.
fn find_record(
    bytes: &[u8],
    segment: &Segment,
    position: batch::Position,
    is_wanted: impl Fn(Offset, Timestamp) -> bool,
) -> Result<Option<FoundTimestamp>, LogError> {
    let damaged =
        |offset, what: String| LogError::from(Corruption { file: segment.path().to_owned(), position, offset, what });
    let offset = BatchHeader::parse(bytes).map_or(segment.base_offset(), |h| h.base_offset);
    let header = batch::check(bytes).map_err(|e| damaged(offset, e.to_string()))?;
    let leader_epoch = header.partition_leader_epoch;
    let codec = Compression::from_codec(header.attributes.codec());
    let codec = codec.ok_or_else(|| damaged(offset, "unknown codec".to_string()))?;
    let records = codec.decompress(crate::scan::body(bytes)).map_err(|e| damaged(offset, e.to_string()))?;
    for record in Records::new(&records, header.record_count) {
        let record = record.map_err(|e| damaged(offset, e.to_string()))?;
        let offset = header.base_offset + Offset::from(record.offset_delta);
        let own = record.timestamp(header.base_timestamp);
        let timestamp = if header.attributes.is_append_time() { header.max_timestamp } else { own };
        if is_wanted(offset, timestamp) {
            return Ok(Some(FoundTimestamp { timestamp, offset, leader_epoch }));
        }
    }
    Ok(None)
}
