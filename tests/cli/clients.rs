//! `topic`, `produce` and `consume` against a broker.

use std::path::Path;

use serde_json::{Value, json};

use super::command::{Ended, Running, run, run_with};
use super::harness::{Broker, NEWEST, Setup, TempDir};

/// A broker, and commands that talk to it.
struct Cluster {
    broker: Broker,
    bootstrap: String,
    _dir: TempDir,
}

impl Cluster {
    fn start() -> Cluster {
        Cluster::start_chapter(NEWEST)
    }

    fn start_chapter(chapter: u32) -> Cluster {
        let dir = TempDir::new();
        let broker = Setup::new(chapter, &dir).start();
        let bootstrap = broker.bootstrap();
        Cluster { broker, bootstrap, _dir: dir }
    }

    fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a str> {
        [args, &["--bootstrap", &self.bootstrap]].concat()
    }

    fn run(&self, args: &[&str]) -> Ended {
        run(&self.args(args))
    }

    fn run_with(&self, args: &[&str], input: &str) -> Ended {
        run_with(&self.args(args), input.as_bytes())
    }
}

#[test]
fn topics_are_created_listed_described_grown_and_deleted() {
    let cluster = Cluster::start();
    let created = cluster.run(&["topic", "create", "b", "--partitions", "2", "--config", "retention.ms=1000"]).ok();
    assert!(created.starts_with("created b, 2 partitions, 1 replica each, id "), "{created}");
    cluster.run(&["topic", "create", "a"]).ok();
    assert_eq!(cluster.run(&["topic", "list"]).ok(), "a\nb\n");
    cluster.run_with(&["produce", "b", "--partition", "1"], "x\ny\n").ok();
    let described = cluster.run(&["topic", "describe", "b"]).ok();
    let lines: Vec<_> = described.lines().skip(1).collect();
    let heading = "PARTITION  LEADER  EPOCH  REPLICAS  ISR  START  END";
    let first = "0          1       0      1         1    0      0";
    let second = "1          1       0      1         1    0      2";
    assert_eq!(lines, ["settings retention.ms=1000", heading, first, second]);
    let all = cluster.run(&["topic", "describe"]).ok();
    assert!(all.contains("topic a, 1 partition,") && all.contains("\n\ntopic b, 2 partitions,"), "{all}");
    let grown = cluster.run(&["topic", "grow", "b", "--partitions", "4"]).ok();
    assert!(grown.starts_with("grown b, 4 partitions"), "{grown}");
    assert_eq!(cluster.run(&["topic", "delete", "b"]).ok(), "deleted b\n");
    assert_eq!(cluster.run(&["topic", "list"]).ok(), "a\n");
}

#[test]
fn settings_of_a_topic_are_shown_and_changed() {
    // From chapter 4 on a new cluster has a setting of its own, as in Kafka, and it is shown, too.
    let newest = Cluster::start();
    newest.run(&["topic", "create", "a"]).ok();
    let of_all = "KEY                  VALUE  SOURCE\nmin.insync.replicas  1      all brokers, while they run\n";
    assert_eq!(newest.run(&["topic", "config", "a"]).ok(), of_all);
    let cluster = Cluster::start_chapter(3);
    cluster.run(&["topic", "create", "a"]).ok();
    let none = cluster.run(&["topic", "config", "a"]).ok();
    assert_eq!(none, "topic a has the default settings; --all shows them\n");
    let all = cluster.run(&["topic", "config", "a", "--all"]).ok();
    assert!(all.contains("retention.ms                     604800000            default\n"), "{all}");
    let set = ["topic", "config", "a", "--set", "retention.ms=60000", "--set", "cleanup.policy=compact,delete"];
    assert_eq!(cluster.run(&set).ok(), "changed a\n");
    let shown = cluster.run(&["topic", "config", "a"]).ok();
    let both = "cleanup.policy  compact,delete  topic\nretention.ms    60000           topic\n";
    assert_eq!(shown, format!("KEY             VALUE           SOURCE\n{both}"));
    let change = ["topic", "config", "a", "--delete", "cleanup.policy", "--set", "retention.ms=5"];
    assert_eq!(cluster.run(&change).ok(), "changed a\n");
    assert_eq!(
        cluster.run(&["topic", "config", "a"]).ok(),
        "KEY           VALUE  SOURCE\nretention.ms  5      topic\n"
    );
    // What is wrong is said, and nothing is changed.
    let misspelt =
        cluster.run(&["topic", "config", "a", "--set", "retention.sm=1", "--set", "retention.ms=6"]).failed(1);
    assert!(misspelt.contains("retention.sm") && misspelt.contains("`retention.ms`"), "{misspelt}");
    let range = cluster.run(&["topic", "config", "a", "--set", "retention.ms=-5"]).failed(1);
    assert!(range.contains("INVALID_CONFIG") && range.contains("-1 or more"), "{range}");
    let value = cluster.run(&["topic", "config", "a", "--set", "retention.ms"]).failed(2);
    assert!(value.contains("--delete retention.ms"), "{value}");
    let missing = cluster.run(&["topic", "config", "no", "--set", "retention.ms=5"]).failed(1);
    assert!(missing.contains("`no` does not exist"), "{missing}");
    assert_eq!(
        cluster.run(&["topic", "config", "a"]).ok(),
        "KEY           VALUE  SOURCE\nretention.ms  5      topic\n"
    );
}

#[test]
fn what_cannot_be_done_is_said_in_one_line() {
    let cluster = Cluster::start();
    cluster.run(&["topic", "create", "a"]).ok();
    let exists = cluster.run(&["topic", "create", "a"]).failed(1);
    assert!(exists.contains("TOPIC_ALREADY_EXISTS"), "{exists}");
    let fewer = cluster.run(&["topic", "grow", "a", "--partitions", "1"]).failed(1);
    assert!(fewer.contains("INVALID_PARTITIONS"), "{fewer}");
    let setting = cluster.run(&["topic", "create", "c", "--config", "retention.mss=1"]).failed(1);
    assert!(setting.contains("retention.ms"), "{setting}");
    for args in [&["topic", "describe", "no"][..], &["topic", "delete", "no"], &["consume", "no"]] {
        let missing = cluster.run(args).failed(1);
        assert!(missing.contains("`no` does not exist"), "{missing}");
    }
    let partition = cluster.run_with(&["produce", "a", "--partition", "7"], "x\n").failed(1);
    assert!(partition.contains("1 partitions: there is no partition 7"), "{partition}");
    let offset = cluster.run(&["consume", "a", "--from", "5"]).failed(1);
    assert!(offset.contains("a-0 has no offset 5: it begins at 0 and ends before 0"), "{offset}");
    let acks = cluster.run(&["produce", "a", "--idempotent", "--acks", "1"]).failed(2);
    assert!(acks.contains("--acks all"), "{acks}");
    assert_eq!(cluster.run(&["produce", "a", "--acks", "2"]).code, Some(2));
    assert_eq!(cluster.run(&["consume", "a", "--from", "yesterday"]).code, Some(2));
    // Nothing listens on port 1.
    let nobody = run(&["topic", "list", "--bootstrap", "127.0.0.1:1"]).failed(1);
    assert!(nobody.contains("no broker answers at 127.0.0.1:1: "), "{nobody}");
    // One broker of several is enough.
    let several = format!("127.0.0.1:1,{}", cluster.bootstrap);
    assert_eq!(run(&["topic", "list", "--bootstrap", &several]).ok(), "a\n");
}

#[test]
fn records_come_back_as_they_were_sent_in_every_codec() {
    let cluster = Cluster::start();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let produce = ["produce", codec, "--key-separator", "::", "--compression", codec, "--empty-is-null"];
        let headers = ["--header", "one=1", "--header", "one=2=3", "--header", "none", "--verbose"];
        let sent = "k1::v1\n::v2\nno key\n\nk5::\nk6::a::b\tc \"q\" ü\n";
        let ended = cluster.run_with(&[&produce[..], &headers].concat(), sent);
        assert!(ended.err.starts_with(&format!("{codec}: 6 records in 1 batch, partitions [0]")), "{}", ended.err);
        assert_eq!(ended.ok(), "0@0\n0@1\n0@2\n0@3\n0@4\n0@5\n");
        let records = cluster.run(&["consume", codec, "--exit", "--json"]).json();
        let keys: Vec<_> = records.iter().map(|r| r["key"].clone()).collect();
        assert_eq!(keys, [json!("k1"), json!(""), json!(null), json!(null), json!("k5"), json!("k6")]);
        let values: Vec<_> = records.iter().map(|r| r["value"].clone()).collect();
        assert_eq!(
            values,
            [json!("v1"), json!("v2"), json!("no key"), json!(null), json!(null), json!("a::b\tc \"q\" ü")]
        );
        let headers =
            json!([{"name": "one", "value": "1"}, {"name": "one", "value": "2=3"}, {"name": "none", "value": null}]);
        for (i, record) in records.iter().enumerate() {
            assert_eq!(record["headers"], headers);
            let place = (&record["topic"], &record["partition"], &record["offset"], &record["timestampType"]);
            assert_eq!(place, (&json!(codec), &json!(0), &json!(i), &json!("CreateTime")));
        }
    }
}

#[test]
fn columns_are_printed_as_asked_for() {
    let cluster = Cluster::start();
    let produce = cluster.args(&["produce", "t", "--key-separator", ":", "--header", "h=1", "--empty-is-null"]);
    run_with(&produce, b"k:v\nplain\nraw:\xff\x00a\n:\n").ok();
    let all = cluster.run(&["consume", "t", "--exit", "--keys", "--headers", "--offsets"]).ok();
    assert_eq!(all, "0@0\th=1\tk\tv\n0@1\th=1\tnull\tplain\n0@2\th=1\traw\t\\xff\0a\n0@3\th=1\t\tnull\n");
    let times = cluster.run(&["consume", "t", "--count", "1", "--timestamps"]).ok();
    let (time, value) = times.split_once('\t').unwrap();
    assert!(mini_kafka::time::parse_iso(time).is_some() && value == "v\n", "{times}");
    let record = &cluster.run(&["consume", "t", "--from", "2", "--count", "1", "--json"]).json()[0];
    assert_eq!(record["value"], json!({"hex": "ff0061"}));
}

#[test]
fn a_consumer_begins_where_it_is_told_and_follows() {
    let cluster = Cluster::start();
    cluster.run_with(&["produce", "t"], "a\nb\n").ok();
    let consume = |from: &str| cluster.run(&["consume", "t", "--exit", "--from", from]).ok();
    let second = cluster.run(&["consume", "t", "--from", "1", "--count", "1", "--json"]).json().remove(0);
    // The next record gets a later timestamp than the two before it.
    let mut time = second["timestamp"].as_i64().unwrap() + 1;
    while mini_kafka::time::now() <= time {
        std::thread::yield_now();
    }
    time += 1;
    cluster.run_with(&["produce", "t"], "c\n").ok();
    assert_eq!(consume("beginning"), "a\nb\nc\n");
    assert_eq!(consume("1"), "b\nc\n");
    assert_eq!(consume("3"), "");
    assert_eq!(consume("end"), "");
    assert_eq!(consume(&format!("@{time}")), "c\n");
    assert_eq!(consume(&format!("@{}", mini_kafka::time::iso(time))), "c\n");
    assert_eq!(consume("@2020-01-01"), "a\nb\nc\n");
    assert_eq!(consume("@2200-01-01T00:00:00+01:00"), "");
    // Without --exit it waits for more.
    let mut follower = Running::start(&cluster.args(&["consume", "t", "--from", "2", "--count", "3"]));
    assert_eq!(follower.line(), "c");
    let mut producer = Running::start(&cluster.args(&["produce", "t"]));
    producer.write(b"d\n");
    assert_eq!(follower.line(), "d");
    producer.write(b"e\n");
    assert_eq!(follower.line(), "e");
    assert_eq!(follower.end().ok(), "");
    producer.end().ok();
}

#[test]
fn keys_decide_the_partition_and_acks_may_be_left_out() {
    let cluster = Cluster::start();
    cluster.run(&["topic", "create", "t", "--partitions", "3"]).ok();
    let lines: String = (0..200).map(|i| format!("key{}:{i}\n", i % 20)).collect();
    cluster.run_with(&["produce", "t", "--key-separator", ":", "--acks", "1"], &lines).ok();
    let records = cluster.run(&["consume", "t", "--exit", "--json"]).json();
    assert_eq!(records.len(), 200);
    for record in &records {
        let key = record["key"].as_str().unwrap();
        let partition = mini_kafka::partitioner::partition_of(key.as_bytes(), 3);
        assert_eq!(record["partition"], json!(partition), "{key}");
    }
    let one = cluster.run(&["consume", "t", "--exit", "--json", "--partition", "2"]).json();
    assert!(!one.is_empty() && one.iter().all(|record| record["partition"] == json!(2)));
    let unacknowledged = cluster.run_with(&["produce", "t", "--acks", "0", "--partition", "0", "--verbose"], "last\n");
    assert_eq!(unacknowledged.ok(), "0@?\n");
    // Nobody said when it would be there.
    let from = one_offset(&cluster, 0);
    let last = cluster.run(&["consume", "t", "--partition", "0", "--from", &from, "--count", "1"]).ok();
    assert_eq!(last, "last\n");
}

/// Where partition 0 ended after the 200 records.
fn one_offset(cluster: &Cluster, partition: i32) -> String {
    let records = cluster.run(&["consume", "t", "--exit", "--json", "--partition", &partition.to_string()]).json();
    let with_key = records.iter().filter(|record| !record["key"].is_null());
    (with_key.map(|record| record["offset"].as_i64().unwrap()).max().unwrap() + 1).to_string()
}

#[test]
fn a_producer_and_a_consumer_outlive_a_broker_that_is_killed() {
    let dir = TempDir::new();
    let broker = Setup::new(NEWEST, &dir).start();
    let bootstrap = broker.bootstrap();
    let connect = ["--bootstrap", &bootstrap];
    let mut producer = Running::start(&[&["produce", "t", "--verbose"][..], &connect].concat());
    producer.write(b"before\n");
    assert_eq!(producer.line(), "0@0");
    let mut consumer = Running::start(&[&["consume", "t", "--count", "3", "--offsets"][..], &connect].concat());
    assert_eq!(consumer.line(), "0@0\tbefore");
    let setup = broker.kill();
    producer.write(b"while it is down\n");
    let _broker = setup.start();
    assert_eq!(producer.line(), "0@1");
    producer.write(b"after\n");
    assert_eq!(producer.line(), "0@2");
    assert_eq!(consumer.line(), "0@1\twhile it is down");
    assert_eq!(consumer.line(), "0@2\tafter");
    consumer.end().ok();
    producer.end().ok();
}

#[test]
fn a_reader_that_has_had_enough_ends_the_command_quietly() {
    let cluster = Cluster::start();
    let lines: String = (0..100_000).map(|i| format!("{i:0100}\n")).collect();
    cluster.run_with(&["produce", "t", "--compression", "zstd"], &lines).ok();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mini-kafka"));
    command.args(cluster.args(&["consume", "t", "--exit"]));
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut child = child;
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
    let all = cluster.run(&["consume", "t", "--exit"]).ok();
    assert!(all == lines, "{} bytes came back of {}", all.len(), lines.len());
    drop(cluster.broker);
}

#[test]
fn folders_of_apache_kafka_are_read_as_its_own_consumer_reads_them() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/data/single");
    let expected: Value = serde_json::from_slice(&std::fs::read(golden.join("EXPECTED.json")).unwrap()).unwrap();
    let dir = TempDir::new();
    let setup = Setup::new(NEWEST, &dir).set("broker.id=1").set("log.retention.ms=-1");
    copy(&golden.join("logs"), &setup.dir);
    let broker = setup.start();
    let bootstrap = broker.bootstrap();
    for (name, partition) in expected["partitions"].as_object().unwrap() {
        if name.starts_with("__") {
            continue;
        }
        let (topic, index) = name.rsplit_once('-').unwrap();
        let consume = ["consume", topic, "--partition", index, "--exit", "--json", "--bootstrap", &bootstrap];
        let clients = &partition["clients"];
        let all = run(&consume).json();
        assert_eq!(json!(all.len()), clients["readUncommitted"]["count"], "{name}");
        let committed = run(&[&consume[..], &["--committed"]].concat()).json();
        assert_eq!(json!(committed.len()), clients["readCommitted"]["count"], "{name}, committed");
        assert!(committed.iter().all(|record| all.contains(record)), "{name}");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { std::fs::write(target, std::fs::read(path).unwrap()).unwrap() }
    }
}
