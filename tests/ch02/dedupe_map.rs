//! The bounded map from keys to newest offsets.

use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use ch02_retention::dedupe_map::{DedupeMap, SLOT_LEN};

fn map(bytes: usize) -> DedupeMap {
    DedupeMap::new(bytes, [RandomState::new(), RandomState::new()])
}

fn key(n: i64) -> Vec<u8> {
    format!("key-{n}").into_bytes()
}

#[test]
fn a_key_is_found_again() {
    let mut map = map(1000);
    assert!(map.put(b"a", 5));
    assert!(map.put(b"b", 6));
    assert_eq!((map.get(b"a"), map.get(b"b"), map.len()), (Some(5), Some(6), 2));
    assert!(map.put(b"a", 7), "a key that is there already");
    assert_eq!((map.get(b"a"), map.get(b"b"), map.len()), (Some(7), Some(6), 2), "is counted once");
}

#[test]
fn a_hundred_thousand_keys_each_with_its_newest_offset() {
    let n = 100_000;
    let bytes = n as usize * SLOT_LEN * 10 / 9 + SLOT_LEN;
    let mut map = map(bytes);
    for offset in 0..3 * n {
        assert!(map.put(&key(offset % n), offset));
    }
    assert_eq!(map.len(), n as usize);
    assert!((0..n).all(|i| map.get(&key(i)) == Some(2 * n + i)));
    assert_eq!(map.get(&key(n)), None);
    assert!(map.size() <= bytes);
}

#[test]
fn a_map_without_a_slot_holds_nothing() {
    for bytes in [0, SLOT_LEN - 1, SLOT_LEN] {
        let mut map = map(bytes);
        assert!(!map.put(b"k", 0), "{bytes} bytes");
        assert_eq!((map.get(b"k"), map.len()), (None, 0));
    }
}

#[test]
fn it_never_exceeds_its_bytes_and_says_when_it_is_full() {
    for bytes in [0, 1, 23, 24, 47, 48, 100, 1000, 2400, 10_000] {
        let mut map = map(bytes);
        let capacity = map.capacity();
        assert!(capacity <= bytes / SLOT_LEN * 9 / 10, "one slot of ten stays free");
        let taken = (0..1000).take_while(|&offset| map.put(&key(offset), offset)).count();
        assert_eq!((taken, map.len()), (capacity, capacity), "{bytes} bytes");
        assert!(map.size() <= bytes);
        assert!(!map.put(&key(2000), 2000));
        assert_eq!(map.get(&key(2000)), None);
        for i in 0..capacity as i64 {
            assert!(map.put(&key(i), 3000 + i), "a key that is in it finds its place in a full map");
            assert_eq!(map.get(&key(i)), Some(3000 + i));
        }
    }
}

#[test]
fn an_older_offset_does_not_take_the_place_of_a_newer_one() {
    let mut map = map(1000);
    assert!(map.put(b"k", 7));
    assert!(map.put(b"k", 3), "it is in the map, if with another offset");
    assert_eq!(map.get(b"k"), Some(7));
    map.put(b"", 0);
    assert_eq!(map.get(b""), Some(0), "an empty key is a key, offset 0 an offset");
}

#[test]
fn cleared_it_is_as_new() {
    let mut map = map(1000);
    map.put(b"k", 7);
    map.update_latest_offset(9);
    map.update_latest_offset(8);
    assert_eq!(map.latest_offset(), 9);
    map.reset(100);
    assert_eq!((map.len(), map.get(b"k"), map.latest_offset()), (0, None, -1));
}

/// Puts every key into the same place, and tells keys apart by their length.
#[derive(Default)]
struct SamePlace;

#[derive(Default)]
struct ByLength(u64);

impl Hasher for SamePlace {
    fn finish(&self) -> u64 {
        u64::MAX
    }
    fn write(&mut self, _: &[u8]) {}
}

impl Hasher for ByLength {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 += bytes.len() as u64;
    }
}

/// One of the two, so that both can be in one map.
enum Either {
    Place(BuildHasherDefault<SamePlace>),
    Length(BuildHasherDefault<ByLength>),
}

impl BuildHasher for Either {
    type Hasher = Box<dyn Hasher>;
    fn build_hasher(&self) -> Box<dyn Hasher> {
        match self {
            Either::Place(hasher) => Box::new(hasher.build_hasher()),
            Either::Length(hasher) => Box::new(hasher.build_hasher()),
        }
    }
}

#[test]
fn keys_that_belong_into_the_same_slot_all_find_one() {
    let hashers = [Either::Place(Default::default()), Either::Length(Default::default())];
    let mut map = DedupeMap::new(20 * SLOT_LEN, hashers);
    let keys: Vec<Vec<u8>> = (0..18).map(|length| vec![0; length]).collect();
    for (key, offset) in keys.iter().zip(100..) {
        assert!(map.put(key, offset));
    }
    for (key, offset) in keys.iter().zip(100..) {
        assert_eq!(map.get(key), Some(offset));
    }
    assert_eq!(map.get(&[0; 18]), None);
    assert_eq!(map.get(&[1; 5]), Some(105), "what has the same hash is the same key");
}
