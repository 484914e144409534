//! `mini-kafka consume`: prints the records of a topic's partitions.
//!
//! ```text
//! $ mini-kafka consume orders --from beginning --exit --keys --offsets
//! 0@0     alice   1
//! 2@0     bob     2
//! ```
//!
//! A line is the columns that were asked for and the value, with tabs between them; bytes that are no text are shown as
//! `\xff`, null as `null`. Records that hold tabs or line ends are told apart with `--json`.

use std::collections::BTreeMap;
use std::io::{self, StdoutLock, Write, stdout};
use std::ops::ControlFlow;

use ch01_log::batch::{Offset, Timestamp};
use clap::Args;
use mini_kafka::consumer::{ConsumedRecord, Consumer, Fetched};
use mini_kafka::text::{JsonBytes, JsonHeader, lossless};
use mini_kafka::time;
use serde::Serialize;

use crate::connect::ConnectArgs;
use crate::consume_group;
use crate::failure::Failure;
use crate::positions::{Positions, Start, positions};

/// Arguments of `consume`.
#[derive(Args, Debug)]
pub struct ConsumeArgs {
    /// The topic.
    pub topic: String,
    /// A partition to read; may be given several times, all of them unless told otherwise.
    #[arg(long = "partition", value_name = "N")]
    partitions: Vec<i32>,
    /// Reads as a member of this group: shares the topic's partitions with the others, goes on where the group was, and
    /// commits how far it has come. `--from` is for partitions of which nothing has been committed.
    #[arg(long, value_name = "GROUP", conflicts_with = "partitions")]
    group: Option<String>,
    /// Where to begin: `beginning`, `end`, an offset, or the first record at or after a time: `@1700000000000`
    /// (milliseconds since 1970), `@2023-11-14T22:13:20Z`.
    #[arg(long, value_name = "WHERE", default_value = "beginning")]
    pub from: Start,
    /// Ends after this many records.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Ends at what is the partitions' end when it begins, and does not wait for more.
    #[arg(long)]
    exit: bool,
    /// Prints keys.
    #[arg(long)]
    keys: bool,
    /// Prints headers.
    #[arg(long)]
    headers: bool,
    /// Prints timestamps.
    #[arg(long)]
    timestamps: bool,
    /// Prints partition and offset.
    #[arg(long)]
    offsets: bool,
    /// Prints everything of each record, as a line of JSON.
    #[arg(long)]
    json: bool,
    /// Leaves out records of transactions that were aborted or are still open (isolation level read committed).
    #[arg(long)]
    pub committed: bool,
    #[command(flatten)]
    pub connect: ConnectArgs,
}

/// Runs `consume`.
pub async fn run(args: ConsumeArgs) -> Result<(), Failure> {
    if let Some(group) = &args.group {
        return consume_group::run(&args, group).await;
    }
    let mut cluster = args.connect.connect().await?;
    let Positions { starts, ends, .. } =
        positions(&mut cluster, &args.topic, &args.partitions, args.from, args.committed).await?;
    let mut consumer = Consumer::new(cluster, &args.topic, starts, args.committed);
    let mut printer = Printer::new(&args);
    while printer.print_some(&mut consumer, &ends).await? {}
    Ok(())
}

/// Prints records as the arguments say.
pub struct Printer<'a> {
    args: &'a ConsumeArgs,
    out: io::BufWriter<StdoutLock<'static>>,
    /// Records still to be printed.
    left: u64,
}

impl<'a> Printer<'a> {
    /// Prints to standard output.
    pub fn new(args: &'a ConsumeArgs) -> Printer<'a> {
        Printer { args, out: io::BufWriter::new(stdout().lock()), left: args.count.unwrap_or(u64::MAX) }
    }

    /// Prints what one fetch brings. Whether there may be more to print; with `--exit`, partitions are over at these ends.
    pub async fn print_some(&mut self, consumer: &mut Consumer, ends: &BTreeMap<i32, Offset>) -> Result<bool, Failure> {
        let args = self.args;
        for (&partition, &end) in ends.iter().filter(|_| args.exit) {
            if consumer.position(partition).is_some_and(|position| position >= end) {
                consumer.stop(partition);
            }
        }
        if consumer.is_done() || self.left == 0 {
            return Ok(false);
        }
        for fetched in consumer.fetch().await? {
            if let Fetched::Moved { partition, from, to } = fetched {
                let topic = &args.topic;
                eprintln!("mini-kafka: {topic}-{partition}: there is no offset {from} any more; going on at {to}");
            }
            consumer.read(&fetched, |partition, record| {
                let is_beyond = args.exit && ends.get(&partition).is_some_and(|&end| record.offset >= end);
                if is_beyond { Ok(ControlFlow::Break(())) } else { self.print(partition, &record) }
            })?;
        }
        self.out.flush()?;
        Ok(true)
    }

    fn print(&mut self, partition: i32, record: &ConsumedRecord<'_>) -> Result<ControlFlow<()>, Failure> {
        if self.left == 0 {
            return Ok(ControlFlow::Break(()));
        }
        self.left -= 1;
        if self.args.json {
            serde_json::to_writer(&mut self.out, &JsonRecord::new(&self.args.topic, partition, record))
                .map_err(io::Error::from)?;
            writeln!(self.out)?;
        } else {
            self.print_columns(partition, record)?;
        }
        Ok(if self.left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn print_columns(&mut self, partition: i32, record: &ConsumedRecord<'_>) -> io::Result<()> {
        let text = |bytes: Option<&[u8]>| bytes.map_or_else(|| "null".to_string(), lossless);
        let out = &mut self.out;
        if self.args.offsets {
            write!(out, "{partition}@{}\t", record.offset)?;
        }
        if self.args.timestamps {
            write!(out, "{}\t", time::iso(record.timestamp))?;
        }
        if self.args.headers {
            let header = |(name, value): (&[u8], Option<&[u8]>)| match value {
                Some(value) => format!("{}={}", lossless(name), lossless(value)),
                None => lossless(name),
            };
            write!(out, "{}\t", record.headers.iter().map(header).collect::<Vec<_>>().join(","))?;
        }
        if self.args.keys {
            write!(out, "{}\t", text(record.key))?;
        }
        match record.value {
            // The usual case, without a copy.
            Some(value) if std::str::from_utf8(value).is_ok() => out.write_all(value)?,
            value => out.write_all(text(value).as_bytes())?,
        }
        out.write_all(b"\n")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonRecord<'a> {
    topic: &'a str,
    partition: i32,
    offset: Offset,
    timestamp: Timestamp,
    timestamp_type: &'static str,
    key: JsonBytes<'a>,
    value: JsonBytes<'a>,
    headers: Vec<JsonHeader<'a>>,
}

impl<'a> JsonRecord<'a> {
    fn new(topic: &'a str, partition: i32, record: &ConsumedRecord<'a>) -> JsonRecord<'a> {
        let header = |(name, value)| JsonHeader { name: JsonBytes(Some(name)), value: JsonBytes(value) };
        JsonRecord {
            topic,
            partition,
            offset: record.offset,
            timestamp: record.timestamp,
            timestamp_type: if record.is_append_time { "LogAppendTime" } else { "CreateTime" },
            key: JsonBytes(record.key),
            value: JsonBytes(record.value),
            headers: record.headers.iter().map(header).collect(),
        }
    }
}
