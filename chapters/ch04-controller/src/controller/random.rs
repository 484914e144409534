//! Numbers that look random: topic ids, and where placement begins. From a seed, so that tests can repeat them.

use ch00_wire::uuid::Uuid;

/// A generator of the family called splitmix64.
pub struct Random(u64);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.number() % end as u64) as usize
    }

    /// An id. Like Kafka's, its text never starts with a dash, which command lines would take for an option.
    pub fn id(&mut self) -> Uuid {
        loop {
            let halves = [self.number().to_be_bytes(), self.number().to_be_bytes()];
            let mut bytes: [u8; 16] = halves.concat().try_into().expect("two times eight bytes");
            bytes[6] = bytes[6] & 0x0f | 0x40;
            bytes[8] = bytes[8] & 0x3f | 0x80;
            let id = Uuid(bytes);
            if !id.to_string().starts_with('-') {
                return id;
            }
        }
    }
}
