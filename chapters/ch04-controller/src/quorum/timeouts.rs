//! How long a node waits, and the chance in it.
//!
//! Nodes that wait equally long stand for election at the same moment, and split the votes, again and again. So the waits
//! are drawn. The generator is seeded from outside: the same seed and the same events make the same run.

/// Waits, in milliseconds; each at least 1.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// `controller.quorum.election.timeout.ms`: a voter that knows no leader waits once to twice this.
    pub election_timeout_ms: i64,
    /// `controller.quorum.fetch.timeout.ms`: a follower that so long had no answer from its leader has none any more.
    pub fetch_timeout_ms: i64,
    /// `controller.quorum.election.backoff.max.ms`: the longest wait after a lost election.
    pub election_backoff_max_ms: i64,
    /// `controller.quorum.retry.backoff.ms`: the wait after a request that failed.
    pub retry_backoff_ms: i64,
}

impl Default for Timeouts {
    /// Kafka's.
    fn default() -> Timeouts {
        Timeouts {
            election_timeout_ms: 1000,
            fetch_timeout_ms: 2000,
            election_backoff_max_ms: 1000,
            retry_backoff_ms: 20,
        }
    }
}

impl Timeouts {
    /// A leader that so long was not fetched from by a majority gives up.
    pub fn check_quorum_ms(&self) -> i64 {
        self.fetch_timeout_ms + self.fetch_timeout_ms / 2
    }

    /// The wait before a voter stands for election.
    pub fn draw_election_timeout(&self, jitter: &mut Jitter) -> i64 {
        self.election_timeout_ms + jitter.below(self.election_timeout_ms)
    }

    /// The wait after so many elections were lost in a row, 1 or more: twice as long each time, and up to half of it less.
    pub fn draw_election_backoff(&self, lost: u32, jitter: &mut Jitter) -> i64 {
        let most = (self.retry_backoff_ms << lost.min(16)).min(self.election_backoff_max_ms);
        most - jitter.below(most / 2 + 1)
    }
}

/// A small generator of random numbers (SplitMix64).
#[derive(Clone, Debug)]
pub struct Jitter(u64);

impl Jitter {
    /// One whose numbers follow from the seed.
    pub fn new(seed: u64) -> Jitter {
        Jitter(seed)
    }

    /// A number from 0 on, below `limit`, which is 1 or more.
    pub fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ bits >> 31) % limit as u64) as i64
    }
}
