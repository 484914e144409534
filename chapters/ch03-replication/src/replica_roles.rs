//! A replica takes on a role because somebody says so who decides about leaders. In this chapter nobody does: each replica
//! begins with its role and keeps it, and nothing here is called.
//!
//! A new epoch is a new leadership: who waited for the old one (a producer, a consumer) waits no longer. The same epoch
//! again changes only who is in sync, or who has a copy.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ch01_log::batch::{Epoch, Offset};
use ch01_log::replicas::OpenedLog;
use tokio::sync::watch;

use crate::isr::{BrokerId, Isr};
use crate::leader::{BecomeLeader, Event, Leader};
use crate::replica::{Following, ReplicatedPartition, Role, follower_progress, leader_progress};
use crate::replica_context::ReplicaContext;

/// How long producers may be on their way from the last leader: they wait for its answers, a minute with librdkafka, before
/// they send to the next.
const SETTLE_MS: i64 = 70_000;

/// What a leader is told of its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// The epoch it leads in.
    pub epoch: Epoch,
    /// All brokers that have a copy.
    pub replicas: Vec<BrokerId>,
    /// Those in sync.
    pub isr: Vec<BrokerId>,
    /// How often that has changed.
    pub version: i32,
    /// `min.insync.replicas`.
    pub min_insync_replicas: usize,
}

/// What a follower is told of its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followership {
    /// The broker that leads; -1: none.
    pub leader: BrokerId,
    /// Its epoch.
    pub epoch: Epoch,
    /// All brokers that have a copy.
    pub replicas: Vec<BrokerId>,
    /// Whether the leader may lack what was acknowledged: somebody has decided that it leads nevertheless.
    pub may_lose: bool,
}

impl ReplicatedPartition {
    /// A partition that has no role yet.
    pub fn without_role(opened: &OpenedLog, high_watermark: Offset, context: Arc<ReplicaContext>) -> Self {
        let partition = Self::follower(opened, high_watermark, context);
        if let Role::Follower(following) = &mut partition.lock().role {
            following.leader = -1;
        }
        partition
    }

    // ANCHOR: become_leader
    /// Leads in an epoch; or, if it does already, learns who is in sync and who has a copy.
    pub fn become_leader(&self, leadership: Leadership) -> io::Result<()> {
        let Leadership { epoch, replicas, isr, version, min_insync_replicas } = leadership;
        let mut state = self.lock();
        state.replicas = replicas.clone();
        let isr = Isr::new(isr, version);
        let log = state.log.clone();
        if let Role::Leader { machine, .. } = &state.role
            && machine.epoch() == epoch
        {
            // It may come to know this way, too, that what it has proposed was confirmed.
            if machine.isr().pending().is_some() && machine.isr().proposed() == *isr.confirmed() {
                self.count_change(machine.isr());
            }
            self.step_by(&mut state, &log.log(), |machine| machine.told(&replicas, isr));
            return Ok(());
        }
        let mut log = log.log();
        log.begin_epoch(epoch)?;
        let log_end = log.log_end_offset();
        let machine = Leader::new(BecomeLeader {
            me: self.context.me,
            replicas,
            isr,
            epoch,
            log_end,
            high_watermark: state.high_watermark,
            min_insync_replicas,
            lag_max_ms: self.context.lag_max_ms,
            now: self.context.now(),
        });
        let progress = watch::Sender::new(leader_progress(&machine, &log));
        state.role = Role::Leader { machine: Box::new(machine), progress };
        state.broker_epochs = BTreeMap::new();
        if epoch > 0 {
            self.settles_at.store(self.context.now() + SETTLE_MS, Ordering::Relaxed);
        }
        self.step_with(&mut state, &log, Event::Appended { log_end });
        Ok(())
    }
    // ANCHOR_END: become_leader

    // ANCHOR: become_follower
    /// Follows a leader from now on.
    pub fn become_follower(&self, followership: Followership) {
        let Followership { leader, epoch, replicas, may_lose } = followership;
        let mut state = self.lock();
        state.replicas = replicas;
        if let Role::Follower(following) = &mut state.role {
            if following.epoch == Some(epoch) && following.leader == leader {
                return;
            }
            following.waits = false;
        }
        let high_watermark = state.high_watermark;
        let progress = watch::Sender::new(follower_progress(high_watermark, &state.log.log()));
        let (epoch, is_behind) = (Some(epoch), true);
        let following = Following { leader, epoch, waits: false, stopped: None, may_lose, is_behind, progress };
        state.role = Role::Follower(following);
        self.checkpoint.store(high_watermark, Ordering::Relaxed);
    }
    // ANCHOR_END: become_follower

    /// The incarnations of brokers, as they last said when they fetched; -1: unknown.
    pub fn broker_epoch_of(&self, replica: BrokerId) -> i64 {
        self.lock().broker_epochs.get(&replica).copied().unwrap_or(-1)
    }
}
