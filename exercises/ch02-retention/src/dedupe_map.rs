//! The map from a key to the offset of its newest record, in a fixed number of bytes.
//!
//! ```text
//! slot, 24 bytes:   hash of the key, 16 bytes | offset + 1, 8 bytes (0: the slot is free)
//! ```
//!
//! A key is looked for in the slot that its hash says, then in the next, and so on up to a free one; nothing is ever
//! removed. When nine slots of ten are taken the map is full: those who fill it stop there, and go on another time.
//!
//! Caveat: keys themselves are not kept. Two keys of the same hash would be one, and the older record would be lost. With
//! 128 bits, and hashers whose own keys no client knows, that is not going to happen. (Apache Kafka hashes with MD5, for
//! which anyone can make two such keys.)

use std::hash::{BuildHasher, RandomState};

use ch01_log::batch::Offset;

/// The two halves of a key's hash, and its newest offset plus 1; 0 there: the slot is free.
type Slot = [u64; 3];

/// Bytes of a slot.
pub const SLOT_LEN: usize = size_of::<Slot>();

/// How many slots of a hundred are used at most (`log.cleaner.io.buffer.load.factor` 0.9): looking takes longer and
/// longer when fewer are free.
const LOAD_PERCENT: usize = 90;

/// Newest offsets by key. `S` makes the two halves of the hash.
pub struct DedupeMap<S = RandomState> {
    slots: Vec<Slot>,
    /// Slots that it may have.
    most_slots: usize,
    /// Keys in it, at most `capacity`.
    len: usize,
    hashers: [S; 2],
    /// Every record up to this offset has been looked at; -1: none has.
    latest_offset: Offset,
}

impl<S: BuildHasher> DedupeMap<S> {
    /// A map of at most `bytes` bytes (`log.cleaner.dedupe.buffer.size`).
    pub fn new(bytes: usize, hashers: [S; 2]) -> DedupeMap<S> {
        let most_slots = bytes / SLOT_LEN;
        DedupeMap { slots: vec![[0; 3]; most_slots], most_slots, len: 0, hashers, latest_offset: -1 }
    }

    /// Keys it holds at most.
    pub fn capacity(&self) -> usize {
        // Rounded down, so that a search always ends at a free slot.
        self.slots.len() / 100 * LOAD_PERCENT + self.slots.len() % 100 * LOAD_PERCENT / 100
    }

    /// Keys it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of its slots.
    pub fn size(&self) -> usize {
        self.slots.capacity() * SLOT_LEN
    }

    /// The offset up to which, and with which, every record has been looked at; -1 for none.
    pub fn latest_offset(&self) -> Offset {
        self.latest_offset
    }

    /// Notes that every record up to an offset has been looked at.
    pub fn update_latest_offset(&mut self, offset: Offset) {
        self.latest_offset = self.latest_offset.max(offset);
    }

    /// Forgets everything, and takes no more room than so many keys need: keys are spread over all slots, so a map that is
    /// too large for them costs memory all the same.
    pub fn reset(&mut self, most_keys: u64) {
        let needed = most_keys.saturating_mul(100) / LOAD_PERCENT as u64 + 2;
        let slots = usize::try_from(needed).unwrap_or(usize::MAX).min(self.most_slots);
        // The old slots go before the new ones come.
        self.slots = Vec::new();
        self.slots = vec![[0; 3]; slots];
        self.len = 0;
        self.latest_offset = -1;
    }

    /// Notes a key's record. `false`: the map is full, and the key is not in it.
    pub fn put(&mut self, key: &[u8], offset: Offset) -> bool {
        todo!("exercise dedupe-map")
    }

    /// The offset of a key's newest record; `None` if there was none.
    pub fn get(&self, key: &[u8]) -> Option<Offset> {
        if self.len == 0 {
            return None;
        }
        offset_in(&self.slots[self.slot_of(self.hash(key))])
    }

    /// The slot that has a hash, or the free one where it belongs.
    fn slot_of(&self, hash: [u64; 2]) -> usize {
        todo!("exercise dedupe-map")
    }

    fn hash(&self, key: &[u8]) -> [u64; 2] {
        [self.hashers[0].hash_one(key), self.hashers[1].hash_one(key)]
    }
}

fn offset_in(slot: &Slot) -> Option<Offset> {
    (slot[2] > 0).then(|| slot[2] as Offset - 1)
}
