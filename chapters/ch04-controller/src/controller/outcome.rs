//! What comes out of a command.

use crate::records::{BeginTransactionRecord, EndTransactionRecord, MetadataRecord};

/// The most records in a batch; Kafka's limit.
pub const MAX_RECORDS_PER_BATCH: usize = 10_000;

/// What a command has decided.
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a decision counts when its records are in the log"]
pub struct Outcome<R> {
    /// What is to be appended and replayed. All of it counts, or nothing: more than fits into a batch is a transaction.
    pub records: Vec<MetadataRecord>,
    /// What the asker is told when the records are committed; at once, if there are none.
    pub reply: R,
}

impl<R> Outcome<R> {
    /// A decision to change nothing.
    pub fn nothing(reply: R) -> Outcome<R> {
        Outcome { records: Vec::new(), reply }
    }

    // ANCHOR: transaction
    pub(super) fn new(records: Vec<MetadataRecord>, reply: R) -> Outcome<R> {
        if records.len() <= MAX_RECORDS_PER_BATCH {
            return Outcome { records, reply };
        }
        let begin = BeginTransactionRecord { name: Some("a change of more than one batch".to_owned()) };
        let records = std::iter::once(begin.into()).chain(records).chain([EndTransactionRecord {}.into()]);
        Outcome { records: records.collect(), reply }
    }
    // ANCHOR_END: transaction

    /// The records as batches.
    pub fn batches(&self) -> impl Iterator<Item = &[MetadataRecord]> {
        self.records.chunks(MAX_RECORDS_PER_BATCH)
    }
}
