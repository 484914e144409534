//! Where in a partition: at its beginning or its end, at an offset, at a time.

use std::collections::BTreeMap;
use std::str::FromStr;

use ch01_log::batch::{Offset, Timestamp};
use mini_kafka::cluster_client::{ClusterClient, EARLIEST, LATEST};
use mini_kafka::retry::ClusterError;
use mini_kafka::time;

use crate::failure::Failure;

/// A place in a partition.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// The first record.
    Beginning,
    /// After the last record.
    End,
    /// An offset.
    Offset(Offset),
    /// The first record at or after this time.
    Time(Timestamp),
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Start, String> {
        match (text, text.strip_prefix('@')) {
            ("beginning" | "earliest", _) => Ok(Start::Beginning),
            ("end" | "latest", _) => Ok(Start::End),
            (_, Some(time)) => {
                let ms = time.parse().ok().filter(|&ms: &i64| ms >= 0);
                let time = ms
                    .or_else(|| time::parse_iso(time))
                    .ok_or("expected milliseconds or 2023-11-14T22:13:20Z after @")?;
                Ok(Start::Time(time))
            }
            _ => match text.parse() {
                Ok(offset @ 0..) => Ok(Start::Offset(offset)),
                _ => Err("expected beginning, end, an offset, @MILLISECONDS or @2023-11-14T22:13:20Z".to_string()),
            },
        }
    }
}

/// Offsets of some partitions.
pub struct Positions {
    /// Where to begin.
    pub starts: BTreeMap<i32, Offset>,
    /// Where they end.
    pub ends: BTreeMap<i32, Offset>,
}

/// The offset to begin at in each of these partitions (none: all of them), and its end. `committed`: the end is that of
/// transactions that are closed.
pub async fn positions(
    cluster: &mut ClusterClient,
    name: &str,
    partitions: &[i32],
    from: Start,
    committed: bool,
) -> Result<Positions, Failure> {
    let topic = cluster.topic(name, false).await?;
    let mut partitions = partitions.to_vec();
    if partitions.is_empty() {
        partitions = topic.partitions.iter().map(|p| p.partition_index).collect();
    }
    let mut ask = async |timestamp| {
        let wanted = partitions.iter().map(|&partition| (partition, timestamp)).collect();
        let found = cluster.list_offsets(name, &wanted, committed).await?;
        Ok::<BTreeMap<i32, Offset>, ClusterError>(found.iter().map(|(&p, found)| (p, found.offset)).collect())
    };
    let ends = ask(LATEST).await?;
    let mut starts = match from {
        Start::End => ends.clone(),
        Start::Time(time) => ask(time).await?,
        Start::Beginning | Start::Offset(_) => ask(EARLIEST).await?,
    };
    for (partition, start) in &mut starts {
        let end = ends[partition];
        match from {
            Start::Offset(offset) if (*start..=end).contains(&offset) => *start = offset,
            Start::Offset(offset) => {
                let what =
                    format!("{name}-{partition} has no offset {offset}: it begins at {start} and ends before {end}");
                return Err(Failure::Message(what));
            }
            // No record is as late as that.
            Start::Time(_) if *start < 0 => *start = end,
            _ => {}
        }
    }
    Ok(Positions { starts, ends })
}
