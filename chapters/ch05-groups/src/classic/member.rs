//! A member of a classic group.

use bytes::Bytes;
use ch01_log::batch::Timestamp;

use super::NEW_MEMBER_JOIN_TIMEOUT_MS;
use crate::messages::JoinGroupRequestProtocol;
use crate::step::Token;

/// Who speaks for a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// Its `client.id`.
    pub id: String,
    /// The address that it connects from, as Kafka writes it: `/127.0.0.1`.
    pub host: String,
}

/// What a member waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// Nothing: it has a session, and has to be heard of.
    Nothing,
    /// Everybody to have joined.
    Join(Token),
    /// Its assignment.
    Sync(Token),
}

/// A member.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its id: the coordinator has drawn it.
    pub id: String,
    /// `group.instance.id`, if it is static: when it comes back under this name, it is the same member.
    pub instance_id: Option<String>,
    /// Who speaks for it.
    pub client: Client,
    /// Milliseconds that it may take to join when there is a rebalance (for Java, `max.poll.interval.ms`).
    pub rebalance_timeout_ms: i32,
    /// Milliseconds after which it is taken for dead.
    pub session_timeout_ms: i32,
    /// The protocols that it knows, the best first, each with what it has to say in it. After a failover only the chosen one.
    pub protocols: Vec<JoinGroupRequestProtocol>,
    /// What it got from the leader in the last finished rebalance.
    pub assignment: Bytes,
    /// What it waits for.
    pub waiting: Waiting,
    /// When its session ends, unless it is heard of.
    pub session_end: Timestamp,
    /// Whether it has never been in a generation.
    pub is_new: bool,
}

impl Member {
    /// What it has to say in a protocol.
    pub fn metadata(&self, protocol: &str) -> Bytes {
        let named = self.protocols.iter().find(|known| known.name == protocol);
        named.map(|known| known.metadata.clone()).unwrap_or_default()
    }

    /// The protocols that it knows, the best first.
    pub fn known(&self) -> Vec<String> {
        self.protocols.iter().map(|known| known.name.clone()).collect()
    }

    /// It was heard of.
    pub fn hear(&mut self, now: Timestamp) {
        self.session_end = now + i64::from(self.session_timeout_ms);
    }

    /// It begins to wait for everybody to have joined.
    pub fn wait_for_join(&mut self, to: Token, now: Timestamp) {
        self.waiting = Waiting::Join(to);
        self.session_end = now + NEW_MEMBER_JOIN_TIMEOUT_MS;
    }

    // ANCHOR: deadline
    /// When it is dead unless it is heard of; `None` while it waits for the coordinator: then it cannot say anything.
    pub fn deadline(&self) -> Option<Timestamp> {
        match self.waiting {
            Waiting::Nothing => Some(self.session_end),
            Waiting::Join(_) if self.is_new => Some(self.session_end),
            Waiting::Join(_) | Waiting::Sync(_) => None,
        }
    }
    // ANCHOR_END: deadline
}
