//! What a leader knows of its followers, and what follows from it: who is in sync, and what consumers may see.
//!
//! ```text
//! leader     [ 0 . . . . . . . . . . . . 14 )    log end 15
//! follower 2 [ 0 . . . . . . . . 10 )            has fetched up to 11
//! follower 3 [ 0 . . . . . . . . . . 12 )        has fetched up to 13
//!                                  ^ high watermark 11: all in-sync replicas have what lies below
//! ```
//!
//! A follower says how far it has come by asking for what comes next. Nothing else is ever sent about it.
//!
//! Caveats. After a change of leaders nothing is known of the followers, and the high watermark stands still until each
//! in-sync replica has fetched in the new epoch, or was found to lag. And it stands still while fewer replicas are in
//! sync than `min.insync.replicas`: else a record that only one broker has could be read, and then be lost.

use std::collections::{BTreeMap, BTreeSet};

use ch01_log::batch::{Epoch, Offset, Timestamp};

use crate::isr::{BrokerId, Isr, Pending};

/// What happens to a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It has appended, or begun anew: its log ends there now.
    Appended {
        /// The log's end.
        log_end: Offset,
    },
    /// A follower asks for the batches from an offset on: it has everything below.
    Fetched {
        /// Which follower.
        replica: BrokerId,
        /// Where its log ends.
        offset: Offset,
        /// When it asked, in milliseconds.
        now: Timestamp,
    },
    /// Time has passed: who lags?
    Tick {
        /// The time, in milliseconds.
        now: Timestamp,
    },
    /// The proposed ISR is confirmed.
    Confirmed,
    /// The proposed ISR was refused, and nothing has changed.
    Refused,
    /// `min.insync.replicas` was changed.
    MinInsyncReplicas(usize),
}

/// What a leader has to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Have this ISR confirmed as the version after the confirmed one; then tell the machine.
    Propose(BTreeSet<BrokerId>),
    /// Consumers may see everything below: wake those who wait for it.
    HighWatermark(Offset),
}

/// How far a follower has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Follower {
    /// Where its log ends; `None`: it has not fetched in this epoch.
    pub log_end: Option<Offset>,
    /// When it last had everything, in milliseconds.
    pub last_caught_up: Timestamp,
    /// When it last fetched, in milliseconds.
    last_fetch: Timestamp,
    /// Where the leader's log ended then.
    leader_end_at_last_fetch: Offset,
}

/// A leader, for one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leader {
    /// This broker.
    me: BrokerId,
    epoch: Epoch,
    /// Where the log ended when the epoch began.
    epoch_start: Offset,
    /// The offset of the next record.
    log_end: Offset,
    /// Consumers may see everything below; at most the log's end.
    high_watermark: Offset,
    /// The other replicas.
    followers: BTreeMap<BrokerId, Follower>,
    isr: Isr,
    /// `min.insync.replicas`, 1 or more.
    min_insync_replicas: usize,
    /// `replica.lag.time.max.ms`, 0 or more.
    lag_max_ms: i64,
    /// The time, as it was last told, in milliseconds.
    now: Timestamp,
}

/// What one has to know to become a leader.
#[derive(Clone, Debug)]
pub struct BecomeLeader {
    /// This broker.
    pub me: BrokerId,
    /// All brokers that have a copy, this one among them.
    pub replicas: Vec<BrokerId>,
    /// The in-sync replicas as they were last confirmed.
    pub isr: Isr,
    /// The new epoch.
    pub epoch: Epoch,
    /// Where the log ends.
    pub log_end: Offset,
    /// The high watermark as it was last known here.
    pub high_watermark: Offset,
    /// `min.insync.replicas`, 1 or more.
    pub min_insync_replicas: usize,
    /// `replica.lag.time.max.ms`, 0 or more.
    pub lag_max_ms: i64,
    /// The time, in milliseconds: in-sync replicas have so long from now on to fetch.
    pub now: Timestamp,
}

impl Leader {
    /// Begins an epoch as leader.
    pub fn new(become_leader: BecomeLeader) -> Leader {
        let BecomeLeader { me, replicas, isr, epoch, log_end, high_watermark, min_insync_replicas, lag_max_ms, now } =
            become_leader;
        let follower = |&replica: &BrokerId| {
            let last_caught_up = if isr.confirmed().contains(&replica) { now } else { Timestamp::MIN };
            (replica, Follower { last_caught_up, ..Follower::default() })
        };
        let followers = replicas.iter().filter(|&&replica| replica != me).map(follower).collect();
        let high_watermark = high_watermark.min(log_end);
        Leader {
            me,
            epoch,
            epoch_start: log_end,
            log_end,
            high_watermark,
            followers,
            isr,
            min_insync_replicas,
            lag_max_ms,
            now,
        }
    }

    /// Its epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Consumers may see everything below.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// The in-sync replicas.
    pub fn isr(&self) -> &Isr {
        &self.isr
    }

    /// How far each follower has come.
    pub fn followers(&self) -> &BTreeMap<BrokerId, Follower> {
        &self.followers
    }

    /// Whether enough replicas are in sync to acknowledge `acks=all`. More than there are cannot be asked for.
    pub fn enough_replicas(&self) -> bool {
        todo!("exercise enough-replicas")
    }

    /// The high watermark, if consumers may be told that the log ends there; `None` while it lies before the epoch's
    /// start: a leader that has just begun may not know how far it has been already.
    pub fn latest_offset(&self) -> Option<Offset> {
        (self.high_watermark >= self.epoch_start).then_some(self.high_watermark)
    }

    /// Takes note of what happened, and says what is to be done.
    pub fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Appended { log_end } => {
                assert!(log_end >= self.log_end, "a leader never truncates");
                self.log_end = log_end;
            }
            Event::Fetched { replica, offset, now } => {
                self.now = self.now.max(now);
                self.note_fetch(replica, offset, now);
                if !self.isr.confirmed().contains(&replica) {
                    effects.extend(self.maybe_expand(replica));
                }
            }
            Event::Tick { now } => {
                self.now = self.now.max(now);
                effects.extend(self.maybe_shrink());
            }
            Event::Confirmed => self.isr.confirm(),
            Event::Refused => self.isr.drop_pending(),
            Event::MinInsyncReplicas(count) => self.min_insync_replicas = count,
        }
        effects.extend(self.raise_high_watermark());
        assert!(self.high_watermark <= self.log_end, "nobody has what the leader has not");
        effects
    }

    /// Whoever decides about replicas says which there are and which of them are in sync: what is older than what is known
    /// here is no news; what is newer is true, and a change of our own that was under way will be refused.
    pub fn told(&mut self, replicas: &[BrokerId], isr: Isr) -> Vec<Effect> {
        if isr.version() <= self.isr.version() {
            return Vec::new();
        }
        self.followers.retain(|replica, _| replicas.contains(replica));
        let unheard = Follower { last_caught_up: Timestamp::MIN, ..Follower::default() };
        for &replica in replicas.iter().filter(|&&replica| replica != self.me) {
            self.followers.entry(replica).or_insert(unheard);
        }
        // Whoever was put out is not waited for, however well it kept up: it may be dead.
        for replica in self.isr.confirmed().difference(isr.confirmed()) {
            self.followers.entry(*replica).and_modify(|follower| *follower = unheard);
        }
        self.isr = isr;
        self.raise_high_watermark().into_iter().collect()
    }

    /// A follower has caught up when it has everything that the leader has; or had, when it fetched the time before: under
    /// load the log has always grown in between.
    fn note_fetch(&mut self, replica: BrokerId, offset: Offset, now: Timestamp) {
        let leader_end = self.log_end;
        let Some(follower) = self.followers.get_mut(&replica) else { return };
        if offset >= leader_end {
            follower.last_caught_up = follower.last_caught_up.max(now);
        } else if follower.log_end.is_some() && offset >= follower.leader_end_at_last_fetch {
            follower.last_caught_up = follower.last_caught_up.max(follower.last_fetch);
        }
        follower.log_end = Some(offset);
        follower.last_fetch = now;
        follower.leader_end_at_last_fetch = leader_end;
    }

    /// A follower that is out of sync joins when it has everything that consumers may have seen, and the start of this
    /// epoch: before that, its log may still hold what nobody else has.
    fn maybe_expand(&mut self, replica: BrokerId) -> Option<Effect> {
        todo!("exercise shrink-expand")
    }

    /// Followers leave that have not had everything for too long.
    fn maybe_shrink(&mut self) -> Option<Effect> {
        todo!("exercise shrink-expand")
    }

    /// Whether a follower has everything, or had so not long ago.
    fn keeps_up(&self, follower: &Follower) -> bool {
        todo!("exercise shrink-expand")
    }

    /// The high watermark is where the least of the in-sync replicas ends. It never falls. It waits, too, for a follower
    /// that keeps up and is about to join: while records come without a pause, it would else always be a step ahead.
    fn raise_high_watermark(&mut self) -> Option<Effect> {
        todo!("exercise high-watermark")
    }
}
