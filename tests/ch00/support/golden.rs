//! Messages that Apache Kafka's own classes wrote, and what ours have to make of them.
//!
//! A [`Subject`] is one of our messages without its type, so that one check serves all of them. `subjects!` makes a
//! list of them, each with its file from tests/golden/wire.

use bytes::Bytes;
use ch00_wire::codec::{Decoded, Reader, Writer};
use ch00_wire::table::Message;
use serde_json::Value;

use super::{hex, to_hex};

/// One of our messages, and Kafka's bytes for it.
pub struct Subject {
    /// The message's name.
    pub name: &'static str,
    /// Its first flexible version.
    pub flexible_from: i16,
    /// The text of its file.
    pub text: &'static str,
    /// Reads a message, and writes it again in every form there is.
    pub read: fn(Bytes, i16) -> Decoded<Reading>,
    /// Reads a message and says how many bytes are left.
    pub decode: fn(Bytes, i16) -> Decoded<usize>,
    /// What a new message is on the wire.
    pub default: fn(i16) -> Bytes,
}

/// What was read.
pub struct Reading {
    /// The message for people.
    pub json: Value,
    /// The message written again.
    pub bytes: Bytes,
    /// Bytes that were not read.
    pub left: usize,
}

/// A line of a message's file.
pub struct Vector {
    /// The message's version.
    pub version: i16,
    /// How the message was filled.
    pub kind: &'static str,
    /// What Kafka wrote.
    pub bytes: Bytes,
    /// What it means.
    pub json: Value,
}

/// A list of messages, each with its file.
macro_rules! subjects {
    ($($message:ident)*) => { vec![ $(
        $crate::support::golden::Subject::of::<$message>(
            stringify!($message), include_str!(concat!("../golden/wire/", stringify!($message), ".tsv"))
        )
    ),* ] };
}
pub(crate) use subjects;

impl Subject {
    /// A message with the text of its file.
    pub fn of<M: Message>(name: &'static str, text: &'static str) -> Subject {
        fn decode<M: Message>(bytes: Bytes, version: i16) -> Decoded<(M, usize)> {
            let mut r = Reader::new(bytes);
            let message = M::decode(&mut r, M::version(version))?;
            Ok((message, r.remaining()))
        }
        fn encode<M: Message>(message: &M, version: i16) -> Bytes {
            let mut w = Writer::new();
            message.encode(&mut w, M::version(version));
            w.into_bytes()
        }
        Subject {
            name,
            flexible_from: M::FLEXIBLE_FROM,
            text,
            read: |bytes, version| {
                let (message, left) = decode::<M>(bytes, version)?;
                let json = serde_json::to_value(&message).expect("messages have nothing that JSON has not");
                Ok(Reading { json, bytes: encode(&message, version), left })
            },
            decode: |bytes, version| decode::<M>(bytes, version).map(|(_, left)| left),
            default: |version| encode(&M::default(), version),
        }
    }

    /// The lines of the message's file.
    pub fn vectors(&self) -> impl Iterator<Item = Vector> {
        self.text.lines().map(|line| {
            let [version, kind, bytes, json] = columns(line);
            Vector {
                version: version.parse().unwrap(),
                kind,
                bytes: hex(bytes).into(),
                json: serde_json::from_str(json).unwrap(),
            }
        })
    }

    /// Holds the message against each of Kafka's; the result is how many there are.
    pub fn check(&self) -> usize {
        self.vectors().map(|vector| self.check_one(&vector)).count()
    }

    fn check_one(&self, vector: &Vector) {
        let Vector { version, kind, .. } = vector;
        let place = format!("{} v{version} {kind}", self.name);
        let read = |bytes: &Bytes| (self.read)(bytes.clone(), *version).unwrap_or_else(|e| panic!("{place}: {e}"));
        let reading = read(&vector.bytes);
        assert_eq!(reading.left, 0, "{place}: bytes left");
        agree(&place, &vector.json, &reading.json);
        if matches!(*kind, "full" | "long") {
            check_records(&place, &reading.json);
        }
        if *kind == "default" && !NULL_AT_FIRST.contains(&self.name) {
            assert_eq!(to_hex(&(self.default)(*version)), to_hex(&vector.bytes), "{place}: a new message");
        }
        let unknown = unknown_tags(vector, *version >= self.flexible_from);
        if unknown == 0 {
            assert_eq!(to_hex(&reading.bytes), to_hex(&vector.bytes), "{place}: written again");
        } else {
            assert_eq!(
                reading.bytes.len() + unknown,
                vector.bytes.len(),
                "{place}: written again without unknown tags"
            );
            let again = read(&reading.bytes);
            assert_eq!((again.json, again.left), (reading.json, 0), "{place}: read again");
        }
    }
}

/// The columns of a line.
pub fn columns<const N: usize>(line: &str) -> [&str; N] {
    line.split('\t').collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("{N} columns in `{line}`"))
}

/// Messages that have no transactional id, error message, rack or value to begin with; Kafka's have an empty one.
const NULL_AT_FIRST: &[&str] = &[
    "InitProducerIdRequest",
    "AlterPartitionReassignmentsResponse",
    "ListPartitionReassignmentsResponse",
    "DescribeQuorumResponse",
    "UpdateFeaturesResponse",
    "UnregisterBrokerResponse",
    "ControllerRegistrationResponse",
    "BrokerRegistrationRequest",
    "RegisterBrokerRecord",
    "ConfigRecord",
    "FindCoordinatorResponse",
    "GroupMetadataValue",
    "ConsumerGroupMemberMetadataValue",
];

/// How many bytes of a vector are in tagged fields that no schema knows: each struct of `edge` and `edge2` has one of
/// five bytes, the outermost of `edge2` another of 134.
fn unknown_tags(vector: &Vector, flexible: bool) -> usize {
    fn structs(json: &Value) -> usize {
        match json {
            Value::Object(fields) => 1 + fields.values().map(structs).sum::<usize>(),
            Value::Array(values) => values.iter().map(structs).sum(),
            _ => 0,
        }
    }
    match vector.kind {
        "edge" if flexible => 5 * structs(&vector.json),
        "edge2" if flexible => 5 * structs(&vector.json) + 134,
        _ => 0,
    }
}

/// Whether ours says all that Kafka's says, and nothing else.
fn agree(place: &str, kafka: &Value, ours: &Value) {
    match (kafka, ours) {
        (Value::Object(kafka), Value::Object(ours)) => {
            for (key, value) in kafka {
                let place = format!("{place}.{key}");
                match ours.get(key) {
                    Some(_) if is_records(key) => {}
                    Some(ours) => agree(&place, value, ours),
                    None => panic!("{place} is missing"),
                }
            }
            for (key, value) in ours.iter().filter(|(key, _)| !kafka.contains_key(*key)) {
                assert!(is_default(key, value), "{place}.{key} is {value}, but the version does not have it");
            }
        }
        (Value::Array(kafka), Value::Array(ours)) => {
            assert_eq!(kafka.len(), ours.len(), "{place}: elements");
            for (i, (kafka, ours)) in kafka.iter().zip(ours).enumerate() {
                agree(&format!("{place}[{i}]"), kafka, ours);
            }
        }
        // Kafka's JSON has bytes in base64, ours as numbers.
        (Value::String(kafka), Value::Array(ours)) => {
            let ours: Vec<u8> = ours.iter().map(|byte| byte.as_u64().unwrap() as u8).collect();
            assert_eq!(*kafka, base64(&ours), "{place}");
        }
        _ => assert_eq!(kafka, ours, "{place}"),
    }
}

/// Whether a field of this name holds record batches, which JSON has not.
fn is_records(key: &str) -> bool {
    matches!(key, "records" | "unalignedRecords")
}

/// Base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |three: &[u8]| -> [char; 4] {
        let bits = (0..3).fold(0, |bits, i| bits << 8 | usize::from(three.get(i).copied().unwrap_or(0)));
        std::array::from_fn(|i| if i <= three.len() { DIGITS[bits >> (18 - 6 * i) & 63] as char } else { '=' })
    };
    bytes.chunks(3).flat_map(digits).collect()
}

/// Whether a field has the value that it has in versions without it.
fn is_default(key: &str, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => *b == matches!(key, "allowAutoTopicCreation" | "allowReplicationFactorChange"),
        Value::Number(n) => match key {
            "maxBytes" => n.as_i64() == Some(i64::from(i32::MAX)),
            "authorizedOperations" | "clusterAuthorizedOperations" | "topicAuthorizedOperations" => {
                n.as_i64() == Some(i64::from(i32::MIN))
            }
            "highWatermark" => n.as_i64() == Some(i64::MAX),
            "endpointType" | "upgradeType" => n.as_i64() == Some(1),
            "resourceType" => n.as_i64() == Some(16),
            "leader" => n.as_i64() == Some(-2),
            "replicaId" => matches!(n.as_i64(), Some(-1 | -2)),
            _ => matches!(n.as_i64(), Some(0 | -1)),
        },
        Value::String(text) => text.is_empty() || text == "AAAAAAAAAAAAAAAAAAAAAA",
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.iter().all(|(key, value)| is_default(key, value)),
    }
}

/// Fields of records, in the order in which they stand, take turns between two batches.
fn check_records(place: &str, json: &Value) {
    fn collect<'a>(json: &'a Value, found: &mut Vec<&'a Value>) {
        match json {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| match is_records(key) {
                true => found.push(value),
                false => collect(value, found),
            }),
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(json, &mut found);
    let batches = [batch("fixture-a"), batch("fixture-b")];
    for (i, records) in found.into_iter().enumerate() {
        assert_eq!(records, &serde_json::json!(&batches[i % 2][..]), "{place}: records {i}");
    }
}

/// A record batch by its name.
pub fn batch(name: &str) -> Bytes {
    let text = include_str!("../../golden/wire/batches.tsv");
    let line = text.lines().find(|line| line.split('\t').next() == Some(name));
    let [_, bytes, _] = columns(line.unwrap_or_else(|| panic!("no batch `{name}`")));
    hex(bytes).into()
}
