//! A shard is read back from its log.
//!
//! Everything up to the log's end is read, also what is not committed yet: this leader's log is what will be. Nobody is
//! told of it before it is.

use std::collections::HashMap;

use bytes::Bytes;
use ch01_log::batch::{self, BatchHeader, Offset};
use ch01_log::compression::Compression;
use ch01_log::local_partition::LocalPartition;
use ch01_log::record::Records;
use tracing::warn;

use crate::records::GroupRecord;
use crate::shard::Shard;

/// Bytes that are read at a time.
const AT_ONCE: usize = 1 << 20;
/// The key of a control record that ends a transaction well: version 0, type 1.
const COMMIT_MARKER: [u8; 4] = [0, 0, 0, 1];

// ANCHOR: load
/// Replays the log up to `end`. Blocks.
pub fn load(log: &LocalPartition, end: Offset, shard: &mut Shard) -> Result<(), String> {
    let mut next = log.log().log_start_offset();
    // What producers have written in transactions whose end has not come yet.
    let mut open: HashMap<i64, Vec<GroupRecord>> = HashMap::new();
    while next < end {
        let read = log.log().read(next, end, AT_ONCE, true, false).map_err(|e| e.to_string())?;
        let Some(region) = read.region else { break };
        let bytes = region.read().map_err(|e| e.to_string())?;
        let before = next;
        for (header, batch) in batch::split(&bytes) {
            next = next.max(header.next_offset());
            if header.next_offset() > before {
                replay_batch(&header, batch, shard, &mut open)?;
            }
        }
        if next == before {
            return Err(format!("no batch at offset {before}"));
        }
    }
    Ok(())
}
// ANCHOR_END: load

fn replay_batch(
    header: &BatchHeader,
    batch: &[u8],
    shard: &mut Shard,
    open: &mut HashMap<i64, Vec<GroupRecord>>,
) -> Result<(), String> {
    let at = header.base_offset;
    let unreadable = |why: String| format!("batch at offset {at}: {why}");
    let codec = header.attributes.codec();
    let compression = Compression::from_codec(codec).ok_or_else(|| unreadable(format!("codec {codec}")))?;
    let body = compression.decompress(&batch[batch::HEADER_LEN..]).map_err(|e| unreadable(e.to_string()))?;
    for record in Records::new(&body, header.record_count) {
        let record = record.map_err(|e| unreadable(e.to_string()))?;
        let Some(key) = record.key else { continue };
        if header.attributes.is_control() {
            let written = open.remove(&header.producer_id).unwrap_or_default();
            let is_committed = key == COMMIT_MARKER;
            written.iter().filter(|_| is_committed).for_each(|record| shard.replay(record));
            continue;
        }
        let value = record.value.map(Bytes::copy_from_slice);
        match GroupRecord::decode(Bytes::copy_from_slice(key), value) {
            Ok(Some(record)) if header.attributes.is_transactional() => {
                open.entry(header.producer_id).or_default().push(record);
            }
            Ok(Some(record)) => shard.replay(&record),
            Ok(None) => {}
            Err(e) => warn!("offset {}: {e}; skipped", at + i64::from(record.offset_delta)),
        }
    }
    Ok(())
}
