//! Topics: created, grown, deleted, found again after a restart, and taken over from folders that came from elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ch00_wire::config::Config;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::tasks::Tasks;
use ch01_log::broker::{State, open_state};
use ch01_log::config::{BrokerConfig, LogHooks};
use ch01_log::disk::{Change, Disk};
use ch01_log::metadata::TopicImage;
use ch01_log::partition::{PartitionError, RequiredAcks};
use ch01_log::text_checkpoint::TopicPartition;
use ch01_log::topics::NewTopic;
use serde_json::Value;

use crate::disk_faults::{disk_where, fault};
use crate::support::*;

/// Opens a broker's folders, without a broker.
pub fn open_broker(disk: &Disk, dirs: &[&Path], properties: &[(&str, &str)]) -> Result<State, String> {
    let mut config = BrokerConfig::default();
    let dirs: Vec<&str> = dirs.iter().map(|dir| dir.to_str().unwrap()).collect();
    for (key, value) in [&[("log.dirs", &*dirs.join(","))], properties].concat() {
        config.set(key, value).unwrap().unwrap();
    }
    open_state(config.clone(), LogHooks::new(&config), BTreeMap::new(), disk, clock(), Tasks::new())
}

fn open_folder(dir: &TempDir) -> State {
    open_broker(&Disk::default(), &[dir.path()], &[]).unwrap()
}

pub fn new_topic(name: &str, partitions: i32, settings: &[(&str, &str)]) -> NewTopic {
    NewTopic {
        name: name.to_owned(),
        partitions,
        replication_factor: -1,
        assignments: Vec::new(),
        settings: settings.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
    }
}

pub fn create(state: &State, topic: NewTopic) -> Result<Arc<TopicImage>, PartitionError> {
    state.topics.lock().unwrap().create(&[topic], false).remove(0)
}

/// The answers to a request for several topics.
fn create_all(state: &State, topics: &[NewTopic], validate_only: bool) -> Vec<ErrorCode> {
    let answers = state.topics.lock().unwrap().create(topics, validate_only);
    answers.into_iter().map(|answer| answer.err().map_or(ErrorCode::NONE, |e| e.code)).collect()
}

/// The error's code; its message has to be there and say `about`.
#[track_caller]
fn refused<T>(result: Result<T, PartitionError>, about: &str) -> ErrorCode {
    let Err(error) = result else { panic!("not refused") };
    let message = error.message.unwrap_or_default();
    assert!(message.contains(about), "{message:?} says nothing of {about:?}");
    error.code
}

/// Everything below a folder with its contents, but for the lock.
fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.insert(path.display().to_string(), Vec::new());
            all.extend(contents(&path));
        } else {
            all.insert(path.display().to_string(), std::fs::read(&path).unwrap());
        }
    }
    all
}

/// The folders of a broker that are in use.
fn folders(dir: &Path) -> BTreeSet<String> {
    all_folders(dir).into_iter().filter(|folder| !folder.ends_with("-delete")).collect()
}

fn all_folders(dir: &Path) -> BTreeSet<String> {
    let paths = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    paths.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

fn names(state: &State) -> Vec<String> {
    state.image().topics().map(|topic| topic.name.clone()).collect()
}

fn store_file(dir: &TempDir) -> Value {
    serde_json::from_slice(&std::fs::read(dir.path().join("mini-kafka.topics.json")).unwrap()).unwrap()
}

fn append_to(state: &State, topic: &str, partition: i32, value: &str) {
    let partition = state.partition(topic, partition).unwrap();
    partition.append(batch(&[value]).build(), RequiredAcks::All).unwrap();
}

fn values_of(state: &State, topic: &str, partition: i32) -> Vec<String> {
    values(&mut state.logs.get(&TopicPartition::new(topic, partition)).unwrap().log())
}

#[test]
fn a_topic_is_there_with_all_its_partitions_and_after_a_restart_as_well() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    let topic = create(&state, new_topic("orders", 3, &[("segment.ms", "1000")])).unwrap();
    assert_eq!((topic.partitions.len(), topic.settings["segment.ms"].as_str()), (3, "1000"));
    assert!(topic.partitions.iter().all(|p| p.leader == 1 && p.replicas == [1] && p.isr == [1]), "{topic:?}");
    assert_eq!(state.image().topic_by_id(topic.id), Some(&topic));
    assert_eq!(folders(dir.path()), ["orders-0", "orders-1", "orders-2"].map(String::from).into());
    let metadata = std::fs::read_to_string(dir.path().join("orders-1/partition.metadata")).unwrap();
    assert_eq!(metadata, format!("version: 0\ntopic_id: {}", topic.id));
    drop(state);
    assert_eq!(open_folder(&dir).image().topic("orders"), Some(&topic));
}

#[test]
fn what_is_not_said_is_the_brokers_default() {
    let dir = TempDir::new();
    let state = open_broker(&Disk::default(), &[dir.path()], &[("num.partitions", "4")]).unwrap();
    assert_eq!(create(&state, new_topic("t", -1, &[])).unwrap().partitions.len(), 4);
}

#[test]
fn names_that_could_be_something_else_are_refused() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    let before = contents(dir.path());
    let too_long = "x".repeat(250);
    let illegal = ["", ".", "..", "../x", "a/b", "a\\b", "a b", "a\0b", "ü", "a:b", "a,b", &too_long];
    for name in illegal {
        let code = create(&state, new_topic(name, 1, &[])).unwrap_err().code;
        assert_eq!(code, ErrorCode::INVALID_TOPIC_EXCEPTION, "{name:?}");
    }
    assert_eq!(contents(dir.path()), before);
    for name in ["a", "-", "...", "A.b-9", &"x".repeat(249)] {
        create(&state, new_topic(name, 1, &[])).unwrap();
    }
    drop(state);
    assert_eq!(names(&open_folder(&dir)).len(), 5);
}

#[test]
fn names_that_metrics_could_not_tell_apart_collide() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    create(&state, new_topic("a.b_c", 1, &[])).unwrap();
    assert_eq!(refused(create(&state, new_topic("a_b.c", 1, &[])), "`a.b_c`"), ErrorCode::INVALID_TOPIC_EXCEPTION);
    assert_eq!(refused(create(&state, new_topic("a.b_c", 1, &[])), "already exists"), ErrorCode::TOPIC_ALREADY_EXISTS);
    create(&state, new_topic("abc", 1, &[])).unwrap();
    let answers = create_all(&state, &[new_topic("x.y", 1, &[]), new_topic("x_y", 1, &[])], false);
    assert_eq!(answers, [ErrorCode::NONE, ErrorCode::INVALID_TOPIC_EXCEPTION], "in one request, too");
    assert_eq!(names(&state), ["a.b_c", "abc", "x.y"]);
}

#[test]
fn a_topic_twice_in_one_request_is_refused_twice_and_the_others_are_made() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    let wanted = ["a", "b", "a", "c"].map(|name| new_topic(name, 1, &[]));
    let (no, yes) = (ErrorCode::INVALID_REQUEST, ErrorCode::NONE);
    assert_eq!(create_all(&state, &wanted, false), [no, yes, no, yes]);
    assert_eq!(names(&state), ["b", "c"]);
}

#[test]
fn one_topic_that_is_refused_does_not_hinder_the_others() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    let wanted = [new_topic("a", 1, &[]), new_topic("..", 1, &[]), new_topic("b", 0, &[])];
    let expected = [ErrorCode::NONE, ErrorCode::INVALID_TOPIC_EXCEPTION, ErrorCode::INVALID_PARTITIONS];
    assert_eq!(create_all(&state, &wanted, false), expected);
    assert_eq!(names(&state), ["a"]);
}

#[test]
fn a_request_that_only_validates_changes_nothing() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    create(&state, new_topic("there", 2, &[])).unwrap();
    let (before, image) = (contents(dir.path()), state.image());
    let wanted = [new_topic("new", 5, &[]), new_topic("there", 1, &[]), new_topic("bad", 1, &[("segment.ms", "0")])];
    let expected = [ErrorCode::NONE, ErrorCode::TOPIC_ALREADY_EXISTS, ErrorCode::INVALID_CONFIG];
    assert_eq!(create_all(&state, &wanted, true), expected);
    let grow = |count| state.topics.lock().unwrap().grow("there", count, None, true);
    assert_eq!(grow(5), Ok(()));
    assert_eq!(refused(grow(2), "has 2"), ErrorCode::INVALID_PARTITIONS);
    assert_eq!(contents(dir.path()), before);
    assert!(Arc::ptr_eq(&state.image(), &image));
}

#[test]
fn counts_and_assignments_are_checked() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    let assigned = |partitions, copies, assignments: &[(i32, &[i32])]| NewTopic {
        partitions,
        replication_factor: copies,
        assignments: assignments.iter().map(|(index, brokers)| (*index, brokers.to_vec())).collect(),
        ..new_topic("t", -1, &[])
    };
    let table: [(NewTopic, ErrorCode); 11] = [
        (assigned(0, -1, &[]), ErrorCode::INVALID_PARTITIONS),
        (assigned(-2, -1, &[]), ErrorCode::INVALID_PARTITIONS),
        (assigned(1, 0, &[]), ErrorCode::INVALID_REPLICATION_FACTOR),
        (assigned(1, 2, &[]), ErrorCode::INVALID_REPLICATION_FACTOR),
        (assigned(1, 1, &[]), ErrorCode::NONE),
        (assigned(1, -1, &[(0, &[1])]), ErrorCode::INVALID_REQUEST),
        (assigned(-1, -1, &[(1, &[1])]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        (assigned(-1, -1, &[(0, &[1]), (0, &[1])]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        (assigned(-1, -1, &[(0, &[2])]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        (assigned(-1, -1, &[(0, &[])]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        (assigned(-1, -1, &[(1, &[1]), (0, &[1])]), ErrorCode::NONE),
    ];
    for (topic, expected) in table {
        let assignments = topic.assignments.clone();
        assert_eq!(create_all(&state, &[topic], true), [expected], "{assignments:?}");
    }
}

#[test]
fn settings_are_checked_and_those_of_other_chapters_are_kept() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    let with = |key, value| create(&state, new_topic("t", 1, &[(key, value)]));
    assert_eq!(refused(with("segment.bites", "1"), "segment.bytes"), ErrorCode::INVALID_CONFIG);
    assert_eq!(refused(with("segment.ms", "soon"), "`soon`"), ErrorCode::INVALID_CONFIG);
    assert_eq!(refused(with("compression.type", "lzma"), "compression.type"), ErrorCode::INVALID_CONFIG);
    assert!(names(&state).is_empty());
    with("cleanup.policy", "compact").unwrap();
    drop(state);
    assert_eq!(open_folder(&dir).image().topic("t").unwrap().settings["cleanup.policy"], "compact");
}

#[test]
fn settings_reach_the_log_and_survive_a_restart() {
    let dir = TempDir::new();
    let max_bytes = |state: &State| {
        let partition = state.logs.get(&TopicPartition::new("t", 0)).unwrap();
        let config = partition.log().config().clone();
        (config.segment.max_bytes, config.rules.append_time)
    };
    let state = open_folder(&dir);
    let settings = [("internal.segment.bytes", "200"), ("message.timestamp.type", "LogAppendTime")];
    create(&state, new_topic("t", 1, &settings)).unwrap();
    assert_eq!(max_bytes(&state), (200, true));
    drop(state);
    assert_eq!(max_bytes(&open_folder(&dir)), (200, true));
}

#[test]
fn one_request_creates_ten_thousand_partitions_at_most() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    let most = |counts: &[i32]| {
        let wanted: Vec<_> = counts.iter().zip('a'..).map(|(&n, name)| new_topic(&name.to_string(), n, &[])).collect();
        create_all(&state, &wanted, true)
    };
    let (yes, no) = (ErrorCode::NONE, ErrorCode::POLICY_VIOLATION);
    assert_eq!(most(&[10_000]), [yes]);
    assert_eq!(most(&[10_001]), [no]);
    assert_eq!(most(&[i32::MAX]), [no]);
    assert_eq!(most(&[6000, 4001, 4000]), [yes, no, yes]);
    create(&state, new_topic("t", 2, &[])).unwrap();
    let grow = |count| state.topics.lock().unwrap().grow("t", count, None, true);
    assert_eq!(grow(10_002), Ok(()));
    for count in [10_003, i32::MAX] {
        assert_eq!(refused(grow(count), "10000"), ErrorCode::POLICY_VIOLATION);
    }
}

#[test]
fn a_topic_grows_and_its_records_stay_where_they_are() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    let id = create(&state, new_topic("t", 1, &[])).unwrap().id;
    append_to(&state, "t", 0, "v");
    let grow = |name: &str, count, assignments: Option<&[Vec<i32>]>| {
        state.topics.lock().unwrap().grow(name, count, assignments, false)
    };
    assert_eq!(refused(grow("other", 2, None), "`other`"), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    for count in [-1, 0, 1] {
        assert_eq!(refused(grow("t", count, None), "only grow"), ErrorCode::INVALID_PARTITIONS);
    }
    assert_eq!(refused(grow("t", 3, Some(&[vec![1]])), "2 partitions"), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
    assert_eq!(refused(grow("t", 2, Some(&[vec![9]])), "[9]"), ErrorCode::INVALID_REPLICA_ASSIGNMENT);
    assert_eq!(grow("t", 3, Some(&[vec![1], vec![1]])), Ok(()));
    append_to(&state, "t", 2, "w");
    drop(state);
    let state = open_folder(&dir);
    let topic = state.image().topic("t").unwrap().clone();
    assert_eq!((topic.id, topic.partitions.len()), (id, 3));
    assert_eq!((values_of(&state, "t", 0), values_of(&state, "t", 2)), (vec!["v".to_owned()], vec!["w".to_owned()]));
}

#[test]
fn a_deleted_topic_is_gone_and_a_new_one_of_its_name_is_another() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    let id = create(&state, new_topic("t", 2, &[])).unwrap().id;
    create(&state, new_topic("t-0", 1, &[])).unwrap();
    append_to(&state, "t", 0, "old");
    append_to(&state, "t-0", 0, "other");
    state.topics.lock().unwrap().delete("t").unwrap();
    assert_eq!(folders(dir.path()), ["t-0-0"].map(String::from).into());
    assert!(store_file(&dir)["topics"].get("t").is_none());
    assert_eq!(state.partition("t", 0).err(), Some(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    let again = state.topics.lock().unwrap().delete("t");
    assert_eq!(refused(again, "`t`"), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let new = create(&state, new_topic("t", 1, &[])).unwrap();
    assert_ne!(new.id, id);
    assert!(state.image().topic_by_id(id).is_none());
    assert!(values_of(&state, "t", 0).is_empty());
    assert_eq!(values_of(&state, "t-0", 0), ["other"]);
}

#[test]
fn the_first_flush_puts_the_names_on_the_disk_too() {
    let dir = TempDir::new();
    let synced = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = synced.clone();
    let disk = disk_where(move |change| {
        if let Change::Sync(path) = change {
            seen.lock().unwrap().push(path.clone());
        }
        None
    });
    let state = open_broker(&disk, &[dir.path()], &[]).unwrap();
    create(&state, new_topic("t", 1, &[])).unwrap();
    let flushed = || {
        append_to(&state, "t", 0, "a");
        synced.lock().unwrap().clear();
        state.partition("t", 0).unwrap().flush().unwrap();
        synced.lock().unwrap().clone()
    };
    let folder = dir.path().join("t-0");
    let file = folder.join("00000000000000000000.log");
    assert_eq!(flushed(), [file.clone(), folder, dir.path().to_owned()]);
    assert_eq!(flushed(), [file]);
}

#[test]
fn a_folder_without_its_checkpoints_is_not_marked_as_clean() {
    for fails in [false, true] {
        let dir = TempDir::new();
        let disk = disk_where(move |change| match change {
            Change::Write { path, .. } if fails && path.to_str().unwrap().contains("recovery-point") => {
                fault(std::io::ErrorKind::StorageFull)
            }
            _ => None,
        });
        let state = open_broker(&disk, &[dir.path()], &[]).unwrap();
        create(&state, new_topic("t", 1, &[])).unwrap();
        append_to(&state, "t", 0, "a");
        state.logs.close();
        drop(state);
        assert_eq!(dir.path().join(".kafka_cleanshutdown").exists(), !fails);
        assert_eq!(values_of(&open_folder(&dir), "t", 0), ["a"]);
    }
}

#[test]
fn the_files_of_a_deleted_topic_stay_for_a_while() {
    for (delay, stays) in [("0", false), ("60000", true), ("9223372036854775807", true)] {
        let dir = TempDir::new();
        let state = open_broker(&Disk::default(), &[dir.path()], &[("log.segment.delete.delay.ms", delay)]).unwrap();
        create(&state, new_topic("t", 2, &[])).unwrap();
        state.topics.lock().unwrap().delete("t").unwrap();
        assert_eq!(all_folders(dir.path()).len(), 2);
        state.logs.remove_doomed();
        assert_eq!(all_folders(dir.path()).len(), if stays { 2 } else { 0 }, "after {delay} ms");
        drop(state);
        open_folder(&dir);
        assert!(all_folders(dir.path()).is_empty(), "a start removes them at once");
    }
}

#[test]
fn a_topic_with_the_longest_name_there_is_can_be_deleted() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    let name = "n".repeat(249);
    create(&state, new_topic(&name, 11, &[])).unwrap();
    state.topics.lock().unwrap().delete(&name).unwrap();
    assert!(folders(dir.path()).is_empty());
    assert!(create(&state, new_topic(&name, 1, &[])).is_ok());
}

#[test]
fn deletion_can_be_forbidden() {
    let dir = TempDir::new();
    let state = open_broker(&Disk::default(), &[dir.path()], &[("delete.topic.enable", "false")]).unwrap();
    create(&state, new_topic("t", 1, &[])).unwrap();
    let deleted = state.topics.lock().unwrap().delete("t");
    assert_eq!(refused(deleted, "delete.topic.enable"), ErrorCode::TOPIC_DELETION_DISABLED);
    assert_eq!(names(&state), ["t"]);
}

#[test]
fn a_deletion_cut_off_by_a_crash_is_finished_at_the_next_start() {
    // The crash came after the file was marked, or after some folders were renamed or removed.
    let damages: [fn(&Path); 4] = [
        |_| {},
        |dir| std::fs::remove_dir_all(dir.join("t-0")).unwrap(),
        |dir| std::fs::rename(dir.join("t-1"), dir.join("t-1.00112233445566778899aabbccddeeff-delete")).unwrap(),
        |dir| (0..3).for_each(|i| std::fs::remove_dir_all(dir.join(format!("t-{i}"))).unwrap()),
    ];
    for damage in damages {
        let dir = TempDir::new();
        let state = open_folder(&dir);
        create(&state, new_topic("t", 3, &[])).unwrap();
        create(&state, new_topic("kept", 1, &[])).unwrap();
        drop(state);
        let mut json = store_file(&dir);
        json["topics"]["t"]["deleting"] = true.into();
        std::fs::write(dir.path().join("mini-kafka.topics.json"), json.to_string()).unwrap();
        damage(dir.path());
        let state = open_folder(&dir);
        assert_eq!(names(&state), ["kept"]);
        assert_eq!(folders(dir.path()), ["kept-0"].map(String::from).into());
        assert!(store_file(&dir)["topics"].get("t").is_none());
    }
}

/// A partition whose log cannot be opened: nobody knows what its file of leader epochs says.
fn make_unreadable(dir: &TempDir, partition: &str) {
    std::fs::write(dir.path().join(partition).join("leader-epoch-checkpoint"), b"?").unwrap();
}

#[test]
fn a_deleted_topic_does_not_come_back_with_a_partition_that_was_offline() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    create(&state, new_topic("t", 2, &[])).unwrap();
    drop(state);
    make_unreadable(&dir, "t-1");
    let state = open_folder(&dir);
    assert_eq!(state.partition("t", 1).err(), Some(ErrorCode::KAFKA_STORAGE_ERROR), "offline");
    assert_eq!(state.image().topic("t").unwrap().partitions[1].leader, -1);
    assert!(state.partition("t", 0).is_ok());
    state.topics.lock().unwrap().delete("t").unwrap();
    assert!(folders(dir.path()).is_empty(), "its folder goes, too");
    drop(state);
    assert!(names(&open_folder(&dir)).is_empty());
}

#[test]
fn a_name_is_not_free_before_its_topic_is_deleted_as_a_whole() {
    let dir = TempDir::new();
    let is_stuck = Arc::new(AtomicBool::new(true));
    let stuck = is_stuck.clone();
    let disk = disk_where(move |change| match change {
        Change::Rename(_, to) if stuck.load(Ordering::Relaxed) && to.to_str().unwrap().ends_with("-delete") => {
            fault(std::io::ErrorKind::Other)
        }
        _ => None,
    });
    let state = open_broker(&disk, &[dir.path()], &[]).unwrap();
    create(&state, new_topic("t", 1, &[])).unwrap();
    append_to(&state, "t", 0, "old");
    state.topics.lock().unwrap().delete("t").unwrap();
    assert!(state.image().topic("t").is_none());
    let again = create(&state, new_topic("t", 1, &[]));
    assert_eq!(refused(again, "being deleted"), ErrorCode::TOPIC_ALREADY_EXISTS);
    is_stuck.store(false, Ordering::Relaxed);
    drop(state);
    let state = open_folder(&dir);
    create(&state, new_topic("t", 1, &[])).unwrap();
    assert!(values_of(&state, "t", 0).is_empty(), "the old records do not come back");
}

#[test]
fn missing_folders_are_made_again_and_the_rest_is_as_it_was() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    let id = create(&state, new_topic("t", 3, &[])).unwrap().id;
    append_to(&state, "t", 1, "v");
    state.logs.close();
    drop(state);
    // A crash between the file and the folders: one is missing, one is there but for what says whose it is.
    std::fs::remove_dir_all(dir.path().join("t-0")).unwrap();
    std::fs::remove_file(dir.path().join("t-2/partition.metadata")).unwrap();
    let state = open_folder(&dir);
    assert_eq!(state.image().topic("t").unwrap().id, id);
    assert_eq!(values_of(&state, "t", 1), ["v"]);
    for index in 0..3 {
        append_to(&state, "t", index, "next");
        let metadata = std::fs::read_to_string(dir.path().join(format!("t-{index}/partition.metadata"))).unwrap();
        assert!(metadata.contains(&id.to_string()), "t-{index}");
    }
}

#[test]
fn a_change_that_cannot_be_stored_is_not_made() {
    let dir = TempDir::new();
    let is_full = Arc::new(AtomicBool::new(false));
    let full = is_full.clone();
    let disk =
        disk_where(move |_| if full.load(Ordering::Relaxed) { fault(std::io::ErrorKind::StorageFull) } else { None });
    let state = open_broker(&disk, &[dir.path()], &[]).unwrap();
    create(&state, new_topic("t", 1, &[])).unwrap();
    let before = contents(dir.path());
    is_full.store(true, Ordering::Relaxed);
    assert_eq!(refused(create(&state, new_topic("u", 1, &[])), "stored"), ErrorCode::KAFKA_STORAGE_ERROR);
    let mut topics = state.topics.lock().unwrap();
    assert_eq!(refused(topics.grow("t", 2, None, false), "stored"), ErrorCode::KAFKA_STORAGE_ERROR);
    assert_eq!(refused(topics.delete("t"), "stored"), ErrorCode::KAFKA_STORAGE_ERROR);
    assert!(topics.next_producer_id().is_err());
    is_full.store(false, Ordering::Relaxed);
    assert_eq!(names(&state), ["t"]);
    assert_eq!(state.image().topic("t").unwrap().partitions.len(), 1);
    let mut after = contents(dir.path());
    after.retain(|name, _| !name.ends_with(".tmp"));
    assert_eq!(after, before);
    topics.grow("t", 2, None, false).unwrap();
    assert_eq!(topics.next_producer_id().unwrap(), 0);
}

#[test]
fn partitions_are_spread_over_the_folders() {
    let dirs = [TempDir::new(), TempDir::new(), TempDir::new()];
    let paths: Vec<&Path> = dirs.iter().map(TempDir::path).collect();
    let state = open_broker(&Disk::default(), &paths, &[]).unwrap();
    create(&state, new_topic("a", 4, &[])).unwrap();
    create(&state, new_topic("b", 5, &[])).unwrap();
    assert_eq!(paths.iter().map(|dir| folders(dir).len()).collect::<Vec<_>>(), [3, 3, 3]);
    append_to(&state, "b", 4, "v");
    drop(state);
    let state = open_broker(&Disk::default(), &paths, &[]).unwrap();
    assert_eq!(values_of(&state, "b", 4), ["v"]);
    assert_eq!(paths.iter().map(|dir| folders(dir).len()).sum::<usize>(), 9, "nothing was made a second time");
}

fn golden_folder() -> (TempDir, Value) {
    let dir = TempDir::new();
    copy_dir(&golden("data/single/logs"), dir.path());
    let expected = std::fs::read(golden("data/single/EXPECTED.json")).unwrap();
    (dir, serde_json::from_slice(&expected).unwrap())
}

#[test]
fn topics_of_a_folder_from_elsewhere_keep_their_ids() {
    let (dir, expected) = golden_folder();
    // One partition of a topic knows its id: that is enough.
    for partition in ["orders-0", "orders-2"] {
        std::fs::remove_file(dir.path().join(partition).join("partition.metadata")).unwrap();
    }
    let check = |state: &State| {
        let image = state.image();
        let mut topics = BTreeSet::new();
        for (name, partition) in expected["partitions"].as_object().unwrap() {
            let name = TopicPartition::from_folder(name).unwrap();
            if name.topic != "__cluster_metadata" {
                let topic = image.topic(&name.topic).unwrap();
                assert_eq!(topic.id.to_string(), partition["topicId"], "{name}");
                assert_eq!(topic.partitions[name.partition as usize].leader, 1);
                topics.insert(name.topic);
            }
        }
        assert_eq!(names(state), Vec::from_iter(topics));
    };
    let state = open_folder(&dir);
    check(&state);
    drop(state);
    // Now the file knows them.
    check(&open_folder(&dir));
}

#[test]
fn producer_ids_are_above_those_of_a_folder_from_elsewhere() {
    let (dir, _) = golden_folder();
    let mut highest = -1;
    for entry in contents(dir.path()).iter().filter(|(name, _)| name.ends_with(".log")) {
        highest =
            ch01_log::batch::split(entry.1).map(|(header, _)| header.producer_id).max().unwrap_or(-1).max(highest);
    }
    assert!(highest > 3, "{highest}");
    let state = open_folder(&dir);
    assert_eq!(state.topics.lock().unwrap().next_producer_id().unwrap(), highest + 1);
}

#[test]
fn no_producer_id_is_given_twice_whatever_happens() {
    let dir = TempDir::new();
    let mut given = BTreeSet::new();
    for _ in 0..4 {
        // Each broker is dropped without being stopped.
        let state = open_folder(&dir);
        let mut topics = state.topics.lock().unwrap();
        for _ in 0..700 {
            let id = topics.next_producer_id().unwrap();
            assert!(given.insert(id), "{id} was given before");
            assert!(store_file(&dir)["nextProducerId"].as_i64().unwrap() > id, "and not before the file said so");
        }
    }
}

#[test]
fn a_producer_id_that_somebody_made_up_does_not_use_up_the_others() {
    let dir = TempDir::new();
    let state = open_folder(&dir);
    create(&state, new_topic("t", 1, &[])).unwrap();
    let first = state.topics.lock().unwrap().next_producer_id().unwrap();
    for made_up in [i64::MAX, i64::MAX - 1000, i64::MAX - 1500] {
        let batch = batch(&["v"]).producer(made_up, 0, 0).build();
        state.partition("t", 0).unwrap().append(batch, RequiredAcks::All).unwrap();
    }
    drop(state);
    for _ in 0..3 {
        let state = open_folder(&dir);
        let mut topics = state.topics.lock().unwrap();
        let ids: Vec<_> = (0..2000).map(|_| topics.next_producer_id().unwrap()).collect();
        assert!(ids.iter().all(|&id| id > first && id < i64::MAX - 1500), "{ids:?}");
    }
}
