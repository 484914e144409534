//! The state of the model: one partition on three brokers, whoever knows who leads it, and what is on its way.
//!
//! ```text
//!             authority: who leads in which epoch, the confirmed ISR
//!               |  tells, late             ^  proposals, late
//!               v                          |
//!  broker: log (records, epochs), high watermark, and a role: leader (the crate's machine), follower, down
//!               ^  answers, late or lost   |  fetches, late
//!               +--------- brokers --------+
//! ```
//!
//! Caveat: two fields are no broker's. `acknowledged` and `read` remember what producers and consumers were told, so
//! that a state can be held against it.

use std::collections::BTreeSet;

use ch01_log::batch::{Epoch, Offset, Timestamp};
use ch03_replication::follower::{Answer, Loss, OwnLog};
use ch03_replication::isr::BrokerId;
use ch03_replication::leader::Leader;

use crate::log::{Log, Record};

/// The brokers; each has a copy of the partition.
pub const REPLICAS: [BrokerId; 3] = [1, 2, 3];

/// A state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cluster {
    /// Who knows who leads.
    pub authority: Authority,
    /// Brokers 1, 2 and 3.
    pub brokers: [Broker; 3],
    /// What `acks=all` was answered for.
    pub acknowledged: Vec<(Offset, Record)>,
    /// What some consumer could read at offset 0, 1, 2 …
    pub read: Vec<Record>,
    /// What may still happen.
    pub left: Bounds,
}

/// How often something may happen in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Records that producers write.
    pub records: u8,
    /// Leaders that are put in the place of another.
    pub moves: u8,
    /// Brokers that die.
    pub crashes: u8,
    /// Times that `replica.lag.time.max.ms` passes at a leader.
    pub ticks: u8,
    /// Proposals that the authority refuses though it need not.
    pub refusals: u8,
    /// Whether answers may be lost, and what a follower has sent, or is sent, may arrive when it has been told of another
    /// epoch or has died.
    pub late_messages: bool,
    /// Whether a broker may be told of an epoch that is over already.
    pub late_news: bool,
}

/// Who says which broker leads in an epoch, and which ISR counts when the next one is chosen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    /// What was announced for epoch 0, 1, 2 …
    pub announced: Vec<Announcement>,
    /// The confirmed ISR.
    pub isr: BTreeSet<BrokerId>,
    /// Counts the changes of the confirmed ISR and of the leader.
    pub version: i32,
}

/// What brokers are told of an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Announcement {
    /// Who leads.
    pub leader: BrokerId,
    /// The confirmed ISR at that time.
    pub isr: BTreeSet<BrokerId>,
    /// Its version.
    pub version: i32,
}

/// A broker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Broker {
    /// Its copy.
    pub log: Log,
    /// Consumers may read below.
    pub high_watermark: Offset,
    /// What it does.
    pub role: Role,
    /// What it has sent, or what was sent to it, when it was in another epoch or another life.
    pub late: Option<Late>,
}

/// What a broker does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It is dead.
    Down,
    /// It copies.
    Follower(Following),
    /// It leads, or thinks so.
    Leader(Leadership),
}

/// A follower in an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Following {
    /// The epoch.
    pub epoch: Epoch,
    /// Whom it copies.
    pub leader: BrokerId,
    /// Where it is.
    pub talk: Talk,
}

/// A follower always asks for what it lacks; a fetch says where its log ends, so that it need not be kept here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Talk {
    /// Its fetch is on its way.
    Asks,
    /// The answer is.
    Answered(Answered),
    /// It waits to be told of another epoch.
    Waits,
    /// It has stopped.
    Stopped(Loss),
}

/// A leader in an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leadership {
    /// The crate's machine.
    pub machine: Leader,
    /// How often `replica.lag.time.max.ms` has passed.
    pub clock: Timestamp,
    /// A change of the ISR.
    pub proposal: Option<Proposal>,
}

/// A change of the ISR, or the answer to it, on its way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Proposal {
    /// To the authority.
    Sent {
        /// The ISR as it would be.
        isr: BTreeSet<BrokerId>,
        /// The version that it follows on.
        version: i32,
    },
    /// Back to the leader: it counts.
    Confirmed,
    /// Back to the leader: nothing has changed.
    Refused,
}

/// An answer to a fetch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Answered {
    /// As the crate's follower sees it.
    pub answer: Answer,
    /// The offset that was asked for.
    pub offset: Offset,
    /// The records from there on.
    pub records: Vec<Record>,
}

/// A fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fetch {
    /// The follower's epoch.
    pub epoch: Epoch,
    /// Where its log ends.
    pub offset: Offset,
    /// The epoch of its last record.
    pub last_epoch: Option<Epoch>,
}

/// A message that outlives the epoch, or the life, in which it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Late {
    /// From this broker.
    Fetch {
        /// To whom.
        to: BrokerId,
        /// The fetch.
        fetch: Fetch,
    },
    /// To this broker.
    Answer {
        /// Of which epoch.
        epoch: Epoch,
        /// The answer.
        answered: Answered,
    },
}

impl Cluster {
    /// A broker.
    pub fn broker(&self, id: BrokerId) -> &Broker {
        &self.brokers[id as usize - 1]
    }

    /// A broker.
    pub fn broker_mut(&mut self, id: BrokerId) -> &mut Broker {
        &mut self.brokers[id as usize - 1]
    }

    /// A broker as leader, if it is one.
    pub fn leadership_mut(&mut self, id: BrokerId) -> Option<&mut Leadership> {
        match &mut self.broker_mut(id).role {
            Role::Leader(leadership) => Some(leadership),
            _ => None,
        }
    }
}

impl Authority {
    /// The newest epoch.
    pub fn epoch(&self) -> Epoch {
        self.announced.len() as Epoch - 1
    }

    /// Who leads in it.
    pub fn leader(&self) -> BrokerId {
        self.announced.last().expect("epoch 0 was announced").leader
    }

    /// Begins an epoch.
    pub fn announce(&mut self, leader: BrokerId) {
        self.version += 1;
        self.announced.push(Announcement { leader, isr: self.isr.clone(), version: self.version });
    }
}

impl Broker {
    /// The epoch that it knows of.
    pub fn epoch(&self) -> Option<Epoch> {
        match &self.role {
            Role::Down => None,
            Role::Follower(following) => Some(following.epoch),
            Role::Leader(leadership) => Some(leadership.machine.epoch()),
        }
    }

    /// What it leads, if it does.
    pub fn leadership(&self) -> Option<&Leadership> {
        match &self.role {
            Role::Leader(leadership) => Some(leadership),
            _ => None,
        }
    }

    /// Whom it follows, if it does.
    pub fn following(&self) -> Option<&Following> {
        match &self.role {
            Role::Follower(following) => Some(following),
            _ => None,
        }
    }

    /// What the crate's follower has to know of it.
    pub fn own_log(&self) -> OwnLog<'_> {
        OwnLog { log_start: 0, log_end: self.log.end(), high_watermark: self.high_watermark, epochs: self.log.epochs() }
    }

    /// The records that consumers may read here.
    pub fn readable(&self) -> &[Record] {
        match self.role {
            Role::Down => &[],
            Role::Follower(_) | Role::Leader(_) => self.log.below(self.high_watermark),
        }
    }
}
