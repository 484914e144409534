//! Who leads a partition.
//!
//! ```text
//! replicas   in sync   eligible   alive     leads
//! 1 2 3      1 2 3     -          2 3       2       the first replica that is in sync and alive
//! 1 2 3      -         2          2 3       2       nobody is in sync; 2 has all that was acknowledged, 3 may not
//! 1 2 3      -         2          3         -       3 may lack records: better nobody than 3
//! 1 2 3      -         2          3         3       the same, where an unclean election is allowed
//! ```
//!
//! A leader that may go on does: moving a leadership has a price. Only [`Election::Preferred`] moves one that need not.

use crate::records::NO_LEADER;

/// Which elections there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Election {
    /// The leader stays if it can; else the first that has everything that was acknowledged.
    Online,
    /// The first replica leads if it can; else as before.
    Preferred,
    /// The leader stays if it can; if nobody has everything, any replica that lives is better than none.
    Unclean,
}

/// What an election goes by.
#[derive(Clone, Copy, Debug)]
pub struct Candidates<'a> {
    /// The replicas, the preferred leader first.
    pub replicas: &'a [i32],
    /// Those in sync.
    pub isr: &'a [i32],
    /// Those out of sync that nevertheless have everything that was acknowledged.
    pub elr: &'a [i32],
    /// Who leads, or [`NO_LEADER`].
    pub leader: i32,
    /// Nobody is in sync or eligible: every copy may have lost its end. The one that has most is this.
    pub most_complete: Option<i32>,
}

/// Who leads from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elected {
    /// Who has everything that was acknowledged.
    Clean(i32),
    /// Who may have lost records.
    Unclean(i32),
    /// Nobody, until somebody comes back.
    Nobody,
}

impl Elected {
    /// The leader, or [`NO_LEADER`].
    pub fn leader(self) -> i32 {
        match self {
            Elected::Clean(leader) | Elected::Unclean(leader) => leader,
            Elected::Nobody => NO_LEADER,
        }
    }
}

/// Elects a leader. `is_alive` says who is there to lead.
pub fn elect(candidates: Candidates<'_>, election: Election, is_alive: impl Fn(i32) -> bool) -> Elected {
    todo!("exercise election-from-isr")
}
