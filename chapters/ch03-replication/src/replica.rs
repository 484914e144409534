//! A replicated partition, as one broker has it: its log, and the part it plays: leader or follower.
//!
//! Here the machines of this chapter meet the disk. Whatever happens is an event for the leader's machine, under one lock
//! with the log, and what the machine wants done is done before the lock is given back:
//!
//! ```text
//! a producer appends   -> log -> Appended -> HighWatermark -> who waits is woken
//! a follower fetches   ->        Fetched  -> Propose       -> leaders.json -> Confirmed
//! time passes          ->        Tick     -> Propose
//! ```
//!
//! Here is who plays what; `replica_serving` has what a leader does for producers, consumers and followers,
//! `replica_follower` what a follower does.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use ch00_wire::uuid::Uuid;
use ch01_log::batch::{Epoch, Offset};
use ch01_log::local_partition::LocalPartition;
use ch01_log::log::Log;
use ch01_log::metadata::PartitionImage;
use ch01_log::partition::Progress;
use ch01_log::replicas::OpenedLog;
use ch01_log::text_checkpoint::TopicPartition;
use tokio::sync::watch;

use crate::follower::Loss;
use crate::isr::{BrokerId, Isr, Pending};
use crate::leader::{BecomeLeader, Effect, Event, Leader};
use crate::leader_store::StoredLeader;
use crate::metrics::TopicMetrics;
use crate::replica_context::{Proposal, ReplicaContext};

/// What this broker is to a partition.
pub(crate) enum Role {
    /// It will lead, but asks the others first whether it has everything.
    Starting {
        /// The epoch and the in-sync replicas, which are on the disk already.
        leader: StoredLeader,
        min_insync_replicas: usize,
        /// Nothing is known here of the partition's past: see `lost_disk`. The epoch is not on the disk, -1 at first.
        is_lost: bool,
    },
    /// It leads.
    Leader { machine: Box<Leader>, progress: watch::Sender<Progress> },
    /// It copies.
    Follower(Following),
    /// The partition was deleted.
    Gone,
}

/// A follower, between two answers of its leader.
pub(crate) struct Following {
    /// The leader.
    pub(crate) leader: BrokerId,
    /// The leader's epoch, as the leader has told; `None`: it has not yet.
    pub(crate) epoch: Option<Epoch>,
    /// Whether it does nothing until the leader speaks of its epoch again: it was told that this one is another.
    pub(crate) waits: bool,
    /// Set for good when the leader has lost what was acknowledged.
    pub(crate) stopped: Option<Loss>,
    /// Whether it follows even a leader that has: somebody has decided so.
    pub(crate) may_lose: bool,
    /// Whether it lacked something of what consumers may see when the leader last answered; until then it is taken to.
    pub(crate) is_behind: bool,
    pub(crate) progress: watch::Sender<Progress>,
}

pub(crate) struct State {
    /// The log; another one after it has begun anew.
    pub(crate) log: Arc<LocalPartition>,
    pub(crate) role: Role,
    /// All brokers that have a copy.
    pub(crate) replicas: Vec<BrokerId>,
    /// Everything below was acknowledged, and consumers may see it.
    pub(crate) high_watermark: Offset,
    /// As a leader: the incarnation of each follower's broker, as it said when it last fetched.
    pub(crate) broker_epochs: BTreeMap<BrokerId, i64>,
}

/// A partition that this broker has a copy of.
pub struct ReplicatedPartition {
    pub(crate) name: TopicPartition,
    pub(crate) topic_id: Uuid,
    pub(crate) context: Arc<ReplicaContext>,
    pub(crate) metrics: TopicMetrics,
    pub(crate) state: Mutex<State>,
    /// `State::high_watermark`, to be read without the lock.
    pub(crate) checkpoint: AtomicI64,
    /// Until when producers may still be on their way here from another leader, by the context's clock; 0: none was.
    pub(crate) settles_at: AtomicI64,
}

impl ReplicatedPartition {
    fn new(opened: &OpenedLog, high_watermark: Offset, role: Role, context: Arc<ReplicaContext>) -> Self {
        ReplicatedPartition {
            name: opened.name.clone(),
            topic_id: opened.topic_id,
            metrics: context.metrics.topic(&opened.name.topic),
            context,
            state: Mutex::new(State {
                log: opened.log.clone(),
                role,
                replicas: opened.replicas.clone(),
                high_watermark,
                broker_epochs: BTreeMap::new(),
            }),
            checkpoint: AtomicI64::new(high_watermark),
            settles_at: AtomicI64::new(0),
        }
    }

    /// A partition that this broker is to lead. `high_watermark`: as it was last written down.
    pub fn starting(
        opened: &OpenedLog,
        high_watermark: Offset,
        leader: StoredLeader,
        min_insync_replicas: usize,
        context: Arc<ReplicaContext>,
    ) -> Self {
        let role = Role::Starting { is_lost: leader.epoch < 0, leader, min_insync_replicas };
        Self::new(opened, within(opened, high_watermark), role, context)
    }

    /// A partition that another broker leads.
    pub fn follower(opened: &OpenedLog, high_watermark: Offset, context: Arc<ReplicaContext>) -> Self {
        let high_watermark = within(opened, high_watermark);
        let progress = watch::Sender::new(follower_progress(high_watermark, &opened.log.log()));
        let following = Following {
            leader: opened.replicas[0],
            epoch: None,
            waits: false,
            stopped: None,
            may_lose: false,
            is_behind: true,
            progress,
        };
        Self::new(opened, high_watermark, Role::Follower(following), context)
    }

    /// Its name.
    pub fn name(&self) -> &TopicPartition {
        &self.name
    }

    /// The topic's id.
    pub fn topic_id(&self) -> Uuid {
        self.topic_id
    }

    /// All brokers that have a copy.
    pub fn replicas(&self) -> Vec<BrokerId> {
        self.lock().replicas.clone()
    }

    /// The broker that leads it, or will; -1: none.
    pub fn leader(&self) -> BrokerId {
        match &self.lock().role {
            Role::Follower(following) => following.leader,
            Role::Starting { .. } | Role::Leader { .. } => self.context.me,
            Role::Gone => -1,
        }
    }

    /// Its high watermark.
    pub fn high_watermark(&self) -> Offset {
        self.checkpoint.load(Ordering::Relaxed)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    // ANCHOR: lead
    /// Leads from now on.
    pub fn lead(&self) {
        let mut state = self.lock();
        let Role::Starting { leader, min_insync_replicas, .. } = &state.role else { return };
        let log_end = state.log.log().log_end_offset();
        let machine = Leader::new(BecomeLeader {
            me: self.context.me,
            replicas: state.replicas.clone(),
            isr: Isr::new(leader.isr.iter().copied(), leader.version),
            epoch: leader.epoch,
            log_end,
            high_watermark: state.high_watermark,
            min_insync_replicas: *min_insync_replicas,
            lag_max_ms: self.context.lag_max_ms,
            now: self.context.now(),
        });
        let progress = watch::Sender::new(leader_progress(&machine, &state.log.log()));
        state.role = Role::Leader { machine: Box::new(machine), progress };
        // A leader without followers has nobody to wait for.
        self.step(&mut state, Event::Appended { log_end });
    }
    // ANCHOR_END: lead

    // ANCHOR: step
    /// Tells the leader's machine what happened, and does what it says.
    pub(crate) fn step(&self, state: &mut State, event: Event) {
        let log = state.log.clone();
        self.step_with(state, &log.log(), event);
    }

    pub(crate) fn step_with(&self, state: &mut State, log: &Log, event: Event) {
        self.step_by(state, log, |machine| machine.step(event));
    }

    pub(crate) fn step_by(&self, state: &mut State, log: &Log, step: impl FnOnce(&mut Leader) -> Vec<Effect>) {
        let Role::Leader { machine, progress } = &mut state.role else { return };
        for effect in step(machine) {
            match effect {
                Effect::Propose(isr) => self.context.propose(Proposal {
                    name: self.name.clone(),
                    epoch: machine.epoch(),
                    version: machine.isr().version(),
                    isr: isr.into_iter().collect(),
                }),
                Effect::HighWatermark(offset) => {
                    state.high_watermark = offset;
                    self.checkpoint.store(offset, Ordering::Relaxed);
                }
            }
        }
        let now = leader_progress(machine, log);
        progress.send_if_modified(|before| std::mem::replace(before, now) != now);
    }
    // ANCHOR_END: step

    /// Time has passed.
    pub fn tick(&self) {
        let mut state = self.lock();
        if matches!(state.role, Role::Leader { .. }) {
            self.step(&mut state, Event::Tick { now: self.context.now() });
        }
    }

    /// `min.insync.replicas` may have changed.
    pub fn set_min_insync_replicas(&self, count: usize) {
        let mut state = self.lock();
        if let Role::Starting { min_insync_replicas, .. } = &mut state.role {
            *min_insync_replicas = count;
        }
        self.step(&mut state, Event::MinInsyncReplicas(count));
    }

    // ANCHOR: settled
    /// What was proposed is on the disk, or could not be put there.
    pub fn settled(&self, proposal: &Proposal, confirmed: bool) {
        let mut state = self.lock();
        let Role::Leader { machine, .. } = &state.role else { return };
        if machine.epoch() != proposal.epoch || machine.isr().version() != proposal.version {
            return;
        }
        if confirmed {
            self.count_change(machine.isr());
        }
        let event = if confirmed { Event::Confirmed } else { Event::Refused };
        self.step(&mut state, event);
    }
    // ANCHOR_END: settled

    /// The change that is pending has happened.
    pub(crate) fn count_change(&self, isr: &Isr) {
        let metrics = &self.context.metrics;
        let shrinks = matches!(isr.pending(), Some(Pending::Leave(_)));
        if shrinks { &metrics.isr_shrinks } else { &metrics.isr_expands }.increment(1);
    }

    /// It was deleted: whoever waits for it waits no longer.
    pub fn close(&self) {
        self.lock().role = Role::Gone;
    }

    /// What others are told of it; `None` if this broker does not lead it.
    pub fn describe(&self) -> Option<PartitionImage> {
        let state = self.lock();
        let replicas = state.replicas.clone();
        match &state.role {
            Role::Leader { machine, .. } => Some(PartitionImage {
                leader: self.context.me,
                leader_epoch: machine.epoch(),
                isr: in_order(&replicas, machine.isr()),
                replicas,
            }),
            // The epoch is decided. A follower has to know it before it can be asked for what is missing here.
            Role::Starting { leader, .. } => {
                Some(PartitionImage { leader: -1, leader_epoch: leader.epoch, isr: leader.isr.clone(), replicas })
            }
            Role::Follower(_) | Role::Gone => None,
        }
    }

    /// Whether it will lead, and has not asked the others yet.
    pub fn is_starting(&self) -> bool {
        matches!(self.lock().role, Role::Starting { is_lost: false, .. })
    }

    /// Whether it is to lead, and nothing of its past is known here.
    pub fn is_lost(&self) -> bool {
        matches!(self.lock().role, Role::Starting { is_lost: true, .. })
    }

    /// A partition of unknown past will lead in this epoch.
    pub fn will_lead_in(&self, new_epoch: Epoch) {
        if let Role::Starting { leader, is_lost: true, .. } = &mut self.lock().role {
            leader.epoch = new_epoch;
        }
    }

    /// What is to be kept of a partition whose past was found out; `None`: it is not, or was never lost.
    pub fn found(&self) -> Option<StoredLeader> {
        match &self.lock().role {
            Role::Starting { leader, is_lost: true, .. } if leader.epoch >= 0 => Some(leader.clone()),
            _ => None,
        }
    }

    /// The latest epoch that a follower has heard of; -1: none.
    pub fn known_epoch(&self) -> Epoch {
        let state = self.lock();
        let Role::Follower(following) = &state.role else { return -1 };
        let in_log = state.log.log().epochs().latest();
        following.epoch.max(in_log).unwrap_or(-1)
    }

    /// The epoch it will lead in, -1 if it does already, or never will.
    pub fn starting_epoch(&self) -> Epoch {
        match &self.lock().role {
            Role::Starting { leader, .. } => leader.epoch,
            _ => -1,
        }
    }

    /// The in-sync replicas as they were stored, while it has not begun to lead.
    pub fn stored_isr(&self) -> Vec<BrokerId> {
        match &self.lock().role {
            Role::Starting { leader, .. } => leader.isr.clone(),
            _ => Vec::new(),
        }
    }

    /// Its last epoch, and where its log ends.
    pub fn log_end(&self) -> (Epoch, Offset) {
        let state = self.lock();
        let log = state.log.log();
        (last_epoch(&log), log.log_end_offset())
    }

    /// Looks at the leader's machine; `None` if this broker does not lead.
    pub fn with_leader<T>(&self, look: impl FnOnce(&Leader) -> T) -> Option<T> {
        match &self.lock().role {
            Role::Leader { machine, .. } => Some(look(machine)),
            _ => None,
        }
    }
}

impl State {
    pub(crate) fn progress(&self, log: &Log) -> Progress {
        match &self.role {
            Role::Leader { machine, .. } => leader_progress(machine, log),
            _ => follower_progress(self.high_watermark, log),
        }
    }
}

pub(crate) fn leader_progress(machine: &Leader, log: &Log) -> Progress {
    let readable_end = machine.high_watermark();
    Progress {
        log_end_offset: log.log_end_offset(),
        readable_end,
        last_stable_offset: log.last_stable_offset().min(readable_end),
        enough_replicas: machine.enough_replicas(),
    }
}

pub(crate) fn follower_progress(high_watermark: Offset, log: &Log) -> Progress {
    let readable_end = high_watermark.min(log.log_end_offset());
    Progress {
        log_end_offset: log.log_end_offset(),
        readable_end,
        last_stable_offset: log.last_stable_offset().min(readable_end),
        enough_replicas: false,
    }
}

/// A high watermark that was written down before may lie outside of the log.
fn within(opened: &OpenedLog, high_watermark: Offset) -> Offset {
    let log = opened.log.log();
    high_watermark.clamp(log.log_start_offset(), log.log_end_offset())
}

/// The epoch of the last batch, -1 if there is none. The list may end with a later one, in which nothing was appended, or
/// nothing is left.
pub(crate) fn last_epoch(log: &Log) -> Epoch {
    log.epochs().epoch_of(log.log_end_offset() - 1).unwrap_or(-1)
}

fn in_order(replicas: &[BrokerId], isr: &Isr) -> Vec<BrokerId> {
    replicas.iter().copied().filter(|replica| isr.confirmed().contains(replica)).collect()
}
