//! `group` against a broker, with consumers of librdkafka in the group.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rustix::process::{Pid, Signal, kill_process};

use super::command::{Ended, Running, run, run_with};
use super::harness::{NEWEST, PATIENCE, Setup, TempDir};

fn member(bootstrap: &str, settings: &[(&str, &str)]) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("group.id", "g").set("auto.offset.reset", "earliest");
    config.set("enable.auto.commit", "false").set("partition.assignment.strategy", "range");
    settings.iter().for_each(|(key, value)| _ = config.set(*key, *value));
    let consumer: BaseConsumer = config.create().unwrap();
    consumer.subscribe(&["t"]).unwrap();
    consumer
}

/// Polls until each of them has so many partitions.
fn wait_for_partitions(members: &[&BaseConsumer], partitions: usize) {
    let deadline = Instant::now() + PATIENCE;
    while members.iter().any(|member| member.assignment().unwrap().count() != partitions) {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {partitions} partitions each");
        members.iter().for_each(|member| _ = member.poll(Duration::from_millis(20)));
    }
}

/// The cells of a line.
fn cells(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn groups_are_listed_described_reset_and_deleted() {
    let dir = TempDir::new();
    let broker = Setup::new(NEWEST, &dir).set("group.initial.rebalance.delay.ms=0").start();
    let bootstrap = broker.bootstrap();
    let run = |args: &[&str]| -> Ended { run(&[args, &["--bootstrap", &bootstrap]].concat()) };
    assert_eq!(run(&["group", "list"]).ok(), "there are no groups\n");
    for args in [&["group", "describe", "g"][..], &["group", "delete", "g"]] {
        let missing = run(args).failed(1);
        assert!(missing.contains("group `g` does not exist; `mini-kafka group list`"), "{missing}");
    }
    run(&["topic", "create", "t", "--partitions", "2"]).ok();
    for (partition, lines) in [("0", "a\nb\nc\n"), ("1", "d\n")] {
        let produce = ["produce", "t", "--partition", partition, "--bootstrap", &bootstrap];
        run_with(&produce, lines.as_bytes()).ok();
    }

    // Offsets without members are a group, too; a dry run changes nothing.
    let reset = ["group", "reset", "g", "--topic", "t", "--to"];
    let dry = run(&[&reset[..], &["latest", "--dry-run"]].concat()).ok();
    assert_eq!(dry, "PARTITION  BEFORE  AFTER\nt-0        -       3\nt-1        -       1\n");
    assert_eq!(run(&["group", "list"]).ok(), "there are no groups\n");
    let one = run(&[&reset[..], &["2", "--partition", "0"]].concat()).ok();
    assert_eq!(one, "PARTITION  BEFORE  AFTER\nt-0        -       2\n");
    assert_eq!(run(&["group", "list"]).ok(), "GROUP  PROTOCOL  STATE  MEMBERS\ng      classic   Empty  0\n");
    let described = run(&["group", "describe", "g"]).ok();
    let progress = "PARTITION  COMMITTED  END  LAG  MEMBER\nt-0        2          3    1    -\n";
    assert_eq!(described, format!("group g, classic protocol, Empty, coordinator broker 1\n{progress}"));

    // With members.
    let (first, second) = (member(&bootstrap, &[]), member(&bootstrap, &[("group.instance.id", "second")]));
    wait_for_partitions(&[&first, &second], 1);
    assert_eq!(run(&["group", "list"]).ok(), "GROUP  PROTOCOL  STATE   MEMBERS\ng      classic   Stable  2\n");
    let described = run(&["group", "describe", "g"]).ok();
    let lines: Vec<_> = described.lines().collect();
    assert_eq!(lines[0], "group g, classic protocol, Stable, assignor range, coordinator broker 1");
    assert_eq!(cells(lines[1]), ["MEMBER", "INSTANCE", "HOST", "PARTITIONS"]);
    let members = [cells(lines[2]), cells(lines[3])];
    let of = |instance: &str| members.iter().find(|cells| cells[1] == instance).expect("a member of this instance");
    assert!(of("second")[0].starts_with("second-") && of("-")[0].starts_with("rdkafka-"), "{described}");
    let (zero, one) = (["t:0", "/127.0.0.1"], ["t:1", "/127.0.0.1"]);
    let have = members.each_ref().map(|cells| [cells[3], cells[2]]);
    assert!(have == [zero, one] || have == [one, zero], "{described}");
    let owner = |partitions: &str| members.iter().find(|cells| cells[3] == partitions).unwrap()[0];
    assert_eq!(cells(lines[6]), ["t-0", "2", "3", "1", owner("t:0")]);
    assert_eq!(cells(lines[7]), ["t-1", "-", "1", "-", owner("t:1")]);
    let refused = run(&[&reset[..], &["earliest"]].concat()).failed(1);
    assert!(refused.contains("group `g` has members: it can be reset when they are gone"), "{refused}");
    let refused = run(&["group", "delete", "g"]).failed(1);
    assert!(refused.contains("group `g` has members: it can be deleted when they are gone"), "{refused}");
}

#[test]
fn a_group_goes_on_where_it_was_reset_to() {
    let dir = TempDir::new();
    let broker = Setup::new(NEWEST, &dir).set("group.initial.rebalance.delay.ms=0").start();
    let bootstrap = broker.bootstrap();
    let run = |args: &[&str]| -> Ended { run(&[args, &["--bootstrap", &bootstrap]].concat()) };
    run(&["topic", "create", "t", "--partitions", "1"]).ok();
    run_with(&["produce", "t", "--bootstrap", &bootstrap], b"a\nb\nc\n").ok();
    let first = |consumer: BaseConsumer| {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(message) = consumer.poll(Duration::from_millis(20)) {
                return rdkafka::Message::offset(&message.unwrap());
            }
        }
        panic!("waited {PATIENCE:?} for a record")
    };
    let reset = |to: &str| run(&["group", "reset", "g", "--topic", "t", "--to", to]);
    assert_eq!(reset("2").ok(), "PARTITION  BEFORE  AFTER\nt-0        -       2\n");
    assert_eq!(first(member(&bootstrap, &[])), 2);
    assert_eq!(reset("earliest").ok(), "PARTITION  BEFORE  AFTER\nt-0        2       0\n");
    assert_eq!(first(member(&bootstrap, &[])), 0);
    // No record is as late as that: its end.
    assert_eq!(reset("@2100-01-01").ok(), "PARTITION  BEFORE  AFTER\nt-0        0       3\n");
    let beyond = reset("4").failed(1);
    assert!(beyond.contains("t-0 has no offset 4: it begins at 0 and ends before 3"), "{beyond}");
    assert_eq!(reset("yesterday").code, Some(2));
    assert_eq!(run(&["group", "delete", "g"]).ok(), "deleted g\n");
    assert_eq!(run(&["group", "list"]).ok(), "there are no groups\n");
    // A broker of an earlier chapter knows nothing of groups, and says so.
    let dir = TempDir::new();
    let earlier = Setup::new(4, &dir).start();
    let unknown = super::command::run(&["group", "list", "--bootstrap", &earlier.bootstrap()]).failed(1);
    assert!(unknown.contains("does not serve ListGroups"), "{unknown}");
}

#[test]
fn consumers_of_a_group_share_a_topic_and_go_on_for_each_other() {
    let dir = TempDir::new();
    let broker = Setup::new(NEWEST, &dir)
        .set("group.consumer.heartbeat.interval.ms=100")
        .set("group.consumer.session.timeout.ms=3000")
        .start();
    let bootstrap = broker.bootstrap();
    let run = |args: &[&str]| -> Ended { run(&[args, &["--bootstrap", &bootstrap]].concat()) };
    run(&["topic", "create", "t", "--partitions", "4"]).ok();
    let produce = |from: usize, to: usize| {
        for partition in 0..4 {
            let lines: String = (from..to).map(|n| format!("{partition}-{n}\n")).collect();
            let produce = ["produce", "t", "--partition", &partition.to_string(), "--bootstrap", &bootstrap];
            run_with(&produce, lines.as_bytes()).ok();
        }
        (0..4).flat_map(|partition| (from..to).map(move |n| format!("{partition}-{n}"))).collect::<BTreeSet<_>>()
    };
    let consume = ["consume", "t", "--group", "g", "--bootstrap", &bootstrap];
    let group = || run(&["group", "describe", "g"]).ok();

    // Alone, it reads everything, once.
    let written = produce(0, 10);
    let alone = || -> BTreeSet<String> {
        let ended = run(&["consume", "t", "--group", "g", "--exit"]);
        ended.ok().lines().map(str::to_owned).collect()
    };
    assert_eq!(alone(), written);
    assert_eq!(alone(), BTreeSet::new());
    let empty = group();
    assert!(empty.starts_with("group g, consumer protocol, Empty"), "{empty}");
    assert_eq!(empty.lines().filter(|line| cells(line)[1..4] == ["10", "10", "0"]).count(), 4, "{empty}");

    // Two share it. One is killed, and the other goes on for it.
    let (mut first, mut second) = (Running::start(&consume), Running::start(&consume));
    let deadline = Instant::now() + PATIENCE;
    let is_half =
        |line: &&str| line.split_once(" t:").is_some_and(|(_, partitions)| partitions.split(',').count() == 2);
    while group().lines().filter(is_half).count() != 2 {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} until each has a half: {}", group());
    }
    let written = produce(10, 20);
    let read: BTreeSet<String> = (0..20).flat_map(|_| [first.line(), second.line()]).collect();
    assert_eq!(read, written);
    drop(second);
    let mut missing = produce(20, 30);
    while !missing.is_empty() {
        missing.remove(&first.line());
    }
    kill_process(Pid::from_raw(first.pid() as i32).unwrap(), Signal::TERM).unwrap();
    first.end().ok();
    let empty = group();
    assert!(empty.starts_with("group g, consumer protocol, Empty"), "{empty}");
    assert_eq!(empty.lines().filter(|line| cells(line)[1..4] == ["30", "30", "0"]).count(), 4, "{empty}");

    // In a group, nobody picks partitions.
    assert_eq!(run(&["consume", "t", "--group", "g", "--partition", "0"]).code, Some(2));
}
