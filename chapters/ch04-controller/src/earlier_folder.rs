//! A folder of the chapters before: its files about topics are read once, and set aside when the metadata log has what was
//! in them.
//!
//! ```text
//! mini-kafka.topics.json  -->  mini-kafka.topics.json.taken-over
//! mini-kafka.leaders.json -->  mini-kafka.leaders.json.taken-over
//! ```
//!
//! A single node whose metadata log is empty, and that has partitions and no such file, takes those that it finds: their
//! folders say which topics they belong to. Their settings are not known, so they get one by which nothing is deleted.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ch00_wire::uuid::Uuid;
use ch01_log::batch::{BatchHeader, Epoch, HEADER_LEN};
use ch01_log::disk::Disk;
use ch01_log::leader_epochs::LeaderEpochs;
use ch01_log::log_manager::topic_id_in;
use ch01_log::text_checkpoint::TopicPartition;
use ch01_log::topic_store::{self, Contents, StoredTopic, TopicStore};
use ch03_replication::leader_store::{self, LeaderStore};
use tracing::{info, warn};

use crate::controller::{EarlierPartition, EarlierTopic, EarlierTopics};
use crate::image::Settings;

/// What files are called that are not needed any more.
const TAKEN_OVER: &str = "taken-over";
/// How much higher the first epoch is here where another broker led and may have begun more terms than are known here.
const UNHEARD_TERMS: Epoch = 1_000;
/// Producer ids of a broker in a cluster of chapter 3 are below its number plus one, times this.
const PRODUCER_IDS_PER_BROKER: i64 = 1 << 32;

/// What an earlier chapter's broker has left in this node's folders.
pub struct EarlierFolder {
    disk: Disk,
    home: PathBuf,
    is_alone: bool,
    topics: Mutex<Option<EarlierTopics>>,
}

impl EarlierFolder {
    // ANCHOR: read
    /// Looks into the log directories of broker `me`. `is_alone`: no other broker remembers topics; `is_new`: there is no
    /// metadata log yet.
    pub fn read(
        disk: &Disk,
        folders: &[PathBuf],
        me: i32,
        is_alone: bool,
        is_new: bool,
    ) -> Result<EarlierFolder, String> {
        let home = folders.first().cloned().unwrap_or_default();
        let contents = match home.join(topic_store::FILE_NAME).exists() {
            true => Some(TopicStore::open(disk, &home)?.contents().clone()),
            false if is_alone && is_new => adopted(folders)?,
            false => None,
        };
        let topics = match contents {
            Some(contents) => Some(earlier_topics(disk, folders, &home, me, contents)?),
            None => None,
        };
        Ok(EarlierFolder { disk: disk.clone(), home, is_alone, topics: Mutex::new(topics) })
    }
    // ANCHOR_END: read

    /// Whether what it knew counts even if there is a metadata log that others have decided about before.
    pub fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// What it knew; `None`: nothing was left, or it is in the metadata log by now.
    pub fn topics(&self) -> Option<EarlierTopics> {
        self.topics.lock().unwrap().clone()
    }

    /// The metadata log has it.
    pub fn taken_over(&self) {
        let Some(topics) = self.topics.lock().unwrap().take() else { return };
        info!("{} topics of an earlier chapter are in the metadata log now", topics.topics.len());
        for file in [topic_store::FILE_NAME, leader_store::FILE_NAME] {
            let path = self.home.join(file);
            let aside = self.home.join(format!("{file}.{TAKEN_OVER}"));
            if path.exists()
                && let Err(e) = self.disk.rename(&path, &aside)
            {
                warn!("{}: cannot be renamed: {e}", path.display());
            }
        }
    }
}

/// The cluster that a folder of chapter 3 belongs to, where the folder's own id is not it.
pub fn earlier_cluster_id(disk: &Disk, home: &Path) -> Result<Option<String>, String> {
    Ok(LeaderStore::open(disk, home)?.cluster_id().map(str::to_owned))
}

fn earlier_topics(
    disk: &Disk,
    folders: &[PathBuf],
    home: &Path,
    me: i32,
    contents: Contents,
) -> Result<EarlierTopics, String> {
    let leaders = LeaderStore::open(disk, home)?;
    let mut topics = BTreeMap::new();
    let mut highest_broker = 0;
    for (name, stored) in contents.topics.iter().filter(|(_, topic)| !topic.deleting) {
        let mut partitions = Vec::new();
        for index in 0..stored.partitions {
            let partition = TopicPartition::new(name, index);
            let replicas = stored.replicas_of(index, me);
            highest_broker = replicas.iter().copied().fold(highest_broker, i32::max);
            let in_log = epoch_in_log(disk, folders, &partition)?;
            let epoch = match leaders.get(&partition).filter(|leader| leader.topic_id == stored.id) {
                Some(leader) => leader.epoch.max(in_log),
                None if replicas == [me] => in_log,
                None => in_log + UNHEARD_TERMS,
            };
            partitions.push(EarlierPartition { replicas, epoch });
        }
        topics.insert(name.clone(), EarlierTopic { id: stored.id, settings: settings_of(stored), partitions });
    }
    let in_cluster = if highest_broker == me { 0 } else { i64::from(highest_broker) + 1 };
    let next_producer_id = contents.next_producer_id.unwrap_or(0).max(in_cluster * PRODUCER_IDS_PER_BROKER);
    Ok(EarlierTopics { topics, brokers: contents.brokers, next_producer_id })
}

fn settings_of(topic: &StoredTopic) -> Settings {
    let keep = ["cleanup.policy", "retention.ms", "retention.bytes"].map(str::to_owned);
    let is_set = keep.iter().any(|key| topic.settings.contains_key(key));
    let mut settings: Settings = topic.settings.clone();
    if topic.adopted && !is_set {
        settings.extend(keep.into_iter().zip(["delete", "-1", "-1"].map(str::to_owned)));
    }
    settings
}

/// The last epoch in a partition's own log; 0 if it has none.
fn epoch_in_log(disk: &Disk, folders: &[PathBuf], partition: &TopicPartition) -> Result<Epoch, String> {
    let path = folders.iter().map(|folder| folder.join(partition.to_string())).find(|folder| folder.exists());
    let Some(path) = path.map(|folder| folder.join("leader-epoch-checkpoint")) else { return Ok(0) };
    let epochs = LeaderEpochs::open(disk, path.clone()).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(epochs.latest().unwrap_or(0))
}

// ANCHOR: adopted
/// The topics of the partitions that are there; `None`: there are none.
fn adopted(folders: &[PathBuf]) -> Result<Option<Contents>, String> {
    let mut topics: BTreeMap<String, StoredTopic> = BTreeMap::new();
    let mut highest_producer_id = -1;
    for folder in folders {
        let fail = |e: std::io::Error| format!("log directory {}: {e}", folder.display());
        for entry in std::fs::read_dir(folder).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Some(partition) = TopicPartition::from_folder(&name) else { continue };
            let Ok(text) = std::fs::read_to_string(path.join("partition.metadata")) else { continue };
            if partition.topic == "__cluster_metadata" {
                continue;
            }
            info!("topic {}: found in {}", partition.topic, path.display());
            let topic = topics.entry(partition.topic).or_insert_with(|| StoredTopic {
                id: topic_id_in(&text).unwrap_or_else(Uuid::random),
                adopted: true,
                ..StoredTopic::default()
            });
            topic.partitions = topic.partitions.max(partition.partition + 1);
            highest_producer_id = highest_producer_id.max(highest_producer_id_in(&path).map_err(fail)?);
        }
    }
    let contents =
        Contents { version: 1, topics, next_producer_id: Some(highest_producer_id + 1), ..Contents::default() };
    Ok(Some(contents).filter(|contents| !contents.topics.is_empty()))
}
// ANCHOR_END: adopted

/// The highest producer id in the headers of a partition's batches, up to the first damage; -1 for none.
fn highest_producer_id_in(folder: &Path) -> std::io::Result<i64> {
    let mut highest = -1;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "log") {
            continue;
        }
        let (mut file, mut bytes, mut position) = (File::open(&path)?, [0; HEADER_LEN], 0);
        while file.read_exact(&mut bytes).is_ok()
            && let Ok(header) = BatchHeader::parse(&bytes)
        {
            highest = highest.max(header.producer_id);
            position += header.size() as u64;
            file.seek(SeekFrom::Start(position))?;
        }
    }
    Ok(highest)
}
