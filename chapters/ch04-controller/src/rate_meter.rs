//! How many bytes a second: what came, in windows of a second, over the time since the oldest window that is remembered.
//!
//! ```text
//! now 13 s    windows   3   4   5   6   7   8   9  10  11  12  13      the last eleven count
//!             MB        8   0   0   0   0   0   0   0   0   0   2      10 MB in 10 s: 1 MB/s
//! ```
//!
//! Pure: it is told what time it is. Caveat: what comes at once is seen at once, as if it were a second's; who was idle may
//! then go on for a while, since the time that went by counts.

use std::collections::VecDeque;

use ch01_log::batch::Timestamp;

/// What came in some milliseconds.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// When the first of it came.
    start: Timestamp,
    /// When the last of it came.
    last: Timestamp,
    bytes: u64,
}

/// Measures a rate.
#[derive(Clone, Debug)]
pub struct RateMeter {
    /// The oldest first.
    windows: VecDeque<Window>,
    /// How long a window is, in milliseconds.
    window_ms: i64,
    /// For how long after its last byte a window counts, in milliseconds.
    kept_ms: i64,
}

impl RateMeter {
    /// Nothing has come yet. So many windows of so many milliseconds count.
    pub fn new(windows: i32, window_ms: i64) -> RateMeter {
        RateMeter { windows: VecDeque::new(), window_ms, kept_ms: window_ms.saturating_mul(windows.into()) }
    }

    // ANCHOR: record
    /// Bytes have come.
    pub fn record(&mut self, bytes: u64, now: Timestamp) {
        if bytes == 0 {
            return;
        }
        self.forget(now);
        match self.windows.back_mut().filter(|window| now - window.start < self.window_ms) {
            Some(window) => (window.bytes, window.last) = (window.bytes.saturating_add(bytes), now),
            None => self.windows.push_back(Window { start: now, last: now, bytes }),
        }
    }

    /// Bytes a second.
    pub fn rate(&mut self, now: Timestamp) -> f64 {
        self.forget(now);
        let since = self.windows.front().map_or(now, |oldest| oldest.start);
        let bytes: f64 = self.windows.iter().map(|window| window.bytes as f64).sum();
        bytes * 1000.0 / (now - since).max(self.window_ms) as f64
    }
    // ANCHOR_END: record

    fn forget(&mut self, now: Timestamp) {
        while self.windows.front().is_some_and(|window| now - window.last >= self.kept_ms) {
            self.windows.pop_front();
        }
    }
}
