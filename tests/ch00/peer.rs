//! Another reader and writer of the same messages, the crate kafka-protocol: what we write it must read, and what it
//! writes of that must be what we wrote.

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, Encodable, Message};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::support::golden::Subject;
use crate::support::grow::grow;
use crate::support::random::Random;
use crate::support::to_hex;

/// A message as kafka-protocol knows it.
pub struct Peer {
    versions: std::ops::RangeInclusive<i16>,
    again: fn(Bytes, i16) -> Result<Bytes, String>,
}

impl Peer {
    /// A message of kafka-protocol's.
    pub fn of<M: Message + Encodable + Decodable>() -> Peer {
        Peer {
            versions: M::VERSIONS.min..=M::VERSIONS.max,
            again: |mut bytes, version| {
                let message = M::decode(&mut bytes, version).map_err(|e| format!("it cannot read that: {e}"))?;
                if !bytes.is_empty() {
                    return Err(format!("it leaves {} bytes", bytes.len()));
                }
                let mut written = BytesMut::new();
                message.encode(&mut written, version).map_err(|e| format!("it cannot write that: {e}"))?;
                Ok(written.freeze())
            },
        }
    }

    /// Holds messages that grew by chance, and Kafka's own with flipped bits, against what the crate makes of them, in
    /// every version that both know. The result is how many there were.
    pub fn check(&self, subject: &Subject) -> usize {
        let mut checked = 0;
        let mut versions: Vec<_> = subject.vectors().map(|vector| vector.version).collect();
        versions.dedup();
        for version in versions.into_iter().filter(|version| self.versions.contains(version)) {
            checked += self.check_grown(subject, version);
            checked += self.check_flipped(subject, version);
        }
        checked
    }

    fn check_grown(&self, subject: &Subject, version: i16) -> usize {
        let config = Config { cases: 32, failure_persistence: None, ..Config::default() };
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let checked = std::cell::Cell::new(0);
        let result = TestRunner::new_with_rng(config, rng).run(&vec(any::<u8>(), 0..400), |choices| {
            let Some(bytes) = grow(subject, version, &choices) else { return Ok(()) };
            checked.set(checked.get() + 1);
            self.agrees(subject, version, &bytes).map_err(TestCaseError::fail)
        });
        result.unwrap_or_else(|e| panic!("{e}"));
        assert!(checked.get() >= 16, "{} v{version}: only {} messages grew", subject.name, checked.get());
        checked.get()
    }

    fn check_flipped(&self, subject: &Subject, version: i16) -> usize {
        let mut random = Random::new(version as u64 + 100);
        let full = subject.vectors().find(|vector| vector.version == version && vector.kind == "full").unwrap().bytes;
        let mut checked = 0;
        for _ in 0..200 {
            let mut flipped = full.to_vec();
            for _ in 0..random.below(4) {
                let at = random.below(full.len().max(1));
                flipped.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << random.below(8));
            }
            if let Ok(reading) = (subject.read)(flipped.into(), version) {
                self.agrees(subject, version, &reading.bytes).unwrap_or_else(|e| panic!("{e}"));
                checked += 1;
            }
        }
        checked
    }

    fn agrees(&self, subject: &Subject, version: i16, ours: &Bytes) -> Result<(), String> {
        let place = || format!("{} v{version}: {}", subject.name, to_hex(ours));
        let theirs = (self.again)(ours.clone(), version).map_err(|e| format!("{}: {e}", place()))?;
        if theirs != ours { Err(format!("{}: it writes {}", place(), to_hex(&theirs))) } else { Ok(()) }
    }
}
