//! What goes on in the background: logs lose old segments, are compacted, and their files are removed.
//!
//! One at a time works on a log: whoever does has *claimed* it. Deleting and compacting both take segments out of a log,
//! and a compaction that found its segments deleted half way would have been for nothing.
//!
//! Caveat: a topic may be deleted, and created again, while its old log is cleaned. A deleted log refuses to have its
//! segments replaced; whatever error the cleaner meets then is nobody's concern.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ch01_log::batch::{Offset, Timestamp};
use ch01_log::broker::State as LogState;
use ch01_log::local_partition::LocalPartition;
use ch01_log::log::is_temporary;
use ch01_log::partition::Progress;
use ch01_log::scan::LogError;
use ch01_log::text_checkpoint::{Offsets, TopicPartition};
use tokio::sync::Notify;
use tracing::{error, info, warn};

use crate::cleanable::{CleanableFacts, LogToClean, dirtiest, log_to_clean};
use crate::cleaner::{CleanError, Cleaner, Pass};
use crate::cleanup::CleanupConfig;
use crate::deletion::{DoomedFiles, delete_old_segments, remove_files};
use crate::live_config::LiveConfig;
use crate::throttle::Throttle;

/// The longest that a pause of the throttle lasts before it is asked again whether to go on.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
/// Shorter pauses wait until more has come together.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// How long a log is left alone for which there was no room.
const PAUSE_AFTER_FAILURE_MS: i64 = 60_000;

/// Looks after logs.
pub struct Maintenance {
    state: Arc<LogState>,
    config: Arc<LiveConfig>,
    /// Logs that someone works on.
    claimed: Mutex<HashSet<TopicPartition>>,
    /// Logs that could not be cleaned, and when to try again: `Timestamp::MAX` stands for the next start.
    not_before: Mutex<HashMap<TopicPartition, Timestamp>>,
    /// Files of segments that have left their logs.
    doomed: Mutex<DoomedFiles>,
    /// Woken when there are more of them.
    was_doomed: Notify,
    /// What all cleaner threads together have used of their rate.
    throttle: Mutex<Throttle>,
    /// When the broker started: the throttle counts time from then on.
    started: Instant,
    /// Whether the warning about topics from elsewhere was given.
    has_warned: Mutex<bool>,
}

/// The right to work on a log, given back when dropped.
struct Claim<'a> {
    maintenance: &'a Maintenance,
    name: TopicPartition,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.maintenance.claimed.lock().unwrap().remove(&self.name);
    }
}

/// A log, and what is to go from it.
struct Candidate {
    name: TopicPartition,
    log: Arc<LocalPartition>,
    config: CleanupConfig,
}

impl Maintenance {
    /// Looks after the logs of a broker.
    pub fn new(state: Arc<LogState>, config: Arc<LiveConfig>) -> Maintenance {
        Maintenance {
            state,
            config,
            claimed: Mutex::default(),
            not_before: Mutex::default(),
            doomed: Mutex::default(),
            was_doomed: Notify::new(),
            throttle: Mutex::default(),
            started: Instant::now(),
            has_warned: Mutex::new(false),
        }
    }

    fn claim(&self, name: &TopicPartition) -> Option<Claim<'_>> {
        let is_free = self.claimed.lock().unwrap().insert(name.clone());
        is_free.then(|| Claim { maintenance: self, name: name.clone() })
    }

    /// All logs on disks that work.
    fn candidates(&self) -> Vec<Candidate> {
        let image = self.state.image();
        let mut configs: HashMap<String, CleanupConfig> = HashMap::new();
        let mut candidates = Vec::new();
        for (name, log) in self.state.logs.all() {
            let Some(topic) = image.topic(&name.topic).filter(|_| !log.dir().is_failed()) else { continue };
            let config = configs.entry(name.topic.clone()).or_insert_with(|| self.cleanup_of(topic)).clone();
            candidates.push(Candidate { name, log, config });
        }
        candidates
    }

    fn cleanup_of(&self, topic: &ch01_log::metadata::TopicImage) -> CleanupConfig {
        let config = self.config.cleanup_of(topic);
        if topic.adopted
            && !config.delete
            && !config.compact
            && !std::mem::replace(&mut self.has_warned.lock().unwrap(), true)
        {
            warn!(
                "topics that came with this folder, such as {}, keep everything until their cleanup.policy is set here: \
                 what it was is not known",
                topic.name
            );
        }
        config
    }

    /// How far a partition has come: what no reader can see yet is neither deleted nor compacted.
    fn progress(&self, name: &TopicPartition) -> Option<Progress> {
        let partition = self.state.partition(&name.topic, name.partition).ok()?;
        let progress = partition.progress().ok()?;
        let progress = *progress.borrow();
        Some(progress)
    }

    // ANCHOR: delete_old
    /// Takes the segments out of all logs that have had their time. Blocks.
    pub fn delete_old(&self) {
        for Candidate { name, log, config } in self.candidates() {
            let Some(_claim) = self.claim(&name) else { continue };
            let Some(progress) = self.progress(&name) else { continue };
            let now = self.state.clock.now();
            let deleted = delete_old_segments(&mut log.log(), progress.readable_end, &config, now);
            match deleted {
                Ok(deleted) => self.doom(deleted.doomed, now, &config),
                Err(e) => self.note_failure(&name, &log, e.into(), now),
            }
        }
    }
    // ANCHOR_END: delete_old

    // ANCHOR: clean_next
    /// Cleans the dirtiest log that is due, and says what was done; `None`: no log is due. Blocks.
    pub fn clean_next(&self, cleaner: &mut Cleaner) -> Option<Pass> {
        let candidates = self.cleanable();
        let due = candidates.iter().map(|(candidate, range)| (range, &candidate.config));
        let (Candidate { name, log, config }, range) = &candidates[dirtiest(due)?];
        let _claim = self.claim(name)?;
        let now = self.state.clock.now();
        let pass = cleaner.clean(&**log, log.dir(), range, config, now, &|bytes| self.pace(name, log, bytes));
        match pass {
            Ok(pass) => {
                info!(
                    "{name}: compacted up to {}, {} bytes became {}",
                    pass.first_dirty_offset, pass.bytes_before, pass.bytes_after
                );
                self.doom(pass.doomed.clone(), now, config);
                Some(pass)
            }
            Err(e) => {
                self.note_failure(name, log, e, now);
                Some(Pass::default())
            }
        }
    }
    // ANCHOR_END: clean_next

    /// The compacted logs that nobody works on, and what a pass over each would do.
    fn cleanable(&self) -> Vec<(Candidate, LogToClean)> {
        let now = self.state.clock.now();
        let mut checkpoints: HashMap<PathBuf, Offsets> = HashMap::new();
        let mut found = Vec::new();
        for candidate in self.candidates().into_iter().filter(|candidate| candidate.config.compact) {
            let Candidate { name, log, config } = &candidate;
            let must_wait = self.not_before.lock().unwrap().get(name).is_some_and(|&time| now < time);
            if must_wait || self.claimed.lock().unwrap().contains(name) {
                continue;
            }
            let cleaned = checkpoints.entry(log.dir().path().to_owned()).or_insert_with(|| {
                log.dir().checkpoints().map(|checkpoints| checkpoints.cleaned).unwrap_or_else(|e| {
                    error!("log directory {}: {e}; everything in it is taken for dirty", log.dir().path().display());
                    Offsets::new()
                })
            });
            let Some(progress) = self.progress(name) else { continue };
            match facts(log, progress, cleaned.get(name).copied(), config, now) {
                Ok(range) => found.extend(range.map(|range| (candidate, range))),
                Err(e) => self.note_failure(name, log, e.into(), now),
            }
        }
        found
    }

    /// Holds the cleaner to its rate, and ends a pass whose log is gone or whose broker stops.
    fn pace(&self, name: &TopicPartition, log: &Arc<LocalPartition>, bytes: usize) -> Result<(), CleanError> {
        let rate = self.config.whole().retention().log_cleaner_io_max_bytes_per_second;
        let mut pause = self.throttle.lock().unwrap().spend(bytes, rate, self.started.elapsed());
        loop {
            if self.state.tasks.is_stopping() || !self.is_served(name, log) {
                return Err(CleanError::Interrupted);
            }
            if pause < SHORTEST_PAUSE {
                return Ok(());
            }
            let part = pause.min(LONGEST_PAUSE);
            std::thread::sleep(part);
            pause -= part;
        }
    }

    fn is_served(&self, name: &TopicPartition, log: &Arc<LocalPartition>) -> bool {
        self.state.logs.get(name).is_some_and(|served| Arc::ptr_eq(&served, log))
    }

    /// What has run out may come back; what is damaged does not mend; a disk that fails goes offline.
    fn note_failure(&self, name: &TopicPartition, log: &Arc<LocalPartition>, e: CleanError, now: Timestamp) {
        if matches!(e, CleanError::Interrupted) || !self.is_served(name, log) {
            return;
        }
        let again = match &e {
            CleanError::Log(LogError::Io(e)) if is_temporary(e) => now.saturating_add(PAUSE_AFTER_FAILURE_MS),
            _ => Timestamp::MAX,
        };
        error!(
            "{name}: cleanup failed: {e}; next try {}",
            if again == Timestamp::MAX { "at the next start" } else { "in a minute" }
        );
        self.not_before.lock().unwrap().insert(name.clone(), again);
        match e {
            CleanError::Log(LogError::Io(e)) if !is_temporary(&e) => log.dir().fail(&e.to_string()),
            _ => {}
        }
    }

    /// Has files removed after `file.delete.delay.ms`.
    fn doom(&self, files: Vec<PathBuf>, now: Timestamp, config: &CleanupConfig) {
        if !files.is_empty() {
            self.doomed.lock().unwrap().add(files, now.saturating_add(config.file_delete_delay_ms));
            self.was_doomed.notify_one();
        }
    }

    /// Removes the files whose time has come. Blocks.
    pub fn remove_due_files(&self) {
        let due = self.doomed.lock().unwrap().take_due(self.state.clock.now());
        for dir in self.state.logs.dirs().iter().filter(|dir| !dir.is_failed()) {
            let own: Vec<_> = due.iter().filter(|file| file.starts_with(dir.path())).cloned().collect();
            remove_files(dir.disk(), &own);
        }
    }
}

fn facts(
    log: &LocalPartition,
    progress: Progress,
    checkpoint: Option<Offset>,
    config: &CleanupConfig,
    now: Timestamp,
) -> Result<Option<LogToClean>, LogError> {
    let mut log = log.log();
    if log.damage().is_some() {
        return Ok(None);
    }
    let segments = log.segment_infos()?;
    let facts = CleanableFacts {
        segments: &segments,
        log_start_offset: log.log_start_offset(),
        last_stable_offset: progress.last_stable_offset,
        log_end_offset: log.log_end_offset(),
        checkpoint,
    };
    Ok(Some(log_to_clean(facts, config, now)))
}

/// The tasks.
impl Maintenance {
    /// Deletes old segments every `log.retention.check.interval.ms`, for as long as the broker runs.
    pub async fn keep_deleting(self: Arc<Self>) {
        /// The first look comes sooner: a broker that was down has some catching up to do.
        const FIRST_MS: u64 = 30_000;
        let every_ms = self.config.whole().retention().log_retention_check_interval_ms.unsigned_abs();
        let mut wait = every_ms.min(FIRST_MS);
        while self.sleep(wait).await {
            let maintenance = self.clone();
            self.state.tasks.blocking(move || maintenance.delete_old()).await;
            wait = every_ms;
        }
    }

    /// Compacts one log after the other, for as long as the broker runs: one of `log.cleaner.threads`.
    pub async fn keep_cleaning(self: Arc<Self>) {
        loop {
            let config = self.config.now();
            let bytes = config.log_cleaner_dedupe_buffer_size / i64::from(config.log_cleaner_threads.max(1));
            let maintenance = self.clone();
            let clean = move || maintenance.clean_next(&mut Cleaner::new(usize::try_from(bytes).unwrap_or(usize::MAX)));
            let pass = self.state.tasks.blocking(clean).await;
            let wait = if pass.is_some() { 0 } else { config.log_cleaner_backoff_ms.unsigned_abs() };
            if !self.sleep(wait).await {
                return;
            }
        }
    }

    /// Removes files when their time has come, for as long as the broker runs. The next start removes what is left.
    pub async fn keep_removing(self: Arc<Self>) {
        const LONGEST_MS: u64 = 3_600_000;
        loop {
            let next = self.doomed.lock().unwrap().next_due();
            let wait = next.map_or(LONGEST_MS, |due| (due - self.state.clock.now()).clamp(0, LONGEST_MS as i64) as u64);
            tokio::select! {
                () = self.was_doomed.notified() => continue,
                goes_on = self.sleep(wait) => if !goes_on { return },
            }
            let maintenance = self.clone();
            self.state.tasks.blocking(move || maintenance.remove_due_files()).await;
        }
    }

    /// `false`: the broker stops.
    async fn sleep(&self, ms: u64) -> bool {
        const TEN_YEARS_MS: u64 = 10 * 365 * 86_400_000;
        tokio::select! {
            () = self.state.tasks.stopping() => false,
            () = tokio::time::sleep(Duration::from_millis(ms.min(TEN_YEARS_MS))) => !self.state.tasks.is_stopping(),
        }
    }
}
