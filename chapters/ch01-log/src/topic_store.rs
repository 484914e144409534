//! The one home of topics: which there are, their ids, partitions and settings, and the next producer id.
//!
//! One file, `mini-kafka.topics.json`, in the first log directory, replaced as a whole and durably with every change. A
//! topic exists from the moment at which the file says so; the folders of its partitions are made after that and made
//! again at the next start if they are missing. A topic that is deleted is marked first, so that a crash in between can
//! neither bring it back nor lose half of it.
//!
//! Partition folders that the file does not know (a data folder that Apache Kafka wrote) are adopted at start.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use ch00_wire::uuid::Uuid;
use serde::{Deserialize, Serialize};

use crate::config::TopicSettings;
use crate::disk::Disk;

/// The file's name.
pub const FILE_NAME: &str = "mini-kafka.topics.json";

/// A topic as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredTopic {
    /// Its id.
    pub id: Uuid,
    /// How many partitions it has.
    pub partitions: i32,
    /// The brokers that have a copy, for each partition; empty: this one has the only copy of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<Vec<i32>>,
    /// Its own settings.
    #[serde(default)]
    pub settings: TopicSettings,
    /// Whether it is being deleted: its folders may be gone already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleting: bool,
    /// Whether it was found in a folder that came from elsewhere: what settings it had there is not known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
}

impl StoredTopic {
    /// The brokers that have a copy of a partition.
    pub fn replicas_of(&self, partition: i32, this_broker: i32) -> Vec<i32> {
        self.replicas.get(partition as usize).cloned().unwrap_or_else(|| vec![this_broker])
    }
}

/// What the file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contents {
    /// The file's format; 1.
    pub version: u32,
    /// Producer ids below this one may have been given out, here or by the broker that wrote adopted logs. `None`: none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_producer_id: Option<i64>,
    /// Topics by name.
    #[serde(default)]
    pub topics: BTreeMap<String, StoredTopic>,
    /// Settings of brokers that were made while they ran, by broker number; those under the empty name are for all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub brokers: BTreeMap<String, BTreeMap<String, String>>,
}

/// The file.
pub struct TopicStore {
    /// `None`: topics are kept elsewhere, and this is a copy in memory.
    file: Option<(Disk, PathBuf)>,
    contents: Contents,
}

impl TopicStore {
    /// Reads the file of a log directory; a missing one is empty.
    pub fn open(disk: &Disk, dir: &Path) -> Result<TopicStore, String> {
        let path = dir.join(FILE_NAME);
        let contents = match std::fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|e| format!("{}: cannot be read: {e}", path.display()))?
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Contents { version: 1, ..Contents::default() },
            Err(e) => return Err(format!("{}: {e}", path.display())),
        };
        if contents.version != 1 {
            return Err(format!("{}: format {} is not known here, only 1 is", path.display(), contents.version));
        }
        Ok(TopicStore { file: Some((disk.clone(), path)), contents })
    }

    /// No file: somebody else keeps the topics, and these are they.
    pub fn kept_elsewhere(contents: Contents) -> TopicStore {
        TopicStore { file: None, contents }
    }

    /// What it holds.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Changes the contents: in the file first, durably, and in memory only if that worked.
    pub fn change(&mut self, change: impl FnOnce(&mut Contents)) -> io::Result<()> {
        let mut contents = self.contents.clone();
        change(&mut contents);
        if contents != self.contents {
            if let Some((disk, path)) = &self.file {
                let json = serde_json::to_vec_pretty(&contents).expect("plain data");
                disk.replace(path, &json, true)?;
            }
            self.contents = contents;
        }
        Ok(())
    }
}
