//! What a folder is given before its first start, if somebody wants to say which cluster it is to be in: `mini-kafka format`,
//! or Apache Kafka's `kafka-storage format`. Both write the same files.
//!
//! ```text
//! meta.properties                                                  the cluster's id; in every log directory
//! bootstrap.checkpoint                                             the records that the log begins with (Apache Kafka's only)
//! __cluster_metadata-0/00000000000000000000-0000000000.checkpoint  who votes (`--standalone`: this node), and kraft.version 1
//! ```

use std::io;
use std::path::Path;

use ch00_wire::uuid::Uuid;
use ch01_log::clock::{Clock, SystemClock};
use ch01_log::disk::Disk;
use ch01_log::log_dir::FolderLock;

use crate::config::BrokerConfig;
use crate::formation::Meta;
use crate::messages::LeaderEndpoint;
use crate::metadata_log::{FOLDER, FORMATTED};
use crate::records::{
    ControlRecord, KRaftVersionFeature, KRaftVersionRecord, MetadataRecord, MetadataSnapshot, VotersRecord,
    VotersRecordEndpoint, VotersRecordVoter,
};

/// The file that Apache Kafka's tool writes.
const BOOTSTRAP: &str = "bootstrap.checkpoint";

/// The records that the log is to begin with; empty, if nobody has said so.
pub fn bootstrap(home: &Path) -> Result<Vec<MetadataRecord>, String> {
    let path = home.join(BOOTSTRAP);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let snapshot = MetadataSnapshot::read(&bytes).map_err(|e| format!("{}: {e}", path.display()))?;
            Ok(snapshot.records)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(format!("{}: {e}", path.display())),
    }
}

// ANCHOR: format
/// Makes the folders of a node belong to a cluster; what was done. `standalone`: the node is the only voter, and says so in
/// its log, so that others need no `controller.quorum.voters`.
pub fn format(config: &BrokerConfig, cluster_id: &str, standalone: bool) -> Result<String, String> {
    config.check()?;
    check_cluster_id(cluster_id)?;
    let disk = Disk::default();
    let (me, home) = (config.node_id(), config.metadata_folder());
    let mut folders = config.replication.retention.log.log_folders();
    if !folders.contains(&home) {
        folders.push(home.clone());
    }
    let locks: Vec<_> = folders.iter().map(|folder| FolderLock::take(folder)).collect::<Result<_, _>>()?;
    let mut metas = Vec::new();
    for lock in &locks {
        let meta = Meta::open(&disk, lock.path(), me)?;
        match &meta.cluster_id {
            Some(known) if known != cluster_id => {
                return Err(format!("{} belongs to cluster {known} already", lock.path().display()));
            }
            _ => metas.push((lock.path(), meta)),
        }
    }
    for (folder, meta) in &mut metas {
        if *folder == home && standalone {
            write_standalone(&disk, meta, &endpoints(config)?)?;
        }
        meta.join(&disk, cluster_id).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    let names: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    Ok(format!("{}: formatted for node {me} of cluster {cluster_id}", names.join(", ")))
}
// ANCHOR_END: format

fn check_cluster_id(id: &str) -> Result<(), String> {
    match id.parse::<Uuid>() {
        Ok(uuid) if !uuid.is_zero() => Ok(()),
        _ => Err(format!("cluster id `{id}`: legal are 22 letters of base64, such as {}", Uuid::random())),
    }
}

fn endpoints(config: &BrokerConfig) -> Result<Vec<LeaderEndpoint>, String> {
    let listener = config.controller_listener()?.ok_or(
        "controller.listener.names: a voter that stands in the log needs a listener that others reach it by: name one \
         of listeners here",
    )?;
    let advertised = &config.replication.retention.log.wire.advertised_listeners;
    let listener = advertised.iter().find(|other| other.name == listener.name).unwrap_or(&listener);
    Ok(vec![LeaderEndpoint { name: listener.name.clone(), host: listener.host.clone(), port: listener.port }])
}

/// Writes the first snapshot of a log that names this node as its only voter.
pub fn write_standalone(disk: &Disk, meta: &Meta, endpoints: &[LeaderEndpoint]) -> Result<(), String> {
    let folder = meta.folder().join(FOLDER);
    let fail = |e: io::Error| format!("{}: {e}", folder.display());
    disk.create_dir(&folder).map_err(fail)?;
    let endpoint =
        |e: &LeaderEndpoint| VotersRecordEndpoint { name: e.name.clone(), host: e.host.clone(), port: e.port };
    let voter = VotersRecordVoter {
        voter_id: meta.node_id(),
        voter_directory_id: meta.directory_id,
        endpoints: endpoints.iter().map(endpoint).collect(),
        k_raft_version_feature: KRaftVersionFeature { min_supported_version: 0, max_supported_version: 1 },
    };
    let control = vec![
        ControlRecord::KRaftVersion(KRaftVersionRecord { version: 0, k_raft_version: 1 }),
        ControlRecord::Voters(VotersRecord { version: 0, voters: vec![voter] }),
    ];
    let batches = MetadataSnapshot { control, ..Default::default() }.write(0, SystemClock.now());
    let bytes: Vec<u8> = batches.flatten().collect();
    disk.replace(&folder.join(FORMATTED), &bytes, true).map_err(fail)
}
