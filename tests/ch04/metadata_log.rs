//! The metadata log and the vote on a disk.

use std::path::{Path, PathBuf};

use ch00_wire::uuid::Uuid;
use ch01_log::disk::Disk;
use ch04_controller::metadata_log::{FOLDER, MetadataLog};
use ch04_controller::quorum::vote::OffsetAndEpoch;
use ch04_controller::quorum::{ElectionState, ReplicaKey};
use ch04_controller::quorum_state::{FILE_NAME, QuorumStateFile, VotersHome};
use ch04_controller::records::{
    BatchContent, MetadataBatch, MetadataRecord, MetadataSnapshot, NoOpRecord, TopicRecord, metadata_batches,
};

use crate::ch01::{TempDir, log_config};
use crate::golden;

const NOW: i64 = 1_700_000_000_000;

fn open(folder: &Path) -> MetadataLog {
    MetadataLog::open(&Disk::default(), folder, log_config(|_| ()), NOW).unwrap()
}

fn topic(name: &str) -> MetadataRecord {
    TopicRecord { name: name.to_string(), topic_id: Uuid::default() }.into()
}

fn append(log: &mut MetadataLog, epoch: i32, name: &str) -> i64 {
    log.append(epoch, BatchContent::Records(vec![topic(name)]), NOW).unwrap()
}

fn names(log: &mut MetadataLog, from: i64) -> Vec<String> {
    let bytes = log.read_batches(from, log.end(), 1 << 20).unwrap();
    let records = metadata_batches(&bytes).flat_map(|batch| match batch.unwrap().content {
        BatchContent::Records(records) => records,
        BatchContent::Control(_) => Vec::new(),
    });
    let topic = |record| if let MetadataRecord::Topic(topic) = record { Some(topic.name) } else { None };
    records.filter_map(topic).collect()
}

#[test]
fn what_was_flushed_is_there_after_a_crash_and_a_torn_batch_is_not() {
    let dir = TempDir::new();
    let mut log = open(dir.path());
    assert_eq!(append(&mut log, 1, "a"), 1);
    assert_eq!(append(&mut log, 3, "b"), 2);
    assert_eq!(log.flush(NOW).unwrap(), 2);
    append(&mut log, 3, "torn");
    drop(log);
    let file = dir.path().join("00000000000000000000.log");
    let bytes = std::fs::read(&file).unwrap();
    let size: usize = ch01_log::batch::split(&bytes).map(|(_, batch)| batch.len()).sum();
    std::fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(size as u64 - 3).unwrap();
    let mut log = open(dir.path());
    assert_eq!((log.end(), names(&mut log, 0)), (2, vec!["a".to_string(), "b".to_string()]));
    assert_eq!(log.quorum_log().end(), OffsetAndEpoch { epoch: 3, offset: 2 });
}

#[test]
fn batches_of_another_node_are_the_same_bytes() {
    let (one, two) = (TempDir::new(), TempDir::new());
    let (mut leader, mut follower) = (open(one.path()), open(two.path()));
    for name in ["a", "b", "c"] {
        append(&mut leader, 2, name);
    }
    let bytes = leader.read_batches(0, 3, 1 << 20).unwrap();
    // What was cut short comes again.
    follower.append_copied(&bytes[..bytes.len() - 1], NOW).unwrap();
    assert_eq!(follower.end(), 2);
    let rest = leader.read_batches(2, 3, 1).unwrap();
    follower.append_copied(&rest, NOW).unwrap();
    assert_eq!(follower.read_batches(0, 3, 1 << 20).unwrap(), bytes);
    follower.truncate(1).unwrap();
    assert_eq!(names(&mut follower, 0), ["a"]);
}

fn snapshot() -> MetadataSnapshot {
    MetadataSnapshot { records: vec![topic("a"), topic("b")], ..Default::default() }
}

fn files(dir: &Path, suffix: &str) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.ends_with(suffix)).collect();
    names.sort();
    names
}

#[test]
fn a_log_starts_where_its_latest_snapshot_ends() {
    let dir = TempDir::new();
    let mut config = log_config(|_| ());
    config.segment.max_bytes = 1;
    let mut log = MetadataLog::open(&Disk::default(), dir.path(), config, NOW).unwrap();
    for name in ["a", "b", "c", "d"] {
        append(&mut log, 2, name);
    }
    log.flush(NOW).unwrap();
    for offset in [1, 3] {
        log.put_snapshot(OffsetAndEpoch { epoch: 2, offset }, snapshot().write(2, NOW)).unwrap();
    }
    assert_eq!(files(dir.path(), ".log"), ["00000000000000000003.log"]);
    assert_eq!(files(dir.path(), ".checkpoint"), ["00000000000000000003-0000000002.checkpoint"]);
    drop(log);
    std::fs::write(dir.path().join("00000000000000000009-0000000002.checkpoint.part"), b"half").unwrap();
    let mut log = open(dir.path());
    assert_eq!(log.latest_snapshot(), Some(OffsetAndEpoch { epoch: 2, offset: 3 }));
    assert_eq!(log.read_snapshot(log.latest_snapshot().unwrap()).unwrap().records, snapshot().records);
    assert_eq!((log.end(), names(&mut log, 3)), (4, vec!["d".to_string()]));
    assert_eq!(log.quorum_log().start(), OffsetAndEpoch { epoch: 2, offset: 3 });
    assert!(files(dir.path(), ".part").is_empty());
}

#[test]
fn a_snapshot_from_elsewhere_takes_the_place_of_the_log() {
    let dir = TempDir::new();
    let mut log = open(dir.path());
    append(&mut log, 1, "old");
    let id = OffsetAndEpoch { epoch: 5, offset: 70 };
    let bytes: Vec<u8> = snapshot().write(5, NOW).flat_map(|batch| batch.to_vec()).collect();
    std::fs::write(log.part_file(id), bytes).unwrap();
    log.install(id, NOW).unwrap();
    assert_eq!((log.end(), log.quorum_log().start()), (70, id));
    append(&mut log, 6, "new");
    log.flush(NOW).unwrap();
    drop(log);
    let mut log = open(dir.path());
    assert_eq!((log.end(), names(&mut log, 70)), (71, vec!["new".to_string()]));
}

#[test]
fn a_crash_between_a_snapshot_and_the_new_log_is_mended() {
    let dir = TempDir::new();
    let mut log = open(dir.path());
    append(&mut log, 1, "old");
    log.flush(NOW).unwrap();
    drop(log);
    let bytes: Vec<u8> = snapshot().write(5, NOW).flat_map(|batch| batch.to_vec()).collect();
    std::fs::write(dir.path().join("00000000000000000070-0000000005.checkpoint"), bytes).unwrap();
    let log = open(dir.path());
    assert_eq!((log.end(), log.quorum_log().end()), (70, OffsetAndEpoch { epoch: 5, offset: 70 }));
}

fn copy_of(golden: &str) -> (TempDir, PathBuf) {
    let dir = TempDir::new();
    let from = crate::ch01::golden("data").join(golden);
    let to = dir.path().join(FOLDER);
    std::fs::create_dir(&to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        std::fs::write(to.join(entry.file_name()), std::fs::read(entry.path()).unwrap()).unwrap();
    }
    (dir, to)
}

#[test]
fn the_metadata_logs_of_apache_kafka_are_opened() {
    for (golden, _) in golden::FOLDERS {
        let (_dir, folder) = copy_of(golden);
        let batches = golden::batches(&golden::read(&format!("{golden}/{}", golden::LOG)));
        let last: &MetadataBatch = batches.last().unwrap();
        let mut log = open(&folder);
        assert_eq!(log.end(), last.next_offset(), "{golden}");
        assert_eq!(log.quorum_log().end(), OffsetAndEpoch { epoch: last.leader_epoch, offset: log.end() }, "{golden}");
        let noop = BatchContent::Records(vec![NoOpRecord {}.into()]);
        assert_eq!(log.append(last.leader_epoch + 1, noop, NOW).unwrap(), last.next_offset() + 1);
    }
}

#[test]
fn promises_are_kafkas_file() {
    for (golden, voters) in [
        ("single/logs/__cluster_metadata-0", VotersHome::Log),
        ("cluster/broker-1/__cluster_metadata-0", VotersHome::Configuration(vec![1, 2, 3])),
    ] {
        let (_dir, folder) = copy_of(golden);
        let before = std::fs::read_to_string(folder.join(FILE_NAME)).unwrap();
        let file = QuorumStateFile::new(&Disk::default(), &folder);
        let state = file.read().unwrap();
        file.write(&state, &voters).unwrap();
        assert_eq!(std::fs::read_to_string(folder.join(FILE_NAME)).unwrap(), before);
        let voted_for = Some(ReplicaKey { id: 3, directory_id: Uuid::default() });
        let state = ElectionState { epoch: 11, voted_for, leader: None };
        file.write(&state, &voters).unwrap();
        assert_eq!(file.read().unwrap(), state);
    }
    let dir = TempDir::new();
    let file = QuorumStateFile::new(&Disk::default(), dir.path());
    assert_eq!(file.read().unwrap(), ElectionState::default());
    std::fs::write(dir.path().join(FILE_NAME), "{").unwrap();
    assert!(file.read().unwrap_err().contains("quorum-state"));
}
