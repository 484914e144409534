//! `dump` and `damage`, on Apache Kafka's files and on our own.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::command::{run, run_with};
use super::harness::{NEWEST, Setup, TempDir};

fn golden(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/data").join(path)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// Objects by the name of the file that they follow.
fn by_file(objects: Vec<Value>) -> BTreeMap<String, Vec<Value>> {
    let mut files: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut name = String::new();
    for object in objects {
        if object["kind"] == "file" {
            name = Path::new(object["file"].as_str().unwrap()).file_name().unwrap().to_string_lossy().into_owned();
        }
        files.entry(name.clone()).or_default().push(object);
    }
    files
}

#[test]
fn every_file_of_apache_kafka_is_read_as_it_was_meant() {
    for set in ["single/EXPECTED.json", "cluster/EXPECTED.json"] {
        let expected: Value = serde_json::from_slice(&fs::read(golden(set)).unwrap()).unwrap();
        let logs = if set.starts_with("single") { golden("single/logs") } else { golden("cluster/broker-1") };
        for (name, partition) in expected["partitions"].as_object().unwrap() {
            let files = by_file(run(&["dump", "--json", text(&logs.join(name))]).json());
            for segment in partition["segments"].as_array().unwrap() {
                let log = segment["file"].as_str().unwrap();
                compare_batches(&files[log], segment["batches"].as_array().unwrap(), name);
                compare_indexes(&files, segment, log, name);
            }
            // Snapshots of the metadata log have offsets of their own.
            let logs = files.iter().filter(|(file, _)| file.ends_with(".log")).flat_map(|(_, objects)| objects);
            let records: Vec<_> = logs.filter(|object| object["kind"] == "record").collect();
            compare_records(&records, partition, name);
            for (snapshot, expected) in partition["checkpoints"].as_object().into_iter().flatten() {
                compare_records(&of_kind(&files[snapshot], "record"), expected, snapshot);
            }
            for (snapshot, producers) in partition["producerSnapshots"].as_object().into_iter().flatten() {
                let read: Vec<_> =
                    of_kind(&files[snapshot], "producer").into_iter().cloned().map(without_kind).collect();
                let mut producers = producers.as_array().unwrap().clone();
                producers.sort_by_key(|p| p["producerId"].as_i64());
                let mut read = read;
                read.sort_by_key(|p| p["producerId"].as_i64());
                assert_eq!(read, producers, "{name}/{snapshot}");
            }
            assert_eq!(of_kind(&files["partition.metadata"], "property")[1]["value"], partition["topicId"], "{name}");
        }
    }
}

fn without_kind(mut object: Value) -> Value {
    object.as_object_mut().unwrap().remove("kind");
    object
}

fn compare_batches(read: &[Value], expected: &[Value], name: &str) {
    let read = of_kind(read, "batch");
    assert_eq!(read.len(), expected.len(), "{name}");
    for (read, expected) in read.iter().zip(expected) {
        for field in
            ["position", "size", "baseOffset", "lastOffset", "magic", "crc", "partitionLeaderEpoch", "attributes"]
        {
            assert_eq!(read[field], expected[field], "{name}: {field} of {expected}");
        }
        for field in ["codec", "timestampType", "maxTimestamp", "producerId", "producerEpoch", "baseSequence"] {
            assert_eq!(read[field], expected[field], "{name}: {field} of {expected}");
        }
        assert_eq!((&read["recordCount"], &read["crcIsRight"]), (&expected["count"], &expected["valid"]), "{name}");
        assert_eq!((&read["isTransactional"], &read["isControl"]), (&expected["transactional"], &expected["control"]));
    }
}

fn compare_indexes(files: &BTreeMap<String, Vec<Value>>, segment: &Value, log: &str, name: &str) {
    let entries = |extension: &str, kind: &str, fields: [&str; 2]| {
        let file = files.get(&log.replace(".log", extension)).map(Vec::as_slice).unwrap_or_default();
        let entry = |object: &&Value| json!([object[fields[0]], object[fields[1]]]);
        Value::from(of_kind(file, kind).iter().map(entry).collect::<Vec<_>>())
    };
    assert_eq!(entries(".index", "offsetIndexEntry", ["offset", "position"]), segment["index"], "{name}/{log}");
    assert_eq!(entries(".timeindex", "timeIndexEntry", ["timestamp", "offset"]), segment["timeIndex"], "{name}/{log}");
}

fn compare_records(read: &[&Value], partition: &Value, name: &str) {
    let Some(expected) = partition["records"].as_array() else { return };
    let read: BTreeMap<_, _> = read.iter().map(|record| (record["offset"].as_i64().unwrap(), *record)).collect();
    for record in expected {
        let read = read[&record["offset"].as_i64().unwrap()];
        assert_eq!(read["timestamp"], record["timestamp"], "{name}");
        assert_eq!(read.get("control"), record.get("control").map(|control| &control["type"]), "{name}");
        if let Some(control) = record.get("control") {
            assert_eq!(read.get("coordinatorEpoch"), control.get("coordinatorEpoch"), "{name}");
        }
        // Of Kafka's own records the expectations have the meaning, and some the bytes; of large ones the length.
        let control = record.get("control").unwrap_or(record);
        let is_own = control.get("type").is_some();
        let (key, value) = if is_own { ("keyHex", "valueHex") } else { ("key", "value") };
        for (read, expected) in [(&read["key"], control.get(key)), (&read["value"], control.get(value))] {
            assert!(expected.is_none_or(|expected| hex(read) == *expected), "{name}: {record}");
        }
        let is_metadata = name.starts_with("__cluster_metadata") || name.ends_with(".checkpoint");
        if let Some(data) = control.get("data").filter(|_| is_metadata) {
            let meaning = &read["metadata"];
            let version = control.get("version").unwrap_or(&data["version"]);
            assert_eq!((&meaning["type"], &meaning["version"]), (&control["type"], version), "{name}");
            assert!(contains(&meaning["data"], data), "{name}: {record}\n{meaning}");
        }
        if name.starts_with("__consumer_offsets") && is_own && record.get("control").is_none() {
            let meaning = &read["group"];
            let mut record = record.clone();
            // The expectations have these as bytes.
            for member in record.pointer_mut("/value/members").and_then(Value::as_array_mut).into_iter().flatten() {
                let member = member.as_object_mut().unwrap();
                member.retain(|name, _| name != "subscription" && name != "assignment");
            }
            let known = [(&meaning["type"], "type"), (&meaning["key"], "key"), (&meaning["data"], "value")];
            for (read, field) in known {
                assert!(contains(read, &record[field]), "{name}: {field} of {record}\n{meaning}");
            }
            assert_eq!(meaning["version"], record.get("valueVersion").cloned().unwrap_or_default(), "{name}");
        }
        if let Some(length) = record.get("valueLength") {
            assert_eq!(json!(hex(&read["value"]).as_str().unwrap().len() / 2), *length, "{name}");
        }
        let header = |header: &Value| json!([header["name"], hex(&header["value"])]);
        let headers: Vec<_> = read["headers"].as_array().unwrap().iter().map(header).collect();
        assert_eq!(json!(headers), record.get("headers").cloned().unwrap_or(json!([])), "{name}");
    }
}

/// Whether there is everything that is expected. Apache Kafka's tool leaves out fields that a version does not have.
fn contains(read: &Value, expected: &Value) -> bool {
    match (read, expected) {
        (Value::Object(read), Value::Object(expected)) => {
            expected.iter().all(|(name, value)| read.get(name).is_some_and(|read| contains(read, value)))
        }
        (Value::Array(read), Value::Array(expected)) => {
            read.len() == expected.len() && read.iter().zip(expected).all(|(read, value)| contains(read, value))
        }
        _ => read == expected,
    }
}

/// A value of ours, as the expectations have it.
fn hex(value: &Value) -> Value {
    match value {
        Value::String(text) => text.bytes().map(|b| format!("{b:02x}")).collect::<String>().into(),
        Value::Object(object) => object["hex"].clone(),
        other => other.clone(),
    }
}

#[test]
fn the_hexadecimal_form_shows_each_byte_of_a_batch_once() {
    let logs = golden("single/logs");
    for partition in ["odd-0", "txn-0", "compacted-0", "codec-lz4-1", "plain-0"] {
        let segment = fs::read_dir(logs.join(partition)).unwrap().map(|entry| entry.unwrap().path());
        let segment = segment.filter(|path| path.extension().is_some_and(|e| e == "log")).min().unwrap();
        let out = run(&["dump", "--hex", text(&segment)]).ok();
        let mut bytes = Vec::new();
        let mut is_in_file = true;
        for line in out.lines().skip(2) {
            let Ok(position) = line[..8].trim().parse::<usize>() else {
                // What was decompressed is no part of the file: its positions begin at 0 again.
                is_in_file = line.contains("-- batch") || is_in_file && !line.contains("decompressed;");
                continue;
            };
            if is_in_file {
                assert_eq!(position, bytes.len(), "{line}");
                let hex = line[10..].get(..23).unwrap_or(&line[10..]);
                bytes.extend(mini_kafka::text::parse_hex(hex.trim()).unwrap());
            }
        }
        assert!(bytes == fs::read(&segment).unwrap(), "{partition}");
    }
}

#[test]
fn a_page_of_hexadecimals() {
    let dir = TempDir::new();
    let log = dir.path().join("00000000000000000007.log");
    let batch = ch01_log::builder::BatchBuilder::new(7).producer(42, 0, 5).record_with_headers(
        1_700_000_000_000,
        Some(b"key"),
        None,
        &[(b"h", Some(b"longer than a line"))],
    );
    fs::write(&log, batch.record(1_700_000_000_500, None, Some(b"v")).build()).unwrap();
    let out = run(&["dump", "--hex", text(&log)]).ok();
    let expected = "\
position  bytes                    field                 value
          -- batch header
       0  00 00 00 00 00 00 00 07  baseOffset            7
       8  00 00 00 59              batchLength           89, so 101 bytes in all
      12  ff ff ff ff              partitionLeaderEpoch  -1
      16  02                       magic                 2
      17  CRC-CRC-CRC              crc                   CRCCRCCR, right
      21  00 00                    attributes            0x0000: uncompressed, CreateTime
      23  00 00 00 01              lastOffsetDelta       1: the last offset is 8
      27  00 00 01 8b cf e5 68 00  baseTimestamp         1700000000000: 2023-11-14T22:13:20.000Z
      35  00 00 01 8b cf e5 69 f4  maxTimestamp          1700000000500: 2023-11-14T22:13:20.500Z
      43  00 00 00 00 00 00 00 2a  producerId            42
      51  00 00                    producerEpoch         0
      53  00 00 00 05              baseSequence          5
      57  00 00 00 02              recordCount           2
          -- record 0
      61  3c                       length                30
      62  00                       attributes            unused
      63  00                       timestampDelta        0: 2023-11-14T22:13:20.000Z
      64  00                       offsetDelta           0: offset 7
      65  06                       keyLength             3
      66  6b 65 79                 key                   \"key\"
      69  01                       valueLength           -1: null
      70  02                       headerCount           1
      71  02                       headerNameLength      1
      72  68                       headerName            \"h\"
      73  24                       headerValueLength     18
      74  6c 6f 6e 67 65 72 20 74  headerValue           \"longer than a line\"
      82  68 61 6e 20 61 20 6c 69
      90  6e 65
          -- record 1";
    let crc = &out.lines().nth(7).unwrap()[10..21];
    let expected = expected.replace("CRC-CRC-CRC", crc).replace("CRCCRCCR", &crc.replace(' ', ""));
    assert!(
        out.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>().starts_with(&expected),
        "{out}\nexpected\n{expected}"
    );
}

#[test]
fn damage_is_found_where_it_was_done() {
    let dir = TempDir::new();
    let original = golden("single/logs/plain-0/00000000000000000000.log");
    let log = dir.path().join("00000000000000000000.log");
    let restore = || fs::copy(&original, &log).unwrap();
    let size = restore();
    let whole = run(&["dump", "--json", text(&log)]).json();
    let batches: Vec<_> = of_kind(&whole, "batch").into_iter().cloned().collect();
    let last = &batches[batches.len() - 1];
    let (last_at, last_offset) = (last["position"].as_u64().unwrap(), last["baseOffset"].as_u64().unwrap());

    let cut = run(&["damage", text(&log), "--cut", "10"]).ok();
    assert_eq!(cut, format!("{}: cut 10 bytes off the end: {size} bytes are now {}\n", log.display(), size - 10));
    let torn = run(&["dump", text(&log)]);
    let place = format!("{}: damaged at byte {last_at}, offset {last_offset}: cut short", log.display());
    assert!(torn.out.contains(&format!("  !! damaged at byte {last_at}, offset {last_offset}: cut short")));
    assert!(torn.failed(1).contains(&place));

    restore();
    let byte = fs::read(&log).unwrap()[300];
    let flipped = run(&["damage", text(&log), "--flip", "300:1"]).ok();
    let change = format!("flipped bit 1 of byte 300: {byte:#04x} is now {:#04x}", byte ^ 0x40);
    assert_eq!(flipped, format!("{}: {change}\n", log.display()));
    let rotten = run(&["dump", "--json", text(&log)]);
    assert_eq!(rotten.code, Some(1));
    let objects: Vec<Value> = rotten.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let damage = of_kind(&objects, "damage")[0];
    // The second batch holds byte 300; it is shown, and so are all others.
    assert_eq!((&damage["position"], &damage["offset"]), (&json!(228), &json!(2)));
    assert_eq!(of_kind(&objects, "batch").len(), batches.len());
    assert_eq!(of_kind(&objects, "batch")[1]["crcIsRight"], json!(false));
    // The same bit again makes it whole: bit 2401 is bit 1 of byte 300.
    run(&["damage", text(&log), "--flip", "2401"]).ok();
    assert_eq!(fs::read(&log).unwrap(), fs::read(&original).unwrap());

    // A length that is wrong hides where the next batch begins; it is found all the same.
    run(&["damage", text(&log), "--flip", "238:7"]).ok();
    let lost = run(&["dump", text(&log)]);
    assert!(lost.out.contains("a batch begins at byte 393)"), "{}", lost.out.lines().take(20).collect::<String>());
    assert!(lost.failed(1).contains("damaged at byte 228, offset 2"));

    restore();
    run(&["damage", text(&log), "--append", "00 00 0000"]).ok();
    let zeros = run(&["dump", "--hex", text(&log)]).failed(1);
    assert!(zeros.contains(&format!("damaged at byte {size}, offset ")) && zeros.contains("4 zero bytes"), "{zeros}");
    for wrong in [&["--cut", "99999999"][..], &["--flip", "99999999:0"]] {
        run(&[&["damage", text(&log)], wrong].concat()).failed(1);
    }
    for wrong in [&["--flip", "1:8"][..], &["--append", "0"], &[], &["--cut", "1", "--flip", "1"]] {
        assert_eq!(run(&[&["damage", text(&log)], wrong].concat()).code, Some(2), "{wrong:?}");
    }
}

#[test]
fn damage_in_the_small_files_is_found_too() {
    let dir = TempDir::new();
    let logs = golden("single/logs");
    let cases: [(&str, &[&str], &str); 9] = [
        ("plain-0/00000000000000000000.index", &["--append", "01"], "bytes that are no whole entry"),
        ("plain-0/00000000000000000000.timeindex", &["--flip", "12:0"], "does not follow"),
        ("plain-0/00000000000000000000.timeindex", &["--cut", "5"], "damaged at byte"),
        ("txn-1/00000000000000000003.txnindex", &["--flip", "35:0"], "damaged at byte 34: version 128"),
        ("txn-1/00000000000000000032.snapshot", &["--flip", "20:0"], "damaged at byte 2: checksum"),
        ("txn-1/00000000000000000032.snapshot", &["--cut", "95"], "damaged at byte 0: 10 bytes expected, 7 there"),
        (
            "txn-1/leader-epoch-checkpoint",
            &["--append", "78"],
            "damaged at byte 8: `x` is no entry of epoch, startOffset",
        ),
        ("recovery-point-offset-checkpoint", &["--flip", "1"], "version 0 is expected"),
        ("txn-1/partition.metadata", &["--cut", "1"], "damaged at byte 11: `IbkTm8MrSiiaZzyAIwx-q` is no topic id"),
    ];
    for (file, how, problem) in cases {
        let copy = dir.path().join(Path::new(file).file_name().unwrap());
        fs::copy(logs.join(file), &copy).unwrap();
        run(&["dump", text(&copy)]).ok();
        run(&[&["damage", text(&copy)], how].concat()).ok();
        for form in [&[][..], &["--json"], &["--hex"]] {
            let found = run(&[&["dump", text(&copy)], form].concat()).failed(1);
            assert!(found.contains(problem) && found.contains(text(&copy)), "{file}: {found}");
        }
    }
    // An index is held against its log.
    for extension in ["log", "index"] {
        let file = format!("00000000000000000000.{extension}");
        fs::copy(logs.join("plain-0").join(&file), dir.path().join(&file)).unwrap();
    }
    let index = dir.path().join("00000000000000000000.index");
    run(&["damage", text(&index), "--flip", "7:7"]).ok();
    let found = run(&["dump", text(&index)]).failed(1);
    assert!(found.contains("damaged at byte 0: offset ") && found.contains("where no batch begins"), "{found}");
}

#[test]
fn offsets_limit_what_is_shown() {
    let log = golden("single/logs/plain-0/00000000000000000000.log");
    let offsets = |range: &str| {
        let objects = run(&["dump", "--json", text(&log), "--offsets", range]).json();
        of_kind(&objects, "record").iter().map(|record| record["offset"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(offsets("3..6"), [3, 4, 5]);
    assert_eq!(offsets("..2"), [0, 1]);
    assert_eq!(offsets("5"), [5]);
    assert!(offsets("10..").starts_with(&[10, 11, 12]));
    assert_eq!(run(&["dump", text(&log), "--offsets", "a..b"]).code, Some(2));
}

#[test]
fn a_running_brokers_files_can_be_read() {
    let dir = TempDir::new();
    let setup = Setup::new(NEWEST, &dir);
    let broker = setup.start();
    let bootstrap = broker.bootstrap();
    run_with(&["produce", "t", "--bootstrap", &bootstrap, "--compression", "gzip"], b"a\nb\n").ok();
    let folder = setup.dir.join("t-0");
    let objects = run(&["dump", "--json", text(&folder), text(&setup.dir)]).json();
    let values: Vec<_> = of_kind(&objects, "record").iter().map(|record| record["value"].clone()).collect();
    assert_eq!(values, [json!("a"), json!("b")]);
    assert!(of_kind(&objects, "property").iter().any(|property| property["key"] == "cluster.id"));
    for form in [&["dump"][..], &["dump", "--hex"]] {
        run(&[form, &[text(&folder), text(&setup.dir)]].concat()).ok();
    }
    let unknown = dir.path().join("notes.txt");
    fs::write(&unknown, "x").unwrap();
    assert!(run(&["dump", text(&unknown)]).failed(1).contains("no file of a broker"));
    assert!(run(&["dump", text(&dir.path().join("no.log"))]).failed(1).contains("cannot be read"));
}

#[test]
fn tombstones_and_holes_of_a_compacted_log_are_shown() {
    let log = golden("single/logs/compacted-0/00000000000000000000.log");
    let shown = run(&["dump", text(&log)]).ok();
    let lines: Vec<&str> = shown.lines().collect();
    let first = lines.iter().find(|line| line.starts_with("batch at byte 0")).unwrap();
    assert!(lines.iter().any(|line| line.starts_with("offsets 0 to ") && line.ends_with(": a hole")), "{first}");
    assert!(lines.iter().any(|line| line.starts_with("  offset") && line.ends_with(": a hole")), "within a batch");
    assert!(lines.iter().any(|line| line.ends_with("value null (a tombstone)")));
}

#[test]
fn records_of_the_metadata_log_have_names_and_fields() {
    let folder = golden("single/logs/__cluster_metadata-0");
    let shown = run(&["dump", text(&folder.join("00000000000000000000.log"))]).ok();
    let line = |offset: i64| {
        let start = format!("  offset {offset}: ");
        shown.lines().find_map(|line| line.strip_prefix(&start)?.split_once(", ")).unwrap().1
    };
    assert_eq!(line(1), r#"control record KRAFT_VERSION v0 {"kRaftVersion":1,"version":0}"#);
    assert_eq!(line(4), r#"FeatureLevelRecord v0 {"featureLevel":30,"name":"metadata.version"}"#);
    assert_eq!(line(11), "EndTransactionRecord v0 {}");
    assert!(!shown.contains("null"), "what is not said is not shown");
    let hex = run(&["dump", "--hex", text(&folder.join("00000000000000000000.log")), "--offsets", "4"]).ok();
    let value = hex.lines().find(|line| line.contains("FeatureLevelRecord")).unwrap();
    assert!(value.contains("01 0c 00 11 6d 65 74 61  value  ") && value.ends_with(line(4)), "{value}");
    let snapshot = fs::read_dir(golden("cluster/broker-1/__cluster_metadata-0")).unwrap();
    let snapshot =
        snapshot.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some_and(|e| e == "checkpoint"));
    let shown = run(&["dump", text(&snapshot.unwrap())]).ok();
    assert!(shown.contains("SNAPSHOT_HEADER v0") && shown.trim_end().ends_with(r#"SNAPSHOT_FOOTER v0 {"version":0}"#));
}

#[test]
fn a_record_that_is_not_known_is_shown_as_bytes() {
    let dir = TempDir::new();
    let folder = dir.path().join("__cluster_metadata-0");
    fs::create_dir(&folder).unwrap();
    let log = folder.join("00000000000000000000.log");
    let noop = ch04_controller::records::MetadataRecord::from(ch04_controller::records::NoOpRecord {}).encode();
    let batch = ch01_log::builder::BatchBuilder::new(0).record(0, None, Some(b"\x01\x63\x00new"));
    fs::write(&log, batch.record(0, None, Some(&noop)).build()).unwrap();
    let shown = run(&["dump", text(&log)]).ok();
    assert!(shown.contains("(offset 0 cannot be understood: record type 99 is not known)"), "{shown}");
    assert!(shown.contains(r#"key null, value "\x01c\x00new""#), "{shown}");
    assert!(shown.contains("NoOpRecord v0 {}"), "those behind it are understood");
    let objects = run(&["dump", "--json", text(&log)]).json();
    let known: Vec<_> = of_kind(&objects, "record").iter().map(|record| record["metadata"]["type"].clone()).collect();
    assert_eq!((known, of_kind(&objects, "note").len()), (vec![Value::Null, json!("NoOpRecord")], 1));
    // Elsewhere the same bytes are anybody's.
    let elsewhere = dir.path().join("00000000000000000000.log");
    fs::copy(&log, &elsewhere).unwrap();
    assert!(!run(&["dump", text(&elsewhere)]).ok().contains("NoOpRecord"));
}
