//! Transactions as the cleaner meets them: which batches belong to aborted ones, and which markers are still needed.
//!
//! A log is walked from its start. The data of an aborted transaction goes at once. A marker (of a commit or an abort)
//! stays for as long as the log has data of its transaction: without it readers would take the data for part of a later
//! one. When there is none left, the marker gets a delete horizon, as a tombstone does, and goes when that is over.
//!
//! Caveat: which transactions were aborted is not in the batches but in the transaction indexes, which therefore have to
//! be told for the whole stretch that is walked.

use std::collections::{BTreeMap, HashMap, HashSet};

use ch01_log::batch::{BatchHeader, Offset};
use ch01_log::recovery::parse_marker;
use ch01_log::scan::body;
use ch01_log::txn_index::AbortedTransaction;

/// What has been met on the way.
#[derive(Clone, Debug, Default)]
pub struct CleanedTransactions {
    /// Aborted transactions that have not begun yet, by first offset and producer.
    ahead: BTreeMap<(Offset, i64), AbortedTransaction>,
    /// Aborted transactions that have begun, by producer, and whether a batch of theirs was met.
    aborted: HashMap<i64, (AbortedTransaction, bool)>,
    /// Producers with a transaction that has begun and was not aborted.
    committed: HashSet<i64>,
}

/// What is to be done with a batch, as far as transactions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is no transaction's, or that of one which was not aborted.
    Valid,
    /// Data of an aborted transaction.
    Aborted,
    /// A marker that is needed: its transaction has data in the log. If that was aborted, readers have to be told of it.
    Marker(Option<AbortedTransaction>),
    /// A marker of a transaction that has no data any more.
    EmptyMarker,
}

impl CleanedTransactions {
    /// Tells of aborted transactions, those that overlap the stretch that is walked next. They may be told of twice.
    pub fn add_aborted(&mut self, transactions: impl IntoIterator<Item = AbortedTransaction>) {
        self.ahead.extend(transactions.into_iter().map(|t| ((t.first_offset, t.producer_id), t)));
    }

    // ANCHOR: meet
    /// Takes note of the next batch of the walk.
    pub fn meet(&mut self, header: &BatchHeader, batch: &[u8]) -> Standing {
        self.begin_up_to(header.last_offset());
        if header.attributes.is_control() {
            return self.meet_marker(header, batch);
        }
        if !header.attributes.is_transactional() {
            return Standing::Valid;
        }
        match self.aborted.get_mut(&header.producer_id) {
            Some((_, has_data)) => {
                *has_data = true;
                Standing::Aborted
            }
            None => {
                self.committed.insert(header.producer_id);
                Standing::Valid
            }
        }
    }
    // ANCHOR_END: meet

    fn meet_marker(&mut self, header: &BatchHeader, batch: &[u8]) -> Standing {
        if header.record_count == 0 {
            // What made it a marker went in an earlier pass.
            return Standing::EmptyMarker;
        }
        if !header.has_producer() {
            // Control records of other kinds are kept.
            return Standing::Valid;
        }
        let has_data = match parse_marker(body(batch), header) {
            Some(marker) if marker.committed => self.committed.remove(&header.producer_id).then_some(None),
            Some(_) => match self.aborted.remove(&header.producer_id) {
                Some((transaction, true)) => Some(Some(transaction)),
                _ => None,
            },
            None => Some(None),
        };
        has_data.map_or(Standing::EmptyMarker, Standing::Marker)
    }

    fn begin_up_to(&mut self, offset: Offset) {
        while let Some(next) = self.ahead.first_entry().filter(|next| next.key().0 <= offset) {
            let transaction = next.remove();
            self.aborted.entry(transaction.producer_id).or_insert((transaction, false));
        }
    }
}

/// What the log remembers of a producer: the batch that says so has to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastRecord {
    /// The last offset of its last batch; `None` if a marker came after it.
    pub last_data_offset: Option<Offset>,
    /// Its epoch, 0 or more.
    pub producer_epoch: i16,
}

impl LastRecord {
    /// Whether a batch of this producer is the one.
    pub fn is_of(&self, header: &BatchHeader) -> bool {
        match self.last_data_offset {
            Some(offset) => header.last_offset() == offset,
            None => header.attributes.is_control() && header.producer_epoch == self.producer_epoch,
        }
    }
}
