//! What can be configured about groups of the consumer protocol.

use super::MigrationPolicy;
use crate::assignor::Assignor;

/// The settings of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerGroupSettings {
    /// Milliseconds without a heartbeat after which a member is taken for dead.
    pub session_timeout_ms: i32,
    /// Milliseconds between heartbeats, as members are told.
    pub heartbeat_interval_ms: i32,
    /// The most members, 1 or more.
    pub max_size: usize,
    /// Milliseconds between two targets, so that many members that come at once cause few; 0 or more.
    pub assignment_interval_ms: i32,
    /// The assignors that members may ask for; the first is used where nobody asks. Never empty.
    pub assignors: Vec<Assignor>,
    /// Which groups with members may become groups of the other protocol.
    pub migration_policy: MigrationPolicy,
}

impl Default for ConsumerGroupSettings {
    fn default() -> ConsumerGroupSettings {
        ConsumerGroupSettings {
            session_timeout_ms: 45_000,
            heartbeat_interval_ms: 5_000,
            max_size: i32::MAX as usize,
            assignment_interval_ms: 1_000,
            assignors: Assignor::ALL.to_vec(),
            migration_policy: MigrationPolicy::default(),
        }
    }
}
