//! Moving copies to other brokers (KIP-455), step by step.
//!
//! ```text
//! from 1 2 to 2 3          replicas   adding   removing   in sync
//! begin: the union         2 3 1      3        1          1 2
//! 3 copies, and is there   2 3 1      3        1          1 2 3
//! end                      2 3                            2 3
//! ```
//!
//! In between there are more copies than before, never fewer. A move that has nobody to wait for ends as it begins.

/// The replicas while copies move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moving {
    /// The replicas that there will be, the preferred leader first, then those that will go.
    pub replicas: Vec<i32>,
    /// Those that may have no copy yet.
    pub adding: Vec<i32>,
    /// Those that will go.
    pub removing: Vec<i32>,
}

/// The replicas after a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The replicas, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Those in sync.
    pub isr: Vec<i32>,
}

/// How a move to `to` begins. `replicas` and `adding` are those there are: another move may be under way.
pub fn begin(replicas: &[i32], adding: &[i32], to: &[i32]) -> Moving {
    todo!("exercise reassignment-step")
}

/// How a move ends: when all replicas that stay are in sync. `None`: it does not end yet, or nothing moves.
pub fn complete(replicas: &[i32], adding: &[i32], removing: &[i32], isr: &[i32]) -> Option<Moved> {
    todo!("exercise reassignment-step")
}

/// How a move is given up: the replicas as they were before it began. `None`: none of them is in sync any more, so that
/// going back would lose records.
pub fn give_up(replicas: &[i32], adding: &[i32], isr: &[i32]) -> Option<Moved> {
    todo!("exercise reassignment-step")
}

fn without(all: &[i32], some: &[i32]) -> Vec<i32> {
    all.iter().copied().filter(|replica| !some.contains(replica)).collect()
}
