//! The in-sync replicas of a partition: those that have, or are about to have, everything that was acknowledged.
//!
//! A change of the set counts only when it is confirmed (written down where a new leader would look). Until then the
//! leader has to be careful in both directions:
//!
//! ```text
//!                      counts for min.insync.replicas     holds the high watermark back
//! confirmed {1, 2}     1, 2                               1, 2
//! 3 is to join         1, 2                               1, 2, 3      it may be confirmed already, without our knowing
//! 2 is to leave        1, 2                               1, 2         it may not be confirmed yet
//! ```
//!
//! So the set that holds the high watermark back is the larger one: the *maximal* ISR.

use std::collections::BTreeSet;

/// A broker's number.
pub type BrokerId = i32;

/// A change that is not confirmed yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pending {
    /// A replica that has caught up is to join.
    Join(BrokerId),
    /// Replicas that lag are to leave.
    Leave(BTreeSet<BrokerId>),
}

/// The set, and what is about to become of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Isr {
    /// The set as it was last confirmed; never empty.
    confirmed: BTreeSet<BrokerId>,
    /// Counts the confirmed changes (Kafka's partition epoch), from 0.
    version: i32,
    pending: Option<Pending>,
}

impl Isr {
    /// A set that was confirmed, as version `version`.
    pub fn new(confirmed: impl IntoIterator<Item = BrokerId>, version: i32) -> Isr {
        let confirmed: BTreeSet<_> = confirmed.into_iter().collect();
        assert!(!confirmed.is_empty(), "a partition without an in-sync replica has lost its records");
        Isr { confirmed, version, pending: None }
    }

    /// The set that counts for `min.insync.replicas`, and that others are told.
    pub fn confirmed(&self) -> &BTreeSet<BrokerId> {
        &self.confirmed
    }

    /// How many changes there were.
    pub fn version(&self) -> i32 {
        self.version
    }

    /// The change that is not confirmed yet.
    pub fn pending(&self) -> Option<&Pending> {
        self.pending.as_ref()
    }

    /// The set that holds the high watermark back.
    pub fn maximal(&self) -> BTreeSet<BrokerId> {
        todo!("exercise enough-replicas")
    }

    /// The set as it would be with the pending change.
    pub fn proposed(&self) -> BTreeSet<BrokerId> {
        match &self.pending {
            Some(Pending::Leave(replicas)) => self.confirmed.difference(replicas).copied().collect(),
            _ => self.maximal(),
        }
    }

    /// Begins a change: one at a time.
    pub fn begin(&mut self, change: Pending) {
        assert!(self.pending.is_none(), "{change:?} while {:?} is not confirmed", self.pending);
        self.pending = Some(change);
        assert!(!self.proposed().is_empty(), "the leader stays");
    }

    /// The pending change is confirmed.
    pub fn confirm(&mut self) {
        self.confirmed = self.proposed();
        self.version += 1;
        self.pending = None;
    }

    /// The pending change was refused for good: nothing of it has happened.
    pub fn drop_pending(&mut self) {
        self.pending = None;
    }
}
