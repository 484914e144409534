//! Bytes that nobody should send: whatever they are, decoding ends, does not panic, and takes no more memory than a few
//! times what was sent.

use bytes::Bytes;

use super::golden::{Subject, Vector};
use super::memory::peak;
use super::random::Random;

/// What decoding may allocate besides four times the bytes: the budget's base, and small change for the error.
const BASE: usize = (1 << 20) + 4096;

impl Subject {
    /// Decodes bytes, and holds the memory it took against what is allowed. Whether they can be read.
    pub fn survives(&self, bytes: &Bytes, version: i16) -> bool {
        let (result, most) = peak(|| (self.decode)(bytes.clone(), version).is_ok());
        let allowed = BASE + 4 * bytes.len();
        assert!(most <= allowed, "{} v{version}: {} bytes made decoding take {most}", self.name, bytes.len());
        result
    }

    /// Every vector, cut off at every byte, is refused.
    pub fn refuses_every_prefix(&self) {
        for Vector { version, kind, bytes, .. } in self.vectors() {
            for end in 0..bytes.len() {
                let accepted = self.survives(&bytes.slice(..end), version);
                assert!(!accepted, "{} v{version} {kind}: {end} of {} bytes were accepted", self.name, bytes.len());
            }
        }
    }

    /// Every length and count there is, and everything else too, made as large as it can be.
    pub fn survives_huge_lengths(&self) {
        for Vector { version, bytes, .. } in self.vectors().filter(|vector| vector.kind == "full") {
            for at in 0..bytes.len() {
                let (before, after) = bytes.split_at(at);
                // Two bytes in place of a string's length, four for an array's, a varint for both in flexible versions.
                let after = |n: usize| after.get(n..).unwrap_or_default();
                let put = |length: &[u8], n| Bytes::from([before, length, after(n)].concat());
                self.survives(&put(&[0x7f, 0xff], 2), version);
                self.survives(&put(&[0x80, 0x00], 2), version);
                self.survives(&put(&i32::MAX.to_be_bytes(), 4), version);
                self.survives(&put(&i32::MIN.to_be_bytes(), 4), version);
                self.survives(&put(&[0xff, 0xff, 0xff, 0xff, 0x07], 1), version);
                self.survives(&put(&[0xff, 0xff, 0xff, 0xff, 0x0f], 1), version);
                self.survives(&put(&[0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 1), version);
            }
        }
    }

    /// A few bits of each vector turned over. What can still be read can be written, too.
    pub fn survives_flipped_bits(&self) {
        for Vector { version, bytes, .. } in self.vectors() {
            let mut random = Random::new(version as u64 + 1);
            for _ in 0..64 {
                let mut flipped = bytes.to_vec();
                for _ in 0..1 + random.below(3) {
                    let at = random.below(bytes.len().max(1));
                    flipped.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << random.below(8));
                }
                let flipped = Bytes::from(flipped);
                if self.survives(&flipped, version) {
                    let _ = (self.read)(flipped, version);
                }
            }
        }
    }

    /// Twenty million tagged fields, 40 MB of them, at the end of a message.
    pub fn survives_millions_of_tags(&self, tag: u8) {
        const COUNT: usize = 20_000_000;
        let all = self.vectors().filter(|vector| vector.version >= self.flexible_from && vector.kind == "default");
        let Vector { version, bytes, .. } = all.last().expect("a flexible version");
        let mut many = bytes[..bytes.len() - 1].to_vec();
        many.extend([0x80, 0xda, 0xc4, 0x09]);
        many.resize(many.len() + 2 * COUNT, 0);
        for field in many[bytes.len() + 3..].chunks_exact_mut(2) {
            field[0] = tag;
        }
        let many = Bytes::from(many);
        let (readable, most) = peak(|| (self.decode)(many, version).is_ok());
        assert!(readable, "{} v{version}: unknown tags are skipped", self.name);
        assert!(most < 4096, "{} v{version}: skipping took {most} bytes", self.name);
    }
}
