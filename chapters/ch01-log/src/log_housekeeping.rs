//! What goes on in a broker's logs beside appends and reads: syncing, checkpoints, forgetting, removing; and the end.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::{error, warn};

use crate::batch::Offset;
use crate::log_dir::LogDir;
use crate::log_manager::LogManager;
use crate::partition::Partition;
use crate::text_checkpoint::{Offsets, TopicPartition};

/// An interval of centuries is none: timers do not reach that far. Ten years, in milliseconds.
const LONGEST_WAIT_MS: i64 = 10 * 365 * 86_400_000;

impl LogManager {
    /// Writes down where logs begin, up to where they are synced, and how far they can be read.
    pub fn checkpoint(&self) {
        for dir in self.dirs.iter().filter(|dir| !dir.is_failed()) {
            if let Err(e) = self.checkpoint_dir(dir) {
                warn!("log directory {}: checkpoints not written: {e}", dir.path().display());
            }
        }
    }

    /// Syncs what is due, for as long as the broker runs: closed segments at once, others by `flush.ms`.
    pub async fn keep_flushed(self: Arc<Self>, every_ms: i64) {
        loop {
            let due = tokio::select! {
                () = self.tasks.stopping() => return,
                () = self.rolled.notified() => std::mem::take(&mut *self.to_flush.lock().unwrap()),
                () = sleep(interval(every_ms)) => {
                    let all = self.all();
                    all.into_iter().filter(|(_, p)| p.must_flush()).map(|(name, _)| name).collect()
                }
            };
            for partition in due.iter().filter_map(|name| self.get(name)) {
                // A failure has taken the disk offline; there is nothing more to do about it here.
                let _ = self.tasks.blocking(move || partition.flush()).await;
            }
        }
    }

    /// Removes the folders of deleted partitions when their time has come, for as long as the broker runs. The next start
    /// removes what is left.
    pub async fn keep_removing(self: Arc<Self>) {
        loop {
            let first = self.doomed.lock().unwrap().front().map(|&(due, ..)| due);
            let wait = first.map_or(LONGEST_WAIT_MS, |due| due.saturating_sub(self.clock.now()));
            tokio::select! {
                () = self.tasks.stopping() => return,
                () = self.was_doomed.notified() => {}
                () = sleep(interval(wait)) => {}
            }
            let manager = self.clone();
            self.tasks.blocking(move || manager.remove_doomed()).await;
        }
    }

    /// Removes the folders of deleted partitions whose time has come.
    pub fn remove_doomed(&self) {
        let now = self.clock.now();
        loop {
            let mut doomed = self.doomed.lock().unwrap();
            let Some((_, dir, folder)) = doomed.front().filter(|&&(due, ..)| due <= now).cloned() else { return };
            doomed.pop_front();
            drop(doomed);
            if let Err(e) = dir.disk().remove_dir(&folder) {
                error!("{}: not removed: {e}; the next start tries again", folder.display());
            }
        }
    }

    /// Does something in intervals on a thread that may block, for as long as the broker runs.
    pub async fn repeat(self: Arc<Self>, every_ms: i64, work: fn(&LogManager)) {
        loop {
            tokio::select! {
                () = self.tasks.stopping() => return,
                () = sleep(interval(every_ms)) => {}
            }
            let manager = self.clone();
            self.tasks.blocking(move || work(&manager)).await;
        }
    }

    /// Forgets producers that have been silent for too long.
    pub fn expire_producers(&self) {
        let oldest = self.clock.now() - self.producer_expiration_ms;
        for (_, partition) in self.all() {
            partition.expire_producers(oldest);
        }
    }

    /// Puts everything on the disk and marks the folders as closed cleanly. Blocks.
    pub fn close(&self) {
        let all = self.all();
        for dir in self.dirs.iter().filter(|dir| !dir.is_failed()) {
            let mut clean = true;
            for (name, partition) in all.iter().filter(|(_, partition)| Arc::ptr_eq(partition.dir(), dir)) {
                if let Err(e) = partition.log().close(self.clock.now()) {
                    error!("{name}: not closed cleanly: {e}");
                    clean = false;
                }
            }
            if !clean {
                dir.fail("logs could not be closed");
            }
        }
        for dir in self.dirs.iter().filter(|dir| !dir.is_failed()) {
            // Without its checkpoints a folder is not clean: the next start would believe older ones.
            if let Err(e) = self.checkpoint_dir(dir).and_then(|()| dir.mark_clean(self.replicas.incarnation())) {
                error!("log directory {}: not marked as clean: {e}", dir.path().display());
            }
        }
    }

    /// Writes the checkpoints of one folder.
    pub fn checkpoint_dir(&self, dir: &Arc<LogDir>) -> io::Result<()> {
        let _writing = dir.lock_checkpoints();
        let (mut points, mut starts, mut ends) = (Offsets::new(), Offsets::new(), Offsets::new());
        for (name, partition) in self.all().into_iter().filter(|(_, partition)| Arc::ptr_eq(partition.dir(), dir)) {
            let readable_end = self.replicas.readable_end(&name);
            let log = partition.log();
            points.insert(name.clone(), log.recovery_point());
            ends.insert(name.clone(), readable_end.unwrap_or(Offset::MAX).min(log.log_end_offset()));
            if log.first_segment_offset() < log.log_start_offset() {
                starts.insert(name.clone(), log.log_start_offset());
            }
        }
        // What is known of logs that could not be opened stays known.
        let before = dir.checkpoints()?;
        let opened: HashSet<TopicPartition> = points.keys().cloned().collect();
        let is_offline = |(name, _): &(TopicPartition, Offset)| !opened.contains(name) && dir.folder(name).exists();
        points.extend(before.recovery_points.into_iter().filter(is_offline));
        starts.extend(before.log_starts.into_iter().filter(is_offline));
        ends.extend(before.readable_ends.into_iter().filter(is_offline));
        dir.write_checkpoints(&points, &starts, &ends)
    }
}

fn interval(ms: i64) -> Duration {
    Duration::from_millis(ms.clamp(1, LONGEST_WAIT_MS) as u64)
}
