//! DescribeLogDirs: which logs lie in which log directory, how large they are, and how much room is left.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch01_log::log_dir::LogDir;
use ch01_log::text_checkpoint::TopicPartition;

use crate::broker::State;
use crate::messages::{
    DescribableLogDirTopic, DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse,
    DescribeLogDirsResult, DescribeLogDirsTopic,
};
use crate::volume::Volume;

/// The topics of a log directory.
type Topics = BTreeMap<String, Vec<DescribeLogDirsPartition>>;

/// Lists log directories.
pub async fn handle(
    state: Arc<State>,
    _context: Context,
    request: DescribeLogDirsRequest,
) -> Reply<DescribeLogDirsResponse> {
    let tasks = state.log.tasks.clone();
    tasks.blocking(move || answer(&state, request)).await.into()
}

fn answer(state: &State, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    let wanted: Option<BTreeSet<TopicPartition>> = request.topics.map(|topics| {
        let of_topic = |topic: &DescribableLogDirTopic| {
            topic.partitions.iter().map(|index| TopicPartition::new(&topic.topic, *index)).collect::<Vec<_>>()
        };
        topics.iter().flat_map(of_topic).collect()
    });
    let mut by_dir: BTreeMap<PathBuf, Topics> = BTreeMap::new();
    for (name, partition) in state.log.logs.all() {
        if wanted.as_ref().is_none_or(|wanted| wanted.contains(&name)) {
            let topics = by_dir.entry(partition.dir().path().to_owned()).or_default();
            topics.entry(name.topic).or_default().push(DescribeLogDirsPartition {
                partition_index: name.partition,
                partition_size: i64::try_from(partition.log().size()).unwrap_or(i64::MAX),
                ..Default::default()
            });
        }
    }
    let dir = |dir: &Arc<LogDir>| describe(dir, by_dir.remove(dir.path()).unwrap_or_default());
    DescribeLogDirsResponse { results: state.log.logs.dirs().iter().map(dir).collect(), ..Default::default() }
}

fn describe(dir: &LogDir, topics: Topics) -> DescribeLogDirsResult {
    let log_dir = absolute(dir.path());
    if dir.is_failed() {
        return DescribeLogDirsResult { error_code: ErrorCode::KAFKA_STORAGE_ERROR, log_dir, ..Default::default() };
    }
    let bytes = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
    let volume = Volume::of(dir.path());
    let topics = topics.into_iter().map(|(name, mut partitions)| {
        partitions.sort_by_key(|partition| partition.partition_index);
        DescribeLogDirsTopic { name, partitions }
    });
    DescribeLogDirsResult {
        log_dir,
        topics: topics.collect(),
        total_bytes: volume.map_or(-1, |volume| bytes(volume.total_bytes)),
        usable_bytes: volume.map_or(-1, |volume| bytes(volume.usable_bytes)),
        ..Default::default()
    }
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}
