//! The file `quorum-state`: what a node has promised, beside the metadata log. One line of JSON, Kafka's:
//!
//! ```text
//! {"leaderId":1,"leaderEpoch":7,"votedId":3,"votedDirectoryId":"pu…","data_version":1}              voters in the log
//! {"clusterId":"","leaderId":-1,"leaderEpoch":7,"votedId":3,"appliedOffset":0,
//!  "currentVoters":[{"voterId":1},{"voterId":2},{"voterId":3}],"data_version":0}     voters in the configuration
//! ```
//!
//! -1 and the zero directory mean nobody. Written whole and synced before anything that depends on it is said.

use std::io;
use std::path::{Path, PathBuf};

use ch00_wire::uuid::Uuid;
use ch01_log::disk::Disk;
use serde::{Deserialize, Serialize};

use crate::quorum::{ElectionState, NodeId, ReplicaKey};

/// The file's name.
pub const FILE_NAME: &str = "quorum-state";

/// Where the voters are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VotersHome {
    /// In the configuration: these (`kraft.version` 0).
    Configuration(Vec<NodeId>),
    /// In the log (`kraft.version` 1).
    Log,
}

/// The file of a node.
pub struct QuorumStateFile {
    disk: Disk,
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Voter {
    #[serde(rename = "voterId")]
    voter_id: NodeId,
}

/// What is in the file, in Kafka's order.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Contents {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cluster_id: Option<String>,
    leader_id: NodeId,
    leader_epoch: i32,
    voted_id: NodeId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    voted_directory_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    applied_offset: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current_voters: Option<Vec<Voter>>,
    #[serde(rename = "data_version")]
    data_version: i16,
}

impl QuorumStateFile {
    /// The file in the metadata log's folder.
    pub fn new(disk: &Disk, folder: &Path) -> QuorumStateFile {
        QuorumStateFile { disk: disk.clone(), path: folder.join(FILE_NAME) }
    }

    /// What the node has promised; nothing, if there is no file.
    pub fn read(&self) -> Result<ElectionState, String> {
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(ElectionState::default()),
            Err(e) => return Err(format!("{}: {e}", self.path.display())),
        };
        let contents: Contents = serde_json::from_slice(&text).map_err(|e| {
            format!("{}: cannot be read: {e}; what this node has voted stands there", self.path.display())
        })?;
        let somebody = |id: NodeId| (id >= 0).then_some(id);
        let directory_id = contents.voted_directory_id.unwrap_or_default();
        Ok(ElectionState {
            epoch: contents.leader_epoch.max(0),
            voted_for: somebody(contents.voted_id).map(|id| ReplicaKey { id, directory_id }),
            leader: somebody(contents.leader_id),
        })
    }

    // ANCHOR: write
    /// Puts it on the disk: when this returns, the promise holds through any crash.
    pub fn write(&self, state: &ElectionState, voters: &VotersHome) -> io::Result<()> {
        let nobody = ReplicaKey { id: -1, directory_id: Uuid::default() };
        let voted_for = state.voted_for.unwrap_or(nobody);
        let named = match voters {
            VotersHome::Configuration(ids) => Some(ids),
            VotersHome::Log => None,
        };
        let contents = Contents {
            cluster_id: named.map(|_| String::new()),
            leader_id: state.leader.unwrap_or(-1),
            leader_epoch: state.epoch,
            voted_id: voted_for.id,
            voted_directory_id: named.is_none().then_some(voted_for.directory_id),
            applied_offset: named.map(|_| 0),
            current_voters: named.map(|ids| ids.iter().map(|&voter_id| Voter { voter_id }).collect()),
            data_version: if named.is_some() { 0 } else { 1 },
        };
        self.disk.replace(&self.path, &serde_json::to_vec(&contents).expect("plain data"), true)
    }
    // ANCHOR_END: write
}

/// A file that stands beside the log for as long as its node may not vote: its folder was empty when it met a cluster that
/// was not, and perhaps it has voted before.
pub struct MayVote {
    disk: Disk,
    path: PathBuf,
}

impl MayVote {
    /// The mark of a folder.
    pub fn new(disk: &Disk, folder: &Path) -> MayVote {
        MayVote { disk: disk.clone(), path: folder.join("mini-kafka.catching-up") }
    }

    /// Whether it may vote.
    pub fn is_granted(&self) -> bool {
        !self.path.exists()
    }

    /// It may not, until it has everything.
    pub fn withhold(&self) -> io::Result<()> {
        self.disk.replace(&self.path, b"", true)
    }

    /// It may from now on.
    pub fn grant(&self) -> io::Result<()> {
        self.disk.remove(&self.path)
    }
}
