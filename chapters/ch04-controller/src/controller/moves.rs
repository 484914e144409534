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

// ANCHOR: moves
/// How a move to `to` begins. `replicas` and `adding` are those there are: another move may be under way.
pub fn begin(replicas: &[i32], adding: &[i32], to: &[i32]) -> Moving {
    let mut removing = without(replicas, to);
    let mut adding = without(to, &without(replicas, adding));
    removing.sort_unstable();
    adding.sort_unstable();
    Moving { replicas: [to, &removing].concat(), adding, removing }
}

/// How a move ends: when all replicas that stay are in sync. `None`: it does not end yet, or nothing moves.
pub fn complete(replicas: &[i32], adding: &[i32], removing: &[i32], isr: &[i32]) -> Option<Moved> {
    if adding.is_empty() && removing.is_empty() {
        return None;
    }
    let moved = Moved { replicas: without(replicas, removing), isr: without(isr, removing) };
    let is_there = !moved.replicas.is_empty() && moved.replicas.iter().all(|replica| moved.isr.contains(replica));
    is_there.then_some(moved)
}

/// How a move is given up: the replicas as they were before it began. `None`: none of them is in sync any more, so that
/// going back would lose records.
pub fn give_up(replicas: &[i32], adding: &[i32], isr: &[i32]) -> Option<Moved> {
    let moved = Moved { replicas: without(replicas, adding), isr: without(isr, adding) };
    (!moved.isr.is_empty()).then_some(moved)
}
// ANCHOR_END: moves

fn without(all: &[i32], some: &[i32]) -> Vec<i32> {
    all.iter().copied().filter(|replica| !some.contains(replica)).collect()
}
