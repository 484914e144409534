//! `cluster`: several brokers, what happens when one of them dies, and that none is left behind.

use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::command::{Ended, Running, run, run_with};
use super::harness::{PATIENCE, TempDir};

/// A cluster that runs, in a folder of its own.
struct Cluster {
    running: Running,
    bootstrap: String,
    dir: TempDir,
}

impl Cluster {
    /// Three brokers, and when they can serve.
    fn start(args: &[&str]) -> Cluster {
        let dir = TempDir::new();
        let folder = dir.path().display().to_string();
        let mut running = Running::start(&[&["cluster", "--port", "0", "--dir", &folder], args].concat());
        let ready = running.line();
        let bootstrap = ready.strip_prefix("mini-kafka cluster ready brokers=3 bootstrap=");
        let bootstrap = bootstrap.unwrap_or_else(|| panic!("no ready line: {ready}")).to_string();
        Cluster { running, bootstrap, dir }
    }

    /// Another `cluster` command about this one.
    fn command(&self, args: &[&str]) -> Ended {
        run(&[&["cluster"], args, &["--dir", self.dir.path().to_str().unwrap()]].concat())
    }

    fn status(&self) -> String {
        self.command(&["status"]).ok()
    }

    /// Waits for a line of the one that runs.
    fn wait_for(&mut self, expected: &str) {
        while self.running.line() != expected {}
    }

    /// Waits until the table has a line that begins like this, in words.
    fn wait_for_row(&self, expected: &str) {
        let deadline = Instant::now() + PATIENCE;
        let in_words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        loop {
            let table = self.status();
            if table.lines().any(|line| format!("{} ", in_words(line)).starts_with(&format!("{expected} "))) {
                return;
            }
            assert!(Instant::now() < deadline, "waited {PATIENCE:?} for `{expected}` in\n{table}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn client(&self, args: &[&str], input: &str) -> Ended {
        run_with(&[args, &["--bootstrap", &self.bootstrap]].concat(), input.as_bytes())
    }

    /// The processes of its brokers, by their numbers; those that run.
    fn pids(&self) -> Vec<(i32, i32)> {
        let table = self.status();
        let rows = table.lines().skip(1).take_while(|line| !line.is_empty());
        let pid = |row: &str| {
            let mut words = row.split_whitespace();
            let id = words.next()?.parse().ok()?;
            words.find_map(|word| word.parse().ok()).map(|pid| (id, pid))
        };
        rows.filter_map(pid).collect()
    }

    fn pid(&self, id: i32) -> i32 {
        self.pids().into_iter().find(|(broker, _)| *broker == id).expect("it runs").1
    }

    /// Sends a signal to the one that runs.
    fn signal(&self, signal: Signal) {
        send(self.running.pid() as i32, signal);
    }

    /// Asks it to stop; nothing may be left.
    fn stop(self, signal: Signal) -> String {
        let pids = self.pids();
        self.signal(signal);
        let out = self.running.end().ok();
        for (id, pid) in pids {
            assert!(!is_alive(pid), "broker {id}, pid {pid}, is left");
        }
        assert!(!self.dir.path().join("cluster.json").exists());
        out
    }
}

fn send(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

/// Whether a process is there and has not ended. One that nobody has waited for yet has.
fn is_alive(pid: i32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !stat.contains(") Z "),
        Err(_) if Path::new("/proc/self/stat").exists() => false,
        Err(_) => rustix::process::test_kill_process(Pid::from_raw(pid).unwrap()).is_ok(),
    }
}

fn wait_until_gone(pid: i32) {
    let deadline = Instant::now() + PATIENCE;
    while is_alive(pid) {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for process {pid} to end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_cluster_survives_the_loss_of_a_follower() {
    let mut cluster = Cluster::start(&["--chapter", "3", "--override", "replica.lag.time.max.ms=1000"]);
    let meaning =
        "default.replication.factor=3 min.insync.replicas=2: with acks=all, records are on two brokers at least";
    assert_eq!(cluster.running.line(), meaning);
    let created = cluster.client(&["topic", "create", "t", "--partitions", "3"], "").ok();
    assert!(created.starts_with("created t, 3 partitions, 3 replicas each"), "{created}");
    cluster.client(&["produce", "t", "--partition", "0"], "a\nb\n").ok();
    cluster.wait_for_row("t-0 1 0 1,2,3 1,2,3 0 2 1:2 2:2 3:2");
    let second = cluster.pid(2);
    assert_eq!(cluster.command(&["kill", "2"]).ok(), "broker 2 is killed\n");
    assert!(!is_alive(second));
    // What it follows goes on without it; what it leads waits for it, and for nobody else.
    cluster.wait_for("broker 2: killed");
    cluster.wait_for("t-1: leader none, epoch 0, in sync 2,3,1");
    cluster.client(&["produce", "t", "--partition", "0"], "c\n").ok();
    cluster.wait_for_row("t-0 1 0 1,2,3 1,3 0 3 1:3 2:? 3:3");
    cluster.wait_for_row("t-1 none 0 2,3,1 2,3,1 ? ? 2:? 3:0 1:0");
    cluster.wait_for_row("2 killed -");
    assert_eq!(cluster.pids().len(), 2, "nobody has started it");
    let started = cluster.command(&["start", "2"]).ok();
    assert_eq!(started, format!("broker 2 is up (pid {})\n", cluster.pid(2)));
    cluster.wait_for("t-0: leader 1, epoch 0, in sync 1,2,3");
    cluster.wait_for_row("t-0 1 0 1,2,3 1,2,3 0 3 1:3 2:3 3:3");
    cluster.wait_for_row("t-1 2 1 2,3,1 2,3,1 0 0 2:0 3:0 1:0");
    let read = cluster.client(&["consume", "t", "--exit"], "").ok();
    assert_eq!(read, "a\nb\nc\n");
    let last = cluster.stop(Signal::TERM);
    for id in 1..=3 {
        assert!(last.contains(&format!("broker {id}: stopped\n")), "{last}");
    }
}

#[test]
fn another_broker_leads_and_another_is_the_controller_when_one_is_killed() {
    let mut cluster = Cluster::start(&[]);
    cluster.client(&["topic", "create", "t", "--partitions", "3"], "").ok();
    cluster.client(&["produce", "t"], "a\nb\n").ok();
    let controller = |table: &str| -> Option<i32> {
        let line = table.lines().find_map(|line| line.strip_prefix("controller: broker "))?;
        line.split(',').next()?.parse().ok()
    };
    let first = controller(&cluster.status()).expect("a cluster that is ready has one");
    let (second, third) = (first % 3 + 1, (first + 1) % 3 + 1);
    cluster.command(&["kill", &first.to_string()]).ok();
    cluster.wait_for(&format!("broker {first}: killed"));
    // Each broker is the first replica of one of the three partitions.
    let is_moved =
        |line: &str, to: i32| line.starts_with(&format!("broker {to} leads t-")) && line.contains(" now, in epoch ");
    let (mut has_controller, mut has_moved) = (false, false);
    while !(has_controller && has_moved) {
        let line = cluster.running.line();
        has_controller |=
            [second, third].iter().any(|id| line.starts_with(&format!("broker {id} is the controller now")));
        has_moved |= [second, third].iter().any(|&id| is_moved(&line, id));
    }
    assert!(controller(&cluster.status()).is_some_and(|now| now != first));
    cluster.client(&["produce", "t"], "c\n").ok();
    cluster.command(&["start", &first.to_string()]).ok();
    let mut read: Vec<_> = cluster.client(&["consume", "t", "--exit"], "").ok().lines().map(str::to_owned).collect();
    read.sort();
    assert_eq!(read, ["a", "b", "c"]);
    cluster.stop(Signal::TERM);
}

#[test]
fn groups_are_shown_and_go_on_when_their_coordinator_is_killed() {
    let mut cluster = Cluster::start(&["--override", "group.consumer.heartbeat.interval.ms=200"]);
    cluster.client(&["topic", "create", "t", "--partitions", "3"], "").ok();
    let bootstrap = cluster.bootstrap.clone();
    let member = || Running::start(&["consume", "t", "--group", "g", "--bootstrap", &bootstrap]);
    let mut first = member();
    let wait_for = |cluster: &mut Cluster, begin: &str, end: &str| loop {
        let line = cluster.running.line();
        if line.starts_with(begin) && line.ends_with(end) {
            return line;
        }
    };
    let stable = wait_for(&mut cluster, "group g: Stable, coordinator broker ", ", 1 member");
    cluster.wait_for_row("g Stable");
    let coordinator = &stable["group g: Stable, coordinator broker ".len()..][..1];
    cluster.command(&["kill", coordinator]).ok();
    cluster.client(&["produce", "t"], "a\n").ok();
    assert_eq!(first.line(), "a");
    let moved = wait_for(&mut cluster, "group g: Stable, coordinator broker ", ", 1 member");
    assert_ne!(moved, stable);
    cluster.wait_for_row("g Stable");
    let _second = member();
    wait_for(&mut cluster, "group g: Stable, coordinator broker ", ", 2 members");
    send(first.pid() as i32, Signal::TERM);
    wait_for(&mut cluster, "group g: mini-kafka ", " is gone");
    first.end().ok();
    cluster.stop(Signal::TERM);
}

#[test]
fn copies_are_moved_and_leaders_are_elected() {
    let mut cluster = Cluster::start(&[]);
    cluster.client(&["topic", "create", "t", "--replication-factor", "1"], "").ok();
    cluster.client(&["produce", "t"], "a\nb\n").ok();
    let to = |replicas| ["topic", "reassign", "t", "--partition", "0", "--replicas", replicas];
    let first = if cluster.status().contains("\nt-0        1 ") { "2" } else { "1" };
    let moved = cluster.client(&to(first), "").ok();
    assert!(moved.contains(&format!("t-0: replicas {first}, led by {first} in epoch ")), "{moved}");
    let more = cluster.client(&to("3,1,2"), "").ok();
    assert!(more.contains("t-0: replicas 3,1,2, led by "), "{more}");
    assert_eq!(cluster.client(&["topic", "reassign", "--list"], "").ok(), "nothing moves\n");
    // Whoever leads need not be the first of the new replicas.
    cluster.client(&["topic", "elect", "t"], "").ok();
    cluster.command(&["kill", "3"]).ok();
    cluster.wait_for("broker 3: killed");
    // It was all so quick that the one that watches may see the topic for the first time now.
    let is_another = |line: String| line.contains(" leads t-0 now") || line.starts_with("t-0: leader ");
    while !is_another(cluster.running.line()) {}
    let dead = cluster.client(&["topic", "elect", "t", "--partition", "0"], "").failed(1);
    assert!(dead.contains("t-0: no election: PREFERRED_LEADER_NOT_AVAILABLE"), "{dead}");
    cluster.command(&["start", "3"]).ok();
    let are_three = |line: String| line.starts_with("t-0: ") && line.matches(',').count() == 4;
    while !are_three(cluster.running.line()) {}
    let elected = cluster.client(&["topic", "elect", "t"], "").ok();
    assert!(elected.starts_with("t-0: replicas 3,1,2, led by 3 in epoch "), "{elected}");
    assert_eq!(cluster.client(&["topic", "elect", "t"], "").ok(), "t-0: no election is needed\n");
    assert_eq!(cluster.client(&["consume", "t", "--exit"], "").ok(), "a\nb\n");

    let slowly = cluster.client(&[&to("3,1")[..], &["--throttle", "1000000"]].concat(), "").ok();
    assert!(slowly.starts_with("t-0: at most 1000000 bytes a second, at each of brokers 1,2,3\n"), "{slowly}");
    assert!(slowly.contains("t-0: replicas 3,1, led by 3 in epoch "), "{slowly}");
    let settings = cluster.client(&["topic", "config", "t"], "").ok();
    assert!(!settings.contains("throttled"), "the throttle goes with the move: {settings}");
    assert_eq!(cluster.client(&["topic", "reassign", "--list", "--throttle", "1"], "").code, Some(2));

    let nobody = cluster.client(&to("1,9"), "").failed(1);
    assert!(nobody.contains("t-0 is not reassigned: INVALID_REPLICA_ASSIGNMENT"), "{nobody}");
    let nothing = cluster.client(&["topic", "reassign", "t", "--partition", "0", "--cancel"], "").failed(1);
    assert!(nothing.contains("t-0 is not reassigned: NO_REASSIGNMENT_IN_PROGRESS"), "{nothing}");
    let missing = cluster.client(&["topic", "elect", "no"], "").failed(1);
    assert!(missing.contains("`no` does not exist"), "{missing}");
    assert_eq!(cluster.client(&["topic", "reassign", "t", "--partition", "0"], "").code, Some(2));
    assert_eq!(cluster.client(&["topic", "reassign", "t", "--cancel"], "").code, Some(2));
    assert_eq!(cluster.client(&["topic", "reassign", "--list", "t"], "").code, Some(2));
    cluster.stop(Signal::TERM);
}

#[test]
fn brokers_are_paused_resumed_stopped_and_started() {
    let cluster = Cluster::start(&[]);
    let third = cluster.pid(3);
    assert_eq!(cluster.command(&["pause", "3"]).ok(), format!("broker 3 is paused (pid {third})\n"));
    cluster.wait_for_row(&format!("3 paused {third}"));
    let again = cluster.command(&["pause", "3"]).failed(1);
    assert!(again.contains("broker 3 is paused already") && again.contains("`mini-kafka cluster resume 3`"), "{again}");
    assert_eq!(cluster.command(&["resume", "3"]).ok(), format!("broker 3 is up (pid {third})\n"));
    cluster.wait_for_row(&format!("3 up {third}"));
    // Whoever pauses it in another way finds out, too.
    send(third, Signal::STOP);
    cluster.wait_for_row(&format!("3 no answer {third}"));
    send(third, Signal::CONT);
    cluster.wait_for_row(&format!("3 up {third}"));
    // One that is paused can be stopped: it goes on for that.
    cluster.command(&["pause", "3"]).ok();
    assert_eq!(cluster.command(&["stop", "3"]).ok(), "broker 3 is stopped\n");
    let stopped = cluster.command(&["kill", "3"]).failed(1);
    assert!(stopped.contains("broker 3 does not run (stopped): `mini-kafka cluster start 3`"), "{stopped}");
    cluster.command(&["start", "3"]).ok();
    let runs = cluster.command(&["start", "3"]).failed(1);
    assert!(runs.contains("broker 3 runs already (pid "), "{runs}");
    let none = cluster.command(&["stop", "4"]).failed(1);
    assert!(none.contains("there is no broker 4: this cluster has brokers 1 to 3"), "{none}");
    cluster.command(&["pause", "1"]).ok();
    cluster.stop(Signal::INT);
}

#[test]
fn a_broker_that_ends_by_itself_is_reported_and_stays_down() {
    let mut cluster = Cluster::start(&[]);
    send(cluster.pid(2), Signal::TERM);
    cluster.wait_for("broker 2: exit 0");
    let status = cluster.status();
    let log = cluster.dir.path().join("broker-2.log");
    let reported = format!("broker 2 has ended by itself (exit 0); the end of {}:\n  | ", log.display());
    assert!(status.contains(&reported) && status.contains("SIGTERM: stopping\n"), "{status}");
    // Its folder is taken away from it: it cannot start.
    let folder = cluster.dir.path().join("broker-2");
    std::fs::rename(&folder, cluster.dir.path().join("elsewhere")).unwrap();
    std::fs::write(&folder, "no folder").unwrap();
    let refused = cluster.command(&["start", "2"]).failed(1);
    assert!(refused.contains("broker 2 has ended (exit 2): mini-kafka refuses to start: "), "{refused}");
    assert!(refused.contains("broker-2.log has all that it said"), "{refused}");
    cluster.wait_for("broker 2: exit 2");
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(cluster.dir.path().join("elsewhere"), &folder).unwrap();
    cluster.command(&["start", "2"]).ok();
    assert!(!cluster.status().contains("has ended"));
    cluster.stop(Signal::TERM);
}

#[test]
fn a_cluster_that_is_killed_takes_its_brokers_with_it() {
    let cluster = Cluster::start(&[]);
    cluster.client(&["produce", "t"], "a\n").ok();
    let pids = cluster.pids();
    assert_eq!(pids.len(), 3);
    cluster.command(&["pause", "2"]).ok();
    cluster.signal(Signal::KILL);
    pids.iter().for_each(|&(_, pid)| wait_until_gone(pid));
    let Cluster { running, dir, .. } = cluster;
    assert_eq!(running.end().code, None);
    let folder = dir.path().to_str().unwrap();
    let gone = run(&["cluster", "status", "--dir", folder]).failed(1);
    assert!(gone.contains("has ended: `mini-kafka cluster --dir ") && gone.contains(" starts it again"), "{gone}");
    // Once more, with what is there.
    let mut running = Running::start(&["cluster", "--port", "0", "--dir", folder]);
    let ready = running.line();
    let bootstrap = ready.split("bootstrap=").nth(1).unwrap_or_else(|| panic!("no ready line: {ready}"));
    while !running.line().starts_with("t-0: leader ") {}
    assert_eq!(run(&["consume", "t", "--exit", "--bootstrap", bootstrap]).ok(), "a\n");
    send(running.pid() as i32, Signal::TERM);
    running.end().ok();
}

#[test]
fn what_is_in_the_way_is_said() {
    let cluster = Cluster::start(&[]);
    let folder = cluster.dir.path().to_str().unwrap();
    let second = run(&["cluster", "--port", "0", "--dir", folder]).failed(1);
    let expected = format!("{folder}: a cluster runs in this folder already (pid {})", cluster.running.pid());
    assert!(second.contains(&expected) && second.contains("`mini-kafka cluster status --dir "), "{second}");
    cluster.stop(Signal::TERM);

    let dir = TempDir::new();
    let folder = dir.path().join("new").display().to_string();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let busy = run(&["cluster", "--port", &port.to_string(), "--dir", &folder]).failed(1);
    assert!(busy.contains(&format!("127.0.0.1:{port}, where broker 1 is to listen for clients: ")), "{busy}");
    assert!(busy.contains("--port"), "{busy}");
    let nobody = run(&["cluster", "kill", "2", "--dir", &folder]).failed(1);
    assert!(nobody.contains(&format!("{folder}: no cluster runs in this folder")), "{nobody}");
    let misspelt = run(&["cluster", "--port", "0", "--dir", &folder, "--override", "num.partition=3"]).failed(1);
    assert!(misspelt.contains("has ended (exit 2)") && misspelt.contains("`num.partitions`"), "{misspelt}");
    let own = run(&["cluster", "--dir", &folder, "--override", "log.dirs=x"]).failed(2);
    assert!(own.contains("--dir says where"), "{own}");
    let high = run(&["cluster", "--port", "65500", "--dir", &folder]).failed(2);
    assert!(high.contains("legal is 1 to 65333"), "{high}");
    assert_eq!(run(&["cluster", "--brokers", "0"]).code, Some(2));
}

#[test]
fn of_many_partitions_topics_are_shown() {
    let cluster = Cluster::start(&["--chapter", "3"]);
    cluster.client(&["topic", "create", "t", "--partitions", "40"], "").ok();
    cluster.client(&["produce", "t"], "a\nb\nc\n").ok();
    cluster.wait_for_row("t 40 0 0 3");
    cluster.command(&["kill", "3"]).ok();
    cluster.wait_for_row("t 40 13 0");
    cluster.stop(Signal::TERM);
}
