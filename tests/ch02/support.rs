//! What the tests of chapter 2 share.

#![allow(dead_code)]

use ch01_log::segment_info::SegmentInfo;

pub use crate::ch01::*;

/// A segment as a plan sees it.
pub fn segment(base_offset: i64, size: u64, largest_timestamp: i64) -> SegmentInfo {
    SegmentInfo {
        base_offset,
        size,
        offset_index_size: 0,
        time_index_size: 0,
        largest_timestamp,
        first_batch_timestamp: largest_timestamp,
    }
}
