//! What a leader must not forget: of each partition it leads the epoch, and which replicas are in sync.
//!
//! One file, `mini-kafka.leaders.json`, in the first log directory, replaced as a whole and durably with every change:
//!
//! ```text
//! { "leaders": { "hello-0": { "topicId": "…", "epoch": 4, "version": 7, "isr": [1, 3] } } }
//! ```
//!
//! Whoever confirms changes of in-sync replicas has the last word about them, and in this chapter that is the leader
//! itself: with this file. So nobody else can ever lead, whatever happens to it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use ch00_wire::uuid::Uuid;
use ch01_log::batch::Epoch;
use ch01_log::disk::Disk;
use ch01_log::text_checkpoint::TopicPartition;
use serde::{Deserialize, Serialize};

use crate::isr::BrokerId;

/// The file's name.
pub const FILE_NAME: &str = "mini-kafka.leaders.json";

/// What is kept of one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredLeader {
    /// The topic's id.
    pub topic_id: Uuid,
    /// The epoch in which this broker leads, or has led last.
    pub epoch: Epoch,
    /// How often the in-sync replicas have changed (Kafka's partition epoch).
    pub version: i32,
    /// The in-sync replicas.
    pub isr: Vec<BrokerId>,
}

/// What the file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Contents {
    /// The cluster whose topics this broker has copied; `None`: none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster_id: Option<String>,
    /// By partition.
    #[serde(default)]
    leaders: BTreeMap<String, StoredLeader>,
}

/// The file.
pub struct LeaderStore {
    disk: Disk,
    path: PathBuf,
    contents: Contents,
    /// Partitions that are no more, and still in the file.
    gone: Vec<String>,
}

impl LeaderStore {
    /// Reads the file of a log directory; a missing one is empty.
    pub fn open(disk: &Disk, dir: &Path) -> Result<LeaderStore, String> {
        let path = dir.join(FILE_NAME);
        let contents = match std::fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map_err(|e| format!("{}: cannot be read: {e}", path.display()))?
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Contents::default(),
            Err(e) => return Err(format!("{}: {e}", path.display())),
        };
        Ok(LeaderStore { disk: disk.clone(), path, contents, gone: Vec::new() })
    }

    /// What is kept of a partition.
    pub fn get(&self, name: &TopicPartition) -> Option<&StoredLeader> {
        self.contents.leaders.get(&name.to_string())
    }

    /// The cluster whose topics this broker has copied.
    pub fn cluster_id(&self) -> Option<&str> {
        self.contents.cluster_id.as_deref()
    }

    /// Keeps the cluster's id.
    pub fn join(&mut self, cluster_id: &str) -> io::Result<()> {
        self.change(|contents| contents.cluster_id = Some(cluster_id.to_owned()))
    }

    // ANCHOR: put
    /// Keeps what is new, all of it or nothing: when this returns it is on the disk.
    pub fn put(&mut self, leaders: impl IntoIterator<Item = (TopicPartition, StoredLeader)>) -> io::Result<()> {
        let new = leaders.into_iter().map(|(name, leader)| (name.to_string(), leader));
        self.change(|contents| contents.leaders.extend(new))
    }
    // ANCHOR_END: put

    /// Forgets a partition that is no more, with the next change: what stays in the file until then belongs to a topic id
    /// that nothing has.
    pub fn forget(&mut self, name: &TopicPartition) {
        self.gone.push(name.to_string());
    }

    /// In the file first, and in memory only if that worked.
    fn change(&mut self, change: impl FnOnce(&mut Contents)) -> io::Result<()> {
        let mut contents = self.contents.clone();
        self.gone.drain(..).for_each(|name| drop(contents.leaders.remove(&name)));
        change(&mut contents);
        if contents != self.contents {
            let json = serde_json::to_vec_pretty(&contents).expect("plain data");
            self.disk.replace(&self.path, &json, true)?;
            self.contents = contents;
        }
        Ok(())
    }
}
