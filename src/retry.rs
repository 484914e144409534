//! What can go wrong between a client and a cluster, and when to try again.
//!
//! Most of what goes wrong goes away: a broker restarts, a partition gets another leader, a new topic is not known
//! everywhere yet. Kafka's table of errors says which of them are *retriable*, and a broken connection is, too.

use std::time::Duration;

use ch00_wire::client::ClientError;
use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::Offset;
use tokio::time::{Instant, sleep};

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// None of the brokers known could be asked.
    #[error("no broker answers at {tried}: {cause}. `mini-kafka broker` starts one; --bootstrap says where it is")]
    NoBroker {
        /// The addresses that were tried.
        tried: String,
        /// Why the last one failed.
        cause: ClientError,
    },
    /// The connection to one broker failed.
    #[error("broker {address}: {cause}")]
    Connection {
        /// The broker's address.
        address: String,
        /// What happened.
        cause: ClientError,
    },
    /// A broker said no.
    #[error("{what}: {code}{}", explain(message))]
    Refused {
        /// What was asked for.
        what: String,
        /// Its error.
        code: ErrorCode,
        /// The error in the broker's words, if it found any.
        message: Option<String>,
    },
    /// Metadata does not know the topic.
    #[error("topic `{0}` does not exist; `mini-kafka topic create {0}` creates it")]
    NoSuchTopic(String),
    /// Metadata does not know the partition.
    #[error("topic `{topic}` has {partitions} partitions: there is no partition {partition}")]
    NoSuchPartition {
        /// The topic.
        topic: String,
        /// The partition asked for.
        partition: i32,
        /// How many there are.
        partitions: usize,
    },
    /// What a broker sent cannot be used.
    #[error("{what} at offset {offset}: {problem}")]
    Damaged {
        /// The partition.
        what: String,
        /// The first offset that cannot be read.
        offset: Offset,
        /// What is wrong.
        problem: String,
    },
    /// Every attempt failed.
    #[error("{what}: gave up after {attempts} attempts in {seconds} seconds: {last}")]
    GaveUp {
        /// What was attempted.
        what: String,
        /// How often.
        attempts: u32,
        /// For how long.
        seconds: u64,
        /// Why the last attempt failed.
        last: Box<ClusterError>,
    },
}

fn explain(message: &Option<String>) -> String {
    message.as_ref().map(|message| format!(": {message}")).unwrap_or_default()
}

impl ClusterError {
    /// A broker's error, if it is one.
    pub fn check(code: ErrorCode, message: Option<String>, what: impl FnOnce() -> String) -> Result<(), ClusterError> {
        if code.is_error() { Err(ClusterError::Refused { what: what(), code, message }) } else { Ok(()) }
    }

    /// Whether another attempt may succeed.
    pub fn is_retriable(&self) -> bool {
        match self {
            ClusterError::NoBroker { cause, .. } | ClusterError::Connection { cause, .. } => {
                use ClientError::*;
                matches!(cause, Io(_) | Frame(_) | Closed | Timeout { .. })
            }
            ClusterError::Refused { code, .. } => code.is_retriable(),
            _ => false,
        }
    }
}

// ANCHOR: retries
/// Attempts at one thing: when to try again, and when to give up.
pub struct Retries {
    what: String,
    attempts: u32,
    started: Instant,
    limit: Duration,
    pause: Duration,
}

impl Retries {
    /// Attempts at `what`, none of which begins when `limit` is over.
    pub fn new(what: impl Into<String>, limit: Duration) -> Retries {
        Retries { what: what.into(), attempts: 0, started: Instant::now(), limit, pause: Duration::from_millis(50) }
    }

    /// How long it has been.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// To be called after an attempt failed: pauses if another one is of use, or else returns the error. Each pause is
    /// twice as long as the one before, so that a broker in trouble is not also flooded.
    pub async fn after(&mut self, error: ClusterError) -> Result<(), ClusterError> {
        self.attempts += 1;
        if !error.is_retriable() {
            return Err(error);
        }
        if self.started.elapsed() + self.pause > self.limit {
            let (what, attempts, seconds) = (self.what.clone(), self.attempts, self.limit.as_secs());
            return Err(ClusterError::GaveUp { what, attempts, seconds, last: Box::new(error) });
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(Duration::from_secs(1));
        Ok(())
    }
}
// ANCHOR_END: retries
