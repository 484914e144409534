//! A leader's append: what is refused before anything is written, and what a producer of `acks=all` waits for.

use std::sync::Arc;

use bytes::Bytes;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch01_log::batch::{Epoch, Offset, split};
use ch01_log::disk::Disk;
use ch01_log::local_partition::LocalPartition;
use ch01_log::log_dir::{FolderLock, LogDir};
use ch01_log::partition::{Partition, ReadRequest, Reader, RequiredAcks};
use ch01_log::replicas::OpenedLog;
use ch01_log::text_checkpoint::TopicPartition;
use ch03_replication::isr::BrokerId;
use ch03_replication::leader_store::StoredLeader;
use ch03_replication::metrics::Metrics;
use ch03_replication::replica::ReplicatedPartition;
use ch03_replication::replica_context::ReplicaContext;

use crate::ch01::{TempDir, batch, clock, log_config, open, options, read_batches};

const EPOCH: Epoch = 4;
const ALL_ACKS: [RequiredAcks; 3] = [RequiredAcks::None, RequiredAcks::Leader, RequiredAcks::All];

/// A partition with copies on 1, 2 and 3, on broker 1's disk.
struct Stage {
    partition: ReplicatedPartition,
    log: Arc<LocalPartition>,
    _folder: TempDir,
}

impl Stage {
    fn new(role: impl FnOnce(&OpenedLog, Arc<ReplicaContext>) -> ReplicatedPartition, replicas: &[BrokerId]) -> Stage {
        let folder = TempDir::new();
        let name = TopicPartition::new("test", 0);
        let dir =
            LogDir::open(&Disk::default(), FolderLock::take(folder.path()).unwrap(), 1, None, Arc::default()).unwrap();
        let log = open(&dir.folder(&name), options(log_config(|_| ()))).unwrap();
        let log = Arc::new(LocalPartition::new(log, Arc::new(dir), clock(), Box::new(|| ())));
        let (topic_id, settings) = (Uuid::random(), Default::default());
        let opened = OpenedLog { name, topic_id, replicas: replicas.to_vec(), settings, log: log.clone() };
        // Nobody confirms anything here: proposals go nowhere. A minute may pass before anyone lags.
        let (context, _) = ReplicaContext::new(1, 60_000, false, Arc::new(Metrics::off()));
        Stage { partition: role(&opened, Arc::new(context)), log, _folder: folder }
    }

    /// It will lead, but does not yet.
    fn starting(isr: &[BrokerId], min_insync_replicas: usize) -> Stage {
        let starting = |opened: &OpenedLog, context| {
            let leader = StoredLeader { topic_id: opened.topic_id, epoch: EPOCH, version: 0, isr: isr.to_vec() };
            ReplicatedPartition::starting(opened, 0, leader, min_insync_replicas, context)
        };
        Stage::new(starting, &[1, 2, 3])
    }

    fn leader(isr: &[BrokerId], min_insync_replicas: usize) -> Stage {
        let stage = Stage::starting(isr, min_insync_replicas);
        stage.partition.lead();
        stage
    }

    /// Broker 2 leads.
    fn follower() -> Stage {
        Stage::new(|opened, context| ReplicatedPartition::follower(opened, 0, context), &[2, 1, 3])
    }

    fn log_end(&self) -> Offset {
        self.log.log().log_end_offset()
    }

    /// What is refused, with which error.
    fn refused(&self, records: Bytes, acks: RequiredAcks) -> ErrorCode {
        self.partition.append(records, acks).expect_err("it has to be refused").code
    }

    /// A follower asks for what comes from `offset` on: up to there it has everything.
    fn fetch(&self, id: BrokerId, offset: Offset) {
        let request = ReadRequest {
            reader: Reader::Replica { id, epoch: -1 },
            rack: None,
            current_leader_epoch: EPOCH,
            offset,
            last_fetched_epoch: -1,
            log_start_offset: 0,
            known_readable_end: 0,
            max_bytes: 1 << 20,
            at_least_one: true,
        };
        self.partition.read(&request).unwrap();
    }
}

fn two() -> Bytes {
    batch(&["a", "b"]).build()
}

/// Producer 7's batch of two, its first.
fn numbered() -> Bytes {
    batch(&["a", "b"]).producer(7, 0, 0).build()
}

#[test]
fn with_too_few_in_sync_acks_all_is_refused_before_anything_is_appended() {
    let stage = Stage::leader(&[1], 2);
    assert_eq!(stage.refused(two(), RequiredAcks::All), ErrorCode::NOT_ENOUGH_REPLICAS);
    assert_eq!(stage.log_end(), 0, "a producer that is refused sends it again: it must not be there already");
}

#[test]
fn the_minimum_is_for_acks_all_only() {
    let stage = Stage::leader(&[1], 2);
    for (acks, end) in [(RequiredAcks::Leader, 2), (RequiredAcks::None, 4)] {
        let accepted = stage.partition.append(two(), acks).unwrap();
        assert_eq!((accepted.base_offset, accepted.last_offset, stage.log_end()), (end - 2, end - 1, end), "{acks:?}");
    }
}

#[test]
fn the_minimum_is_that_of_this_moment() {
    let stage = Stage::leader(&[1, 2], 2);
    stage.partition.append(two(), RequiredAcks::All).unwrap();
    stage.partition.set_min_insync_replicas(3);
    assert_eq!(stage.refused(two(), RequiredAcks::All), ErrorCode::NOT_ENOUGH_REPLICAS);
    stage.partition.set_min_insync_replicas(2);
    assert_eq!(stage.partition.append(two(), RequiredAcks::All).unwrap().base_offset, 2);
}

#[test]
fn who_does_not_lead_takes_nothing() {
    let gone = Stage::leader(&[1], 1);
    gone.partition.close();
    let (no_leader, no_topic) = (ErrorCode::NOT_LEADER_OR_FOLLOWER, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let stages = [
        (Stage::follower(), no_leader, "a follower"),
        (Stage::starting(&[1], 1), no_leader, "one that will lead, but does not yet"),
        (gone, no_topic, "one that was deleted"),
    ];
    for (stage, code, who) in stages {
        for acks in ALL_ACKS {
            assert_eq!(stage.refused(two(), acks), code, "{who}, {acks:?}");
            assert_eq!(stage.log_end(), 0, "{who}, {acks:?}");
        }
    }
}

#[test]
fn a_damaged_batch_is_refused() {
    let stage = Stage::leader(&[1], 1);
    let mut damaged = two().to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(stage.refused(damaged.into(), RequiredAcks::Leader), ErrorCode::CORRUPT_MESSAGE);
    assert_eq!(stage.log_end(), 0);
}

#[test]
fn a_batch_has_the_leaders_epoch() {
    let stage = Stage::leader(&[1, 2, 3], 2);
    let accepted = stage.partition.append(batch(&["a"]).leader_epoch(9).build(), RequiredAcks::All).unwrap();
    assert_eq!(accepted.leader_epoch, EPOCH, "what the answer says");
    let bytes = read_batches(&mut stage.log.log(), 0);
    let (header, _) = split(&bytes).next().unwrap();
    assert_eq!(header.partition_leader_epoch, EPOCH, "what the log says, whatever the producer wrote there");
}

#[test]
fn it_is_safe_when_the_last_of_the_in_sync_replicas_has_it() {
    let stage = Stage::leader(&[1, 2, 3], 2);
    let accepted = stage.partition.append(two(), RequiredAcks::All).unwrap();
    let readable_end = || accepted.progress.borrow().readable_end;
    assert_eq!(accepted.progress.borrow().log_end_offset, 2, "the batch itself is part of what the receiver shows");
    assert_eq!(readable_end(), 0, "nobody has fetched it");
    stage.fetch(2, 2);
    assert_eq!(readable_end(), 0, "3 has not fetched it");
    stage.fetch(3, 1);
    assert!(readable_end() <= accepted.last_offset, "3 has a part of it");
    stage.fetch(3, 2);
    assert!(readable_end() > accepted.last_offset, "now everyone has it");
}

#[test]
fn alone_in_sync_the_leader_need_not_wait() {
    let stage = Stage::leader(&[1], 1);
    let accepted = stage.partition.append(two(), RequiredAcks::All).unwrap();
    assert_eq!(accepted.progress.borrow().readable_end, 2, "followers that are out of sync do not count");
}

#[test]
fn each_batch_has_its_own_moment() {
    let stage = Stage::leader(&[1, 2], 2);
    let first = stage.partition.append(two(), RequiredAcks::All).unwrap();
    stage.fetch(2, 2);
    let second = stage.partition.append(two(), RequiredAcks::All).unwrap();
    let readable_end = second.progress.borrow().readable_end;
    assert!(readable_end > first.last_offset && readable_end <= second.last_offset, "{readable_end}");
    assert!(!second.progress.has_changed().unwrap(), "what it shows was so when the batch came in: no news since");
}

#[test]
fn who_waits_for_records_is_woken() {
    let stage = Stage::leader(&[1, 2], 2);
    let follower = stage.partition.progress().unwrap();
    stage.partition.append(two(), RequiredAcks::Leader).unwrap();
    assert!(follower.has_changed().unwrap(), "a fetch that waits at the end of the log has something to get now");
    assert_eq!(follower.borrow().log_end_offset, 2);
}

#[test]
fn a_repeat_is_answered_as_the_original_and_not_appended() {
    let stage = Stage::leader(&[1, 2], 2);
    let original = stage.partition.append(numbered(), RequiredAcks::All).unwrap();
    stage.partition.append(two(), RequiredAcks::Leader).unwrap();
    let repeat = stage.partition.append(numbered(), RequiredAcks::All).unwrap();
    assert_eq!((repeat.base_offset, repeat.last_offset), (original.base_offset, original.last_offset));
    assert_eq!(stage.log_end(), 4);
    assert_eq!(repeat.progress.borrow().readable_end, 0, "that it is a repeat does not make it safe");
    stage.fetch(2, 2);
    assert!(repeat.progress.borrow().readable_end > repeat.last_offset);
}

#[test]
fn waits_end_when_it_is_deleted() {
    let stage = Stage::leader(&[1, 2], 2);
    let accepted = stage.partition.append(two(), RequiredAcks::All).unwrap();
    stage.partition.close();
    assert!(accepted.progress.has_changed().is_err(), "nobody will ever say that it is safe");
}
