//! A table made from a compacted topic: the newest value of each key, in memory.
//!
//! The log is the table's history. Who reads it from its start has the table; who remembers how far they came need not
//! read it again. But compaction goes on meanwhile, and so does whatever else takes records out of a log.
//!
//! Nothing here is the book's. What it has to do stands on the page of this exercise; everything else is yours: fields,
//! helpers, other modules of this crate that you use.

use ch01_log::batch::{Offset, Timestamp};
use ch01_log::log::{Log, ReadError};

/// How the table came to be what it is after a look at the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// What it was before, and what came since.
    WentOn,
    /// Read from the log's start.
    BuiltAnew(Why),
}

/// Why a table had to be built anew. The first that holds, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It has never looked.
    New,
    /// The log starts behind its position: records went that it never saw.
    StartMoved,
    /// The log ends before its position: it has seen records that are not there any more.
    EndMoved,
    /// Its last look was `delete.retention.ms` ago or more: tombstones may have gone that it never saw.
    TooLate,
}

/// Why a look failed.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A batch is damaged, or cannot be opened.
    #[error("offset {offset}: {what}")]
    Damaged {
        /// The batch's base offset.
        offset: Offset,
        /// What is wrong with it.
        what: String,
    },
}

/// The newest value of each key.
#[derive(Clone, Debug, Default)]
pub struct Table {}

impl Table {
    /// Brings the table up to date with its log: with everything below the last stable offset. `now` is in milliseconds
    /// since 1970, `delete_retention_ms` is the topic's `delete.retention.ms`, 0 or more. After an error the table is
    /// what it was.
    pub fn look(&mut self, log: &mut Log, delete_retention_ms: i64, now: Timestamp) -> Result<Look, TableError> {
        todo!("exercise table")
    }

    /// A key's newest value; `None` if there is none.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        todo!("exercise table")
    }

    /// How many keys have a value.
    pub fn len(&self) -> usize {
        todo!("exercise table")
    }

    /// Whether no key has one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first offset that it has not looked at; 0 before the first look.
    pub fn position(&self) -> Offset {
        todo!("exercise table")
    }

    /// The table as bytes, to be kept in a file: with all that it needs to go on.
    pub fn encode(&self) -> Vec<u8> {
        todo!("exercise table")
    }

    /// The table that was encoded. `None`: these bytes are not a whole table, or more than one.
    pub fn decode(bytes: &[u8]) -> Option<Table> {
        todo!("exercise table")
    }
}
