//! The metadata log's batches and snapshots: Kafka's read as Kafka means them and are written again byte for byte, and
//! what is damaged is refused.

use bytes::Bytes;
use ch01_log::batch::{BatchHeader, HEADER_LEN};
use ch01_log::builder::BatchBuilder;
use ch01_log::compression::Compression;
use ch04_controller::records::*;
use serde_json::Value;

use crate::golden;

/// Whether ours says what Kafka's says, and besides only what means "nothing" or "no change".
fn agree(place: &str, kafka: &Value, ours: &Value) {
    match (kafka, ours) {
        (Value::Object(kafka), Value::Object(ours)) => {
            for (key, value) in kafka {
                agree(&format!("{place}.{key}"), value, &ours[key]);
            }
            for (key, value) in ours.iter().filter(|(key, _)| !kafka.contains_key(*key)) {
                let is_default = match value {
                    Value::Number(n) => matches!(n.as_i64(), Some(-2..=0)),
                    Value::Array(values) => values.is_empty(),
                    // The directories of a leader change have no place in its version 0.
                    other => other.is_null() || key == "voterDirectoryId",
                };
                assert!(is_default, "{place}.{key} is {value}");
            }
        }
        (Value::Array(kafka), Value::Array(ours)) => {
            assert_eq!(kafka.len(), ours.len(), "{place}");
            kafka.iter().zip(ours).for_each(|(kafka, ours)| agree(place, kafka, ours));
        }
        _ => assert_eq!(kafka, ours, "{place}"),
    }
}

/// Holds a file against what Kafka says is in it; the result is the number of records.
fn compare(name: &str, file: &[u8], expected: &Value) -> usize {
    let mut expected = expected.as_array().unwrap().iter();
    let mut rest = file;
    for batch in golden::batches(file) {
        let again = batch.encode();
        let (bytes, after) = rest.split_at(again.len());
        assert_eq!(again, bytes, "{name}: the batch at offset {}", batch.base_offset);
        rest = after;
        let ours: Vec<_> = match &batch.content {
            BatchContent::Records(records) => records
                .iter()
                .map(|r| (r.name(), r.record_type() as i64, i64::from(r.version()), serde_json::to_value(r).unwrap()))
                .collect(),
            BatchContent::Control(records) => {
                records.iter().map(|r| ("control", 0, 0, serde_json::to_value(r).unwrap())).collect()
            }
        };
        for (offset, (record, record_type, version, ours)) in (batch.base_offset..).zip(ours) {
            let expected = expected.next().unwrap_or_else(|| panic!("{name}: nothing is expected at {offset}"));
            let place = format!("{name}, offset {offset}, {record}");
            assert_eq!((&expected["offset"], &expected["timestamp"]), (&offset.into(), &batch.timestamp.into()));
            if record == "control" {
                agree(&place, &expected["control"]["data"], &ours);
                continue;
            }
            assert_eq!(expected["type"], record, "{place}");
            assert_eq!((&expected["apiKey"], &expected["version"]), (&record_type.into(), &version.into()), "{place}");
            agree(&place, &expected["data"], &ours);
        }
    }
    assert_eq!((rest.len(), expected.next()), (0, None), "{name}: the whole file");
    golden::batches(file).last().unwrap().next_offset() as usize
}

#[test]
fn logs_that_kafka_wrote() {
    let logs = golden::FOLDERS.map(|(folder, expected)| {
        let log = golden::read(&format!("{folder}/{}", golden::LOG));
        compare(folder, &log, &golden::expected(expected)["records"])
    });
    assert_eq!(logs, [185, 209, 208, 197, 58]);
}

#[test]
fn snapshots_that_kafka_wrote() {
    let mut snapshots = 0;
    for (folder, expected) in golden::FOLDERS {
        for (name, content) in golden::expected(expected)["checkpoints"].as_object().into_iter().flatten() {
            let file = golden::read(&format!("{folder}/{name}"));
            compare(name, &file, &content["records"]);
            let snapshot = MetadataSnapshot::read(&file).unwrap();
            // What the quorum has to know is there if it stands in the log: not where voters are configured.
            assert_eq!(snapshot.control.len(), if folder.starts_with("cluster") { 0 } else { 2 }, "{folder}/{name}");
            snapshots += 1;
        }
    }
    assert_eq!(snapshots, 5);
}

#[test]
fn bootstrap_checkpoints_that_kafka_wrote() {
    for file in ["single/logs/bootstrap.checkpoint", "cluster/broker-1/bootstrap.checkpoint"] {
        let file = golden::read(file);
        assert_eq!(golden::batches(&file).iter().flat_map(MetadataBatch::encode).collect::<Vec<u8>>(), file);
        let records = MetadataSnapshot::read(&file).unwrap().records;
        let MetadataRecord::FeatureLevel(first) = &records[0] else { panic!("{records:?}") };
        assert_eq!((first.name.as_str(), first.feature_level), ("metadata.version", 30));
    }
}

fn no_op() -> MetadataRecord {
    NoOpRecord::default().into()
}

/// A batch of one record with this value.
fn batch_of(value: Option<&[u8]>) -> Bytes {
    BatchBuilder::new(17).leader_epoch(2).record(1, None, value).build()
}

fn error(batch: &[u8]) -> String {
    MetadataBatch::decode(batch).unwrap_err().to_string()
}

#[test]
fn frames_that_cannot_be_read_say_where_and_why() {
    let frame = |frame: &'static [u8]| error(&batch_of(Some(frame)));
    let at = "metadata record at offset 17: ";
    assert_eq!(frame(&[1, 99, 0, 0]), format!("{at}record type 99 is not known"));
    assert_eq!(frame(&[2, 20, 0, 0]), format!("{at}frame version 2; only version 1 is known"));
    assert_eq!(frame(&[1, 20, 1, 0]), format!("{at}NoOpRecord version 1 is not known; the newest is 0"));
    assert_eq!(
        frame(&[1, 20, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]),
        format!("{at}NoOpRecord version 4294967295 is not known; the newest is 0")
    );
    assert_eq!(frame(&[1, 20, 0, 0, 7]), format!("{at}NoOpRecord: 1 bytes after its end"));
    assert_eq!(frame(&[1, 20]), format!("{at}frame: message: 1 bytes needed, only 0 left"));
    assert_eq!(frame(&[1, 2, 0, 9, b'x']), format!("{at}TopicRecord: name: 8 bytes needed, only 1 left"));
    assert_eq!(error(&batch_of(None)), format!("{at}no value"));
}

#[test]
fn control_records_that_cannot_be_read_say_where_and_why() {
    let control = |key, value| error(&BatchBuilder::new(17).attributes(0x20).record(1, key, value).build());
    let at = "metadata record at offset 17: ";
    assert_eq!(control(None, Some(&[0, 0])), format!("{at}no key"));
    assert_eq!(control(Some(&[0, 0, 0, 4]), None), format!("{at}no value"));
    assert_eq!(control(Some(&[0, 0, 0, 1]), Some(&[0, 0])), format!("{at}record type 1 is not known"));
    assert_eq!(
        control(Some(&[0, 0, 0, 4]), Some(&[0, 1, 0])),
        format!("{at}SnapshotFooterRecord version 1 is not known; the newest is 0")
    );
    assert_eq!(
        control(Some(&[0, 0, 0]), Some(&[0, 0, 0])),
        format!("{at}control record: message: 2 bytes needed, only 1 left")
    );
}

#[test]
fn damage_is_refused_wherever_it_is() {
    let content = BatchContent::Records(vec![no_op(), no_op()]);
    let batch = MetadataBatch { base_offset: 5, leader_epoch: 1, timestamp: 1_700_000_000_000, content };
    let bytes = batch.encode();
    assert_eq!(MetadataBatch::decode(&bytes).as_ref(), Ok(&batch));
    for end in 0..bytes.len() {
        assert!(MetadataBatch::decode(&bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
    }
    // Base offset and leader epoch stand outside the checksum: whoever appends sets them.
    for at in (8..12).chain(16..bytes.len()) {
        for bit in 0..8 {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            assert!(MetadataBatch::decode(&flipped).is_err(), "bit {bit} of byte {at}");
        }
    }
    let mut damaged = [&bytes[..], &bytes[..]].concat();
    damaged[17] ^= 1;
    for damaged in [&damaged[..], &bytes[..bytes.len() - 1]] {
        let mut walk = metadata_batches(damaged);
        assert!(walk.next().unwrap().is_err());
        assert!(walk.next().is_none(), "a walk ends with an error");
    }
}

#[test]
fn offsets_of_a_batch_have_no_holes() {
    let frame = no_op().encode();
    let whole = BatchBuilder::new(0).record(1, None, Some(&frame)).record(1, None, Some(&frame)).build();
    let header = BatchHeader::parse(&whole).unwrap();
    let body = &whole[HEADER_LEN..];
    let with = |header: BatchHeader, body: &[u8]| error(&[&header.sealed(body).encode()[..], body].concat());
    let at = "metadata record at offset 0: ";
    // The second record alone, which says that it is number 1.
    let second = &body[body.len() / 2..];
    let one = BatchHeader { record_count: 1, ..header };
    assert_eq!(with(one, second), format!("{at}it says that it is number 1 of its batch"));
    assert_eq!(with(one, &body[..body.len() / 2]), format!("{at}offsets without records"));
    assert_eq!(with(one, body), format!("{at}11 bytes after the last record"));
    let none = BatchHeader { record_count: 0, last_offset_delta: -1, ..header };
    assert_eq!(with(none, &[]), format!("{at}offsets without records"));
}

#[test]
fn compressed_batches_are_read() {
    let builder = BatchBuilder::new(3).leader_epoch(1).record(9, None, Some(&no_op().encode()));
    let compressed = builder.clone().build_compressed(Compression::Zstd);
    assert_eq!(MetadataBatch::decode(&compressed), MetadataBatch::decode(&builder.build()));
}

#[test]
fn changes_of_registrations_are_written_in_the_lowest_version_that_has_a_place_for_them() {
    let version = |change: BrokerRegistrationChangeRecord| MetadataRecord::from(change).version();
    let nothing = BrokerRegistrationChangeRecord::default;
    let directory = vec![ch00_wire::uuid::Uuid([1; 16])];
    assert_eq!(version(BrokerRegistrationChangeRecord { fenced: 1, ..nothing() }), 0);
    assert_eq!(version(BrokerRegistrationChangeRecord { in_controlled_shutdown: 1, ..nothing() }), 1);
    assert_eq!(version(BrokerRegistrationChangeRecord { log_dirs: directory, ..nothing() }), 2);
    assert_eq!(version(BrokerRegistrationChangeRecord { cordoned_log_dirs: Some(Vec::new()), ..nothing() }), 3);
}

fn snapshot(records: usize) -> MetadataSnapshot {
    let kraft_version = KRaftVersionRecord { version: 0, k_raft_version: 1 };
    MetadataSnapshot {
        last_contained_log_timestamp: 1_700_000_000_000,
        control: vec![ControlRecord::KRaftVersion(kraft_version), ControlRecord::Voters(VotersRecord::default())],
        records: vec![no_op(); records],
    }
}

#[test]
fn snapshots_are_read_as_they_were_written() {
    for (records, batches) in [(0, 2), (1, 3), (1024, 3), (1025, 4), (3000, 5)] {
        let written: Vec<Bytes> = snapshot(records).write(7, 1_700_000_001_000).collect();
        assert_eq!(written.len(), batches, "{records} records");
        assert!(golden::batches(&written.concat()).iter().all(|batch| batch.leader_epoch == 7));
        assert_eq!(MetadataSnapshot::read(&written.concat()), Ok(snapshot(records)));
    }
}

#[test]
fn snapshots_that_are_not_whole_are_refused() {
    let batches: Vec<Bytes> = snapshot(1).write(7, 1).collect();
    let read = |batches: &[&Bytes]| {
        let bytes: Vec<u8> = batches.iter().flat_map(|batch| batch.to_vec()).collect();
        MetadataSnapshot::read(&bytes).unwrap_err().to_string()
    };
    let [header, records, footer] = &batches[..] else { panic!("three batches") };
    assert!(read(&[]).ends_with("offset 0: the snapshot ends before its footer"));
    assert!(read(&[header, records]).ends_with("offset 4: the snapshot ends before its footer"));
    assert!(read(&[records, footer]).ends_with("offset 3: not the next batch of a snapshot"));
    assert!(read(&[header, footer]).ends_with("offset 4: not the next batch of a snapshot"));
    let after =
        MetadataBatch { base_offset: 5, leader_epoch: 7, timestamp: 1, content: BatchContent::Records(vec![no_op()]) };
    assert!(read(&[header, records, footer, &after.encode()]).ends_with("a batch after the snapshot's footer"));
    let first = MetadataBatch { base_offset: 0, ..after };
    assert!(read(&[&first.encode()]).ends_with("a snapshot without its header"));
    let footer = vec![ControlRecord::SnapshotFooter(SnapshotFooterRecord::default())];
    let footer = MetadataBatch { content: BatchContent::Control(footer), ..first };
    assert!(read(&[&footer.encode()]).ends_with("a snapshot without its header"));
}
