//! Everything a client puts in comes out again: keys, headers, nulls, empty values, every codec.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::harness::*;

/// A record as a consumer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub offset: i64,
    pub key: Option<String>,
    pub value: String,
    pub is_null: bool,
    pub headers: Vec<(String, Option<String>)>,
}

/// Everything in partition 0 of a topic, read by librdkafka.
pub fn consume_all(bootstrap: &str, topic: &str) -> Vec<Seen> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "unused")
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&assignment).unwrap();
    let mut seen = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    loop {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for the end of {topic}, saw {} records", seen.len());
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => return seen,
            Some(Err(e)) => panic!("{e}"),
            Some(Ok(message)) => seen.push(Seen {
                offset: message.offset(),
                key: message.key().map(text),
                value: message.payload().map(text).unwrap_or_default(),
                is_null: message.payload().is_none(),
                headers: message
                    .headers()
                    .map(|h| h.iter().map(|h| (h.key.to_string(), h.value.map(text))).collect())
                    .unwrap_or_default(),
            }),
        }
    }
}

fn record(i: i64) -> Seen {
    Seen {
        offset: i,
        key: match i % 5 {
            0 => None,
            1 => Some(String::new()),
            _ => Some(format!("key-{i}")),
        },
        value: if i % 7 < 2 { String::new() } else { format!("value-{i}-{}", "x".repeat((i % 150) as usize)) },
        is_null: i % 7 == 0,
        headers: match i % 3 {
            0 => vec![("h".to_string(), Some(format!("{i}"))), ("h".to_string(), None)],
            _ => Vec::new(),
        },
    }
}

fn produce_all(bootstrap: &str, topic: &str, codec: &str, count: i64) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("compression.type", codec)
        .set("enable.idempotence", "true")
        .set("linger.ms", "5")
        .create()
        .unwrap();
    for i in 0..count {
        let r = record(i);
        let headers = r
            .headers
            .iter()
            .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: value.as_ref() }));
        loop {
            let mut message = BaseRecord::<str, str>::to(topic).partition(0);
            message.key = r.key.as_deref();
            message.payload = (!r.is_null).then_some(&r.value);
            if !r.headers.is_empty() {
                message = message.headers(headers.clone());
            }
            if producer.send(message).is_ok() {
                break;
            }
            producer.poll(Duration::from_millis(10));
        }
    }
    producer.flush(PATIENCE).unwrap();
}

#[test]
fn every_codec_carries_everything() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        let broker = Setup::new(chapter, &dir).start();
        for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
            run(async { new_topic(&mut broker.client().await, codec, &[]).await });
            produce_all(&broker.bootstrap(), codec, codec, 20_000);
            let seen = consume_all(&broker.bootstrap(), codec);
            assert_eq!(seen.len(), 20_000, "{codec}");
            assert!(seen.into_iter().zip(0..).all(|(seen, i)| seen == record(i)), "{codec}");
        }
    }
}

#[test]
fn a_million_records_come_back_across_segments_and_a_restart() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        let broker = Setup::new(chapter, &dir).set("log.segment.bytes=16777216").start();
        run(async { new_topic(&mut broker.client().await, "million", &[]).await });
        produce_all(&broker.bootstrap(), "million", "none", 1_000_000);
        let setup = broker.setup.clone();
        assert_eq!(broker.terminate().0, Some(0));
        let broker = setup.start();
        let seen = consume_all(&broker.bootstrap(), "million");
        assert_eq!(seen.len(), 1_000_000);
        assert!(seen.into_iter().zip(0..).all(|(seen, i)| seen == record(i)));
    }
}

#[test]
fn a_batch_of_exactly_the_largest_size_is_taken() {
    use ch01_log::builder::BatchBuilder;
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[]).await;
            // Lengths are varints: how much a record adds to its value depends on the value's size.
            let of_size = |size: usize| {
                let with = |value: usize| BatchBuilder::new(0).record(now(), None, Some(&vec![b'x'; value])).build();
                (0..100).map(|overhead| with(size - overhead)).find(|batch| batch.len() == size).unwrap()
            };
            let largest = of_size(1_048_588);
            assert_eq!(largest.len(), 1_048_588);
            assert_eq!(produce(&mut client, "t", largest.clone()).await.base_offset, 0);
            assert_eq!(records_in(&fetch(&mut client, "t", 0).await).len(), largest.len());
            assert!(produce(&mut client, "t", of_size(1_048_589)).await.error_code.is_error());
        });
    }
}
