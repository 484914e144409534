//! Which partition a record goes to: the producer decides, not the broker.
//!
//! With a key: a hash of the key, modulo the number of partitions. Records with the same key are then in the same
//! partition, and so in order. Every client that writes to a topic has to compute the same hash, and Java's client set
//! the standard: [`murmur2`] with its sign bit cleared. (librdkafka's own default is another hash, CRC-32; there it
//! takes `partitioner=murmur2_random` to agree with Java.)
//!
//! Without a key: any partition would do. Taking them in turn for each record would make many small batches; so all
//! records stick to one partition until its batch is sent, and then to the next.
//!
//! Caveat: when a topic gets more partitions, keys move. Records written before stay where they were.

use std::hash::{BuildHasher, Hasher, RandomState};

// ANCHOR: murmur2
/// Austin Appleby's MurmurHash2 with the seed of Kafka's Java client.
pub fn murmur2(bytes: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let mut h = SEED ^ bytes.len() as u32;
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        let k = u32::from_le_bytes(*word).wrapping_mul(M);
        h = h.wrapping_mul(M) ^ (k ^ k >> 24).wrapping_mul(M);
    }
    if !rest.is_empty() {
        h ^= rest.iter().rev().fold(0, |k, &byte| k << 8 | u32::from(byte));
        h = h.wrapping_mul(M);
    }
    h = (h ^ h >> 13).wrapping_mul(M);
    (h ^ h >> 15) as i32
}

/// The partition of a key, as Java's producer chooses it.
pub fn partition_of(key: &[u8], partitions: i32) -> i32 {
    (murmur2(key) & i32::MAX) % partitions
}
// ANCHOR_END: murmur2

/// Chooses partitions, and remembers which one records without a key stick to.
#[derive(Clone, Debug)]
pub struct Partitioner {
    /// A running number; modulo the number of partitions, it is the partition that records without a key go to.
    sticky: u32,
}

impl Default for Partitioner {
    /// Begins anywhere: a thousand short-lived producers should not all begin at partition 0.
    fn default() -> Partitioner {
        // The standard library's only source of randomness: hashes are seeded with it.
        Partitioner { sticky: RandomState::new().build_hasher().finish() as u32 }
    }
}

// ANCHOR: choose
impl Partitioner {
    /// The partition for a record.
    pub fn choose(&self, key: Option<&[u8]>, partitions: i32) -> i32 {
        match key {
            Some(key) => partition_of(key, partitions),
            None => (self.sticky % partitions as u32) as i32,
        }
    }

    /// To be called when a batch was sent: records without a key now go elsewhere.
    pub fn batch_sent(&mut self) {
        self.sticky = self.sticky.wrapping_add(1);
    }
}
// ANCHOR_END: choose
