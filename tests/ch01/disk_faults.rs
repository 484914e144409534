//! Disks that fail: whatever goes wrong at whatever moment, what was acknowledged is there when the disk works again, and
//! nothing is there in part.
//!
//! A script of everything that changes a disk is run once for each change in it, and each time another change fails: with
//! an error at once, or after some of its bytes were written.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use ch00_wire::codec::Chunk;
use ch00_wire::error_code::ErrorCode;
use ch01_log::broker::State;
use ch01_log::disk::{Change, Disk, Fault, Faults};
use ch01_log::log::AppendError;
use ch01_log::partition::{OffsetQuery, Partition, ReadRequest, Reader, RequiredAcks};
use ch01_log::recovery::OpenOptions;
use ch01_log::text_checkpoint::TopicPartition;

use crate::support::*;
use crate::topics::{create, new_topic, open_broker};

const FULL: io::ErrorKind = io::ErrorKind::StorageFull;
const BROKEN: io::ErrorKind = io::ErrorKind::Other;

/// A disk on which a change fails if the closure gives it an error.
pub fn disk_where(decide: impl Fn(&Change) -> Option<Fault> + Send + Sync + 'static) -> Disk {
    struct Decide<F>(F);
    impl<F: Fn(&Change) -> Option<Fault> + Send + Sync> Faults for Decide<F> {
        fn before(&self, change: &Change) -> Option<Fault> {
            (self.0)(change)
        }
    }
    Disk::with_faults(Arc::new(Decide(decide)))
}

/// A fault that lets no byte through.
pub fn fault(kind: io::ErrorKind) -> Option<Fault> {
    Some(Fault { bytes: 0, error: kind.into() })
}

/// What goes wrong in one run.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// The change that fails, counted from 0.
    nth: usize,
    /// Whether all changes after it fail, too.
    for_good: bool,
    error: io::ErrorKind,
    /// How much of a write is still made: none, one byte, half, all but one byte.
    part: fn(usize) -> usize,
}

const PARTS: [fn(usize) -> usize; 4] = [|_| 0, |len| len.min(1), |len| len / 2, |len| len.saturating_sub(1)];

/// The disk of a plan, and the first change that failed.
fn planned(plan: Plan) -> (Disk, Arc<Mutex<Option<Change>>>) {
    let (count, failed) = (AtomicUsize::new(0), Arc::new(Mutex::new(None)));
    let first = failed.clone();
    let disk = disk_where(move |change| {
        let n = count.fetch_add(1, Ordering::Relaxed);
        if n < plan.nth || n > plan.nth && !plan.for_good {
            return None;
        }
        first.lock().unwrap().get_or_insert_with(|| change.clone());
        let len = if let Change::Write { len, .. } = change { *len } else { 0 };
        Some(Fault { bytes: (plan.part)(len), error: plan.error.into() })
    });
    (disk, failed)
}

/// What clients were told in a run.
#[derive(Default)]
struct History {
    /// Values whose appends were acknowledged, in order.
    stored: BTreeMap<TopicPartition, Vec<String>>,
    /// Topics whose creation was acknowledged.
    created: BTreeSet<&'static str>,
    /// Topics whose deletion was acknowledged.
    deleted: BTreeSet<&'static str>,
    /// Topics of which clients were told that something failed: it was done as a whole, or not at all.
    uncertain: BTreeSet<&'static str>,
}

/// The values that a reader sees, or `None` if the partition does not answer.
fn visible(state: &State, name: &TopicPartition) -> Option<Vec<String>> {
    let partition = state.partition(&name.topic, name.partition).ok()?;
    let reader = Reader::Consumer { committed: false };
    let latest = partition.find_offset(OffsetQuery::Latest, reader, -1).ok()?.unwrap().offset;
    let (mut offset, mut values) = (0, Vec::new());
    while offset < latest {
        let answer = partition.read(&read_request(offset)).ok()?;
        let bytes = match answer.records {
            Chunk::Bytes(bytes) => bytes,
            Chunk::File(region) => Bytes::from(region.read().unwrap()),
        };
        for seen in records(&bytes, offset) {
            assert_eq!(seen.offset, offset);
            values.push(String::from_utf8(seen.value.unwrap()).unwrap());
            offset += 1;
        }
    }
    Some(values)
}

fn read_request(offset: i64) -> ReadRequest {
    ReadRequest {
        reader: Reader::Consumer { committed: false },
        rack: None,
        known_readable_end: i64::MAX,
        current_leader_epoch: -1,
        offset,
        last_fetched_epoch: -1,
        log_start_offset: -1,
        max_bytes: 1 << 20,
        at_least_one: true,
    }
}

impl History {
    fn append(&mut self, state: &State, topic: &str, index: i32, value: &str) {
        let name = TopicPartition::new(topic, index);
        let Ok(partition) = state.partition(topic, index) else { return };
        match partition.append(batch(&[value]).build(), RequiredAcks::All) {
            Ok(accepted) => {
                let stored = self.stored.entry(name.clone()).or_default();
                assert_eq!(accepted.base_offset, stored.len() as i64);
                stored.push(value.to_owned());
            }
            Err(refused) => assert_eq!(refused.code, ErrorCode::KAFKA_STORAGE_ERROR),
        }
        if let Some(values) = visible(state, &name) {
            assert_eq!(&values, self.stored.get(&name).unwrap_or(&Vec::new()), "{name}: seen at once");
        }
    }

    fn create(&mut self, state: &State, topic: &'static str, partitions: i32) {
        let wanted = new_topic(topic, partitions, &[("internal.segment.bytes", "180"), ("index.interval.bytes", "0")]);
        let told = if create(state, wanted).is_ok() { &mut self.created } else { &mut self.uncertain };
        told.insert(topic);
    }

    fn delete(&mut self, state: &State, topic: &'static str) {
        let deleted = state.topics.lock().unwrap().delete(topic);
        self.created.remove(topic);
        let told = if deleted.is_ok() { &mut self.deleted } else { &mut self.uncertain };
        told.insert(topic);
    }

    /// Everything that changes a disk. Gives back whether the disk was said to have failed before the broker stopped.
    fn run(&mut self, dir: &Path, disk: &Disk) -> bool {
        let Ok(state) = open_broker(disk, &[dir], &[("log.segment.delete.delay.ms", "0")]) else { return false };
        self.create(&state, "orders", 2);
        for i in 0..5 {
            self.append(&state, "orders", 0, &format!("a{i}"));
        }
        self.append(&state, "orders", 1, "b0");
        if let Ok(partition) = state.partition("orders", 0) {
            let _ = partition.flush();
        }
        state.logs.checkpoint();
        self.create(&state, "doomed", 1);
        self.append(&state, "doomed", 0, "d0");
        self.delete(&state, "doomed");
        state.logs.remove_doomed();
        // Told or not: the topic has three partitions now, or two.
        let _ = state.topics.lock().unwrap().grow("orders", 3, None, false);
        self.append(&state, "orders", 2, "c0");
        self.append(&state, "orders", 0, "a5");
        let is_failed = state.logs.dirs()[0].is_failed();
        state.logs.close();
        is_failed
    }

    /// What has to be there when the folder is opened on a disk that works.
    fn check(&mut self, state: &State, dir: &Path) {
        let image = state.image();
        for &topic in &self.created {
            assert!(image.topic(topic).is_some(), "{topic} was created");
        }
        for &topic in &self.deleted {
            assert!(image.topic(topic).is_none(), "{topic} was deleted");
        }
        let mut folders = BTreeSet::new();
        for topic in image.topics() {
            let name = topic.name.as_str();
            assert!(self.created.contains(name) || self.uncertain.contains(name), "nobody asked for {name}");
            folders.extend((0..topic.partitions.len()).map(|index| format!("{name}-{index}")));
        }
        let there = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
        let there: Vec<String> = there.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
        let there: BTreeSet<String> = there.into_iter().filter(|folder| !folder.ends_with("-delete")).collect();
        assert_eq!(there, folders, "a folder for each partition, and no other");
        let gone = |name: &TopicPartition| image.topic(&name.topic).is_none() && !self.created.contains(&*name.topic);
        self.stored.retain(|name, _| !gone(name));
        for name in folders.iter().map(|folder| TopicPartition::from_folder(folder).unwrap()) {
            let values = visible(state, &name).unwrap_or_else(|| panic!("{name} is offline"));
            assert_eq!(values, self.stored.get(&name).cloned().unwrap_or_default(), "{name}");
            self.append(state, &name.topic, name.partition, "next");
            assert_eq!(self.stored[&name].last().unwrap(), "next", "{name}: the next append");
        }
    }
}

/// Runs a plan. Gives back the change that failed, if the script came that far.
fn run(plan: Plan) -> Option<Change> {
    let dir = TempDir::new();
    let (disk, failed) = planned(plan);
    let mut history = History::default();
    let is_failed = history.run(dir.path(), &disk);
    let failed = failed.lock().unwrap().clone();
    let is_sync = matches!(failed, Some(Change::Sync(_))) || plan.for_good;
    assert!(!is_failed || plan.error == BROKEN || is_sync, "a full disk is not a failed one");
    for _ in 0..2 {
        let state = open_broker(&Disk::default(), &[dir.path()], &[]).unwrap();
        history.check(&state, dir.path());
        state.logs.close();
    }
    failed
}

/// Makes each change of the script fail in turn, writes in each of several ways.
fn fail_everywhere(error: io::ErrorKind, for_good: bool) {
    let mut nth = 0;
    while let Some(failed) = check_plan(Plan { nth, for_good, error, part: PARTS[0] }, "no byte") {
        if let Change::Write { .. } = failed {
            for (part, what) in PARTS[1..].iter().zip(["one byte", "half", "all but one byte"]) {
                check_plan(Plan { nth, for_good, error, part: *part }, what);
            }
        }
        nth += 1;
    }
    assert!(nth > 80, "the script makes more than {nth} changes");
}

/// Says which plan it was when one goes wrong.
fn check_plan(plan: Plan, what: &'static str) -> Option<Change> {
    struct Tell(Plan, &'static str);
    impl Drop for Tell {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("the plan: {:?}, written: {}", self.0, self.1);
            }
        }
    }
    let _tell = Tell(plan, what);
    run(plan)
}

#[test]
fn a_disk_that_is_full_for_a_moment_loses_nothing() {
    fail_everywhere(FULL, false);
}

#[test]
fn a_disk_that_is_full_from_some_moment_on_loses_nothing() {
    fail_everywhere(FULL, true);
}

#[test]
fn a_disk_that_fails_once_loses_nothing() {
    fail_everywhere(BROKEN, false);
}

#[test]
fn a_disk_that_fails_for_good_loses_nothing() {
    fail_everywhere(BROKEN, true);
}

/// The folder with a topic `t` of one partition, on a disk that fails with `error` where `fails` says so, once `armed`.
fn topic_on(
    dirs: &[&Path],
    error: io::ErrorKind,
    fails: impl Fn(&Change) -> bool + Send + Sync + 'static,
) -> (State, Arc<AtomicBool>) {
    let armed = Arc::new(AtomicBool::new(false));
    let is_armed = armed.clone();
    let disk =
        disk_where(move |change| if is_armed.load(Ordering::Relaxed) && fails(change) { fault(error) } else { None });
    let state = open_broker(&disk, dirs, &[]).unwrap();
    create(&state, new_topic("t", dirs.len() as i32, &[("internal.segment.bytes", "180")])).unwrap();
    (state, armed)
}

fn is_ready(future: impl Future<Output = ()>) -> bool {
    matches!(pin!(future).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
}

fn offline<T>(result: Result<T, ch01_log::partition::PartitionError>) -> bool {
    result.is_err_and(|refused| refused.code == ErrorCode::KAFKA_STORAGE_ERROR)
}

/// Asserts that a partition refuses everything.
fn assert_offline(partition: &dyn Partition) {
    let reader = Reader::Consumer { committed: false };
    assert!(offline(partition.append(batch(&["no"]).build(), RequiredAcks::Leader)));
    assert!(offline(partition.read(&read_request(0))));
    assert!(offline(partition.find_offset(OffsetQuery::Latest, reader, -1)));
    assert!(offline(partition.flush()));
}

pub fn is_log_sync(change: &Change) -> bool {
    matches!(change, Change::Sync(path) if path.extension().is_some_and(|extension| extension == "log"))
}

#[test]
fn a_failed_fsync_takes_the_folder_offline_for_good() {
    // Even when it says that the disk is full: nobody knows what became of what was written before.
    for error in [BROKEN, FULL] {
        let dir = TempDir::new();
        let (state, armed) = topic_on(&[dir.path()], error, is_log_sync);
        let partition = state.partition("t", 0).unwrap();
        partition.append(batch(&["v"]).build(), RequiredAcks::All).unwrap();
        assert!(!is_ready(state.logs.all_failed()));
        armed.store(true, Ordering::Relaxed);
        assert!(offline(partition.flush()));
        armed.store(false, Ordering::Relaxed);
        assert!(state.logs.dirs()[0].is_failed());
        assert_offline(&*partition);
        assert!(is_ready(state.logs.all_failed()), "the last folder has failed");
    }
}

#[test]
fn a_write_that_fails_takes_the_folder_offline_too() {
    let dir = TempDir::new();
    let (state, armed) = topic_on(&[dir.path()], BROKEN, |change| matches!(change, Change::Write { .. }));
    let partition = state.partition("t", 0).unwrap();
    armed.store(true, Ordering::Relaxed);
    assert!(offline(partition.append(batch(&["v"]).build(), RequiredAcks::All)));
    assert_offline(&*partition);
}

#[test]
fn a_folder_that_was_closed_while_offline_is_not_marked_as_clean() {
    let dir = TempDir::new();
    let (state, armed) = topic_on(&[dir.path()], BROKEN, is_log_sync);
    state.partition("t", 0).unwrap().append(batch(&["v"]).build(), RequiredAcks::All).unwrap();
    armed.store(true, Ordering::Relaxed);
    state.logs.close();
    assert!(!dir.path().join(".kafka_cleanshutdown").exists());
    drop(state);
    let state = open_broker(&Disk::default(), &[dir.path()], &[]).unwrap();
    assert_eq!(visible(&state, &TopicPartition::new("t", 0)).unwrap(), ["v"]);
}

#[test]
fn one_folder_of_two_that_fails_leaves_the_other_at_work() {
    let (first, second) = (TempDir::new(), TempDir::new());
    let broken = second.path().to_owned();
    let fails =
        move |change: &Change| is_log_sync(change) && matches!(change, Change::Sync(p) if p.starts_with(&broken));
    let (state, armed) = topic_on(&[first.path(), second.path()], BROKEN, fails);
    armed.store(true, Ordering::Relaxed);
    let partitions = [0, 1].map(|index| state.logs.get(&TopicPartition::new("t", index)).unwrap());
    for partition in &partitions {
        partition.append(batch(&["v"]).build(), RequiredAcks::All).unwrap();
        let is_broken = partition.dir().path() == second.path();
        assert_eq!(offline(partition.flush()), is_broken);
    }
    assert!(!is_ready(state.logs.all_failed()), "one is left");
    for partition in &partitions {
        if partition.dir().path() == second.path() {
            assert_offline(&**partition);
        } else {
            partition.append(batch(&["w"]).build(), RequiredAcks::All).unwrap();
        }
    }
    create(&state, new_topic("u", 3, &[])).unwrap();
    let all = state.logs.all();
    let of_u = all.iter().filter(|(name, _)| name.topic == "u");
    assert!(
        of_u.clone().count() == 3 && of_u.clone().all(|(_, p)| p.dir().path() == first.path()),
        "no more logs there"
    );
}

#[test]
fn appends_to_a_full_disk_are_refused_until_there_is_room() {
    let dir = TempDir::new();
    let (state, armed) = topic_on(&[dir.path()], FULL, |change| matches!(change, Change::Write { .. }));
    let partition = state.partition("t", 0).unwrap();
    for i in 0..20 {
        // Rolls among them.
        armed.store(true, Ordering::Relaxed);
        for _ in 0..3 {
            assert!(offline(partition.append(batch(&["no"]).build(), RequiredAcks::All)));
        }
        armed.store(false, Ordering::Relaxed);
        let accepted = partition.append(batch(&["yes"]).build(), RequiredAcks::All).unwrap();
        assert_eq!(accepted.base_offset, i);
    }
    assert!(!state.logs.dirs()[0].is_failed());
    assert_eq!(visible(&state, &TopicPartition::new("t", 0)).unwrap(), ["yes"; 20]);
}

#[test]
fn what_a_torn_write_left_behind_is_cut_off_at_the_next_start() {
    let dir = TempDir::new();
    let file = dir.path().join("00000000000000000000.log");
    let mut log = open(dir.path(), options(log_config(|_| {}))).unwrap();
    append(&mut log, batch(&["whole"]).build());
    let whole = log.size();
    drop(log);
    for part in PARTS {
        // Neither the rest of the batch nor the cut that undoes it reaches the disk.
        let disk = disk_where(move |change| match change {
            Change::Write { len, .. } => Some(Fault { bytes: part(*len), error: BROKEN.into() }),
            _ => fault(BROKEN),
        });
        let clean = OpenOptions { clean: true, recovery_point: 1, ..options(log_config(|_| {})) };
        let mut log = open_on(&disk, dir.path(), clean).unwrap();
        let config = log.config().clone();
        log.append(valid(batch(&["torn"]).build(), &config), 0).unwrap_err();
        assert_eq!(values(&mut log), ["whole"]);
        drop(log);
        let torn = file.metadata().unwrap().len();
        assert_eq!(torn - whole, part(batch(&["torn"]).build().len()) as u64);
        let mut log = open(dir.path(), options(log_config(|_| {}))).unwrap();
        assert_eq!(file.metadata().unwrap().len(), whole);
        assert_eq!(values(&mut log), ["whole"]);
    }
}

#[test]
fn an_epoch_that_could_not_be_written_down_is_tried_again_with_the_next_batch() {
    let dir = TempDir::new();
    let options = options(log_config(|_| {}));
    let is_full = Arc::new(AtomicBool::new(false));
    let full = is_full.clone();
    let disk = disk_where(move |_| if full.load(Ordering::Relaxed) { fault(FULL) } else { None });
    let mut log = open_on(&disk, dir.path(), options.clone()).unwrap();
    let config = log.config().clone();
    log.append(valid(batch(&["old"]).build(), &config), 3).unwrap();
    is_full.store(true, Ordering::Relaxed);
    let refused = log.append(valid(batch(&["no"]).build(), &config), 4);
    assert!(matches!(refused, Err(AppendError::NoRoom(_))));
    is_full.store(false, Ordering::Relaxed);
    log.append(valid(batch(&["new"]).build(), &config), 4).unwrap();
    drop(log);
    let mut log = open(dir.path(), options).unwrap();
    assert_eq!(values(&mut log), ["old", "new"], "batches of an epoch that the file does not know would be cut off");
    assert_eq!(log.epochs().entries(), [(3, 0), (4, 1)]);
}

#[test]
fn epochs_of_batches_that_a_crash_took_are_forgotten() {
    let dir = TempDir::new();
    let mut log = open(dir.path(), options(log_config(|_| {}))).unwrap();
    let config = log.config().clone();
    let mut ends = Vec::new();
    for epoch in [0, 3, 5] {
        log.append(valid(batch(&["v"]).build(), &config), epoch).unwrap();
        ends.push(log.size());
    }
    drop(log);
    let file = dir.path().join("00000000000000000000.log");
    std::fs::OpenOptions::new().write(true).open(file).unwrap().set_len(ends[1] - 1).unwrap();
    let mut log = open(dir.path(), options(log_config(|_| {}))).unwrap();
    assert_eq!(log.epochs().entries(), [(0, 0), (3, 1)], "epoch 3 may begin with the next batch");
    log.append(valid(batch(&["v"]).build(), &config), 4).unwrap();
    assert_eq!(log.epochs().entries(), [(0, 0), (4, 1)]);
}

#[test]
fn an_index_that_cannot_be_written_costs_no_record() {
    let dir = TempDir::new();
    let is_index = |path: &Path| path.extension().is_some_and(|e| e == "index" || e == "timeindex");
    let disk = disk_where(move |change| match change {
        Change::Write { path, .. } if is_index(path) => Some(Fault { bytes: 5, error: BROKEN.into() }),
        _ => None,
    });
    let mut log = open_on(&disk, dir.path(), options(log_config(|c| c.index_interval_bytes = 0))).unwrap();
    for i in 0..20 {
        append(&mut log, batch(&[&format!("{i}")]).build());
    }
    for i in 0..20 {
        let region = log.read(i, 20, 1, true, false).unwrap().region.unwrap();
        assert_eq!(records(&region.read().unwrap(), i)[0].offset, i);
    }
    assert_eq!(log.find_timestamp(NOW, 20).unwrap().unwrap().offset, 0);
}
