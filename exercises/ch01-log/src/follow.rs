//! A reader that follows a log's files while a broker writes them: `tail -f` for a partition.
//!
//! It knows nothing of the broker: it opens the files read-only and looks again and again. So it may find a file in any
//! state between two writes: a batch of which only a part is there, a segment that has just been created and is empty.
//!
//! Nothing here is the book's. What it has to do stands on the page of this exercise; everything else is yours: fields,
//! helpers, other modules of this crate that you use.

use std::path::Path;

use crate::batch::{Offset, Timestamp};
use crate::scan::LogError;

/// A record, as a follower gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    /// Its offset.
    pub offset: Offset,
    /// Its timestamp: its own, or that of its append if the batch says so.
    pub timestamp: Timestamp,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Option<Vec<u8>>,
}

/// Follows the files of one partition.
pub struct Follower {}

impl Follower {
    /// Will give the records of a partition's folder from an offset on. The folder exists; a segment need not.
    pub fn open(dir: &Path, from: Offset) -> Follower {
        todo!("exercise follow")
    }

    /// The records that have become whole since the last call, in order; none if there is nothing new.
    pub fn poll(&mut self) -> Result<Vec<Followed>, LogError> {
        todo!("exercise follow")
    }
}
