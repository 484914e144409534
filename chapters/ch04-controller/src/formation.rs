//! Which cluster does this node belong to? A folder that has been in one says so in `meta.properties`. For an empty one the
//! question is dangerous: an empty folder may be that of a new cluster, or the new disk of a node that has voted before.
//!
//! ```text
//! all voters say that they are empty       a new cluster; its id follows from the ids of all their directories, so each
//!                                          of them finds the same one by itself
//! one has a cluster id, and it is that one it was made of this very folder, among others: this node just heard of it later
//! one has another cluster id               this folder came later: it joins, and has no vote until it has caught up
//! ```
//!
//! A node that is the only voter asks nobody. `format --cluster-id` writes the id beforehand, and then nobody is asked.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ch00_wire::client::{Client, ClientError};
use ch00_wire::properties;
use ch00_wire::uuid::Uuid;
use ch01_log::disk::Disk;
use ch01_log::messages::DescribeClusterRequest;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep, timeout};
use tracing::info;

use crate::messages::{DescribeQuorumPartition, DescribeQuorumRequest, DescribeQuorumTopic};
use crate::quorum::NodeId;
use crate::quorum_wire::TOPIC;

/// DescribeCluster asked about controllers.
const CONTROLLERS: i8 = 2;
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pause between two rounds of questions.
const PAUSE: Duration = Duration::from_millis(50);
/// How long, after one voter was found to be in a cluster, the others may take to say who they are.
const LAST_CHANCE: Duration = Duration::from_secs(5);

/// `meta.properties` of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    path: PathBuf,
    node_id: NodeId,
    /// The folder's own id, from its first start on.
    pub directory_id: Uuid,
    /// The cluster it belongs to; `None`: it has not been in one.
    pub cluster_id: Option<String>,
}

impl Meta {
    /// Reads the file of a folder; a folder without one gets an id.
    pub fn open(disk: &Disk, folder: &Path, node_id: NodeId) -> Result<Meta, String> {
        let fail = |e: io::Error| format!("{}: {e}", folder.display());
        disk.create_dir(folder).map_err(fail)?;
        let path = folder.join("meta.properties");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let meta = Meta { path, node_id, directory_id: Uuid::random(), cluster_id: None };
                meta.write(disk).map_err(fail)?;
                return Ok(meta);
            }
            Err(e) => return Err(fail(e)),
        };
        let properties = properties::parse(&text);
        let get = |key: &str| properties.iter().rfind(|p| p.key == key).map(|p| p.value.clone());
        if let Some(owner) = get("node.id").or(get("broker.id")).filter(|owner| *owner != node_id.to_string()) {
            return Err(format!(
                "{}: the folder belongs to broker {owner}, this is broker {node_id}; set node.id or log.dirs",
                path.display()
            ));
        }
        let directory_id = get("directory.id").and_then(|id| id.parse().ok());
        let cluster_id = get("cluster.id").filter(|id| !id.is_empty());
        Ok(Meta { path, node_id, directory_id: directory_id.unwrap_or_else(Uuid::random), cluster_id })
    }

    /// The node that the folder belongs to.
    pub fn node_id(&self) -> NodeId {
        self.node_id
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.path.parent().expect("a file is in a folder")
    }

    /// The folder belongs to a cluster from now on.
    pub fn join(&mut self, disk: &Disk, cluster_id: &str) -> io::Result<()> {
        self.cluster_id = Some(cluster_id.to_owned());
        self.write(disk)
    }

    fn write(&self, disk: &Disk) -> io::Result<()> {
        let Meta { node_id, directory_id, .. } = self;
        let cluster_id = self.cluster_id.as_ref().map(|id| format!("cluster.id={id}\n")).unwrap_or_default();
        let text = format!("#\nnode.id={node_id}\ndirectory.id={directory_id}\nversion=1\n{cluster_id}");
        disk.replace(&self.path, text.as_bytes(), true)
    }
}

// ANCHOR: cluster_id_of
/// The id of a cluster that is made of these directories, all of them empty.
pub fn cluster_id_of(directories: &BTreeMap<NodeId, Uuid>) -> String {
    let mut hash = Sha256::new();
    for (node, directory) in directories {
        hash.update(node.to_be_bytes());
        hash.update(directory.0);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    // As text it must not begin with a dash.
    bytes[0] &= 0x7f;
    Uuid(bytes).to_string()
}
// ANCHOR_END: cluster_id_of

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its cluster; `None`: it is empty.
    pub cluster_id: Option<String>,
    /// Its directory.
    pub directory_id: Uuid,
}

/// What follows from the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Too few have answered.
    Wait,
    /// A new cluster, of which this folder is one of the first: it votes.
    Found(String),
    /// A cluster that was there before: no vote until it has caught up.
    Join(String),
}

// ANCHOR: judge
/// Which cluster an empty node belongs to. `answers`: those of all voters that have answered, this one among them.
pub fn judge(voters: &[NodeId], answers: &BTreeMap<NodeId, Answer>, may_wait: bool) -> Verdict {
    let all_known = voters.iter().all(|voter| answers.contains_key(voter));
    let directories = voters.iter().filter_map(|voter| Some((*voter, answers.get(voter)?.directory_id))).collect();
    let known = answers.values().find_map(|answer| answer.cluster_id.clone());
    match known {
        None if all_known => Verdict::Found(cluster_id_of(&directories)),
        None => Verdict::Wait,
        Some(id) if all_known && id == cluster_id_of(&directories) => Verdict::Found(id),
        Some(_) if !all_known && may_wait => Verdict::Wait,
        Some(id) => Verdict::Join(id),
    }
}
// ANCHOR_END: judge

/// Asks the other voters until it is clear which cluster this node belongs to.
pub async fn find_cluster(me: NodeId, own: &Meta, voters: &BTreeMap<NodeId, String>) -> Verdict {
    let ids: Vec<NodeId> = voters.keys().copied().collect();
    let mut answers = BTreeMap::new();
    answers.insert(me, Answer { cluster_id: None, directory_id: own.directory_id });
    let mut last_chance: Option<Instant> = None;
    let mut has_said = false;
    loop {
        for (&id, address) in voters.iter().filter(|&(&id, _)| id != me) {
            if let Ok(Ok(answer)) = timeout(PATIENCE, ask(id, address)).await {
                answers.insert(id, answer);
            }
        }
        if answers.values().any(|answer| answer.cluster_id.is_some()) {
            last_chance.get_or_insert_with(|| Instant::now() + LAST_CHANCE);
        }
        let may_wait = last_chance.is_none_or(|at| Instant::now() < at);
        match judge(&ids, &answers, may_wait) {
            Verdict::Wait => {}
            verdict => return verdict,
        }
        if !std::mem::replace(&mut has_said, true) {
            let silent: Vec<_> = ids.iter().filter(|id| !answers.contains_key(id)).collect();
            info!(
                "the folder is empty; before a cluster is made of it, voters {silent:?} have to say that theirs are, too"
            );
        }
        sleep(PAUSE).await;
    }
}

async fn ask(id: NodeId, address: &str) -> Result<Answer, ClientError> {
    let mut client = Client::connect(address, "formation").await?;
    let cluster = DescribeClusterRequest { endpoint_type: CONTROLLERS, ..Default::default() };
    let cluster_id = Some(client.call(&cluster).await?.cluster_id).filter(|id| !id.is_empty());
    let partitions = vec![DescribeQuorumPartition { partition_index: 0 }];
    let topics = vec![DescribeQuorumTopic { topic_name: TOPIC.to_string(), partitions }];
    let quorum = client.call(&DescribeQuorumRequest { topics }).await?;
    let voters = quorum.topics.into_iter().flat_map(|topic| topic.partitions).flat_map(|p| p.current_voters);
    let own = voters.into_iter().find(|voter| voter.replica_id == id);
    let directory_id = own.map(|voter| voter.replica_directory_id).unwrap_or_default();
    Ok(Answer { cluster_id, directory_id })
}
