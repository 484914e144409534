//! The configuration of this chapter: what goes from logs, and when; for the broker, and for a topic where it differs.

use std::collections::BTreeSet;

use ch00_wire::config;
use ch00_wire::config::{Config, Value};
use ch01_log::config::{BrokerConfig as LogBrokerConfig, TopicSettings};
use ch01_log::log::LogConfig;

use crate::cleanup::CleanupConfig;

config! {
    /// What the broker of chapter 2 reads from server.properties.
    pub struct BrokerConfig: log: LogBrokerConfig {
        /// What happens to old records: `delete` drops whole old segments, `compact` keeps the newest record of each key, both do both, and an empty list keeps everything.
        log_cleanup_policy: CleanupPolicy = "delete";
        /// Milliseconds after which a segment is deleted, counted from its largest timestamp; -1: never; empty: `log.retention.minutes` counts.
        log_retention_ms: Option<i64> = "", in -1..=i64::MAX;
        /// The same in minutes; empty: `log.retention.hours` counts.
        log_retention_minutes: Option<i32> = "", in -1..=i64::from(i32::MAX);
        /// The same in hours.
        log_retention_hours: i32 = "168", in -1..=i64::from(i32::MAX);
        /// Bytes of a partition above which its oldest segments are deleted; -1: no limit.
        log_retention_bytes: i64 = "-1", in -1..=i64::MAX;
        /// How often logs are looked at for segments to delete, in milliseconds.
        log_retention_check_interval_ms: i64 = "300000", in 1..=i64::MAX;
        /// Threads that compact logs, each one log at a time; 0: none are compacted.
        log_cleaner_threads: i32 = "1", in 0..=i64::from(i32::MAX);
        /// How long such a thread pauses when no log is dirty enough, in milliseconds.
        log_cleaner_backoff_ms: i64 = "15000", in 0..=i64::MAX;
        /// The most bytes that all these threads together take for their maps from keys to offsets.
        log_cleaner_dedupe_buffer_size: i64 = "134217728", in 1..=i64::MAX;
        /// Bytes that all these threads together may read and write in a second.
        log_cleaner_io_max_bytes_per_second: f64 = "1.7976931348623157E308";
        /// The part of a log's bytes, 0 to 1, that must be dirty before it is compacted.
        log_cleaner_min_cleanable_ratio: Ratio = "0.5";
        /// Milliseconds for which records are not compacted, whatever comes.
        log_cleaner_min_compaction_lag_ms: i64 = "0", in 0..=i64::MAX;
        /// Milliseconds after which they are, whatever the ratio.
        log_cleaner_max_compaction_lag_ms: i64 = "9223372036854775807", in 1..=i64::MAX;
        /// Milliseconds for which a tombstone stays after the first compaction that met it.
        log_cleaner_delete_retention_ms: i64 = "86400000", in 0..=i64::MAX;
    }
}

config! {
    /// A topic's own settings for what goes from its logs; each has the broker's as its default.
    pub struct CleanupTopicConfig {
        /// What happens to old records: `delete` drops whole old segments, `compact` keeps the newest record of each key, both do both, and an empty list keeps everything.
        cleanup_policy: CleanupPolicy = "delete";
        /// Milliseconds after which a segment is deleted, counted from its largest timestamp; -1: never.
        retention_ms: i64 = "604800000", in -1..=i64::MAX;
        /// Bytes of a partition above which its oldest segments are deleted; -1: no limit.
        retention_bytes: i64 = "-1", in -1..=i64::MAX;
        /// Milliseconds that the files of a segment stay after it was taken out of its log.
        file_delete_delay_ms: i64 = "60000", in 0..=i64::MAX;
        /// The part of a log's bytes, 0 to 1, that must be dirty before it is compacted.
        min_cleanable_dirty_ratio: Ratio = "0.5";
        /// Milliseconds for which records are not compacted, whatever comes.
        min_compaction_lag_ms: i64 = "0", in 0..=i64::MAX;
        /// Milliseconds after which they are, whatever the ratio.
        max_compaction_lag_ms: i64 = "9223372036854775807", in 1..=i64::MAX;
        /// Milliseconds for which a tombstone stays after the first compaction that met it.
        delete_retention_ms: i64 = "86400000", in 0..=i64::MAX;
    }
}

/// `cleanup.policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Old segments are deleted.
    pub delete: bool,
    /// Only the newest record of each key is kept.
    pub compact: bool,
}

impl Value for CleanupPolicy {
    const KIND: &'static str = "LIST";

    fn parse(text: &str) -> Result<CleanupPolicy, String> {
        let mut policy = CleanupPolicy { delete: false, compact: false };
        let words: BTreeSet<&str> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        for word in words {
            match word {
                "delete" => policy.delete = true,
                "compact" => policy.compact = true,
                _ => return Err(format!("has `{word}`: legal are delete and compact, both, or neither")),
            }
        }
        Ok(policy)
    }

    fn show(&self) -> String {
        let words = [("compact", self.compact), ("delete", self.delete)];
        words.iter().filter(|(_, is_in)| *is_in).map(|(word, _)| *word).collect::<Vec<_>>().join(",")
    }
}

/// A part of a whole, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Ratio(pub f64);

impl Value for Ratio {
    const KIND: &'static str = "DOUBLE";

    fn parse(text: &str) -> Result<Ratio, String> {
        let ratio = f64::parse(text)?;
        if (0.0..=1.0).contains(&ratio) {
            Ok(Ratio(ratio))
        } else {
            Err("is out of range: legal is 0 to 1".to_string())
        }
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

impl BrokerConfig {
    /// `log.retention.ms`, or what the coarser keys say in its place; -1: for ever.
    pub fn retention_ms(&self) -> i64 {
        let minutes = self.log_retention_minutes.map(|minutes| i64::from(minutes) * 60_000);
        let hours = i64::from(self.log_retention_hours) * 3_600_000;
        self.log_retention_ms.or(minutes).unwrap_or(hours).max(-1)
    }

    /// What a topic without settings of its own gets.
    pub fn cleanup_defaults(&self) -> CleanupTopicConfig {
        CleanupTopicConfig {
            cleanup_policy: self.log_cleanup_policy,
            retention_ms: self.retention_ms(),
            retention_bytes: self.log_retention_bytes,
            file_delete_delay_ms: self.log.log_segment_delete_delay_ms,
            min_cleanable_dirty_ratio: self.log_cleaner_min_cleanable_ratio,
            min_compaction_lag_ms: self.log_cleaner_min_compaction_lag_ms,
            max_compaction_lag_ms: self.log_cleaner_max_compaction_lag_ms,
            delete_retention_ms: self.log_cleaner_delete_retention_ms,
        }
    }

    /// A topic's cleanup with its own settings over the broker's, or which of them is wrong. Keys that are not this
    /// chapter's are left to the one before.
    pub fn cleanup_config(&self, settings: &TopicSettings) -> Result<CleanupConfig, String> {
        let mut topic = self.cleanup_defaults();
        for (key, value) in settings {
            if let Some(Err(problem)) = topic.set(key, value) {
                return Err(format!("{key}: `{value}` {problem}"));
            }
        }
        let (min, max) = (topic.min_compaction_lag_ms, topic.max_compaction_lag_ms);
        if min > max {
            return Err(format!("min.compaction.lag.ms: {min} is more than max.compaction.lag.ms, {max}"));
        }
        Ok(topic.cleanup_config())
    }

    // ANCHOR: log_config
    /// The configuration of a topic's logs, or which setting is wrong. Records without a key have no place in a log that
    /// keeps one record of each key.
    pub fn log_config(&self, settings: &TopicSettings) -> Result<LogConfig, String> {
        let cleanup = self.cleanup_config(settings)?;
        let mut config = self.log.log_config(settings)?;
        config.rules.key_required = cleanup.compact;
        Ok(config)
    }
    // ANCHOR_END: log_config
}

impl CleanupTopicConfig {
    /// What it means for a log.
    pub fn cleanup_config(&self) -> CleanupConfig {
        CleanupConfig {
            delete: self.cleanup_policy.delete,
            compact: self.cleanup_policy.compact,
            retention_ms: self.retention_ms,
            retention_bytes: self.retention_bytes,
            file_delete_delay_ms: self.file_delete_delay_ms,
            min_cleanable_dirty_ratio: self.min_cleanable_dirty_ratio.0,
            min_compaction_lag_ms: self.min_compaction_lag_ms,
            max_compaction_lag_ms: self.max_compaction_lag_ms,
            delete_retention_ms: self.delete_retention_ms,
        }
    }
}
