//! What a log remembers of its producers: enough to store each record exactly once, however often it is sent.
//!
//! An idempotent producer has an id and an epoch and numbers its records in each partition from 0. For each producer the
//! log keeps its last five batches (as many as a client may have under way). A batch that is among them is a repeat: it
//! is answered with the offset it got the first time. One that does not follow on the last is refused.
//!
//! The state follows from the log: it is written to a `.snapshot` file when a segment rolls and when the log is closed,
//! and what came after the last snapshot is replayed from the batches.
//!
//! ```text
//! 00000000000000000020.snapshot    valid up to offset 20, exclusive
//! version i16 = 1 | crc32c u32 of all that follows | count i32 | for each producer, 46 bytes:
//! producer_id i64 | epoch i16 | last_sequence i32 | last_offset i64 | offset_delta i32 | timestamp i64
//! | coordinator_epoch i32 | first offset of its open transaction i64, -1 if none
//! ```

use std::collections::{BTreeMap, HashMap, VecDeque};

use ch00_wire::error_code::ErrorCode;
use serde::Serialize;

use crate::batch::{BatchHeader, NO_TIMESTAMP, Offset, Timestamp, add_sequence};
use crate::txn_index::AbortedTransaction;

/// Batches remembered for each producer.
pub const REMEMBERED: usize = 5;
/// Producers remembered for each log; beyond that the one that was silent longest is forgotten. Without a bound anyone
/// who makes up ids could fill the memory.
pub const MOST_PRODUCERS: usize = 100_000;

/// A batch that a producer has in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredBatch {
    /// Its last record's sequence number; -1 for none.
    pub last_sequence: i32,
    /// Its last record's offset.
    pub last_offset: Offset,
    /// Records in it, less one.
    pub offset_delta: i32,
    /// Its largest timestamp.
    pub timestamp: Timestamp,
}

impl StoredBatch {
    /// Its first record's offset: the answer to a repeat.
    pub fn base_offset(&self) -> Offset {
        self.last_offset - Offset::from(self.offset_delta)
    }

    fn base_sequence(&self) -> i32 {
        add_sequence(self.last_sequence, -self.offset_delta)
    }
}

/// One producer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Producer {
    /// Its epoch: a producer that starts again under the same id has a higher one, and its former self is refused.
    pub epoch: i16,
    /// Its last batches, oldest first.
    pub batches: VecDeque<StoredBatch>,
    /// When it last wrote, by its records' timestamps.
    pub last_timestamp: Timestamp,
    /// The epoch of the coordinator that wrote its last transaction marker, or -1.
    pub coordinator_epoch: i32,
    /// Where its open transaction begins.
    pub open_transaction: Option<Offset>,
}

/// What to do with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is next: append it.
    Append,
    /// It is in the log already.
    Duplicate(StoredBatch),
}

/// The end of a transaction, as written in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Whether it was committed; otherwise aborted.
    pub committed: bool,
    /// The epoch of the coordinator that wrote it.
    pub coordinator_epoch: i32,
}

/// All producers of one log.
#[derive(Clone, Debug, Default)]
pub struct ProducerState {
    producers: HashMap<i64, Producer>,
    /// Producer ids by the first offset of their open transaction.
    open: BTreeMap<Offset, i64>,
}

impl ProducerState {
    /// The producers by id.
    pub fn producers(&self) -> &HashMap<i64, Producer> {
        &self.producers
    }

    /// The first offset of the oldest open transaction: readers of committed records see nothing from there on.
    pub fn first_open_transaction(&self) -> Option<Offset> {
        self.open.first_key_value().map(|(&offset, _)| offset)
    }

    /// Judges a batch that a producer sends: is it next, a repeat, or neither?
    pub fn judge(&self, batch: &BatchHeader) -> Result<Verdict, ErrorCode> {
        todo!("exercise sequence-check")
    }

    /// Takes note of a batch that is in the log. `marker` is what a control batch says; the return value is the
    /// transaction it aborts.
    pub fn apply(&mut self, batch: &BatchHeader, marker: Option<Marker>) -> Option<AbortedTransaction> {
        if !batch.has_producer() {
            return None;
        }
        self.make_room(batch.producer_id);
        let producer = self.producers.entry(batch.producer_id).or_insert_with(|| Producer {
            epoch: batch.producer_epoch,
            batches: VecDeque::new(),
            last_timestamp: NO_TIMESTAMP,
            coordinator_epoch: -1,
            open_transaction: None,
        });
        if producer.epoch != batch.producer_epoch {
            producer.epoch = batch.producer_epoch;
            producer.batches.clear();
        }
        producer.last_timestamp = batch.max_timestamp;
        if let Some(marker) = marker {
            producer.coordinator_epoch = marker.coordinator_epoch;
            return self.end_transaction(batch, marker);
        }
        if producer.batches.len() == REMEMBERED {
            producer.batches.pop_front();
        }
        producer.batches.push_back(StoredBatch {
            last_sequence: batch.last_sequence(),
            last_offset: batch.last_offset(),
            offset_delta: batch.last_offset_delta,
            timestamp: batch.max_timestamp,
        });
        if batch.attributes.is_transactional() && producer.open_transaction.is_none() {
            producer.open_transaction = Some(batch.base_offset);
            self.open.insert(batch.base_offset, batch.producer_id);
        }
        None
    }

    fn end_transaction(&mut self, batch: &BatchHeader, marker: Marker) -> Option<AbortedTransaction> {
        let first_offset = self.producers.get_mut(&batch.producer_id)?.open_transaction.take()?;
        self.open.remove(&first_offset);
        let last_offset = batch.last_offset();
        let last_stable_offset = self.first_open_transaction().unwrap_or(last_offset + 1);
        let producer_id = batch.producer_id;
        (!marker.committed).then_some(AbortedTransaction { producer_id, first_offset, last_offset, last_stable_offset })
    }

    fn make_room(&mut self, newcomer: i64) {
        if self.producers.len() < MOST_PRODUCERS || self.producers.contains_key(&newcomer) {
            return;
        }
        let idle = self.producers.iter().filter(|(_, p)| p.open_transaction.is_none());
        if let Some((&id, _)) = idle.min_by_key(|(_, p)| p.last_timestamp) {
            self.producers.remove(&id);
        }
    }

    /// Forgets producers that have been silent since before `oldest` and have no open transaction.
    pub fn expire(&mut self, oldest: Timestamp) {
        self.producers.retain(|_, p| p.last_timestamp >= oldest || p.open_transaction.is_some());
    }

    /// The snapshot file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut ids: Vec<_> = self.producers.keys().copied().collect();
        ids.sort_unstable();
        let mut body = (ids.len() as i32).to_be_bytes().to_vec();
        for id in ids {
            let producer = &self.producers[&id];
            let none =
                StoredBatch { last_sequence: -1, last_offset: -1, offset_delta: 0, timestamp: producer.last_timestamp };
            let last = producer.batches.back().unwrap_or(&none);
            body.extend_from_slice(&id.to_be_bytes());
            body.extend_from_slice(&producer.epoch.to_be_bytes());
            body.extend_from_slice(&last.last_sequence.to_be_bytes());
            body.extend_from_slice(&last.last_offset.to_be_bytes());
            body.extend_from_slice(&last.offset_delta.to_be_bytes());
            body.extend_from_slice(&producer.last_timestamp.to_be_bytes());
            body.extend_from_slice(&producer.coordinator_epoch.to_be_bytes());
            body.extend_from_slice(&producer.open_transaction.unwrap_or(-1).to_be_bytes());
        }
        let crc = crc32c::crc32c(&body);
        [&1i16.to_be_bytes()[..], &crc.to_be_bytes(), &body].concat()
    }

    /// Reads a snapshot file. `None` if it is damaged: the state can be had from the log.
    pub fn decode(bytes: &[u8]) -> Option<ProducerState> {
        const ENTRY: usize = 46;
        let (head, body) = bytes.split_at_checked(6)?;
        let is_whole = head[..2] == [0, 1] && crc32c::crc32c(body).to_be_bytes() == head[2..];
        let (count, entries) = body.split_first_chunk::<4>()?;
        if !is_whole || entries.len() != ENTRY * u32::from_be_bytes(*count) as usize {
            return None;
        }
        let mut state = ProducerState::default();
        for e in entries.chunks_exact(ENTRY) {
            let long = |at: usize| i64::from_be_bytes(*e[at..].first_chunk().expect("46 bytes"));
            let int = |at: usize| i32::from_be_bytes(*e[at..].first_chunk().expect("46 bytes"));
            let (id, timestamp, open) = (long(0), long(26), long(38));
            let stored =
                StoredBatch { last_sequence: int(10), last_offset: long(14), offset_delta: int(22), timestamp };
            let producer = Producer {
                epoch: i16::from_be_bytes([e[8], e[9]]),
                batches: if stored.last_offset < 0 { VecDeque::new() } else { VecDeque::from([stored]) },
                last_timestamp: timestamp,
                coordinator_epoch: int(34),
                open_transaction: Some(open).filter(|&offset| offset >= 0),
            };
            if let Some(offset) = producer.open_transaction {
                state.open.insert(offset, id);
            }
            state.producers.insert(id, producer);
        }
        Some(state)
    }
}
