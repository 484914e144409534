//! The time, behind a trait, so that tests decide what it is.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::batch::Timestamp;

/// A clock.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as Timestamp)
    }
}
