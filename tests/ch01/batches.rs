//! Batches: read and written as Apache Kafka does, byte for byte, and checked before they may enter a log.
//!
//! Where this broker judges a batch otherwise than Apache Kafka, [`DIFFERENCES`] says so, and why.

use bytes::Bytes;
use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::{self, BatchError, BatchHeader, HEADER_LEN, split};
use ch01_log::builder::{BatchBuilder, HeaderRef};
use ch01_log::compression::Compression;
use ch01_log::recovery::OpenOptions;
use ch01_log::validate::{Invalid, Rules, Valid, validate};
use serde_json::Value;

use crate::support::*;

/// Bytes that Apache Kafka's classes wrote, and what they say of them.
struct Golden {
    name: String,
    bytes: Bytes,
    json: Value,
}

impl Golden {
    /// The batches in it, as Apache Kafka reads them.
    fn batches(&self) -> &Vec<Value> {
        self.json["batches"].as_array().unwrap()
    }
}

/// The lines of `batches.tsv`: those that are valid, or those made wrong on purpose.
fn golden_batches(invalid: bool) -> Vec<Golden> {
    let text = std::fs::read_to_string(golden("wire/batches.tsv")).unwrap();
    let line = |line: &str| {
        let columns: Vec<&str> = line.split('\t').collect();
        let json = serde_json::from_str(columns[2]).unwrap();
        Golden { name: columns[0].to_owned(), bytes: from_hex(columns[1]).into(), json }
    };
    text.lines().skip(1).map(line).filter(|golden| golden.name.starts_with("invalid/") == invalid).collect()
}

fn text(value: &Value) -> Option<Vec<u8>> {
    value.as_str().map(from_hex)
}

/// A record as the JSON has it.
fn seen(record: &Value) -> Seen {
    let header = |h: &Value| (h["key"].as_str().unwrap().as_bytes().to_vec(), text(&h["value"]));
    Seen {
        offset: record["offset"].as_i64().unwrap(),
        timestamp: record["timestamp"].as_i64().unwrap(),
        key: text(&record["key"]),
        value: text(&record["value"]),
        headers: record["headers"].as_array().unwrap().iter().map(header).collect(),
    }
}

#[test]
fn headers_and_records_are_read_as_apache_kafka_reads_them() {
    let all = golden_batches(false);
    assert_eq!(all.len(), 40);
    for golden in &all {
        let ours: Vec<_> = split(&golden.bytes).collect();
        assert_eq!(ours.len(), golden.batches().len(), "{}: batches", golden.name);
        for ((header, bytes), theirs) in ours.iter().zip(golden.batches()) {
            for (field, value) in serde_json::to_value(header).unwrap().as_object().unwrap() {
                let field = if field == "recordCount" { "recordsCount" } else { field };
                assert_eq!(*value, theirs[field], "{}: {field}", golden.name);
            }
            assert_eq!(theirs["lastOffset"], header.last_offset(), "{}", golden.name);
            assert_eq!(theirs["lastSequence"], header.last_sequence(), "{}", golden.name);
            assert_eq!(theirs["transactional"], header.attributes.is_transactional(), "{}", golden.name);
            assert_eq!(theirs["control"], header.attributes.is_control(), "{}", golden.name);
            assert_eq!(theirs["deleteHorizonMs"].is_i64(), header.attributes.has_delete_horizon(), "{}", golden.name);
            let records: Vec<Seen> = theirs["records"].as_array().unwrap().iter().map(seen).collect();
            assert_eq!(records_of(header, bytes), records, "{}: records", golden.name);
        }
        let rest = golden.bytes.len() - ours.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        assert_eq!(golden.json["bytesAfterLastWholeBatch"], rest, "{}", golden.name);
    }
}

#[test]
fn a_header_is_written_as_it_was_read() {
    for golden in golden_batches(false) {
        for (header, bytes) in split(&golden.bytes) {
            assert_eq!(header.encode(), bytes[..HEADER_LEN], "{}", golden.name);
            let unsealed = BatchHeader { batch_length: 0, crc: 0, ..header };
            assert_eq!(unsealed.sealed(&bytes[HEADER_LEN..]), header, "{}: length and checksum", golden.name);
        }
    }
}

/// Writes a batch from its JSON. `None` if no builder could: it has holes, or a header that compaction or a broker wrote.
fn rebuild(theirs: &Value) -> Option<Bytes> {
    let number = |field: &str| theirs[field].as_i64().unwrap();
    let records: Vec<Seen> = theirs["records"].as_array().unwrap().iter().map(seen).collect();
    let offsets: Vec<i64> = (number("baseOffset")..=number("lastOffset")).collect();
    let is_plain = number("attributes") & 0x48 == 0 && theirs["compression"] == "none";
    if !is_plain || records.iter().map(|r| r.offset).ne(offsets) {
        return None;
    }
    let epoch = number("partitionLeaderEpoch") as i32;
    let mut builder =
        BatchBuilder::new(number("baseOffset")).leader_epoch(epoch).attributes(number("attributes") as i16);
    if number("producerId") >= 0 {
        builder = builder.producer(number("producerId"), number("producerEpoch") as i16, number("baseSequence") as i32);
    }
    for record in &records {
        let headers: Vec<HeaderRef<'_>> = record.headers.iter().map(|(n, v)| (&n[..], v.as_deref())).collect();
        builder.push(record.timestamp, record.key.as_deref(), record.value.as_deref(), &headers);
    }
    Some(builder.build())
}

#[test]
fn a_builder_writes_the_bytes_that_apache_kafka_writes() {
    let mut built = 0;
    for golden in golden_batches(false) {
        for ((_, bytes), theirs) in split(&golden.bytes).zip(golden.batches()) {
            if let Some(ours) = rebuild(theirs) {
                assert_eq!(to_hex(&ours), to_hex(bytes), "{}", golden.name);
                built += 1;
            }
        }
    }
    assert_eq!(built, 22);
}

/// Batches that are answered otherwise than by Apache Kafka.
struct Difference {
    names: &'static [&'static str],
    /// This broker's answer.
    ours: ErrorCode,
    why: &'static str,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        names: &["record-offset-delta-mismatch", "record-offset-delta-repeated"],
        ours: ErrorCode::INVALID_RECORD,
        why: "Apache Kafka looks at offset deltas in compressed batches only. A record whose offset is not its own would \
              be given to readers twice, or never",
    },
    Difference {
        names: &["key-length-minus-2", "value-length-minus-2", "header-value-length-minus-2"],
        ours: ErrorCode::INVALID_RECORD,
        why: "null is -1; Apache Kafka takes any negative length for null, other readers do not",
    },
    Difference {
        names: &["batch-then-partial-batch"],
        ours: ErrorCode::INVALID_RECORD,
        why: "Apache Kafka drops what follows the batch without a word; a producer that sends it has lost count",
    },
    Difference {
        names: &["producer-id-without-epoch"],
        ours: ErrorCode::INVALID_RECORD,
        why: "with epoch -1 no later batch of that producer could ever be told from an older one's",
    },
    Difference {
        names: &["length-long-by-one", "cut-after-16-bytes", "cut-after-60-bytes"],
        ours: ErrorCode::CORRUPT_MESSAGE,
        why: "both refuse it. Apache Kafka finds no batch in it and says INVALID_RECORD; here it is a batch cut short on \
              its way, which a client may send again",
    },
    Difference {
        names: &[
            "record-offset-delta-mismatch-gzip",
            "record-offset-delta-mismatch-snappy",
            "record-offset-delta-mismatch-lz4",
            "record-offset-delta-mismatch-zstd",
            "varint-too-long-record-length",
            "payload-garbage-gzip",
            "payload-garbage-snappy",
            "payload-garbage-lz4",
            "payload-garbage-zstd",
            "payload-cut-short-gzip",
            "payload-cut-short-snappy",
            "payload-cut-short-lz4",
            "payload-cut-short-zstd",
        ],
        ours: ErrorCode::INVALID_RECORD,
        why: "both refuse it. In Apache Kafka it ends in an exception without a code, UNKNOWN_SERVER_ERROR",
    },
    Difference {
        names: &["codec-5-unknown", "codec-6-unknown", "codec-7-unknown"],
        ours: ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
        why: "both refuse it. There is a code that says what is wrong; Apache Kafka gives UNKNOWN_SERVER_ERROR",
    },
];

fn rules() -> Rules {
    log_config(|_| {}).rules
}

fn answer(result: &Result<Valid, Invalid>) -> ErrorCode {
    result.as_ref().map_or_else(Invalid::error_code, |_| ErrorCode::NONE)
}

/// What a client of Apache Kafka is told, by the name of the exception.
fn code_of(exception: &str) -> ErrorCode {
    match exception {
        "ok" => ErrorCode::NONE,
        "CorruptRecordException" => ErrorCode::CORRUPT_MESSAGE,
        "InvalidRecordException" | "RecordValidationException(InvalidRecordException)" => ErrorCode::INVALID_RECORD,
        "RecordValidationException(InvalidTimestampException)" => ErrorCode::INVALID_TIMESTAMP,
        "KafkaException" | "IllegalArgumentException" | "UnsupportedOperationException" => {
            ErrorCode::UNKNOWN_SERVER_ERROR
        }
        other => panic!("{other}"),
    }
}

/// The first check that fails decides: that of the request, then that of the log.
fn verdict_of(golden: &Golden, last_check: &str) -> ErrorCode {
    let checks = ["produceRequest", last_check].map(|check| code_of(golden.json[check].as_str().unwrap()));
    checks.into_iter().find(|&code| code != ErrorCode::NONE).unwrap_or(ErrorCode::NONE)
}

#[test]
fn batches_made_wrong_on_purpose_are_judged_as_apache_kafka_judges_them() {
    let all = golden_batches(true);
    assert_eq!(all.len(), 72);
    let mut differ = Vec::new();
    for golden in &all {
        let name = golden.name.strip_prefix("invalid/").unwrap();
        let rules = Rules { key_required: name == "no-key-on-compacted-topic", ..rules() };
        let result = validate(golden.bytes.clone(), &rules, NOW);
        let (ours, theirs) = (answer(&result), verdict_of(golden, "logAppend"));
        let said = result.as_ref().map_or_else(Invalid::to_string, |_| "it was taken".to_owned());
        if let Some(difference) = DIFFERENCES.iter().find(|d| d.names.contains(&name)) {
            assert_eq!(ours, difference.ours, "{name}: {}", difference.why);
            assert_ne!(ours, theirs, "{name} is no difference");
            differ.push(name);
        } else {
            assert_eq!(ours, theirs, "{name}: {said}");
        }
        if let Ok(valid) = result {
            assert_eq!(golden.json["storedBytes"], HEADER_LEN + valid.body.len(), "{name}");
        }
    }
    assert_eq!(differ.len(), DIFFERENCES.iter().map(|d| d.names.len()).sum::<usize>(), "each is in the file");
}

/// With the broker's clock the batches are judged the same, but for one: a producer that sets the bit for append time is
/// refused by Apache Kafka where the topic wants just that. The broker sets the bit anyway.
#[test]
fn topics_with_append_time_take_the_same_batches() {
    for golden in golden_batches(true) {
        let rules =
            Rules { append_time: true, key_required: golden.name.ends_with("no-key-on-compacted-topic"), ..rules() };
        let ours = answer(&validate(golden.bytes.clone(), &rules, NOW));
        let create_time = answer(&validate(golden.bytes.clone(), &Rules { append_time: false, ..rules }, NOW));
        assert_eq!(ours, create_time, "{}", golden.name);
        let theirs = code_of(golden.json["logValidatorAppendTime"].as_str().unwrap());
        if theirs == ErrorCode::INVALID_TIMESTAMP {
            assert_eq!((&*golden.name, ours), ("invalid/attributes-append-time-from-client", ErrorCode::NONE));
        }
    }
}

#[test]
fn a_wrong_largest_timestamp_is_set_right() {
    let golden = golden_batches(true).into_iter().find(|g| g.name == "invalid/max-timestamp-wrong").unwrap();
    let sent = batch::check(&golden.bytes).unwrap();
    let stored = validate(golden.bytes.clone(), &rules(), NOW).unwrap();
    let largest = records_of(&sent, &golden.bytes).iter().map(|r| r.timestamp).max().unwrap();
    assert_ne!(sent.max_timestamp, largest);
    assert_eq!(stored.header.max_timestamp, largest);
    let bytes = [&stored.header.encode()[..], &stored.body].concat();
    assert_eq!(batch::check(&bytes).unwrap(), stored.header, "with the checksum that belongs to it");
}

/// `appends.tsv`: what Apache Kafka's log holds after an append at offset 1000, in leader epoch 7, at this time.
#[test]
fn the_log_holds_the_bytes_that_apache_kafka_would_hold() {
    let now = 1_700_000_005_000;
    let text = std::fs::read_to_string(golden("wire/appends.tsv")).unwrap();
    for line in text.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, timestamp_type, sent, stored, _] = columns[..] else { panic!("{line}") };
        let config = log_config(|c| c.message_timestamp_type = timestamp_type.to_owned());
        let dir = TempDir::new();
        let mut log =
            open(dir.path(), OpenOptions { log_start_offset: Some(1000), ..options(config.clone()) }).unwrap();
        let appended = log.append(validate(from_hex(sent).into(), &config.rules, now).unwrap(), 7).unwrap();
        assert_eq!(appended.base_offset, 1000);
        assert_eq!(appended.log_append_time, if timestamp_type == "LogAppendTime" { now } else { -1 }, "{name}");
        assert_eq!(to_hex(&read_batches(&mut log, 1000)), stored, "{name} on a topic with {timestamp_type}");
    }
    assert_eq!(text.lines().count(), 31);
}

/// A valid batch of each codec, of an idempotent producer.
fn one_of_each_codec() -> impl Iterator<Item = Bytes> {
    let batch = batch(&["first value", "second value"]).producer(7, 1, 3);
    (0..5).map(move |codec| batch.clone().build_compressed(Compression::from_codec(codec).unwrap()))
}

#[test]
fn a_batch_cut_at_any_byte_is_refused() {
    for batch in one_of_each_codec() {
        for cut in 0..batch.len() {
            match validate(batch.slice(..cut), &rules(), NOW).unwrap_err() {
                Invalid::Empty => assert_eq!(cut, 0),
                Invalid::Corrupt(BatchError::Short { needed, left }) => assert!(left == cut && needed > cut),
                other => panic!("cut at {cut}: {other}"),
            }
        }
    }
}

#[test]
fn a_batch_with_any_bit_flipped_is_refused_but_for_the_leader_epoch() {
    for batch in one_of_each_codec() {
        let valid = |bytes: Vec<u8>| validate(bytes.into(), &rules(), NOW);
        let original = valid(batch.to_vec()).unwrap();
        for bit in 0..batch.len() * 8 {
            let mut flipped = batch.to_vec();
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
            let result = valid(flipped);
            if (12..16).contains(&(bit / 8)) {
                // Not under the checksum, and the broker writes its own there.
                let taken = BatchHeader { partition_leader_epoch: -1, ..result.unwrap().header };
                assert_eq!(taken, original.header, "bit {bit}");
            } else {
                assert!(result.is_err(), "bit {bit}");
            }
        }
    }
}

/// A producer can put the right checksum over any nonsense. Most flips are seen, those in keys and values cannot be; none
/// may make the broker panic.
#[test]
fn a_flipped_bit_under_a_right_checksum_does_no_harm() {
    for batch in one_of_each_codec() {
        for bit in 21 * 8..batch.len() * 8 {
            let mut flipped = batch.to_vec();
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
            let header = BatchHeader::parse(&flipped).unwrap().sealed(&flipped[HEADER_LEN..]);
            flipped[..HEADER_LEN].copy_from_slice(&header.encode());
            if let Ok(valid) = validate(flipped.into(), &rules(), NOW) {
                let stored = [&valid.header.encode()[..], &valid.body].concat();
                assert_eq!(records_of(&valid.header, &stored).len(), 2, "bit {bit}");
            }
        }
    }
}

#[test]
fn a_format_before_2_is_named_even_when_it_is_shorter_than_a_batch_header() {
    for golden in golden_batches(true).iter().filter(|g| g.name.contains("message-set")) {
        let refused = validate(golden.bytes.clone(), &rules(), NOW).unwrap_err();
        assert!(matches!(refused, Invalid::OldFormat(0 | 1)), "{}: {refused}", golden.name);
        assert!(refused.to_string().contains("KIP-724"), "{refused}");
    }
}

#[test]
fn the_largest_batch_is_as_large_as_the_topic_says() {
    let sent = batch(&["value"]).build();
    let limited = |limit| Rules { max_message_bytes: limit, ..rules() };
    assert!(validate(sent.clone(), &limited(sent.len()), NOW).is_ok());
    let refused = validate(sent.clone(), &limited(sent.len() - 1), NOW).unwrap_err();
    assert_eq!(refused.error_code(), ErrorCode::MESSAGE_TOO_LARGE);
    assert!(refused.to_string().contains("max.message.bytes"), "{refused}");
}

#[test]
fn a_batch_that_is_too_large_once_it_is_unpacked_for_storage_is_refused() {
    let sent = batch(&["v".repeat(10_000).as_str()]).build_compressed(Compression::Zstd);
    let rules = Rules { max_message_bytes: 5000, ..rules() };
    assert!(validate(sent.clone(), &rules, NOW).is_ok());
    let refused = validate(sent, &Rules { compression: Some(Compression::None), ..rules }, NOW).unwrap_err();
    assert_eq!(refused.error_code(), ErrorCode::MESSAGE_TOO_LARGE);
}

#[test]
fn a_topic_with_a_codec_of_its_own_stores_every_batch_in_it() {
    let sent: Vec<Bytes> = one_of_each_codec().collect();
    let expected = records_of(&batch::check(&sent[0]).unwrap(), &sent[0]);
    for wanted in (0..5).map(|codec| Compression::from_codec(codec).unwrap()) {
        for sent in &sent {
            let rules = Rules { compression: Some(wanted), ..rules() };
            let valid = validate(sent.clone(), &rules, NOW).unwrap();
            let stored = [&valid.header.encode()[..], &valid.body].concat();
            let header = batch::check(&stored).unwrap();
            assert_eq!(header.attributes.codec(), wanted.codec());
            assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (7, 1, 3));
            assert_eq!(records_of(&header, &stored), expected, "to {wanted:?}");
            let is_in_it_already = batch::check(sent).unwrap().attributes.codec() == wanted.codec();
            assert!(!is_in_it_already || stored == sent[..], "what is in {wanted:?} already stays as it came");
        }
    }
}

#[test]
fn timestamps_may_be_as_far_from_now_as_the_topic_says() {
    let rules = Rules { timestamp_before_max_ms: 1000, timestamp_after_max_ms: 10, ..rules() };
    let table = [
        (NOW - 1001, false),
        (NOW - 1000, true),
        (NOW, true),
        (NOW + 10, true),
        (NOW + 11, false),
        (i64::MAX, false),
        (i64::MIN, false),
        (0, false),
        // No timestamp at all is nothing to compare.
        (-1, true),
    ];
    for (timestamp, is_legal) in table {
        let sent = BatchBuilder::new(0).record(timestamp, None, Some(b"v")).build();
        let result = validate(sent.clone(), &rules, NOW);
        let expected = if is_legal { ErrorCode::NONE } else { ErrorCode::INVALID_TIMESTAMP };
        assert_eq!(answer(&result), expected, "{timestamp}");
        // Where the broker's clock counts, the producer's does not matter.
        let stored = validate(sent, &Rules { append_time: true, ..rules.clone() }, NOW).unwrap();
        assert_eq!((stored.header.max_timestamp, stored.header.attributes.is_append_time()), (NOW, true));
    }
}

#[test]
fn one_timestamp_among_many_that_is_too_far_is_enough() {
    let sent = BatchBuilder::new(0).record(NOW, None, None).record(NOW + 3_600_001, None, None).record(NOW, None, None);
    assert_eq!(answer(&validate(sent.build(), &rules(), NOW)), ErrorCode::INVALID_TIMESTAMP);
}

#[test]
fn a_topic_that_needs_keys_names_the_first_record_without_one() {
    let sent = BatchBuilder::new(0).record(NOW, Some(b"k"), None).record(NOW, Some(b""), None).record(NOW, None, None);
    let rules = Rules { key_required: true, ..rules() };
    let refused = validate(sent.build(), &rules, NOW).unwrap_err();
    assert!(matches!(refused, Invalid::NoKey(2)), "an empty key is a key: {refused}");
    assert_eq!(refused.error_code(), ErrorCode::INVALID_RECORD);
}

#[test]
fn a_header_with_offsets_beyond_all_bounds_is_no_reason_to_panic() {
    let header = BatchHeader { base_offset: i64::MAX, ..batch::check(&batch(&["a", "b"]).build()).unwrap() };
    let bytes = [&header.encode()[..], &batch(&["a", "b"]).build()[HEADER_LEN..]].concat();
    let header = batch::check(&bytes).unwrap();
    assert_eq!((header.last_offset(), header.next_offset()), (i64::MAX, i64::MAX));
}

#[test]
fn a_batch_that_is_stored_as_it_came_is_not_copied() {
    let sent = batch(&["value"]).build();
    let stored = validate(sent.clone(), &rules(), NOW).unwrap();
    assert_eq!(stored.body.as_ptr(), sent[HEADER_LEN..].as_ptr());
}
