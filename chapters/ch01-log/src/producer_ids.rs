//! Producer ids: given out one by one, reserved on the disk in blocks.
//!
//! An id that is given twice would make one producer's records look like repeats of another's. So before the first id of
//! a block is used, the file says that the whole block is; a crash wastes the rest of the block, which costs nothing.

use std::io;

/// Ids reserved at a time.
pub const BLOCK: i64 = 1000;

/// The ids left in the block at hand.
#[derive(Debug, Default)]
pub struct ProducerIds {
    next: i64,
    end: i64,
}

impl ProducerIds {
    // ANCHOR: next
    /// The next id. `reserve` is called when a new block is needed: it writes down, durably, that ids up to its argument's
    /// block are taken, and returns the block's first id.
    pub fn next(&mut self, reserve: impl FnOnce(i64) -> io::Result<i64>) -> io::Result<i64> {
        if self.next == self.end {
            self.next = reserve(BLOCK)?;
            self.end = self.next + BLOCK;
        }
        self.next += 1;
        Ok(self.next - 1)
    }
    // ANCHOR_END: next
}
