//! The load behind `mini-kafka bench`: one producer, then one consumer, both librdkafka's.
//!
//! Latencies are those of acknowledgements: from the moment at which a record is handed to the library, so with the
//! time that it waits there. A producer that is always full waits mostly for itself.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use ch00_wire::error_code::ErrorCode;
use ch01_log::messages::{CreatableTopic, CreateTopicsRequest, DeleteTopicState, DeleteTopicsRequest};
use mini_kafka::cluster_client::ClusterClient;
use mini_kafka::retry::ClusterError;
use mini_kafka::text;
use mini_kafka::time::now;
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{Message, Offset, TopicPartitionList};
use serde::Serialize;

use crate::bench::BenchArgs;
use crate::bench_measure::{Histogram, Usage};
use crate::failure::Failure;
use crate::progress;

/// A broker that does nothing for this long is given up on.
const STALLED: Duration = Duration::from_secs(60);

/// What one half of the load showed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Measured {
    seconds: f64,
    mb_per_second: f64,
    messages_per_second: f64,
    /// CPU seconds of the brokers for each GB; `None` without `--pid`.
    cpu_seconds_per_gb: Option<f64>,
    /// The most memory that the brokers ever had, in MB.
    peak_memory_mb: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LatencyMs {
    p50: f64,
    p95: f64,
    p99: f64,
    p999: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'a> {
    record_size: u32,
    records: u64,
    partitions: i32,
    acks: &'a str,
    compression: &'a str,
    produce: Measured,
    acknowledged_after_ms: LatencyMs,
    consume: Measured,
}

/// Runs the load.
pub async fn run(args: BenchArgs) -> Result<(), Failure> {
    let records = args.count.unwrap_or((args.gb * 1e9 / f64::from(args.size)) as u64).max(1);
    let topic = format!("bench-{}", now());
    let mut cluster = args.connect.connect().await?;
    create(&mut cluster, &args, &topic).await?;
    let measured = load(&args, &topic, records);
    if !args.keep {
        delete(&mut cluster, &topic).await?;
    }
    let (produce, latencies, consume) = measured?;
    let quantile = |q| latencies.quantile(q) as f64 / 1e3;
    let acknowledged_after_ms =
        LatencyMs { p50: quantile(0.5), p95: quantile(0.95), p99: quantile(0.99), p999: quantile(0.999) };
    let (acks, compression) = (args.acks.as_str(), args.compression.as_str());
    let (record_size, partitions) = (args.size, args.partitions);
    let outcome =
        Outcome { record_size, records, partitions, acks, compression, produce, acknowledged_after_ms, consume };
    print(&outcome, args.json)
}

async fn create(cluster: &mut ClusterClient, args: &BenchArgs, topic: &str) -> Result<(), Failure> {
    let (num_partitions, replication_factor) = (args.partitions, args.replication_factor);
    let new = CreatableTopic { name: topic.to_owned(), num_partitions, replication_factor, ..Default::default() };
    let request = CreateTopicsRequest { topics: vec![new], ..Default::default() };
    let code =
        |topics: &[ch01_log::messages::CreatableTopicResult]| topics.first().map_or(ErrorCode::NONE, |t| t.error_code);
    let answer = cluster.call_controller(&request, |answer| code(&answer.topics)).await?;
    ClusterError::check(code(&answer.topics), None, || format!("topic `{topic}` was not created"))?;
    Ok(cluster.wait_for_leaders(topic, args.partitions as usize).await?)
}

async fn delete(cluster: &mut ClusterClient, topic: &str) -> Result<(), Failure> {
    let (name, topic_id) = (Some(topic.to_owned()), Default::default());
    let (topics, topic_names) = (vec![DeleteTopicState { name, topic_id }], vec![topic.to_owned()]);
    let request = DeleteTopicsRequest { topics, topic_names, timeout_ms: 30_000 };
    cluster.call_controller(&request, |a| a.responses.first().map_or(ErrorCode::NONE, |t| t.error_code)).await?;
    Ok(())
}

fn load(args: &BenchArgs, topic: &str, records: u64) -> Result<(Measured, Histogram, Measured), Failure> {
    let before = Usage::of(&args.pid)?;
    let (took, latencies) = produce(args, topic, records)?;
    let between = Usage::of(&args.pid)?;
    let produced = measured(args, records, took, &before, &between);
    let took = consume(args, topic, records)?;
    let consumed = measured(args, records, took, &between, &Usage::of(&args.pid)?);
    Ok((produced, latencies, consumed))
}

/// Three digits behind the point are more than a measurement is worth.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn measured(args: &BenchArgs, records: u64, took: Duration, before: &Usage, after: &Usage) -> Measured {
    let (seconds, bytes) = (took.as_secs_f64(), records as f64 * f64::from(args.size));
    let is_known = !args.pid.is_empty();
    Measured {
        seconds: rounded(seconds),
        mb_per_second: rounded(bytes / 1e6 / seconds),
        messages_per_second: (records as f64 / seconds).round(),
        cpu_seconds_per_gb: is_known.then(|| rounded((after.cpu_seconds - before.cpu_seconds) / (bytes / 1e9))),
        peak_memory_mb: is_known.then(|| rounded(after.peak_memory_mb)),
    }
}

fn failed(what: &str, e: KafkaError) -> Failure {
    Failure::Message(format!("{what}: {e}"))
}

/// What librdkafka calls back with.
struct Acknowledgements {
    started: Instant,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    latencies: Histogram,
    failure: Option<KafkaError>,
}

impl ClientContext for Acknowledgements {}

impl ProducerContext for Acknowledgements {
    /// Microseconds from the start to when the record was handed over.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, handed_over: usize) {
        let mut seen = self.seen.lock().unwrap();
        match result {
            Ok(_) => seen.latencies.add(self.started.elapsed().as_micros() as u64 - handed_over as u64),
            Err((e, _)) => seen.failure = Some(e.clone()),
        }
    }
}

fn produce(args: &BenchArgs, topic: &str, records: u64) -> Result<(Duration, Histogram), Failure> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &args.connect.bootstrap).set("acks", &args.acks);
    config.set("linger.ms", args.linger_ms.to_string()).set("batch.size", args.batch_size.to_string());
    config.set("compression.type", &args.compression).set("queue.buffering.max.kbytes", "262144");
    let started = Instant::now();
    let context = Acknowledgements { started, seen: Mutex::default() };
    let producer: BaseProducer<Acknowledgements> =
        config.create_with_context(context).map_err(|e| failed("librdkafka refuses the configuration", e))?;
    let mut value = vec![b'.'; args.size as usize];
    let progress = progress::counter("produced", Some(records));
    for n in 0..records {
        vary(&mut value, n);
        let handed_over = started.elapsed().as_micros() as usize;
        let mut record = BaseRecord::<(), _, usize>::with_opaque_to(topic, handed_over).payload(&value);
        while let Err((e, back)) = producer.send(record) {
            if e != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(failed("a record cannot be sent", e));
            }
            if started.elapsed().as_micros() as usize - handed_over > STALLED.as_micros() as usize {
                return Err(failed("the broker takes nothing any more", e));
            }
            producer.poll(Duration::from_millis(5));
            record = back;
        }
        if n % 1000 == 999 {
            producer.poll(Duration::ZERO);
            progress.inc(1000);
        }
    }
    producer.flush(STALLED).map_err(|e| failed("records that were never acknowledged", e))?;
    let took = started.elapsed();
    progress.finish_and_clear();
    let seen = std::mem::take(&mut *producer.context().seen.lock().unwrap());
    match seen.failure {
        Some(e) => Err(failed("a record was not acknowledged", e)),
        None => Ok((took, seen.latencies)),
    }
}

/// Makes a fifth of a value different from those before it, so that codecs have something to do.
fn vary(value: &mut [u8], n: u64) {
    let mut state = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let varied = value.len().div_ceil(5);
    for eight in value[..varied].chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        eight.copy_from_slice(&state.to_le_bytes()[..eight.len()]);
    }
}

fn consume(args: &BenchArgs, topic: &str, records: u64) -> Result<Duration, Failure> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &args.connect.bootstrap).set("group.id", "mini-kafka-bench");
    config.set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().map_err(|e| failed("librdkafka refuses the configuration", e))?;
    let mut assignment = TopicPartitionList::new();
    for partition in 0..args.partitions {
        let added = assignment.add_partition_offset(topic, partition, Offset::Beginning);
        added.map_err(|e| failed("the partitions cannot be assigned", e))?;
    }
    let progress = progress::counter("consumed", Some(records));
    let started = Instant::now();
    consumer.assign(&assignment).map_err(|e| failed("the partitions cannot be assigned", e))?;
    for n in 0..records {
        let message = consumer.poll(STALLED).ok_or_else(|| format!("only {n} of {records} records came back"))?;
        let message = message.map_err(|e| failed("reading", e))?;
        if message.payload_len() != args.size as usize {
            let (offset, len) = (message.offset(), message.payload_len());
            return Err(Failure::Message(format!("the record at offset {offset} came back with {len} bytes")));
        }
        if n % 1000 == 999 {
            progress.inc(1000);
        }
    }
    let took = started.elapsed();
    progress.finish_and_clear();
    Ok(took)
}

fn print(outcome: &Outcome<'_>, json: bool) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::stdout();
    if json {
        let line = serde_json::to_string(outcome).expect("numbers and names can be written");
        return Ok(writeln!(out, "{line}")?);
    }
    let Outcome { record_size, records, partitions, acks, compression, .. } = outcome;
    writeln!(
        out,
        "{records} records of {record_size} bytes, {partitions} partitions, acks {acks}, compression {compression}"
    )?;
    let or_unknown = |value: Option<f64>| value.map_or_else(|| "?".to_string(), |value| format!("{value:.2}"));
    let row = |name: &str, m: &Measured| {
        let (mb, messages) = (format!("{:.0}", m.mb_per_second), format!("{:.0}", m.messages_per_second));
        vec![name.to_owned(), mb, messages, or_unknown(m.cpu_seconds_per_gb), or_unknown(m.peak_memory_mb)]
    };
    let heading = ["", "MB/s", "messages/s", "broker CPU s/GB", "broker peak MB"].map(str::to_owned).to_vec();
    write!(out, "{}", text::table(&[heading, row("produce", &outcome.produce), row("consume", &outcome.consume)]))?;
    let LatencyMs { p50, p95, p99, p999 } = outcome.acknowledged_after_ms;
    writeln!(out, "acknowledged after (ms): p50 {p50:.1}, p95 {p95:.1}, p99 {p99:.1}, p99.9 {p999:.1}")?;
    Ok(())
}
