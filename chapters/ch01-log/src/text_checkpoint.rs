//! Kafka's small text files: a version, a count, and a line for each entry.
//!
//! ```text
//! 0
//! 2
//! hello-kafka 0 22
//! hello-kafka 1 19
//! ```
//!
//! Checkpoints of a log directory have a topic, a partition and an offset in each line; `leader-epoch-checkpoint` in a
//! partition's folder has an epoch and its first offset.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use crate::batch::{Epoch, Offset};
use crate::disk::Disk;

// ANCHOR: topic_partition
/// A topic and a partition's number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number, from 0.
    pub partition: i32,
}
// ANCHOR_END: topic_partition

impl TopicPartition {
    /// The partition `partition` of `topic`.
    pub fn new(topic: &str, partition: i32) -> TopicPartition {
        TopicPartition { topic: topic.to_owned(), partition }
    }

    /// Reads a folder's name, such as `hello-kafka-0`. `None` if it is no partition's.
    pub fn from_folder(name: &str) -> Option<TopicPartition> {
        let (topic, partition) = name.rsplit_once('-')?;
        let partition = partition.parse().ok().filter(|&p: &i32| p >= 0 && p.to_string() == partition)?;
        (!topic.is_empty()).then(|| TopicPartition::new(topic, partition))
    }
}

impl std::fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// Offsets of partitions, as in `recovery-point-offset-checkpoint`.
pub type Offsets = BTreeMap<TopicPartition, Offset>;

/// Reads a checkpoint of offsets. A missing file is an empty one.
pub fn read_offsets(path: &Path) -> io::Result<Offsets> {
    let entry = |line: &str| {
        let mut words = line.rsplitn(3, ' ');
        let offset = words.next()?.parse().ok()?;
        let partition = words.next()?.parse().ok()?;
        Some((TopicPartition::new(words.next()?, partition), offset))
    };
    Ok(read(path, entry)?.into_iter().collect())
}

/// Replaces a checkpoint of offsets, durably.
pub fn write_offsets(disk: &Disk, path: &Path, offsets: &Offsets) -> io::Result<()> {
    let lines = offsets.iter().map(|(tp, offset)| format!("{} {} {offset}", tp.topic, tp.partition));
    write(disk, path, lines, true)
}

/// Reads leader epochs with their first offsets. A missing file is an empty one.
pub fn read_epochs(path: &Path) -> io::Result<Vec<(Epoch, Offset)>> {
    read(path, |line| {
        let (epoch, start) = line.split_once(' ')?;
        Some((epoch.parse().ok()?, start.parse().ok()?))
    })
}

/// Replaces the leader epochs.
pub fn write_epochs(disk: &Disk, path: &Path, epochs: &[(Epoch, Offset)], durable: bool) -> io::Result<()> {
    write(disk, path, epochs.iter().map(|(epoch, start)| format!("{epoch} {start}")), durable)
}

fn read<T>(path: &Path, entry: impl Fn(&str) -> Option<T>) -> io::Result<Vec<T>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let damaged = |what: &str| {
        let message = format!("{}: {what}; remove the file to go on without it", path.display());
        io::Error::new(io::ErrorKind::InvalidData, message)
    };
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut lines = text.lines();
    if lines.next() != Some("0") {
        return Err(damaged("expected version 0 in the first line"));
    }
    let count: usize =
        lines.next().and_then(|n| n.parse().ok()).ok_or_else(|| damaged("expected a count in line 2"))?;
    let entries: Option<Vec<T>> = lines.map(entry).collect();
    match entries {
        Some(entries) if entries.len() == count => Ok(entries),
        Some(entries) => Err(damaged(&format!("{count} entries announced, {} there", entries.len()))),
        None => Err(damaged("a line that is no entry")),
    }
}

fn write(disk: &Disk, path: &Path, lines: impl ExactSizeIterator<Item = String>, durable: bool) -> io::Result<()> {
    let mut text = format!("0\n{}\n", lines.len());
    for line in lines {
        text.push_str(&line);
        text.push('\n');
    }
    disk.replace(path, text.as_bytes(), durable)
}
