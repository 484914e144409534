//! Chapter 5: consumers share partitions, remember how far they are, and survive each other's death and the coordinator's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ch00_wire::error_code::ErrorCode;
use ch05_groups::messages::FindCoordinatorRequest;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::harness::cluster::Cluster;
use crate::harness::*;

const PARTITIONS: i32 = 12;
/// Groups do not wait for more members, so that tests are quick.
const AT_ONCE: &str = "group.initial.rebalance.delay.ms=0";
/// The protocol in which the coordinator assigns; it also says how often members send heartbeats.
const CONSUMER_PROTOCOL: (&str, &str) = ("group.protocol", "consumer");
const HEARTBEATS: [&str; 2] = ["group.consumer.heartbeat.interval.ms=300", "group.consumer.session.timeout.ms=6000"];

fn consumer(bootstrap: &str, group: &str, settings: &[(&str, &str)]) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("group.id", group).set("auto.offset.reset", "earliest");
    config.set("enable.auto.commit", "false");
    if !settings.contains(&CONSUMER_PROTOCOL) {
        config.set("session.timeout.ms", "6000").set("heartbeat.interval.ms", "500");
    }
    settings.iter().for_each(|(key, value)| _ = config.set(*key, *value));
    config.create().unwrap()
}

/// The topic that groups share.
fn create(broker: &Broker) {
    let created = run(async { create_topic(&mut broker.client().await, "t", PARTITIONS, &[]).await });
    assert_eq!(created.error_code, ErrorCode::NONE);
}

fn produce(bootstrap: &str, topic: &str, values: std::ops::Range<i64>) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", bootstrap).set("linger.ms", "1").create().unwrap();
    for i in values {
        let partition = (i % i64::from(PARTITIONS)) as i32;
        let value = i.to_string();
        let record: BaseRecord<'_, (), String> = BaseRecord::to(topic).partition(partition).payload(&value);
        producer.send(record).map_err(|(e, _)| e).unwrap();
        producer.poll(Duration::ZERO);
    }
    producer.flush(PATIENCE).unwrap();
}

/// The next records of a consumer, until there are so many.
fn read(consumer: &BaseConsumer, count: usize) -> Vec<i64> {
    let deadline = Instant::now() + PATIENCE;
    let mut values = Vec::new();
    while values.len() < count {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {count} records, got {}", values.len());
        if let Some(message) = consumer.poll(Duration::from_millis(50)) {
            values.push(value_of(&message.unwrap()));
        }
    }
    values
}

fn value_of(message: &impl Message) -> i64 {
    std::str::from_utf8(message.payload().unwrap()).unwrap().parse().unwrap()
}

#[test]
fn a_group_goes_on_where_it_was_also_after_kill_9() {
    for chapter in chapters_from(5) {
        let dir = TempDir::new();
        let setup = Setup::new(chapter, &dir).set(AT_ONCE);
        let mut broker = setup.start();
        create(&broker);
        produce(&broker.bootstrap(), "t", 0..1000);
        let mut all = BTreeSet::new();
        for round in 0..4 {
            let consumer = consumer(&broker.bootstrap(), "g", &[]);
            consumer.subscribe(&["t"]).unwrap();
            let values = read(&consumer, 250);
            assert!(values.iter().all(|&value| all.insert(value)), "round {round}: read twice");
            consumer.commit_consumer_state(CommitMode::Sync).unwrap();
            if round % 2 == 0 {
                broker = broker.kill().start();
            }
        }
        assert_eq!(all.len(), 1000);
    }
}

/// A member that reads and commits until it is told to stop.
struct Member {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// What a member has done: its name, the partition, the value.
type Processed = (usize, i32, i64);

impl Member {
    fn start(
        bootstrap: String,
        name: usize,
        settings: &'static [(&'static str, &'static str)],
        out: Sender<Processed>,
    ) -> Member {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let consumer = consumer(&bootstrap, "g", settings);
            consumer.subscribe(&["t"]).unwrap();
            let mut since_commit = 0;
            while !stopped.load(Ordering::Relaxed) {
                // Errors are for the client to mend: a coordinator that is gone, a rebalance.
                let Some(Ok(message)) = consumer.poll(Duration::from_millis(20)) else { continue };
                let _ = out.send((name, message.partition(), value_of(&message)));
                since_commit += 1;
                if since_commit % 20 == 0 {
                    let _ = consumer.commit_consumer_state(CommitMode::Async);
                }
            }
            let _ = consumer.commit_consumer_state(CommitMode::Sync);
        });
        Member { stop, thread }
    }

    /// It leaves, in order.
    fn leave(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

/// Waits until all these values have been processed, and everybody in `names` has had some of the new ones.
fn wait_for(seen: &Receiver<Processed>, done: &mut BTreeMap<i64, usize>, end: i64, names: &[usize]) {
    let deadline = Instant::now() + PATIENCE;
    let mut active = BTreeSet::new();
    while done.range(..end).count() < end as usize || !names.iter().all(|name| active.contains(name)) {
        let left = deadline.saturating_duration_since(Instant::now());
        let (name, _, value) = seen.recv_timeout(left).unwrap_or_else(|_| {
            panic!("waited {PATIENCE:?} for {end} values, saw {}; active: {active:?} of {names:?}", done.len())
        });
        active.insert(name);
        *done.entry(value).or_default() += 1;
    }
}

/// Members come and go; every record is processed by somebody.
fn members_come_and_go(settings: &'static [(&'static str, &'static str)]) {
    for chapter in chapters_from(5) {
        let dir = TempDir::new();
        let setup = Setup::new(chapter, &dir).set(AT_ONCE);
        let broker = HEARTBEATS.iter().fold(setup, |setup, setting| setup.set(setting)).start();
        let (out, seen) = channel();
        let member = |name| Member::start(broker.bootstrap(), name, settings, out.clone());
        let mut done = BTreeMap::new();
        create(&broker);
        produce(&broker.bootstrap(), "t", 0..600);
        let first = member(1);
        wait_for(&seen, &mut done, 600, &[1]);
        let (second, third) = (member(2), member(3));
        let mut written = 600;
        // Until the two others have their share.
        let deadline = Instant::now() + PATIENCE;
        let mut active = BTreeSet::new();
        while active.len() < 3 {
            assert!(Instant::now() < deadline, "only {active:?} get anything");
            produce(&broker.bootstrap(), "t", written..written + 60);
            written += 60;
            while let Ok((name, _, value)) = seen.recv_timeout(Duration::from_millis(50)) {
                active.insert(name);
                *done.entry(value).or_default() += 1;
            }
        }
        wait_for(&seen, &mut done, written, &[]);
        first.leave();
        third.leave();
        produce(&broker.bootstrap(), "t", written..written + 600);
        wait_for(&seen, &mut done, written + 600, &[2]);
        second.leave();
    }
}

#[test]
fn members_come_and_go_eagerly() {
    members_come_and_go(&[("partition.assignment.strategy", "range,roundrobin")]);
}

#[test]
fn members_come_and_go_cooperatively() {
    members_come_and_go(&[("partition.assignment.strategy", "cooperative-sticky")]);
}

#[test]
fn members_come_and_go_in_the_consumer_protocol() {
    members_come_and_go(&[CONSUMER_PROTOCOL]);
}

#[test]
fn static_members_come_back_without_a_rebalance() {
    for chapter in chapters_from(5) {
        let dir = TempDir::new();
        let broker = Setup::new(chapter, &dir).set(AT_ONCE).start();
        create(&broker);
        produce(&broker.bootstrap(), "t", 0..120);
        let of = |instance: &str| {
            let consumer = consumer(&broker.bootstrap(), "g", &[("group.instance.id", instance)]);
            consumer.subscribe(&["t"]).unwrap();
            consumer
        };
        let assigned = |consumer: &BaseConsumer| {
            let assignment = consumer.assignment().unwrap();
            assignment.elements().iter().map(|element| element.partition()).collect::<BTreeSet<_>>()
        };
        let (one, mut two) = (of("one"), of("two"));
        let deadline = Instant::now() + PATIENCE;
        while assigned(&one).len() != 6 || assigned(&two).len() != 6 {
            assert!(Instant::now() < deadline, "{:?} {:?}", assigned(&one), assigned(&two));
            one.poll(Duration::from_millis(20));
            two.poll(Duration::from_millis(20));
        }
        let before = (assigned(&one), assigned(&two));
        for _ in 0..3 {
            // A static member does not say that it goes.
            drop(two);
            two = of("two");
            while assigned(&two).len() != 6 {
                assert!(Instant::now() < deadline, "{:?}", assigned(&two));
                one.poll(Duration::from_millis(20));
                two.poll(Duration::from_millis(20));
            }
            assert_eq!((assigned(&one), assigned(&two)), before);
        }
    }
}

/// A group's coordinator, as any broker says.
fn coordinator(cluster: &Cluster, group: &str) -> i32 {
    let request = FindCoordinatorRequest { coordinator_keys: vec![group.to_string()], ..Default::default() };
    let answer = run(async { cluster.client(1).await.call(&request).await.unwrap() });
    assert_eq!(answer.coordinators[0].error_code, ErrorCode::NONE);
    answer.coordinators[0].node_id
}

#[test]
fn the_coordinator_is_killed_while_a_classic_group_consumes() {
    the_coordinator_is_killed(&[]);
}

#[test]
fn the_coordinator_is_killed_while_a_group_of_the_consumer_protocol_consumes() {
    the_coordinator_is_killed(&[CONSUMER_PROTOCOL]);
}

fn the_coordinator_is_killed(of_members: &'static [(&'static str, &'static str)]) {
    let settings = ["offsets.topic.num.partitions=3", "num.partitions=12", "default.replication.factor=3"];
    let settings = [&settings[..], &HEARTBEATS, &[AT_ONCE]].concat();
    let mut cluster = Cluster::start(NEWEST, 3, &settings);
    let all = [1, 2, 3];
    produce(&cluster.bootstrap(), "t", 0..600);
    let (out, seen) = channel();
    let members: Vec<_> = (1..=3).map(|name| Member::start(cluster.bootstrap(), name, &[], out.clone())).collect();
    let (mut done, mut written) = (BTreeMap::new(), 600);
    wait_for(&seen, &mut done, written, &[]);
    for _ in 0..4 {
        let known = coordinator(&cluster, "g");
        cluster.kill(known);
        produce(&cluster.bootstrap(), "t", written..written + 600);
        written += 600;
        wait_for(&seen, &mut done, written, &[]);
        cluster.start_broker(known);
        cluster.wait_for_isr(known, "t", &all);
    }
    members.into_iter().for_each(Member::leave);
    // Offsets that were committed in between have not gone back: whoever comes now finds next to nothing to read again.
    let last = consumer(&cluster.bootstrap(), "g", of_members);
    last.subscribe(&["t"]).unwrap();
    produce(&cluster.bootstrap(), "t", written..written + 12);
    assert_eq!(read(&last, 12).into_iter().collect::<BTreeSet<_>>(), (written..written + 12).collect());
}
