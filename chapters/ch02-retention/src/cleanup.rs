//! A topic's settings for what goes from its logs, under Kafka's names and with Kafka's defaults.

/// What goes, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct CleanupConfig {
    /// Whether old segments are deleted (`cleanup.policy` has `delete`).
    pub delete: bool,
    /// Whether only the newest record of each key is kept (`cleanup.policy` has `compact`).
    pub compact: bool,
    /// Milliseconds after which a segment is deleted, counted from its largest timestamp (`retention.ms`); -1: never.
    pub retention_ms: i64,
    /// Bytes above which the oldest segments of a partition are deleted (`retention.bytes`); -1: no limit.
    pub retention_bytes: i64,
    /// Milliseconds that the files of a segment stay after it was taken out of its log (`file.delete.delay.ms`), 0 or
    /// more.
    pub file_delete_delay_ms: i64,
    /// The part of a log's bytes, 0 to 1, that must be dirty before it is compacted (`min.cleanable.dirty.ratio`).
    pub min_cleanable_dirty_ratio: f64,
    /// Milliseconds for which records stay uncompacted, whatever comes (`min.compaction.lag.ms`), 0 or more.
    pub min_compaction_lag_ms: i64,
    /// Milliseconds after which a segment is compacted, whatever the ratio (`max.compaction.lag.ms`), 1 or more.
    pub max_compaction_lag_ms: i64,
    /// Milliseconds that a tombstone stays after the first compaction that met it (`delete.retention.ms`), 0 or more.
    pub delete_retention_ms: i64,
}

impl Default for CleanupConfig {
    fn default() -> CleanupConfig {
        CleanupConfig {
            delete: true,
            compact: false,
            retention_ms: 604_800_000,
            retention_bytes: -1,
            file_delete_delay_ms: 60_000,
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            delete_retention_ms: 86_400_000,
        }
    }
}

impl CleanupConfig {
    /// The topics of a folder that Apache Kafka wrote have their settings in its `__cluster_metadata-0`, which nobody here
    /// reads: until someone sets them through this broker, nothing of such a topic goes.
    pub fn keep_everything() -> CleanupConfig {
        CleanupConfig { delete: false, compact: false, ..CleanupConfig::default() }
    }
}
