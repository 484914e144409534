//! How far logs have been cleaned: `cleaner-offset-checkpoint` in a log directory, in Kafka's format, a line for each log
//! with its first dirty offset.
//!
//! Caveat: the file says something else, too: a log that is listed may have holes in its offsets, and recovery takes holes
//! in any other for damage. So a log is listed before the first of its segments is replaced.

use std::io;

use ch01_log::batch::Offset;
use ch01_log::log_dir::{CLEANED, LogDir};
use ch01_log::text_checkpoint::TopicPartition;

/// A log's first dirty offset; `None` if it was never cleaned.
pub fn first_dirty_offset(dir: &LogDir, name: &TopicPartition) -> io::Result<Option<Offset>> {
    Ok(dir.checkpoints()?.cleaned.get(name).copied())
}

/// Writes a log's first dirty offset down, durably.
pub fn update(dir: &LogDir, name: &TopicPartition, first_dirty_offset: Offset) -> io::Result<()> {
    dir.change_offsets(CLEANED, |offsets| {
        offsets.insert(name.clone(), first_dirty_offset);
    })
}
