//! How fast the cleaner may read and write: so many bytes a second, all threads together.
//!
//! Bytes are paid for in time: a thread that has used some may go on when the time that they cost is over. Caveat: a
//! thread pays after the fact, so that one large batch passes at once and is paid for by a longer pause.

use std::time::Duration;

/// Keeps count of what was used. Times are since any fixed moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Throttle {
    /// Until when everything used so far is paid for.
    paid_until: Duration,
}

impl Throttle {
    /// Uses bytes, and says how long to pause. A rate that is no positive number is none.
    pub fn spend(&mut self, bytes: usize, bytes_per_second: f64, now: Duration) -> Duration {
        todo!("exercise throttle")
    }
}
