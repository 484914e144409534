//! From chapter 3 on: what was acknowledged by all in-sync replicas is read, in order and once, whatever happens to
//! followers and to the leader; and who is in sync is what Metadata says.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ch00_wire::error_code::ErrorCode;
use ch01_log::messages::*;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use crate::harness::cluster::{Cluster, PATIENT};
use crate::harness::*;

/// Lag that a test can wait for.
pub const LAG: &str = "replica.lag.time.max.ms=1500";

/// Notes what was acknowledged: the record's number by its offset.
#[derive(Clone, Default)]
struct Acknowledged(Arc<Mutex<BTreeMap<i64, u64>>>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = Box<u64>;

    fn delivery(&self, result: &DeliveryResult<'_>, number: Box<u64>) {
        match result {
            Ok(message) => drop(self.0.lock().unwrap().insert(message.offset(), *number)),
            Err((e, message)) => panic!("record {number} at {} was given up: {e}", message.offset()),
        }
    }
}

/// librdkafka writing with acks=all, and another one reading, for as long as a test goes on.
pub struct Load {
    topic: String,
    acknowledged: Acknowledged,
    is_over: Arc<AtomicBool>,
    /// How many records there are to read, once that is known.
    total: Arc<AtomicU64>,
    writer: JoinHandle<u64>,
    reader: JoinHandle<Vec<u64>>,
}

impl Load {
    pub fn start(cluster: &Cluster, topic: &str) -> Load {
        let (bootstrap, acknowledged) = (cluster.bootstrap(), Acknowledged::default());
        let (is_over, total) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(u64::MAX)));
        let writer = {
            let (bootstrap, topic) = (bootstrap.clone(), topic.to_string());
            let (acknowledged, is_over) = (acknowledged.clone(), is_over.clone());
            std::thread::spawn(move || write(&bootstrap, &topic, acknowledged, &is_over))
        };
        let reader = {
            let (topic, total) = (topic.to_string(), total.clone());
            std::thread::spawn(move || read_all(&bootstrap, &topic, &total))
        };
        Load { topic: topic.to_string(), acknowledged, is_over, total, writer, reader }
    }

    fn acknowledged(&self) -> usize {
        self.acknowledged.0.lock().unwrap().len()
    }

    /// Waits until that many more were acknowledged.
    pub fn wait_for_more(&self, more: usize) {
        let target = self.acknowledged() + more;
        let deadline = Instant::now() + PATIENCE;
        while self.acknowledged() < target {
            assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {more} more acknowledgements");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it. Every record that was acknowledged was read, at its offset, in order and once.
    pub fn finish(self) {
        self.is_over.store(true, Ordering::SeqCst);
        let written = self.writer.join().expect("the writer's thread");
        self.total.store(written, Ordering::SeqCst);
        let seen = self.reader.join().expect("the reader's thread");
        assert_eq!(seen, (0..written).collect::<Vec<_>>(), "{}: every record once and in order", self.topic);
        for (offset, number) in self.acknowledged.0.lock().unwrap().iter() {
            assert_eq!(seen[*offset as usize], *number, "acknowledged at offset {offset}");
        }
    }
}

fn write(bootstrap: &str, topic: &str, acknowledged: Acknowledged, is_over: &AtomicBool) -> u64 {
    let producer: ThreadedProducer<Acknowledged> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("linger.ms", "1")
        .set("reconnect.backoff.ms", "10")
        .set("reconnect.backoff.max.ms", "50")
        .set("request.timeout.ms", "5000")
        .set("socket.timeout.ms", "6000")
        .set("message.timeout.ms", "300000")
        .create_with_context(acknowledged)
        .unwrap();
    let mut number = 0;
    while !is_over.load(Ordering::SeqCst) {
        let payload = format!("{number:0200}");
        let record = BaseRecord::<(), str, Box<u64>>::with_opaque_to(topic, Box::new(number)).partition(0);
        match producer.send(record.payload(&payload)) {
            Ok(()) => number += 1,
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
        // A steady stream, not as much as the machine can take.
        if number % 20 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    producer.flush(PATIENCE).expect("everything is acknowledged in the end");
    number
}

/// Reads until it has `total` records.
fn read_all(bootstrap: &str, topic: &str, total: &AtomicU64) -> Vec<u64> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "unused")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "error")
        .set("reconnect.backoff.ms", "10")
        .set("reconnect.backoff.max.ms", "50")
        .set("socket.timeout.ms", "5000")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    consumer.assign(&assignment).unwrap();
    let mut seen = Vec::new();
    let mut deadline = Instant::now() + PATIENCE;
    while (seen.len() as u64) < total.load(Ordering::SeqCst) {
        match consumer.poll(Duration::from_millis(50)) {
            Some(Ok(message)) => {
                assert_eq!(message.offset(), seen.len() as i64, "offsets follow on each other");
                seen.push(std::str::from_utf8(message.payload().unwrap()).unwrap().parse().unwrap());
                deadline = Instant::now() + PATIENCE;
            }
            // Brokers come and go; but what was read once does not.
            Some(Err(e)) => assert!(!e.to_string().contains("range"), "{e}"),
            None => assert!(Instant::now() < deadline, "waited {PATIENCE:?} for record {}", seen.len()),
        }
    }
    seen
}

/// Something happens to each follower in turn, while records flow: it leaves the in-sync replicas, comes back, and in the
/// end all copies are the same.
fn each_follower(settings: &[(&str, &str)], harm: impl Fn(&mut Cluster, i32), heal: impl Fn(&mut Cluster, i32)) {
    for chapter in chapters_from(3) {
        each_follower_of(Cluster::start(chapter, 3, &[LAG]), settings, &harm, &heal);
    }
}

fn each_follower_of(
    mut cluster: Cluster,
    settings: &[(&str, &str)],
    harm: impl Fn(&mut Cluster, i32),
    heal: impl Fn(&mut Cluster, i32),
) {
    cluster.create("t", settings);
    let load = Load::start(&cluster, "t");
    for follower in [2, 3] {
        load.wait_for_more(500);
        harm(&mut cluster, follower);
        let others: Vec<i32> = [1, 2, 3].into_iter().filter(|&id| id != follower).collect();
        cluster.wait_for_isr(1, "t", &others);
        load.wait_for_more(500);
        heal(&mut cluster, follower);
        cluster.wait_for_isr(1, "t", &[1, 2, 3]);
    }
    load.wait_for_more(500);
    load.finish();
    cluster.wait_for_same_logs(&[1, 2, 3], "t");
}

#[test]
fn killed_followers_leave_and_come_back() {
    each_follower(&[("min.insync.replicas", "2")], Cluster::kill, Cluster::start_broker);
}

#[test]
fn paused_followers_leave_and_come_back() {
    each_follower(&[("min.insync.replicas", "2")], |c, id| c.pause(id), |c, id| c.resume(id));
}

#[test]
fn followers_that_are_cut_off_leave_and_come_back() {
    each_follower(&[], |c, id| c.isolate(id, true, true), |c, _| c.mend());
}

#[test]
fn followers_that_nobody_hears_leave_and_come_back() {
    each_follower(&[], |c, id| c.isolate(id, true, false), |c, _| c.mend());
}

#[test]
fn followers_that_hear_nobody_leave_and_come_back() {
    each_follower(&[], |c, id| c.isolate(id, false, true), |c, _| c.mend());
}

/// The same cuts by the kernel: packets are lost, and what was under way arrives when the network is mended. Needs the
/// privilege to make network namespaces: `MINI_KAFKA_NAMESPACES=1`.
#[test]
fn followers_in_namespaces_are_cut_off_and_come_back() {
    if std::env::var_os("MINI_KAFKA_NAMESPACES").is_none() {
        println!("only where MINI_KAFKA_NAMESPACES is set");
        return;
    }
    for chapter in chapters_from(3) {
        for (says, is_told) in [(true, true), (true, false), (false, true)] {
            let cluster = Cluster::start_in_namespaces(chapter, 3, &[LAG]);
            each_follower_of(cluster, &[], |c, id| c.isolate(id, says, is_told), |c, _| c.mend());
        }
    }
}

/// Chapter 3, where leaders stay.
#[test]
fn a_leader_that_is_killed_twenty_times_has_everything_each_time() {
    let mut cluster = Cluster::start(3, 3, &[LAG]);
    cluster.create("t", &[("min.insync.replicas", "2")]);
    let load = Load::start(&cluster, "t");
    for round in 1..=20 {
        load.wait_for_more(100);
        cluster.kill(1);
        cluster.start_broker(1);
        cluster.wait(&format!("it leads in epoch {round}: a new one for each start"), |cluster| {
            cluster.partition(1, "t").is_some_and(|partition| (partition.leader, partition.epoch) == (1, round))
        });
    }
    load.wait_for_more(100);
    load.finish();
    cluster.wait_for_isr(1, "t", &[1, 2, 3]);
    cluster.wait_for_same_logs(&[1, 2, 3], "t");
}

#[test]
fn without_enough_replicas_nothing_is_acknowledged_and_nothing_read() {
    for chapter in chapters_from(3) {
        // Where a majority confirms who is in sync, there is one without the two that say nothing.
        let cluster = Cluster::start(chapter, if chapter == 3 { 3 } else { 5 }, &[LAG]);
        cluster.create_on(&[1, 2, 3], "t", &[("min.insync.replicas", "2")]);
        run(async {
            let mut client = cluster.client(1).await;
            assert_eq!(produce(&mut client, "t", batch(&["before"]).build()).await.error_code, ErrorCode::NONE);
            cluster.pause(2);
            cluster.pause(3);
            // Without anything new nobody lags. acks=1 is taken, and is to lie on one broker only.
            let request = produce_request("t", 0, 1, batch(&["alone"]).build());
            let taken = client.call_version(BY_NAME, &request).await.unwrap().responses.remove(0);
            assert_eq!(taken.partition_responses[0].error_code, ErrorCode::NONE);
        });
        cluster.wait_for_isr(1, "t", &[1]);
        run(async {
            let mut client = cluster.client(1).await;
            let refused = produce(&mut client, "t", batch(&["refused"]).build()).await;
            assert_eq!(refused.error_code, ErrorCode::NOT_ENOUGH_REPLICAS);
            assert_eq!(values_in(&fetch(&mut client, "t", 0).await), ["before"]);
            assert_eq!(log_end(&mut client, "t").await, 1);
        });
        cluster.resume(2);
        cluster.resume(3);
        cluster.wait("the record is read", |cluster| {
            run(async { values_in(&fetch(&mut cluster.client(1).await, "t", 0).await) }) == ["before", "alone"]
        });
        cluster.wait_for_isr(1, "t", &[1, 2, 3]);
    }
}

#[test]
fn what_not_all_in_sync_replicas_have_is_not_read_and_a_repeat_of_it_waits_too() {
    for chapter in chapters_from(3) {
        let cluster = Cluster::start(chapter, 3, PATIENT);
        cluster.create("t", &[]);
        run(async {
            let mut client = cluster.client(1).await;
            assert_eq!(produce(&mut client, "t", batch(&["0"]).build()).await.error_code, ErrorCode::NONE);
            cluster.pause(3);
            let first = batch(&["1"]).producer(7, 0, 0).build();
            let with_timeout = |acks, timeout_ms| {
                let request = produce_request("t", 0, acks, first.clone());
                ProduceRequest { timeout_ms, ..request }
            };
            let code = |answer: ProduceResponse| answer.responses[0].partition_responses[0].error_code;
            let answer = client.call_version(BY_NAME, &with_timeout(1, 1000)).await.unwrap();
            assert_eq!(code(answer), ErrorCode::NONE);
            // The same batch again: it is in the log, but not on all replicas.
            let answer = client.call_version(BY_NAME, &with_timeout(-1, 300)).await.unwrap();
            assert_eq!(code(answer), ErrorCode::REQUEST_TIMED_OUT);
            assert_eq!(values_in(&fetch(&mut client, "t", 0).await), ["0"]);
            cluster.resume(3);
            let answer = client.call_version(BY_NAME, &with_timeout(-1, 60_000)).await.unwrap();
            let answer = &answer.responses[0].partition_responses[0];
            assert_eq!((answer.error_code, answer.base_offset), (ErrorCode::NONE, 1));
            assert_eq!(values_in(&fetch(&mut client, "t", 0).await), ["0", "1"]);
        });
    }
}

#[test]
fn large_batches_are_copied_beside_a_stream_of_small_ones() {
    for chapter in chapters_from(3) {
        let settings = ["replica.fetch.max.bytes=1000", "replica.fetch.response.max.bytes=1000"];
        let cluster = Cluster::start(chapter, 2, &settings);
        for topic in ["t", "a", "b", "c"] {
            cluster.create(topic, &[]);
        }
        let load = Load::start(&cluster, "t");
        load.wait_for_more(100);
        run(async {
            let mut client = cluster.client(1).await;
            for topic in ["a", "b", "c"] {
                for _ in 0..3 {
                    let answer = produce(&mut client, topic, batch(&[&"x".repeat(50_000)]).build()).await;
                    assert_eq!(answer.error_code, ErrorCode::NONE);
                }
            }
        });
        load.finish();
        for topic in ["a", "b", "c", "t"] {
            cluster.wait_for_same_logs(&[1, 2], topic);
        }
    }
}
