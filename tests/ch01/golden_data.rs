//! Data folders that Apache Kafka wrote, opened here: the same log starts and ends, and the same records.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use ch00_wire::codec::Chunk;
use ch00_wire::config::Config;
use ch00_wire::error_code::ErrorCode;
use ch00_wire::tasks::Tasks;
use ch01_log::batch::{Offset, split};
use ch01_log::broker::{State, open_state};
use ch01_log::config::{BrokerConfig, LogHooks};
use ch01_log::disk::Disk;
use ch01_log::partition::{OffsetQuery, Partition, ReadRequest, Reader};
use ch01_log::text_checkpoint::TopicPartition;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::*;

fn open_folder(dir: &Path, properties: &[(&str, &str)]) -> State {
    let mut config = BrokerConfig::default();
    config.set("log.dirs", dir.to_str().unwrap()).unwrap().unwrap();
    for (key, value) in properties {
        config.set(key, value).unwrap().unwrap();
    }
    open_state(config.clone(), LogHooks::new(&config), BTreeMap::new(), &Disk::default(), clock(), Tasks::new())
        .unwrap()
}

fn expected(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(golden(path)).unwrap()).unwrap()
}

/// The records a consumer gets, and where it stopped: at the end, or at an error.
fn consume(partition: &dyn Partition, committed: bool) -> (Vec<Seen>, Offset, Option<ErrorCode>) {
    let reader = Reader::Consumer { committed };
    let start = partition.find_offset(OffsetQuery::Earliest, reader, -1).unwrap().unwrap().offset;
    let end = partition.find_offset(OffsetQuery::Latest, reader, -1).unwrap().unwrap().offset;
    let (mut offset, mut seen) = (start, Vec::new());
    while offset < end {
        let request = ReadRequest {
            reader,
            rack: None,
            known_readable_end: i64::MAX,
            current_leader_epoch: -1,
            offset,
            last_fetched_epoch: -1,
            log_start_offset: -1,
            // Small reads: most batches come alone, some are cut short.
            max_bytes: 700,
            at_least_one: true,
        };
        let answer = match partition.read(&request) {
            Ok(answer) => answer,
            Err(e) => return (seen, offset, Some(e.code)),
        };
        let bytes = match answer.records {
            Chunk::Bytes(bytes) => bytes,
            Chunk::File(region) => Bytes::from(region.read().unwrap()),
        };
        let aborted = answer.aborted.unwrap_or_default();
        let before = offset;
        for (header, batch) in split(&bytes) {
            if ch01_log::batch::check(batch).is_err() {
                return (seen, offset, Some(ErrorCode::CORRUPT_MESSAGE));
            }
            let is_aborted = aborted.iter().any(|t| {
                t.producer_id == header.producer_id && (t.first_offset..=t.last_offset).contains(&header.base_offset)
            });
            let is_skipped = committed && header.attributes.is_transactional() && is_aborted;
            if !(header.attributes.is_control() || is_skipped) {
                seen.extend(records_of(&header, batch).into_iter().filter(|r| r.offset >= offset && r.offset < end));
            }
            offset = header.next_offset();
        }
        // What compaction removed from the end of a segment is passed over.
        if offset == before {
            break;
        }
    }
    (seen, offset, None)
}

/// The hash of EXPECTED.json: a line for each record.
fn digest(seen: &[Seen]) -> String {
    let mut hash = Sha256::new();
    let hex = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or("-".to_string(), |b| to_hex(b));
    for r in seen {
        let headers: String = r.headers.iter().map(|(n, v)| format!("{}={};", to_hex(n), hex(v))).collect();
        hash.update(format!("{},{},{},{},{headers}\n", r.offset, r.timestamp, hex(&r.key), hex(&r.value)));
    }
    to_hex(&hash.finalize())
}

/// Compares a partition with what clients of Apache Kafka saw.
fn compare(state: &State, name: &str, clients: &Value) {
    let tp = TopicPartition::from_folder(name).unwrap();
    let partition = state.partition(&tp.topic, tp.partition).unwrap();
    let offset = |query, committed| {
        partition.find_offset(query, Reader::Consumer { committed }, -1).unwrap().map_or(-1, |found| found.offset)
    };
    let mut ours =
        vec![("logStart", offset(OffsetQuery::Earliest, false)), ("highWatermark", offset(OffsetQuery::Latest, false))];
    ours.push(("lastStableOffset", offset(OffsetQuery::Latest, true)));
    // Where everything was trimmed, Apache Kafka still names a record that nobody can read; here there is none.
    if clients["logStart"] != clients["highWatermark"] {
        ours.push(("maxTimestampOffset", offset(OffsetQuery::MaxTimestamp, false)));
    }
    for (field, value) in ours {
        if let Some(theirs) = clients.get(field) {
            assert_eq!(value, theirs.as_i64().unwrap(), "{name}: {field}");
        }
    }
    for (field, committed) in [("readUncommitted", false), ("readCommitted", true)] {
        let Some(theirs) = clients.get(field) else { continue };
        let (seen, _, error) = consume(&*partition, committed);
        assert_eq!(error, None, "{name}: {field}");
        assert_eq!(seen.len() as u64, theirs["count"].as_u64().unwrap(), "{name}: {field}: records");
        assert_eq!(digest(&seen), theirs["sha256"].as_str().unwrap(), "{name}: {field}: contents");
    }
}

fn compare_folder(folder: &str, expected_file: &str) -> usize {
    let dir = TempDir::new();
    copy_dir(&golden(folder), dir.path());
    let state = open_folder(dir.path(), &[]);
    let expected = expected(expected_file);
    let partitions = expected["partitions"].as_object().unwrap();
    let mut compared = 0;
    for (name, partition) in partitions.iter().filter(|(name, _)| *name != "__cluster_metadata-0") {
        let tp = TopicPartition::from_folder(name).unwrap();
        let log = state.logs.get(&tp).unwrap_or_else(|| panic!("{name} is not open"));
        assert_eq!(log.log().log_start_offset(), partition["logStart"].as_i64().unwrap(), "{name}: logStart");
        assert_eq!(log.log().log_end_offset(), partition["logEnd"].as_i64().unwrap(), "{name}: logEnd");
        let topic = state.image().topic(&tp.topic).unwrap().clone();
        if let Some(id) = partition["topicId"].as_str() {
            assert_eq!(topic.id.to_string(), id, "{name}: topicId");
        }
        compare(&state, name, &partition["clients"]);
        compared += 1;
    }
    compared
}

#[test]
fn a_folder_that_apache_kafka_closed_opens_with_the_same_records() {
    assert_eq!(compare_folder("data/single/logs", "data/single/EXPECTED.json"), 35);
}

#[test]
fn a_folder_of_a_broker_of_three_opens_with_the_same_records() {
    assert_eq!(compare_folder("data/cluster/broker-1", "data/cluster/EXPECTED.json"), 8);
}

fn unpack(archive: &str) -> TempDir {
    let dir = TempDir::new();
    let file = std::fs::File::open(golden(archive)).unwrap();
    tar::Archive::new(flate2::read::GzDecoder::new(file)).unpack(dir.path()).unwrap();
    dir
}

/// The folder in which the archive's logs are.
fn logs_in(dir: &TempDir) -> std::path::PathBuf {
    let mut path = dir.path().to_owned();
    while !path.join("meta.properties").exists() {
        path = std::fs::read_dir(&path).unwrap().next().unwrap().unwrap().path();
    }
    path
}

#[test]
fn a_folder_that_was_killed_recovers_every_record() {
    let dir = unpack("data/killed/left.tar.gz");
    let state = open_folder(&logs_in(&dir), &[]);
    for (name, partition) in expected("data/killed/EXPECTED.json")["left"].as_object().unwrap() {
        if name != "__cluster_metadata-0" {
            compare(&state, name, &partition["after"]["clients"]);
        }
    }
}

#[test]
fn damaged_folders_recover_to_no_less_than_apache_kafka_keeps() {
    let dir = unpack("data/killed/damaged.tar.gz");
    let state = open_folder(&logs_in(&dir), &[]);
    let expected = expected("data/killed/EXPECTED.json");
    let whole = |name: &str| expected["left"][name]["after"]["clients"].clone();
    for (name, partition) in expected["damaged"].as_object().unwrap() {
        match name.as_str() {
            "__cluster_metadata-0" => {}
            // The last batch twice: only the repeat goes (Apache Kafka empties the whole segment).
            "damaged-11" => compare(&state, name, &whole(name)),
            // An index that lies hides nothing (Apache Kafka gives 87 of 93 records).
            "damaged-10" => compare(&state, name, &whole(name)),
            // A bit flipped below the recovery point: nothing is cut, and the client sees that the checksum is wrong.
            "damaged-8" => {
                let partition = state.partition("damaged", 8).unwrap();
                let (seen, offset, error) = consume(&*partition, false);
                assert_eq!((seen.len(), offset, error), (3, 3, Some(ErrorCode::CORRUPT_MESSAGE)));
                let latest = partition.find_offset(OffsetQuery::Latest, Reader::Consumer { committed: false }, -1);
                assert_eq!(latest.unwrap().unwrap().offset, 93);
            }
            _ => compare(&state, name, &partition["after"]["clients"]),
        }
    }
}
