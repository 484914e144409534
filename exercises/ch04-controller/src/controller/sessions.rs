//! Who is there: when each broker was last heard of.
//!
//! ```text
//! heartbeat        heartbeat                                    expired
//! |----------------|-----------------------------------------|--------->
//!                  |<------- broker.session.timeout.ms ----->|
//! ```
//!
//! Silence proves nothing about a broker while its controller could not hear: not before it began, and not while it was
//! stopped itself. Then every session begins anew.

use std::collections::{BTreeMap, BTreeSet};

use ch01_log::batch::{Offset, Timestamp};

/// A broker's session.
#[derive(Clone, Copy, Debug)]
struct Session {
    /// When it was last heard of.
    heard: Timestamp,
    /// The offset of the metadata log that it acts on, -1 if it has not said so.
    metadata_offset: Offset,
}

/// The sessions of all brokers that may be there.
#[derive(Clone, Debug)]
pub struct Sessions {
    timeout_ms: i64,
    sessions: BTreeMap<i32, Session>,
    /// Those that began with the controller, and not with a word of the broker's, or whose broker's connection has closed.
    unheard: BTreeSet<i32>,
}

impl Sessions {
    /// Sessions of `brokers`, which are taken to be there `now`.
    pub fn new(timeout_ms: i64, brokers: impl IntoIterator<Item = i32>, now: Timestamp) -> Sessions {
        let session = Session { heard: now, metadata_offset: -1 };
        let sessions: BTreeMap<_, _> = brokers.into_iter().map(|broker| (broker, session)).collect();
        let unheard = sessions.keys().copied().collect();
        Sessions { timeout_ms, sessions, unheard }
    }

    /// A broker was heard of, and has read the metadata log up to an offset.
    pub fn heard(&mut self, broker: i32, metadata_offset: Offset, now: Timestamp) {
        self.sessions.insert(broker, Session { heard: now, metadata_offset });
        self.unheard.remove(&broker);
    }

    /// A broker's connection has closed: until it is heard of again, it may be gone.
    pub fn disconnected(&mut self, broker: i32) {
        if self.sessions.contains_key(&broker) {
            self.unheard.insert(broker);
        }
    }

    /// A broker is known not to be there.
    pub fn end(&mut self, broker: i32) {
        self.sessions.remove(&broker);
        self.unheard.remove(&broker);
    }

    /// The controller could not hear until `now`.
    pub fn begin_anew(&mut self, now: Timestamp) {
        self.sessions.values_mut().for_each(|session| session.heard = now);
    }

    /// Whether a broker is taken to be there.
    pub fn is_valid(&self, broker: i32, now: Timestamp) -> bool {
        todo!("exercise session-expiry")
    }

    /// The brokers that were not heard of for too long, the most silent first.
    pub fn expired(&self, now: Timestamp) -> Vec<i32> {
        todo!("exercise session-expiry")
    }

    /// Brokers that have not been heard of at all.
    pub fn unheard(&self) -> impl Iterator<Item = i32> {
        self.unheard.iter().copied()
    }

    /// How far a broker has read the metadata log, -1 if that is not known.
    pub fn metadata_offset(&self, broker: i32) -> Offset {
        self.sessions.get(&broker).map_or(-1, |session| session.metadata_offset)
    }
}
