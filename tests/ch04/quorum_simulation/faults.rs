//! What a driver can do wrong. The machine has no switches for that: it is told what is not true, or what it wants done is
//! not done.

use super::checks::{COMMITTED_STAYS, LEADER_HAS_ALL, MAJORITY, ONE_HISTORY, ONE_VOTE};

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A node that starts has forgotten whom it voted for.
    ForgetTheVote,
    /// The answer goes out first, then the vote is persisted; in between the process may die.
    PersistLater,
    /// A follower says that it has on its disk what it has only written.
    FollowerDoesNotFlush,
    /// A leader counts what it has only written.
    LeaderDoesNotFlush,
    /// A candidate says that its log is longer than it is.
    ShorterLogsWin,
    /// A leader does not say that the logs part, and sends what comes next.
    NobodyTruncates,
    /// A leader commits what a majority has, of whatever epoch.
    CommitEarlierEpochs,
    /// A node with a new, empty disk votes at once.
    EmptyDisksVote,
}

/// Every fault, a seed from which on to look for a run in which it shows, and what does not hold any more then.
pub const FAULTS: &[(Fault, u64, &[&str])] = &[
    (Fault::ForgetTheVote, 121, &[ONE_VOTE]),
    (Fault::PersistLater, 94, &[ONE_VOTE]),
    (Fault::FollowerDoesNotFlush, 0, &[MAJORITY]),
    (Fault::LeaderDoesNotFlush, 0, &[MAJORITY]),
    (Fault::ShorterLogsWin, 0, &[LEADER_HAS_ALL]),
    (Fault::NobodyTruncates, 0, &[COMMITTED_STAYS, ONE_HISTORY]),
    (Fault::CommitEarlierEpochs, 585, &[LEADER_HAS_ALL, COMMITTED_STAYS]),
    (Fault::EmptyDisksVote, 9, &[LEADER_HAS_ALL, ONE_VOTE]),
];
