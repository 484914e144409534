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
    // ANCHOR: spend
    /// Uses bytes, and says how long to pause. A rate that is no positive number is none.
    pub fn spend(&mut self, bytes: usize, bytes_per_second: f64, now: Duration) -> Duration {
        let cost = Duration::try_from_secs_f64(bytes as f64 / bytes_per_second).unwrap_or(Duration::ZERO);
        // Time that went by unused is lost: else a cleaner that rested would be without a limit for as long.
        self.paid_until = self.paid_until.max(now).saturating_add(cost);
        self.paid_until - now
    }
    // ANCHOR_END: spend
}
