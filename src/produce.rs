//! `mini-kafka produce`: each line of standard input becomes a record.
//!
//! ```text
//! $ printf 'alice:1\nbob:2\n' | mini-kafka produce orders --key-separator :
//! ```
//!
//! Lines are gathered for a few milliseconds (Kafka's `linger.ms`) or up to half a megabyte, and then sent as one batch
//! for each partition; while these are under way, the next lines are read.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, IsTerminal, Write, stdin, stdout};
use std::time::{Duration, Instant};

use ch01_log::compression::Compression;
use clap::Args;
use mini_kafka::producer::{Acknowledged, NewRecord, Producer, ProducerConfig};
use mini_kafka::time::now;
use tokio::sync::mpsc;
use tokio::time::timeout_at;

use crate::connect::{ConnectArgs, name_and_value};
use crate::failure::Failure;
use crate::progress;

/// How long a batch waits for more lines.
const LINGER: Duration = Duration::from_millis(5);
/// Bytes at which it waits no longer.
const BATCH_BYTES: usize = 512 << 10;

/// Arguments of `produce`.
#[derive(Args, Debug)]
pub struct ProduceArgs {
    /// The topic; a broker may create it if it is configured to do so.
    topic: String,
    /// What separates a line's key from its value; lines without it have no key.
    #[arg(long, value_name = "TEXT")]
    key_separator: Option<String>,
    /// Sends an empty value as null: on a compacted topic that deletes the key.
    #[arg(long)]
    empty_is_null: bool,
    /// Sends everything to this partition, whatever the keys.
    #[arg(long, value_name = "N")]
    partition: Option<i32>,
    /// Who has to have a record: 0 nobody, 1 the leader, all the replicas in sync.
    #[arg(long, value_name = "0|1|all", default_value = "all", value_parser = parse_acks)]
    acks: i16,
    /// How batches are compressed.
    #[arg(long, value_name = "none|gzip|snappy|lz4|zstd", default_value = "none")]
    compression: Compression,
    /// A header for every record; may be given several times.
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = name_and_value)]
    headers: Vec<(String, Option<String>)>,
    /// Numbers records so that none is written twice; on unless `--acks` is 0 or 1.
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    idempotent: Option<bool>,
    /// Prints where each record went.
    #[arg(long)]
    verbose: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

fn parse_acks(text: &str) -> Result<i16, String> {
    match text {
        "0" => Ok(0),
        "1" => Ok(1),
        "all" | "-1" => Ok(-1),
        _ => Err("expected 0, 1 or all".to_string()),
    }
}

/// Runs `produce`.
pub async fn run(args: ProduceArgs) -> Result<(), Failure> {
    let idempotent = args.idempotent.unwrap_or(args.acks == -1);
    if idempotent && args.acks != -1 {
        return Err(Failure::Usage(
            "--idempotent needs --acks all: a record that is lost could not be missed".to_string(),
        ));
    }
    let config = ProducerConfig { acks: args.acks, compression: args.compression, idempotent };
    let cluster = args.connect.connect().await?;
    let mut producer = Producer::start(cluster, &args.topic, config).await?;
    let mut lines = read_lines();
    let mut summary = Summary::default();
    let is_quiet = args.verbose || stdin().is_terminal();
    let progress = if is_quiet { progress::none() } else { progress::counter("records", None) };
    let started = Instant::now();
    // ANCHOR: linger
    // The first line of a batch is waited for as long as it takes, the others only for the linger.
    while let Some(line) = lines.recv().await {
        let mut order = vec![add(&mut producer, &args, &line?)?];
        let until = tokio::time::Instant::now() + LINGER;
        while producer.gathered() < BATCH_BYTES
            && let Ok(Some(line)) = timeout_at(until, lines.recv()).await
        {
            order.push(add(&mut producer, &args, &line?)?);
        }
        summary.bytes += producer.gathered();
        let acknowledged = producer.flush().await?;
        // ANCHOR_END: linger
        summary.note(&acknowledged);
        progress.inc(order.len() as u64);
        if args.verbose {
            print_offsets(&order, &acknowledged)?;
        }
    }
    progress.finish_and_clear();
    eprintln!("{}", summary.text(&args.topic, started.elapsed()));
    Ok(())
}

/// Reads lines on a thread of its own, since standard input can only be waited for by blocking.
fn read_lines() -> mpsc::Receiver<Result<Vec<u8>, Failure>> {
    let (sender, receiver) = mpsc::channel(10_000);
    std::thread::spawn(move || {
        let mut input = stdin().lock();
        loop {
            let mut line = Vec::new();
            let read = match input.read_until(b'\n', &mut line) {
                Ok(0) => return,
                Ok(_) => Ok(without_line_end(line)),
                Err(e) => Err(Failure::Message(format!("standard input: {e}"))),
            };
            let failed = read.is_err();
            if sender.blocking_send(read).is_err() || failed {
                return;
            }
        }
    });
    receiver
}

fn without_line_end(mut line: Vec<u8>) -> Vec<u8> {
    line.pop_if(|&mut last| last == b'\n');
    if cfg!(windows) {
        line.pop_if(|&mut last| last == b'\r');
    }
    line
}

/// Adds a line to the producer's batches and returns its partition.
fn add(producer: &mut Producer, args: &ProduceArgs, line: &[u8]) -> Result<i32, Failure> {
    let separator = args.key_separator.as_deref().filter(|separator| !separator.is_empty());
    let (key, value) =
        match separator.and_then(|s| Some((line.windows(s.len()).position(|w| w == s.as_bytes())?, s.len()))) {
            Some((at, length)) => (Some(&line[..at]), &line[at + length..]),
            None => (None, line),
        };
    let headers: Vec<_> =
        args.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_deref().map(str::as_bytes))).collect();
    let value = Some(value).filter(|value| !(args.empty_is_null && value.is_empty()));
    let record = NewRecord { partition: args.partition, timestamp: now(), key, value, headers: &headers };
    Ok(producer.add(&record)?)
}

/// Prints `partition@offset` for each record, in the order of the lines.
fn print_offsets(order: &[i32], acknowledged: &[Acknowledged]) -> Result<(), Failure> {
    let mut next: HashMap<i32, Option<i64>> = acknowledged.iter().map(|a| (a.partition, a.base_offset)).collect();
    let mut out = stdout().lock();
    for partition in order {
        let offset = next.get_mut(partition).and_then(Option::as_mut);
        match offset {
            Some(offset) => {
                writeln!(out, "{partition}@{offset}")?;
                *offset += 1;
            }
            // With acks 0 nobody says where it went.
            None => writeln!(out, "{partition}@?")?,
        }
    }
    Ok(out.flush()?)
}

#[derive(Default)]
struct Summary {
    records: u64,
    batches: u64,
    bytes: usize,
    partitions: BTreeSet<i32>,
}

impl Summary {
    fn note(&mut self, acknowledged: &[Acknowledged]) {
        self.batches += acknowledged.len() as u64;
        self.records += acknowledged.iter().map(|a| a.records as u64).sum::<u64>();
        self.partitions.extend(acknowledged.iter().map(|a| a.partition));
    }

    fn text(&self, topic: &str, took: Duration) -> String {
        let Summary { records, batches, bytes, partitions } = self;
        let partitions: Vec<_> = partitions.iter().map(i32::to_string).collect();
        let (mb, seconds) = (*bytes as f64 / 1e6, took.as_secs_f64());
        let records = if *records == 1 { "1 record".to_owned() } else { format!("{records} records") };
        let batches = if *batches == 1 { "1 batch".to_owned() } else { format!("{batches} batches") };
        let partitions = partitions.join(",");
        format!("{topic}: {records} in {batches}, partitions [{partitions}], {mb:.3} MB in {seconds:.3} s")
    }
}
