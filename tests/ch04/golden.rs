//! Metadata logs and snapshots that Apache Kafka wrote, and what it says is in them.

use std::path::Path;

use ch04_controller::records::{BatchContent, MetadataBatch, MetadataRecord, metadata_batches};
use serde_json::Value;

/// A folder, and the file that says what is in it. `left-metadata` is from `left.tar.gz`, the folder of a broker that was
/// killed.
pub const FOLDERS: [(&str, &str); 5] = [
    ("single/logs/__cluster_metadata-0", "single/EXPECTED.json"),
    ("cluster/broker-1/__cluster_metadata-0", "cluster/EXPECTED.json"),
    ("cluster/broker-2/__cluster_metadata-0", "cluster/broker-2.json"),
    ("cluster/broker-3/__cluster_metadata-0", "cluster/broker-3.json"),
    ("killed/left-metadata", "killed/left-metadata/EXPECTED.json"),
];

/// The only log file that each folder has.
pub const LOG: &str = "00000000000000000000.log";

/// A file of tests/golden/data.
pub fn read(path: &str) -> Vec<u8> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/data")).join(path);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What Kafka says is in the metadata log of a folder.
pub fn expected(path: &str) -> Value {
    serde_json::from_slice::<Value>(&read(path)).unwrap()["partitions"]["__cluster_metadata-0"].take()
}

/// The batches of a file.
pub fn batches(bytes: &[u8]) -> Vec<MetadataBatch> {
    metadata_batches(bytes).map(|batch| batch.unwrap_or_else(|e| panic!("{e}"))).collect()
}

/// The controller's records in a file, each with its offset.
pub fn records(bytes: &[u8]) -> Vec<(i64, MetadataRecord)> {
    let mut found = Vec::new();
    for batch in batches(bytes) {
        if let BatchContent::Records(records) = batch.content {
            found.extend((batch.base_offset..).zip(records));
        }
    }
    found
}
