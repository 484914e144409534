//! A leader to begin with, and what may happen to it.

use std::collections::BTreeSet;

use ch01_log::batch::{Offset, Timestamp};
use ch03_replication::isr::{BrokerId, Isr};
use ch03_replication::leader::{BecomeLeader, Effect, Event, Leader};

/// A set of brokers.
pub fn set(brokers: &[BrokerId]) -> BTreeSet<BrokerId> {
    brokers.iter().copied().collect()
}

/// Broker 1 leads at time 0, with an empty log, copies on 1, 2 and 3, a minimum of 1, and followers that may lag by 100 ms.
/// `change` makes it another.
pub fn leader(isr: &[BrokerId], change: impl FnOnce(&mut BecomeLeader)) -> Leader {
    let mut become_leader = BecomeLeader {
        me: 1,
        replicas: vec![1, 2, 3],
        isr: Isr::new(isr.iter().copied(), 0),
        epoch: 0,
        log_end: 0,
        high_watermark: 0,
        min_insync_replicas: 1,
        lag_max_ms: 100,
        now: 0,
    };
    change(&mut become_leader);
    Leader::new(become_leader)
}

/// The leader's log ends at `log_end` now.
pub fn append(leader: &mut Leader, log_end: Offset) -> Vec<Effect> {
    leader.step(Event::Appended { log_end })
}

/// A follower fetches from `offset` on.
pub fn fetch(leader: &mut Leader, replica: BrokerId, offset: Offset, now: Timestamp) -> Vec<Effect> {
    leader.step(Event::Fetched { replica, offset, now })
}

/// The leader looks who lags.
pub fn tick(leader: &mut Leader, now: Timestamp) -> Vec<Effect> {
    leader.step(Event::Tick { now })
}
