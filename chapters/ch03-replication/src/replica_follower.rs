//! What a follower does with its leader's answers: appends, truncates, begins anew, or stops.
//!
//! The decision is `follower::next_move`'s; here it is carried out on the log.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use ch01_log::batch::{Epoch, Offset};
use ch01_log::log::AppendError;
use ch01_log::log_copy::CopyError;
use ch01_log::log_dir::CLEANED;
use ch01_log::log_manager::LogManager;
use tracing::{error, info};

use crate::follower::{Answer, Move, OwnLog, next_move};
use crate::isr::BrokerId;
use crate::replica::{Following, ReplicatedPartition, Role, State, follower_progress, last_epoch};

/// Where a follower is: what it asks its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The leader's epoch, as the follower knows it.
    pub leader_epoch: Epoch,
    /// Where its log ends.
    pub offset: Offset,
    /// The epoch of its last batch, -1 if it has none.
    pub last_epoch: Epoch,
    /// Where its log starts.
    pub log_start: Offset,
    /// Its high watermark.
    pub high_watermark: Offset,
}

/// What a follower does after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It fetches again.
    Fetch,
    /// It pauses before that.
    BackOff,
    /// It does nothing until it is told of another epoch.
    Wait,
}

impl ReplicatedPartition {
    // ANCHOR: leader_says
    /// The leader has told its epoch. Returns whether there is something to fetch that was not before.
    pub fn leader_says(&self, leader: BrokerId, epoch: Epoch) -> bool {
        let mut state = self.lock();
        let Role::Follower(following) = &mut state.role else { return false };
        if following.leader != leader || epoch < 0 || following.epoch.is_some_and(|known| epoch < known) {
            return false;
        }
        let has_waited = std::mem::take(&mut following.waits);
        following.epoch.replace(epoch) != Some(epoch) || has_waited
    }
    // ANCHOR_END: leader_says

    /// What it asks next; `None` if it does not fetch now.
    pub fn position(&self) -> Option<Position> {
        let state = self.lock();
        let Role::Follower(Following { epoch: Some(leader_epoch), waits: false, stopped: None, .. }) = &state.role
        else {
            return None;
        };
        let leader_epoch = *leader_epoch;
        if state.log.dir().is_failed() {
            return None;
        }
        let log = state.log.log();
        if log.damage().is_some() {
            return None;
        }
        Some(Position {
            leader_epoch,
            offset: log.log_end_offset(),
            last_epoch: last_epoch(&log),
            log_start: log.log_start_offset(),
            high_watermark: state.high_watermark,
        })
    }

    /// Whether it may fetch now: who has everything always may.
    pub fn may_fetch(&self) -> bool {
        let is_behind = matches!(&self.lock().role, Role::Follower(Following { is_behind: true, .. }));
        !is_behind || self.context.limits.may_fetch(&self.name)
    }

    // ANCHOR: apply
    /// Does what follows from an answer to what was asked at `position`. `records`: what came with it.
    pub fn apply(&self, position: Position, records: &Bytes, answer: Answer, logs: &LogManager) -> Next {
        let mut state = self.lock();
        match &state.role {
            Role::Follower(following) if following.epoch == Some(position.leader_epoch) => {}
            // An answer of the past.
            _ => return Next::Fetch,
        }
        let done = self.append_records(&mut state, records).and_then(|()| self.act(&mut state, answer, logs));
        let log = state.log.clone();
        match done {
            Ok(next) => next,
            Err(e) => {
                error!("{}: copying failed: {e}", self.name);
                if let CopyError::Append(AppendError::Failed(e)) = &e {
                    log.storage_error(e);
                }
                Next::BackOff
            }
        }
    }
    // ANCHOR_END: apply

    // ANCHOR: append_records
    fn append_records(&self, state: &mut State, records: &Bytes) -> Result<(), CopyError> {
        let partition = state.log.clone();
        let mut log = partition.log();
        let rolled = match log.append_copied(records) {
            // The leader's log has holes: it was compacted. From now on this one may have some, too.
            Err(CopyError::Gap { expected, got }) if got > expected => {
                drop(log);
                let start = partition.log().log_start_offset();
                let known = |offsets: &mut ch01_log::text_checkpoint::Offsets| {
                    offsets.entry(self.name.clone()).or_insert(start);
                };
                partition.dir().change_offsets(CLEANED, known).map_err(AppendError::from)?;
                log = partition.log();
                log.allow_holes();
                log.append_copied(records)?
            }
            result => result?,
        };
        drop(log);
        self.metrics.replication_bytes_in.increment(records.len() as u64);
        self.context.limits.fetched(&self.name, records.len());
        if rolled {
            partition.rolled();
        }
        Ok(())
    }
    // ANCHOR_END: append_records

    /// Appends what another replica has more, before this one leads.
    pub fn append_missing(&self, records: &Bytes) -> Result<(), String> {
        let mut state = self.lock();
        if !matches!(state.role, Role::Starting { .. }) {
            return Err("the partition does not wait for it any more".to_string());
        }
        self.append_records(&mut state, records).map_err(|e| e.to_string())
    }

    /// Begins anew where the log of another replica starts, before this one leads.
    pub fn begin_missing(&self, start: Offset, logs: &LogManager) -> Result<(), String> {
        let mut state = self.lock();
        if !matches!(state.role, Role::Starting { .. }) {
            return Err("the partition does not wait for it any more".to_string());
        }
        let config = state.log.log().config().clone();
        state.log = logs.begin_anew(&self.name, self.topic_id, config, start).map_err(|e| e.to_string())?;
        state.high_watermark = start;
        self.checkpoint.store(start, Ordering::Relaxed);
        Ok(())
    }

    // ANCHOR: act
    fn act(&self, state: &mut State, answer: Answer, logs: &LogManager) -> Result<Next, CopyError> {
        let partition = state.log.clone();
        let mut log = partition.log();
        let own = OwnLog {
            log_start: log.log_start_offset(),
            log_end: log.log_end_offset(),
            high_watermark: if state.may_lose() { log.log_start_offset() } else { state.high_watermark },
            epochs: log.epochs().entries(),
        };
        let answer = match answer {
            // What came may have been cut short.
            Answer::Batches { high_watermark, log_start, .. } => {
                Answer::Batches { end: log.log_end_offset(), high_watermark, log_start }
            }
            other => other,
        };
        let next = match next_move(own, answer) {
            Move::Append { high_watermark, log_start, .. } => {
                log.increment_log_start_offset(log_start);
                let is_behind = log.log_end_offset() < high_watermark;
                if let Role::Follower(following) = &mut state.role {
                    following.is_behind = is_behind;
                }
                self.raise(state, high_watermark.max(log.log_start_offset()), &log);
                Next::Fetch
            }
            Move::Truncate(offset) => {
                drop(log);
                let cut = || partition.log().truncate(offset);
                let cut = partition.dir().truncating(&self.name, offset, cut).map_err(AppendError::from)?;
                cut.map_err(AppendError::from)?;
                let log = partition.log();
                self.raise(state, state.high_watermark.min(log.log_end_offset()), &log);
                Next::Fetch
            }
            Move::BeginAnew(offset) => {
                info!(
                    "{}: the leader's log starts at {offset}, behind this one's end: beginning anew there",
                    self.name
                );
                let config = log.config().clone();
                drop(log);
                state.log = logs.begin_anew(&self.name, self.topic_id, config, offset).map_err(AppendError::from)?;
                let begun = state.log.clone();
                self.raise(state, offset, &begun.log());
                Next::Fetch
            }
            Move::BackOff => Next::BackOff,
            Move::Wait => {
                if let Role::Follower(following) = &mut state.role {
                    following.waits = true;
                }
                Next::Wait
            }
            Move::Stop(loss) => {
                error!("{}: {loss}", self.name);
                if let Role::Follower(following) = &mut state.role {
                    following.stopped = Some(loss);
                }
                Next::Wait
            }
        };
        Ok(next)
    }
    // ANCHOR_END: act

    /// The high watermark is there now, and so is the log's end: whoever waits learns of both.
    fn raise(&self, state: &mut State, high_watermark: Offset, log: &ch01_log::log::Log) {
        state.high_watermark = high_watermark;
        self.checkpoint.store(high_watermark, Ordering::Relaxed);
        let now = follower_progress(high_watermark, log);
        if let Role::Follower(following) = &state.role {
            following.progress.send_if_modified(|before| std::mem::replace(before, now) != now);
        }
    }
}

impl State {
    fn may_lose(&self) -> bool {
        matches!(&self.role, Role::Follower(Following { may_lose: true, .. }))
    }
}
