//! The configuration of this chapter: the broker's keys, and the topic's keys that may override them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ch00_wire::config;
use ch00_wire::config::{Config, Key, Value, WireConfig};

use crate::compression::Compression;
use crate::disk::Disk;
use crate::log::LogConfig;
use crate::log_dir::FolderLock;
use crate::replicas::{OneCopy, Replicas};
use crate::scan::LogError;
use crate::segment::SegmentConfig;
use crate::topic_store::Contents;
use crate::validate::Rules;

config! {
    /// What the broker of chapter 1 reads from server.properties.
    pub struct BrokerConfig: wire: WireConfig {
        /// The folder for logs, if `log.dirs` is not set. Apache Kafka's default is `/tmp/kafka-logs`, which a restart of the machine empties.
        log_dir: String = "./data";
        /// Folders for logs, separated by commas, one for each disk. A new partition goes where the fewest are.
        log_dirs: Vec<String> = "";
        /// Partitions of a topic that is created without saying how many.
        num_partitions: i32 = "1", in 1..=i64::from(i32::MAX);
        /// Copies of each partition of a topic that is created without saying how many.
        default_replication_factor: i32 = "1", in 1..=32767;
        /// Whether asking for a topic's metadata creates it.
        auto_create_topics_enable: bool = "true";
        /// Whether topics can be deleted.
        delete_topic_enable: bool = "true";
        /// How long the files of a deleted topic stay on the disk, in milliseconds.
        log_segment_delete_delay_ms: i64 = "60000", in 0..=i64::MAX;
        /// The largest batch, in bytes; a topic's `max.message.bytes`.
        message_max_bytes: i32 = "1048588", in 0..=i64::from(i32::MAX);
        /// The codec that batches are stored in; `producer` keeps what came.
        compression_type: String = "producer", of ["producer", "uncompressed", "zstd", "lz4", "snappy", "gzip"];
        /// Whether records have their producer's time or that of their append.
        log_message_timestamp_type: String = "CreateTime", of ["CreateTime", "LogAppendTime"];
        /// How far before the broker's clock a record's timestamp may lie, in milliseconds.
        log_message_timestamp_before_max_ms: i64 = "9223372036854775807", in 0..=i64::MAX;
        /// How far after the broker's clock it may lie, in milliseconds.
        log_message_timestamp_after_max_ms: i64 = "3600000", in 0..=i64::MAX;
        /// The most bytes in a segment's `.log`.
        log_segment_bytes: i32 = "1073741824", in 1048576..=i64::from(i32::MAX);
        /// The longest stretch of time in a segment, in milliseconds; empty: `log.roll.hours` counts.
        log_roll_ms: Option<i64> = "", in 1..=i64::MAX;
        /// The same in hours.
        log_roll_hours: i32 = "168", in 1..=i64::from(i32::MAX);
        /// Bytes of log from one index entry to the next.
        log_index_interval_bytes: i32 = "4096", in 0..=i64::from(i32::MAX);
        /// The most bytes in an index; a full one ends its segment.
        log_index_size_max_bytes: i32 = "10485760", in 4..=i64::from(i32::MAX);
        /// Whether a segment's disk space is reserved as a whole. This broker reserves a few megabytes ahead whatever it says.
        log_preallocate: bool = "false";
        /// Records after which a log is synced to the disk, before they are acknowledged. The default: never; copies on other brokers are Kafka's durability.
        log_flush_interval_messages: i64 = "9223372036854775807", in 1..=i64::MAX;
        /// Milliseconds after which a log is synced to the disk; empty: `log.flush.scheduler.interval.ms` counts.
        log_flush_interval_ms: Option<i64> = "", in 0..=i64::MAX;
        /// How often logs are looked at for that, in milliseconds.
        log_flush_scheduler_interval_ms: i64 = "9223372036854775807", in 1..=i64::MAX;
        /// How often recovery points are written down, in milliseconds.
        log_flush_offset_checkpoint_interval_ms: i32 = "60000", in 0..=i64::from(i32::MAX);
        /// Threads that open the logs of one folder at start.
        num_recovery_threads_per_data_dir: i32 = "2", in 1..=i64::from(i32::MAX);
        /// How long a silent producer is remembered, in milliseconds.
        producer_id_expiration_ms: i32 = "86400000", in 1..=i64::from(i32::MAX);
        /// How often producers are looked at for that, in milliseconds.
        producer_id_expiration_check_interval_ms: i32 = "600000", in 1..=i64::from(i32::MAX);
        /// The most bytes of records in one answer to Fetch.
        fetch_max_bytes: i32 = "57671680", in 1024..=i64::from(i32::MAX);
        /// The most partitions in one answer to DescribeTopicPartitions.
        max_request_partition_size_limit: i32 = "2000", in 1..=i64::from(i32::MAX);
    }
}

config! {
    /// A topic's own settings; each has the broker's as its default.
    pub struct TopicConfig {
        /// The largest batch, in bytes.
        max_message_bytes: i32 = "1048588", in 0..=i64::from(i32::MAX);
        /// The codec that batches are stored in; `producer` keeps what came.
        compression_type: String = "producer", of ["producer", "uncompressed", "zstd", "lz4", "snappy", "gzip"];
        /// Whether records have their producer's time or that of their append.
        message_timestamp_type: String = "CreateTime", of ["CreateTime", "LogAppendTime"];
        /// How far before the broker's clock a record's timestamp may lie, in milliseconds.
        message_timestamp_before_max_ms: i64 = "9223372036854775807", in 0..=i64::MAX;
        /// How far after the broker's clock it may lie, in milliseconds.
        message_timestamp_after_max_ms: i64 = "3600000", in 0..=i64::MAX;
        /// The most bytes in a segment's `.log`.
        segment_bytes: i32 = "1073741824", in 1048576..=i64::from(i32::MAX);
        /// The same without a lower bound, for tests and demonstrations (Kafka's own, undocumented key).
        internal_segment_bytes: Option<i32> = "", in 1..=i64::from(i32::MAX);
        /// The longest stretch of time in a segment, in milliseconds.
        segment_ms: i64 = "604800000", in 1..=i64::MAX;
        /// The most bytes in an index.
        segment_index_bytes: i32 = "10485760", in 4..=i64::from(i32::MAX);
        /// Bytes of log from one index entry to the next.
        index_interval_bytes: i32 = "4096", in 0..=i64::from(i32::MAX);
        /// Whether a segment's disk space is reserved as a whole.
        preallocate: bool = "false";
        /// Records after which the log is synced to the disk.
        flush_messages: i64 = "9223372036854775807", in 1..=i64::MAX;
        /// Milliseconds after which the log is synced to the disk.
        flush_ms: i64 = "9223372036854775807", in 0..=i64::MAX;
    }
}

/// A topic's own settings, by key, as they were given.
pub type TopicSettings = BTreeMap<String, String>;

/// From a topic's own settings to the configuration of its logs, or which setting is wrong.
pub type LogConfigOf = Arc<dyn Fn(&TopicSettings) -> Result<LogConfig, String> + Send + Sync>;

// ANCHOR: hooks
/// How logs are configured, opened and served: what a layer that knows more of it brings along.
#[derive(Clone)]
pub struct LogHooks {
    /// The configuration of a topic's logs.
    pub config_of: LogConfigOf,
    /// Sets a partition's folder right before its log is opened.
    pub before_open: fn(&Disk, &Path) -> Result<(), LogError>,
    /// Who has copies, and who serves them.
    pub replicas: Arc<dyn Replicas>,
    /// The topics, if they are kept elsewhere; `None`: in a file in the first log directory.
    pub topics: Option<Contents>,
    /// Folders that are locked already.
    pub locks: Arc<Mutex<Vec<FolderLock>>>,
}

impl LogHooks {
    /// This chapter's own.
    pub fn new(config: &BrokerConfig) -> LogHooks {
        let config = config.clone();
        LogHooks {
            replicas: Arc::new(OneCopy { broker_id: config.wire.broker_id }),
            config_of: Arc::new(move |settings| config.log_config(settings)),
            before_open: |_, _| Ok(()),
            topics: None,
            locks: Arc::default(),
        }
    }

    /// The lock of a folder: one that there is, or a new one.
    pub fn lock(&self, folder: &Path) -> Result<FolderLock, String> {
        let mut locks = self.locks.lock().unwrap();
        match locks.iter().position(|lock| lock.path() == folder) {
            Some(index) => Ok(locks.swap_remove(index)),
            None => FolderLock::take(folder),
        }
    }
}
// ANCHOR_END: hooks

/// Bytes of a topic's setting: values are stored as they come, also those of keys that this broker does not use.
const LONGEST_VALUE: usize = 32_767;

/// Every topic key of Apache Kafka 4.3. Those that this broker does not use are kept with the topic.
const KAFKA_TOPIC_KEYS: &str = include_str!("kafka_topic_keys.txt");

impl BrokerConfig {
    /// The folders for logs.
    pub fn log_folders(&self) -> Vec<PathBuf> {
        let dirs = if self.log_dirs.is_empty() {
            Vec::parse(&self.log_dir).unwrap_or_default()
        } else {
            self.log_dirs.clone()
        };
        dirs.into_iter().map(|dir: String| PathBuf::from(dir)).collect()
    }

    /// What a topic without settings of its own gets.
    pub fn topic_defaults(&self) -> TopicConfig {
        let hour = 3_600_000;
        TopicConfig {
            max_message_bytes: self.message_max_bytes,
            compression_type: self.compression_type.clone(),
            message_timestamp_type: self.log_message_timestamp_type.clone(),
            message_timestamp_before_max_ms: self.log_message_timestamp_before_max_ms,
            message_timestamp_after_max_ms: self.log_message_timestamp_after_max_ms,
            segment_bytes: self.log_segment_bytes,
            internal_segment_bytes: None,
            segment_ms: self.log_roll_ms.unwrap_or(i64::from(self.log_roll_hours) * hour),
            segment_index_bytes: self.log_index_size_max_bytes,
            index_interval_bytes: self.log_index_interval_bytes,
            preallocate: self.log_preallocate,
            flush_messages: self.log_flush_interval_messages,
            flush_ms: self.log_flush_interval_ms.unwrap_or(self.log_flush_scheduler_interval_ms),
        }
    }

    /// The configuration of a topic's logs, or which setting is wrong.
    pub fn log_config(&self, settings: &TopicSettings) -> Result<LogConfig, String> {
        let mut topic = self.topic_defaults();
        for (key, value) in settings {
            if value.len() > LONGEST_VALUE {
                return Err(format!("{key}: a value has at most {LONGEST_VALUE} bytes, this has {}", value.len()));
            }
            match topic.set(key, value) {
                Some(result) => result.map_err(|problem| format!("{key}: `{value}` {problem}"))?,
                None if KAFKA_TOPIC_KEYS.lines().any(|known| known == key) => {}
                None => return Err(format!("{key}: no such topic configuration; the nearest is `{}`", nearest(key))),
            }
        }
        Ok(topic.log_config())
    }
}

fn nearest(key: &str) -> &'static str {
    let distance = |known: &&str| strsim::damerau_levenshtein(known, key);
    KAFKA_TOPIC_KEYS.lines().min_by_key(distance).unwrap_or_default()
}

impl TopicConfig {
    /// What it means for a log.
    pub fn log_config(&self) -> LogConfig {
        LogConfig {
            segment: SegmentConfig {
                max_bytes: self.internal_segment_bytes.unwrap_or(self.segment_bytes) as u32,
                max_ms: self.segment_ms,
                index_interval_bytes: self.index_interval_bytes as usize,
                max_index_bytes: self.segment_index_bytes as usize,
            },
            rules: Rules {
                max_message_bytes: self.max_message_bytes as usize,
                compression: self.compression_type.parse::<Compression>().ok(),
                append_time: self.message_timestamp_type == "LogAppendTime",
                timestamp_before_max_ms: self.message_timestamp_before_max_ms,
                timestamp_after_max_ms: self.message_timestamp_after_max_ms,
                key_required: false,
            },
            flush_messages: self.flush_messages,
            flush_ms: self.flush_ms,
        }
    }

    /// The topic keys that this chapter uses.
    pub fn topic_keys() -> Vec<Key> {
        <TopicConfig as Config>::keys()
    }
}
