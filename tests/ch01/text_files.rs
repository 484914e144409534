//! Small files: checkpoints, leader epochs, who a folder belongs to, which topics there are.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ch00_wire::uuid::Uuid;
use ch01_log::config::TopicSettings;
use ch01_log::disk::{Change, Disk};
use ch01_log::leader_epochs::LeaderEpochs;
use ch01_log::log_dir::{FolderLock, LogDir};
use ch01_log::text_checkpoint::{Offsets, TopicPartition, read_epochs, read_offsets, write_epochs, write_offsets};
use ch01_log::topic_store::{FILE_NAME, StoredTopic, TopicStore};

use crate::disk_faults::{disk_where, fault};
use crate::support::*;

/// The lines of a file, sorted: Apache Kafka writes those of a checkpoint in no order.
fn sorted_lines(path: &Path) -> Vec<String> {
    let mut lines: Vec<String> = fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn checkpoints_of_apache_kafka_are_read_and_written_line_by_line() {
    let dir = TempDir::new();
    let names =
        ["recovery-point", "replication", "log-start", "cleaner"].map(|name| format!("{name}-offset-checkpoint"));
    let mut entries = 0;
    for folder in ["data/single/logs", "data/cluster/broker-1"] {
        for path in names.iter().map(|name| golden(folder).join(name)) {
            let offsets = read_offsets(&path).unwrap();
            let copy = dir.path().join("copy");
            write_offsets(&Disk::default(), &copy, &offsets).unwrap();
            assert_eq!(sorted_lines(&copy), sorted_lines(&path), "{}", path.display());
            assert_eq!(read_offsets(&copy).unwrap(), offsets);
            entries += offsets.len();
        }
    }
    assert!(entries > 70, "{entries}");
}

#[test]
fn leader_epochs_of_apache_kafka_are_read_and_written_byte_for_byte() {
    let dir = TempDir::new();
    for folder in ["data/single/logs", "data/cluster/broker-1"] {
        for entry in fs::read_dir(golden(folder)).unwrap() {
            let path = entry.unwrap().path().join("leader-epoch-checkpoint");
            if path.exists() {
                let copy = dir.path().join("copy");
                write_epochs(&Disk::default(), &copy, &read_epochs(&path).unwrap(), true).unwrap();
                assert_eq!(fs::read(&copy).unwrap(), fs::read(&path).unwrap(), "{}", path.display());
            }
        }
    }
}

#[test]
fn topics_with_dashes_and_dots_keep_their_names() {
    let dir = TempDir::new();
    let path = dir.path().join("checkpoint");
    let names = ["a", "a-b", "a-1", "a-1-2", "-", "a.b_c", "..."];
    let offsets: Offsets =
        names.iter().zip(1..).map(|(name, i)| (TopicPartition::new(name, i), i64::MAX - i64::from(i))).collect();
    write_offsets(&Disk::default(), &path, &offsets).unwrap();
    assert_eq!(read_offsets(&path).unwrap(), offsets);
    assert!(fs::read_to_string(&path).unwrap().starts_with("0\n7\n"));
}

#[test]
fn a_file_that_is_missing_or_empty_has_no_entries() {
    let dir = TempDir::new();
    let path = dir.path().join("checkpoint");
    assert!(read_offsets(&path).unwrap().is_empty());
    // A crash can leave a file that was renamed into place before its contents were on the disk.
    fs::write(&path, "").unwrap();
    assert!(read_offsets(&path).unwrap().is_empty() && read_epochs(&path).unwrap().is_empty());
    fs::write(&path, "0\n0\n").unwrap();
    assert!(read_offsets(&path).unwrap().is_empty() && read_epochs(&path).unwrap().is_empty());
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let dir = TempDir::new();
    let path = dir.path().join("checkpoint");
    for text in [
        "1\n0\n",
        "0",
        "0\n",
        "0\nmany\nt 0 1\n",
        "0\n-1\n",
        "0\n2\nt 0 1\n",
        "0\n0\nt 0 1\n",
        "0\n1\nt 0\n",
        "0\n1\nt zero 1\n",
        "0\n1\nt 0 one\n",
        "0\n1\nt 0 99999999999999999999\n",
        "0\n1\n\n",
        "\0\0\0\0",
        "version: 0\n",
    ] {
        fs::write(&path, text).unwrap();
        for error in [read_offsets(&path).unwrap_err(), read_epochs(&path).unwrap_err()] {
            let error = error.to_string();
            assert!(error.contains(path.to_str().unwrap()) && error.contains("remove the file"), "{text:?}: {error}");
        }
    }
    fs::write(&path, b"0\n1\n\xff 0 1\n").unwrap();
    assert!(read_offsets(&path).is_err());
}

#[test]
fn only_the_folders_of_partitions_are_taken_for_such() {
    let table = [
        ("hello-kafka-0", Some(("hello-kafka", 0))),
        ("a-2147483647", Some(("a", i32::MAX))),
        ("a--1", Some(("a-", 1))),
        ("--0", Some(("-", 0))),
        ("a.b_c-10", Some(("a.b_c", 10))),
        ("a", None),
        ("a-", None),
        ("-0", None),
        ("a-2147483648", None),
        ("a-01", None),
        ("a-+1", None),
        ("a-x", None),
        ("a-0.00112233445566778899aabbccddeeff-delete", None),
        ("a-0.00112233445566778899aabbccddeeff-stray", None),
        ("a-0.00112233445566778899aabbccddeeff-future", None),
        ("", None),
    ];
    for (folder, expected) in table {
        let expected = expected.map(|(topic, partition)| TopicPartition::new(topic, partition));
        let read = TopicPartition::from_folder(folder);
        assert_eq!(read, expected, "{folder:?}");
        assert!(read.is_none_or(|read| read.to_string() == folder));
    }
}

/// Epochs and the offsets at which they begin.
type Entries = &'static [(i32, i64)];

/// Epochs in a file of their own, made by `assign` in this order.
fn epochs(dir: &TempDir, assigned: &[(i32, i64)]) -> (LeaderEpochs, PathBuf) {
    let path = dir.path().join("leader-epoch-checkpoint");
    let _ = fs::remove_file(&path);
    let mut epochs = LeaderEpochs::open(&Disk::default(), path.clone()).unwrap();
    for &(epoch, start) in assigned {
        epochs.assign(epoch, start, true).unwrap();
    }
    (epochs, path)
}

#[test]
fn an_epoch_is_noted_with_the_offset_at_which_it_begins() {
    let dir = TempDir::new();
    let table: [(Entries, Entries); 9] = [
        (&[], &[]),
        (&[(0, 0)], &[(0, 0)]),
        (&[(0, 0), (1, 10), (5, 20)], &[(0, 0), (1, 10), (5, 20)]),
        // Known, or older than known: nothing new.
        (&[(3, 0), (3, 5), (2, 7)], &[(3, 0)]),
        // An older epoch goes on, where nothing was appended in the later one.
        (&[(0, 0), (5, 12), (0, 12)], &[(0, 0)]),
        (&[(0, 0), (5, 12), (3, 12)], &[(0, 0), (3, 12)]),
        // Nothing was appended in epochs 1 and 2.
        (&[(0, 0), (1, 10), (2, 10), (3, 10)], &[(0, 0), (3, 10)]),
        (&[(0, 0), (1, 0)], &[(1, 0)]),
        (&[(4, 100), (5, 90)], &[(5, 90)]),
    ];
    for (assigned, expected) in table {
        let (epochs, path) = epochs(&dir, assigned);
        assert_eq!(epochs.entries(), expected, "{assigned:?}");
        assert_eq!(read_epochs(&path).unwrap(), expected, "in the file");
        assert_eq!(epochs.latest(), expected.last().map(|e| e.0));
    }
}

#[test]
fn the_epoch_of_an_offset_is_the_last_that_begins_at_or_before_it() {
    let dir = TempDir::new();
    let (epochs, _) = epochs(&dir, &[(2, 10), (3, 20), (7, 30)]);
    let table =
        [(9, None), (10, Some(2)), (19, Some(2)), (20, Some(3)), (29, Some(3)), (30, Some(7)), (i64::MAX, Some(7))];
    for (offset, expected) in table {
        assert_eq!(epochs.epoch_of(offset), expected, "offset {offset}");
    }
}

#[test]
fn epochs_beyond_a_logs_end_are_forgotten() {
    let dir = TempDir::new();
    let all = [(0, 0), (1, 10), (2, 20)];
    for (end, kept) in [(100, 3), (21, 3), (20, 3), (19, 2), (11, 2), (10, 2), (9, 1), (0, 1)] {
        let (mut epochs, path) = epochs(&dir, &all);
        epochs.truncate_from_end(end).unwrap();
        assert_eq!(epochs.entries(), &all[..kept], "end {end}");
        assert_eq!(read_epochs(&path).unwrap(), &all[..kept], "end {end}, in the file");
    }
}

#[test]
fn epochs_before_a_logs_start_are_forgotten_and_the_one_that_reaches_across_begins_there() {
    let dir = TempDir::new();
    let table: [(i64, Entries); 7] = [
        (0, &[(0, 5), (1, 10), (2, 20)]),
        (5, &[(0, 5), (1, 10), (2, 20)]),
        (6, &[(0, 6), (1, 10), (2, 20)]),
        (10, &[(1, 10), (2, 20)]),
        (15, &[(1, 15), (2, 20)]),
        (20, &[(2, 20)]),
        (77, &[(2, 77)]),
    ];
    for (start, expected) in table {
        let (mut epochs, path) = epochs(&dir, &[(0, 5), (1, 10), (2, 20)]);
        epochs.truncate_from_start(start).unwrap();
        assert_eq!(epochs.entries(), expected, "start {start}");
        assert_eq!(read_epochs(&path).unwrap(), expected, "start {start}, in the file");
    }
    let (mut none, _) = epochs(&dir, &[]);
    none.truncate_from_start(10).unwrap();
    none.truncate_from_end(0).unwrap();
    assert!(none.entries().is_empty());
}

#[test]
fn epochs_that_cannot_be_written_are_not_noted() {
    let dir = TempDir::new();
    let is_full = Arc::new(AtomicBool::new(false));
    let full = is_full.clone();
    let disk =
        disk_where(move |_| if full.load(Ordering::Relaxed) { fault(std::io::ErrorKind::StorageFull) } else { None });
    let path = dir.path().join("leader-epoch-checkpoint");
    let mut epochs = LeaderEpochs::open(&disk, path.clone()).unwrap();
    epochs.assign(0, 0, true).unwrap();
    epochs.assign(1, 10, true).unwrap();
    is_full.store(true, Ordering::Relaxed);
    assert!(epochs.assign(2, 20, true).is_err());
    assert!(epochs.truncate_from_end(5).is_err());
    assert!(epochs.truncate_from_start(5).is_err());
    assert_eq!(epochs.entries(), [(0, 0), (1, 10)]);
    assert_eq!(read_epochs(&path).unwrap(), epochs.entries());
}

fn open_dir(path: &Path, broker_id: i32, cluster_id: Option<&str>) -> Result<LogDir, String> {
    LogDir::open(&Disk::default(), FolderLock::take(path)?, broker_id, cluster_id, Arc::default())
}

#[track_caller]
fn refused(result: Result<LogDir, String>, about: &str) {
    let why = result.err().expect("refused");
    assert!(why.contains(about), "{why:?} says nothing of {about:?}");
}

#[test]
fn a_new_folder_gets_an_id_and_the_clusters() {
    let dir = TempDir::new();
    let path = dir.path().join("new/and/deep");
    let first = open_dir(&path, 4, None).unwrap();
    let (id, cluster_id) = (first.id(), first.cluster_id().to_owned());
    drop(first);
    let text = fs::read_to_string(path.join("meta.properties")).unwrap();
    for line in ["version=1", "node.id=4", &format!("directory.id={id}"), &format!("cluster.id={cluster_id}")] {
        assert!(text.lines().any(|l| l == line), "{line} is not in {text}");
    }
    let again = open_dir(&path, 4, None).unwrap();
    assert_eq!((again.id(), again.cluster_id()), (id, &*cluster_id));
    let second = open_dir(&dir.path().join("second"), 4, Some(&cluster_id)).unwrap();
    assert_eq!(second.cluster_id(), cluster_id);
    assert_ne!(second.id(), id);
}

#[test]
fn a_folder_that_apache_kafka_formatted_keeps_its_ids() {
    let dir = TempDir::new();
    let meta = fs::read_to_string(golden("data/single/logs/meta.properties")).unwrap();
    fs::write(dir.path().join("meta.properties"), &meta).unwrap();
    let get = |key: &str| meta.lines().find_map(|line| line.strip_prefix(key)).unwrap().to_owned();
    let opened = open_dir(dir.path(), get("node.id=").parse().unwrap(), None).unwrap();
    assert_eq!(opened.id().to_string(), get("directory.id="));
    assert_eq!(opened.cluster_id(), get("cluster.id="));
    assert_eq!(fs::read_to_string(dir.path().join("meta.properties")).unwrap(), meta, "as it was");
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let dir = TempDir::new();
    let path = dir.path().join("meta.properties");
    let with = |text: &str| {
        fs::write(&path, text).unwrap();
        open_dir(dir.path(), 1, Some("mine"))
    };
    refused(with("version=1\nnode.id=2\ncluster.id=mine\n"), "broker 2");
    refused(with("version=0\nbroker.id=3\ncluster.id=mine\n"), "broker 3");
    refused(with("version=1\nnode.id=1\ncluster.id=theirs\n"), "theirs");
    refused(with("version=1\nnode.id=1\n"), "cluster.id");
    refused(with("version=1\nnode.id=2\ncluster.id=mine\n"), path.to_str().unwrap());
    assert!(with("version=0\nbroker.id=1\ncluster.id=mine\n").is_ok(), "as old brokers wrote it");
    // Whoever refuses holds no lock.
    assert!(with("version=1\nnode.id=1\ncluster.id=mine\n").is_ok());
}

#[test]
fn one_broker_at_a_time_uses_a_folder() {
    let dir = TempDir::new();
    let first = open_dir(dir.path(), 1, None).unwrap();
    refused(open_dir(dir.path(), 1, None), "another broker uses it");
    refused(open_dir(dir.path(), 1, None), dir.path().to_str().unwrap());
    drop(first);
    assert!(open_dir(dir.path(), 1, None).is_ok());
}

#[test]
fn a_clean_stop_counts_once() {
    let dir = TempDir::new();
    let first = open_dir(dir.path(), 1, None).unwrap();
    assert!(!first.was_clean());
    first.mark_clean(-1).unwrap();
    assert!(dir.path().join(".kafka_cleanshutdown").exists());
    drop(first);
    assert!(open_dir(dir.path(), 1, None).unwrap().was_clean());
    assert!(!open_dir(dir.path(), 1, None).unwrap().was_clean(), "the second start after it knows of no clean stop");
}

#[test]
fn partitions_are_found_by_their_folders_and_doomed_folders_are_removed() {
    let dir = TempDir::new();
    let doomed =
        ["a-0.00112233445566778899aabbccddeeff-delete", "a long topic's.00112233445566778899aabbccddeeff-delete"];
    let others = ["__cluster_metadata-0", "lost+found", "do-not-delete", "a-0.0011-delete"];
    for folder in ["a-0", "a-1", "b-c-10"].iter().chain(&doomed).chain(&others) {
        fs::create_dir(dir.path().join(folder)).unwrap();
    }
    fs::write(dir.path().join("file-0"), "no folder").unwrap();
    let opened = open_dir(dir.path(), 1, None).unwrap();
    let mut partitions = opened.partitions().unwrap();
    partitions.sort();
    assert_eq!(partitions.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a-0", "a-1", "b-c-10"]);
    assert!(others.iter().all(|folder| dir.path().join(folder).exists()), "what is not ours stays");
    assert!(!doomed.iter().any(|folder| dir.path().join(folder).exists()));
}

fn topic(partitions: i32) -> StoredTopic {
    let settings = TopicSettings::from([("cleanup.policy".to_owned(), "compact".to_owned())]);
    StoredTopic { id: Uuid([7; 16]), partitions, settings, ..Default::default() }
}

#[test]
fn the_file_of_topics_has_after_a_change_what_memory_has() {
    let dir = TempDir::new();
    let mut store = TopicStore::open(&Disk::default(), dir.path()).unwrap();
    assert!(store.contents().topics.is_empty());
    assert!(!dir.path().join(FILE_NAME).exists(), "a file is made by the first change");
    store.change(|contents| drop(contents.topics.insert("a-b.c".to_owned(), topic(3)))).unwrap();
    store.change(|contents| contents.next_producer_id = Some(i64::MAX)).unwrap();
    let again = TopicStore::open(&Disk::default(), dir.path()).unwrap();
    assert_eq!(again.contents(), store.contents());
    assert_eq!(again.contents().topics["a-b.c"], topic(3));
    let text = fs::read_to_string(dir.path().join(FILE_NAME)).unwrap();
    assert!(
        text.contains("\"version\": 1") && text.contains(&Uuid([7; 16]).to_string()),
        "people read it, too: {text}"
    );
}

#[test]
fn a_file_of_topics_that_is_not_understood_stops_the_start() {
    let dir = TempDir::new();
    let path = dir.path().join(FILE_NAME);
    for (text, about) in [
        ("{\"version\": 2, \"topics\": {}}", "format 2"),
        ("{\"version\": 0}", "format 0"),
        ("{}", "version"),
        ("", "EOF"),
        ("{\"version\": 1, \"topics\": {\"t\": {\"id\": \"short\", \"partitions\": 1}}}", "cannot be read"),
        ("{\"version\": 1, \"topics\": {\"t\": {\"partitions\": 1}}}", "id"),
    ] {
        fs::write(&path, text).unwrap();
        let why = TopicStore::open(&Disk::default(), dir.path()).err().expect(text);
        assert!(why.contains(path.to_str().unwrap()) && why.contains(about), "{text}: {why}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "nothing is written over it");
    }
}

#[test]
fn a_change_that_fails_leaves_file_and_memory_as_they_were() {
    let dir = TempDir::new();
    // Before the new contents are written, synced, and renamed into place.
    let fails: [fn(&Change) -> bool; 3] = [
        |change| matches!(change, Change::Write { .. }),
        |change| matches!(change, Change::Sync(path) if path.ends_with(FILE_NAME)),
        |change| matches!(change, Change::Rename(..)),
    ];
    TopicStore::open(&Disk::default(), dir.path())
        .unwrap()
        .change(|contents| drop(contents.topics.insert("old".to_owned(), topic(1))))
        .unwrap();
    for is_failing in fails {
        let disk = disk_where(move |change| if is_failing(change) { fault(std::io::ErrorKind::Other) } else { None });
        let mut store = TopicStore::open(&disk, dir.path()).unwrap();
        let before = store.contents().clone();
        assert!(store.change(|contents| drop(contents.topics.insert("new".to_owned(), topic(2)))).is_err());
        assert_eq!(store.contents(), &before);
        assert_eq!(TopicStore::open(&Disk::default(), dir.path()).unwrap().contents(), &before);
    }
}

#[test]
fn a_change_that_changes_nothing_is_not_written() {
    let dir = TempDir::new();
    let disk = disk_where(|_| fault(std::io::ErrorKind::Other));
    let mut store = TopicStore::open(&disk, dir.path()).unwrap();
    store.change(|contents| drop(contents.topics.remove("not there"))).unwrap();
}
