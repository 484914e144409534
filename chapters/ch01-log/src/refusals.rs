//! Batches that were refused for now: what a broker has to remember of them to keep a producer's batches in order.
//!
//! A producer has several batches under way. If the first is refused with an error that asks for another attempt, and the
//! reason is gone an instant later, the second is judged by a log that lacks the first:
//!
//! ```text
//! batch 7   refused: the disk is full, or the partition is not served yet
//! batch 8   comes an instant later, when all is well: a gap. Whose fault is it?
//! ```
//!
//! "Out of order" would blame the producer. One built on librdkafka then raises its epoch and numbers everything anew that
//! was not answered, in all partitions: also what is stored already, and is there twice from then on. And a log that does
//! not know the producer yet would take batch 8, and never batch 7. So a gap that somebody else may have made is refused
//! with an error that asks for another attempt, and the client sends both again, in order.
//!
//! Caveat: only the first time. A batch that comes again, and finds the gap again, is out of order.

use std::collections::HashMap;
use std::sync::RwLock;
use std::time::{Duration, Instant};

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

/// How long a refusal is remembered. What is under way together arrives together, and comes again within a second or two.
const LATELY: Duration = Duration::from_secs(10);
/// Refusals that are remembered. When there are more, all are forgotten.
const MOST: usize = 10_000;

/// A producer in a partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Writer {
    /// The producer's id, from 0.
    pub producer_id: i64,
    /// The topic's id, or zero where requests name topics.
    pub topic_id: Uuid,
    /// The topic's name, or nothing where requests have ids.
    pub topic: String,
    /// The partition's index, from 0.
    pub partition: i32,
}

struct Refusal {
    code: ErrorCode,
    /// The first sequence number of the refused batch.
    base_sequence: i32,
    at: Instant,
}

/// For each producer in each partition the earliest batch that was refused lately.
#[derive(Default)]
pub struct Refusals {
    earliest: RwLock<HashMap<Writer, Refusal>>,
}

impl Refusals {
    /// What a gap before a batch is answered with, if somebody else may have made it. `moved`: the answer if another broker
    /// has served the partition until a moment ago. A client that turns from one to the other may send a later batch first.
    pub fn explain(
        &self,
        writer: &Writer,
        base_sequence: i32,
        moved: Option<ErrorCode>,
        now: Instant,
    ) -> Option<ErrorCode> {
        match self.earliest.read().unwrap().get(writer).filter(|refusal| refusal.is_recent(now)) {
            Some(refusal) if refusal.base_sequence == base_sequence => None,
            Some(refusal) if is_after(base_sequence, refusal.base_sequence) => Some(refusal.code),
            _ => moved,
        }
    }

    /// A batch was refused. It counts if the error asks for another attempt.
    pub fn note(&self, writer: Writer, base_sequence: i32, code: ErrorCode, now: Instant) {
        if !code.is_retriable() {
            return;
        }
        let mut earliest = self.earliest.write().unwrap();
        let known = earliest.get(&writer).filter(|refusal| refusal.is_recent(now));
        if known.is_some_and(|refusal| is_after(base_sequence, refusal.base_sequence)) {
            return;
        }
        if earliest.len() >= MOST {
            earliest.clear();
        }
        earliest.insert(writer, Refusal { code, base_sequence, at: now });
    }
}

impl Refusal {
    fn is_recent(&self, now: Instant) -> bool {
        now.duration_since(self.at) < LATELY
    }
}

/// Whether a sequence number comes later than another. After the largest comes 0.
fn is_after(this: i32, that: i32) -> bool {
    matches!(this.wrapping_sub(that) & i32::MAX, 1..0x4000_0000)
}
