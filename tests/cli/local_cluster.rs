//! What `cluster` decides and shows, without processes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ch01_log::messages::{MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic};
use mini_kafka::group_client::{Group, GroupMember};
use mini_kafka::local_cluster::changes::changes;
use mini_kafka::local_cluster::member::{Act, Exit, Process};
use mini_kafka::local_cluster::plan::{Plan, Ports};
use mini_kafka::local_cluster::table::{fitted, render};
use mini_kafka::local_cluster::view::{
    Answers, BrokerView, ControllerView, GroupView, LastWords, PartitionView, View, controller, is_settled, partitions,
};

fn plan(chapter: u32, count: u16, overrides: &[&str]) -> Result<Plan, String> {
    let overrides: Vec<_> = overrides.iter().map(|text| text.to_string()).collect();
    Plan::new(chapter, Path::new("dir"), &Ports::following(9092, count)?, &overrides)
}

#[test]
fn every_broker_has_ports_and_a_folder_of_its_own() {
    let plan = plan(3, 3, &["num.partitions=6", "min.insync.replicas=1"]).unwrap();
    assert_eq!(plan.bootstrap(), "127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094");
    let second = plan.settings(&plan.brokers()[1]);
    let expected = [
        "broker.id=2",
        "log.dirs=dir/broker-2",
        "listeners=PLAINTEXT://127.0.0.1:9093,BROKERS://127.0.0.1:9193",
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,BROKERS:PLAINTEXT",
        "inter.broker.listener.name=BROKERS",
        "cluster.brokers=1@127.0.0.1:9192,2@127.0.0.1:9193,3@127.0.0.1:9194",
        "default.replication.factor=3",
        "min.insync.replicas=2",
        // The last value of a key counts.
        "num.partitions=6",
        "min.insync.replicas=1",
    ];
    assert_eq!(second, expected);
    assert_eq!(plan.log_file(2), Path::new("dir/broker-2.log"));
    assert_eq!(plan.durability(), "default.replication.factor=3 min.insync.replicas=1");
}

#[test]
fn from_chapter_4_on_every_broker_is_a_controller() {
    let plan = plan(4, 3, &[]).unwrap();
    let third = plan.settings(&plan.brokers()[2]);
    let expected = [
        "broker.id=3",
        "log.dirs=dir/broker-3",
        "listeners=PLAINTEXT://127.0.0.1:9094,BROKERS://127.0.0.1:9194,CONTROLLER://127.0.0.1:9294",
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,BROKERS:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name=BROKERS",
        "controller.listener.names=CONTROLLER",
        "controller.quorum.voters=1@127.0.0.1:9292,2@127.0.0.1:9293,3@127.0.0.1:9294",
        "default.replication.factor=3",
        "min.insync.replicas=2",
    ];
    assert_eq!(third, expected);
}

#[test]
fn copies_are_as_many_as_brokers_up_to_three() {
    let durability = |count| plan(3, count, &[]).unwrap().durability();
    assert_eq!(durability(1), "default.replication.factor=1 min.insync.replicas=1");
    assert_eq!(durability(2), "default.replication.factor=2 min.insync.replicas=1");
    let three =
        "default.replication.factor=3 min.insync.replicas=2: with acks=all, records are on two brokers at least";
    assert_eq!((durability(3), durability(9)), (three.to_string(), three.to_string()));
}

#[test]
fn what_cannot_be_planned_is_said() {
    let folder = Plan::new(3, Path::new("a,b"), &Ports::following(1, 1).unwrap(), &[]).unwrap_err();
    assert!(folder.contains("a,b") && folder.contains("comma"), "{folder}");
    assert!(plan(3, 3, &["x"]).unwrap_err().contains("--override x: expected KEY=VALUE"));
    let own = plan(3, 3, &[" log.dirs = x"]).unwrap_err();
    assert!(own.contains("log.dirs") && own.contains("--dir says where"), "{own}");
    let last = Ports { clients: 65335, brokers: 65435, controllers: 65535 };
    assert_eq!(Ports::following(65333, 3).unwrap()[2], last);
    for first in [0, 65334, 65535] {
        let error = Ports::following(first, 3).unwrap_err();
        assert!(error.contains("1 to 65333"), "{error}");
    }
}

/// What a process looks like after all this.
fn after(acts: &[Act], exit: Option<Exit>) -> Process {
    let mut process = Process::started(7);
    process.ready();
    acts.iter().for_each(|&act| process.done(act));
    exit.into_iter().for_each(|exit| process.ended(exit));
    process
}

#[test]
fn a_process_is_what_was_done_to_it() {
    use Act::*;
    let table: &[(&[Act], Option<Exit>, &str)] = &[
        (&[], None, "up"),
        (&[Pause], None, "paused"),
        (&[Pause, Resume], None, "up"),
        (&[Stop], None, "stopping"),
        (&[Stop], Some(Exit::Code(0)), "stopped"),
        // Asked to stop, it did something else.
        (&[Stop], Some(Exit::Code(101)), "exit 101"),
        (&[Stop], Some(Exit::Signal(9)), "SIGKILL"),
        (&[Stop, Kill], Some(Exit::Signal(9)), "killed"),
        (&[Pause, Kill], Some(Exit::Signal(9)), "killed"),
        // By itself, or by somebody else.
        (&[], Some(Exit::Code(0)), "exit 0"),
        (&[], Some(Exit::Signal(9)), "SIGKILL"),
        (&[Pause], Some(Exit::Signal(11)), "signal 11"),
    ];
    for (acts, exit, expected) in table {
        let process = after(acts, *exit);
        assert_eq!(process.to_string(), *expected, "{acts:?} {exit:?}");
        assert_eq!(process.is_up(), *expected == "up");
        assert_eq!(process.running().map(|running| running.pid), exit.is_none().then_some(7));
    }
    assert_eq!(Process::started(7).to_string(), "starting");
}

#[test]
fn what_cannot_be_done_to_a_process_is_refused_with_what_can() {
    use Act::*;
    let killed = after(&[Kill], Some(Exit::Signal(9)));
    let refused: &[(Process, &[Act], &str)] = &[
        (
            killed,
            &[Kill, Stop, Pause, Resume],
            "broker 2 does not run (killed): `mini-kafka cluster start 2` starts it",
        ),
        (after(&[], None), &[Start], "broker 2 runs already (pid 7): `mini-kafka cluster stop 2` ends it"),
        (after(&[], None), &[Resume], "broker 2 is not paused (pid 7): `mini-kafka cluster pause 2` does that"),
        (
            after(&[Pause], None),
            &[Start, Pause],
            "broker 2 is paused already (pid 7): `mini-kafka cluster resume 2` lets it go on",
        ),
        (after(&[Stop], None), &[Start, Pause], "broker 2 is about to end (pid 7): try again when it has"),
    ];
    for (process, acts, why) in refused {
        for act in *acts {
            assert_eq!(process.check(2, *act).unwrap_err(), *why, "{act}");
        }
    }
    let allowed: &[(Process, &[Act])] = &[
        (killed, &[Start]),
        (after(&[], None), &[Kill, Stop, Pause]),
        (after(&[Pause], None), &[Kill, Stop, Resume]),
        (after(&[Stop], None), &[Kill, Stop]),
    ];
    for (process, acts) in allowed {
        assert!(acts.iter().all(|act| process.check(2, *act).is_ok()), "{process}");
    }
}

/// What a broker says: the brokers it knows, and of each partition of `t` the leader and the epoch.
fn says(brokers: &[i32], partitions: &[(i32, i32)]) -> MetadataResponse {
    let broker = |&node_id: &i32| MetadataResponseBroker { node_id, ..Default::default() };
    let partition = |(partition_index, &(leader_id, leader_epoch)): (i32, &(i32, i32))| MetadataResponsePartition {
        partition_index,
        leader_id,
        leader_epoch,
        replica_nodes: vec![1, 2],
        isr_nodes: vec![1, 2],
        ..Default::default()
    };
    let partitions = (0..).zip(partitions).map(partition).collect();
    let topic = MetadataResponseTopic { name: Some("t".to_string()), partitions, ..Default::default() };
    MetadataResponse { brokers: brokers.iter().map(broker).collect(), topics: vec![topic], ..Default::default() }
}

#[test]
fn who_says_of_itself_that_it_leads_is_believed() {
    let leaders = |answers: &Answers| {
        let leader = |p: PartitionView| (p.leader, p.epoch);
        partitions(answers, &[]).into_iter().map(leader).collect::<Vec<_>>()
    };
    let both = BTreeMap::from([(1, says(&[1, 2], &[(1, 5), (2, 3)])), (2, says(&[1, 2], &[(-1, 6), (2, 4)]))]);
    assert_eq!(leaders(&both), [(Some(1), 5), (Some(2), 4)]);
    let two_claim = BTreeMap::from([(1, says(&[1], &[(1, 5)])), (2, says(&[2], &[(2, 6)]))]);
    assert_eq!(leaders(&two_claim), [(Some(2), 6)]);
    let others_only = BTreeMap::from([(2, says(&[2], &[(-1, 5)]))]);
    assert_eq!(leaders(&others_only), [(None, 5)]);
    // When nobody is left to ask, what was known is not forgotten.
    let known = partitions(&both, &[]);
    let lost = partitions(&Answers::new(), &known);
    assert_eq!(lost.iter().map(|p| (p.name.clone(), p.leader)).collect::<Vec<_>>(), {
        known.iter().map(|p| (p.name.clone(), None)).collect::<Vec<_>>()
    });
}

#[test]
fn a_cluster_can_serve_when_all_know_all_and_agree_on_leaders() {
    let ids = BTreeSet::from([1, 2]);
    let (both, leaders) = (&[1, 2][..], &[(1, 5), (2, 3)][..]);
    let settled =
        |one: MetadataResponse, two: MetadataResponse| is_settled(&ids, &BTreeMap::from([(1, one), (2, two)]));
    assert!(settled(says(both, leaders), says(both, leaders)));
    assert!(!settled(says(both, leaders), says(&[2], leaders)), "one does not know the other");
    assert!(!settled(says(both, leaders), says(both, &[(-1, 5), (2, 3)])), "one does not know a leader");
    assert!(!settled(says(both, leaders), says(both, &[(1, 5)])), "one does not know a partition");
    // A partition that belongs to a broker of a larger cluster has no leader here, and nobody waits for one.
    assert!(settled(says(both, &[(-1, 0)]), says(both, &[(-1, 0)])));
    assert!(!is_settled(&ids, &BTreeMap::from([(1, says(both, leaders))])), "one does not answer");
}

/// Two brokers, of which the second may be down; `count` partitions, all led by broker 1.
fn view(second: &str, count: i32, isr: &[i32]) -> View {
    let broker = |id: i32, state: &str| BrokerView {
        id,
        state: state.to_string(),
        pid: (state == "up").then_some(100 + id as u32),
        address: format!("127.0.0.1:909{id}"),
        last_words: None,
    };
    let answers = BTreeMap::from([(1, says(&[1, 2], &vec![(1, 0); count as usize]))]);
    let mut partitions = partitions(&answers, &[]);
    for partition in &mut partitions {
        partition.isr = isr.to_vec();
        partition.offsets.start = Some(2);
        partition.offsets.high_watermark = Some(10);
        partition.offsets.log_ends = BTreeMap::from([(1, 12)]);
    }
    View { brokers: vec![broker(1, "up"), broker(2, second)], controller: None, partitions, groups: Vec::new() }
}

fn group(state: &str, coordinator: i32, members: &[(&str, &str)]) -> GroupView {
    let member = |(id, partitions): &(&str, &str)| GroupMember {
        id: id.to_string(),
        instance_id: None,
        client_id: "rdkafka".to_string(),
        host: "/127.0.0.1".to_string(),
        partitions: [("t".to_string(), partitions.split(',').filter_map(|text| text.parse().ok()).collect())].into(),
    };
    let members = members.iter().map(member).collect();
    let group = Group { protocol: "classic", state: state.to_string(), assignor: String::new(), members };
    GroupView::new("readers", coordinator, &group)
}

#[test]
fn what_kafka_keeps_for_itself_has_one_line() {
    let mut view = view("up", 1, &[1, 2]);
    let answers = BTreeMap::from([(1, says(&[1, 2], &[(1, 0); 50]))]);
    view.partitions.extend(partitions(&answers, &[]).into_iter().map(|mut partition| {
        partition.name.topic = "__consumer_offsets".to_string();
        PartitionView { is_internal: true, ..partition }
    }));
    let expected = "\
BROKER  STATE  PID  CLIENTS         LEADS  FOLLOWS
1       up     101  127.0.0.1:9091  t-0    -
2       up     102  127.0.0.1:9092  -      t-0

PARTITION  LEADER  EPOCH  REPLICAS  ISR  START  HIGH WATERMARK  LOG ENDS
t-0        1       0      1,2       1,2  2      10              1:12 2:?
__consumer_offsets: 50 partitions, 0 without leader, 0 under-replicated
";
    assert_eq!(render(&view), expected);
    let mut moved = view.clone();
    moved.partitions.iter_mut().filter(|p| p.is_internal).take(2).for_each(|p| p.leader = None);
    let told = ["__consumer_offsets: 50 partitions, 2 without leader, 0 under-replicated"];
    assert_eq!(changes(&view, &moved), told);
}

#[test]
fn groups_are_shown_and_partitions_that_move_in_them_are_told() {
    let with = |groups: Vec<GroupView>| View { groups, ..view("up", 1, &[1, 2]) };
    let (one, two) = (("rdkafka-5e7c02ab-1c72", "0,1,2"), ("rdkafka-8812f0aa-9d00", "2"));
    let alone = with(vec![group("Stable", 2, &[one])]);
    let both = with(vec![group("Stable", 2, &[("rdkafka-5e7c02ab-1c72", "0,1"), two])]);
    let expected = "
GROUP    STATE   COORDINATOR  MEMBER          READS
readers  Stable  2            rdkafka 5e7c02  t-0,1
                              rdkafka 8812f0  t-2
";
    assert!(render(&both).ends_with(expected), "{}", render(&both));
    let empty = with(vec![group("Empty", 2, &[])]);
    assert!(render(&empty).ends_with("\nreaders  Empty  2            -       -\n"), "{}", render(&empty));
    let come = ["group readers: Stable, coordinator broker 2, 1 member", "group readers: rdkafka 5e7c02 reads t-0,1,2"];
    assert_eq!(changes(&with(Vec::new()), &alone), come);
    let shared = [
        "group readers: Stable, coordinator broker 2, 2 members",
        "group readers: rdkafka 5e7c02 reads t-0,1",
        "group readers: rdkafka 8812f0 reads t-2",
    ];
    assert_eq!(changes(&alone, &both), shared);
    let back = [
        "group readers: Stable, coordinator broker 2, 1 member",
        "group readers: rdkafka 5e7c02 reads t-0,1,2",
        "group readers: rdkafka 8812f0 is gone",
    ];
    assert_eq!(changes(&both, &alone), back);
    assert_eq!(
        changes(&alone, &with(vec![group("Stable", 1, &[one])])),
        come[..1].iter().map(|l| l.replace('2', "1")).collect::<Vec<_>>()
    );
    assert_eq!(changes(&empty, &with(Vec::new())), ["group readers: gone"]);
}

#[test]
fn the_table_shows_brokers_and_partitions() {
    let expected = "\
BROKER  STATE   PID  CLIENTS         LEADS  FOLLOWS
1       up      101  127.0.0.1:9091  t-0,1  -
2       killed  -    127.0.0.1:9092  -      -

PARTITION  LEADER  EPOCH  REPLICAS  ISR  START  HIGH WATERMARK  LOG ENDS
t-0        1       0      1,2       1    2      10              1:12 2:?
t-1        1       0      1,2       1    2      10              1:12 2:?
";
    assert_eq!(render(&view("killed", 2, &[1])), expected);
    assert!(render(&view("up", 2, &[1, 2])).contains("2       up     102  127.0.0.1:9092  -      t-0,1\n"));
    assert_eq!(render(&view("up", 0, &[])).lines().count(), 3, "without partitions there is nothing to say of them");
}

#[test]
fn the_controller_is_shown_and_its_changes_are_told() {
    let known = |id, epoch| ControllerView { id, epoch };
    let seen = |said: &[ControllerView]| View { controller: controller(said), ..view("up", 1, &[1, 2]) };
    // Of several epochs the latest counts; within one, not everyone has heard yet who won.
    let elected = seen(&[known(Some(1), 4), known(Some(2), 5), known(None, 5)]);
    assert!(render(&elected).contains("\ncontroller: broker 2, in epoch 5\n\nPARTITION"), "{}", render(&elected));
    let lost = seen(&[known(None, 6), known(Some(2), 5)]);
    assert!(render(&lost).contains("\ncontroller: none, in epoch 6\n"), "{}", render(&lost));
    let nobody_says = seen(&[]);
    assert!(!render(&nobody_says).contains("controller"));
    assert_eq!(changes(&nobody_says, &elected), ["broker 2 is the controller now, in epoch 5"]);
    assert_eq!(changes(&elected, &lost), ["broker 2 is the controller no more, and nobody else is"]);
    assert_eq!(changes(&lost, &seen(&[known(None, 7)])), [""; 0]);
    assert_eq!(changes(&lost, &seen(&[known(Some(2), 7)])), ["broker 2 is the controller now, in epoch 7"]);
}

#[test]
fn a_leader_that_is_another_one_is_told() {
    let before = view("up", 2, &[1, 2]);
    let mut after = before.clone();
    (after.partitions[0].leader, after.partitions[0].epoch) = (Some(2), 1);
    let told = ["broker 2 leads t-0 now, in epoch 1", "t-0: leader 2, epoch 1, in sync 1,2"];
    assert_eq!(changes(&before, &after), told);
    let mut nobody = before.clone();
    nobody.partitions[0].leader = None;
    assert_eq!(changes(&before, &nobody), ["t-0: leader none, epoch 0, in sync 1,2"]);
    assert_eq!(changes(&nobody, &after), told);
}

#[test]
fn many_partitions_are_added_up() {
    let expected = "\
BROKER  STATE  PID  CLIENTS         LEADS  FOLLOWS
1       up     101  127.0.0.1:9091  31     -
2       up     102  127.0.0.1:9092  -      31

TOPIC  PARTITIONS  WITHOUT LEADER  UNDER-REPLICATED  READABLE OFFSETS
t      31          0               31                248
";
    assert_eq!(render(&view("up", 31, &[1])), expected);
    assert!(render(&view("up", 30, &[1])).contains("\nt-29 "));
}

#[test]
fn what_a_broker_has_said_last_is_shown() {
    let mut ended = view("exit 101", 1, &[1]);
    let lines = vec!["a".to_string(), "thread panicked".to_string()];
    ended.brokers[1].last_words = Some(LastWords { file: "dir/broker-2.log".to_string(), lines });
    let expected = "\
broker 2 has ended by itself (exit 101); the end of dir/broker-2.log:
  | a
  | thread panicked
`mini-kafka cluster start 2` starts it again
";
    assert!(render(&ended).ends_with(&format!("\n\n{expected}")), "{}", render(&ended));
    let told = changes(&view("up", 1, &[1]), &ended);
    assert_eq!(told.join("\n"), format!("broker 2: exit 101\n{}", expected.trim_end()));
}

#[test]
fn changes_are_told_once_and_offsets_are_none() {
    let (both, one) = (view("up", 2, &[1, 2]), view("killed", 2, &[1]));
    let first = changes(&View::default(), &both);
    let expected = ["broker 1: up, pid 101", "broker 2: up, pid 102", "t-0: leader 1, epoch 0, in sync 1,2"];
    assert_eq!(first[..3], expected);
    let mut later = both.clone();
    later.partitions[0].offsets.high_watermark = Some(11);
    assert_eq!(changes(&both, &later), [""; 0]);
    let expected = ["broker 2: killed", "t-0: leader 1, epoch 0, in sync 1", "t-1: leader 1, epoch 0, in sync 1"];
    assert_eq!(changes(&both, &one), expected);
    assert_eq!(changes(&both, &view("up", 1, &[1, 2])), ["t-1: gone"]);
    // Beyond what a table shows one by one, topics are told.
    let many = changes(&both, &view("up", 31, &[1]));
    assert_eq!(many, ["t: 31 partitions, 0 without leader, 31 under-replicated"]);
}

#[test]
fn a_table_that_is_too_large_for_a_terminal_is_cut() {
    let text = "1234567890\nb\nc\nd\ne\n";
    assert_eq!(fitted(text, "below", 8, 10), ["1234567890", "b", "c", "d", "e", "", "below"]);
    assert_eq!(fitted(text, "below", 8, 9)[0], "12345678…");
    let cut = fitted(text, "below", 7, 80);
    assert_eq!(cut, ["1234567890", "b", "c", "… 2 more lines: `mini-kafka cluster status` shows all", "", "below"]);
    assert_eq!(fitted(text, "below", 1, 80).len(), 3, "whatever a terminal says of itself, nothing panics");
    assert_eq!(fitted("é\n", "", 9, 1), ["é", "", ""]);
}
