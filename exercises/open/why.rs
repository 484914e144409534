//! Why leaders move. The metadata log says what was decided and not why; most of that can be read out of it all the same.
//!
//! "At ten past three rooms-0 had no leader, why?" is asked the morning after, when all that is left is the log. What
//! stands next to each other in it tells: who was fenced when a leader changed, who restarted, what was moved.
//!
//! Nothing here is the book's. What it has to do stands on the page of this exercise; everything else is yours: fields,
//! helpers, other modules of this crate that you use.

use ch00_wire::uuid::Uuid;
use ch01_log::batch::Timestamp;

use crate::image::ReplayError;
use crate::records::MetadataRecord;

/// Why somebody leads from now on, or nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The partition is new.
    Created,
    /// Nobody who had everything could lead: this one may lack records.
    Unclean,
    /// It is the leader there was: it begins anew.
    Anew,
    /// Nobody led, and somebody can again.
    Back,
    /// Who led is registered no more.
    Unregistered,
    /// Who led is another process now.
    Restarted,
    /// Who led is fenced.
    Fenced,
    /// Who led is about to stop.
    Stopping,
    /// Who led has no copy any more.
    Moved,
    /// The directory with the leader's copy has failed.
    Directory,
    /// Who led could have gone on, and the first of the replicas leads again.
    Preferred,
    /// None of these.
    Unknown,
}

/// A leader epoch has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The topic's name.
    pub topic: String,
    /// The partition's index.
    pub partition: i32,
    /// The epoch.
    pub leader_epoch: i32,
    /// Who led before, or `NO_LEADER`.
    pub from: i32,
    /// Who leads now, or `NO_LEADER`.
    pub to: i32,
    /// Why.
    pub why: Why,
}

/// What has happened to the leaders of a cluster.
#[derive(Clone, Debug)]
pub struct History {}

impl History {
    /// Nothing has happened yet: the log begins.
    #[allow(clippy::new_without_default)]
    pub fn new() -> History {
        todo!("exercise why")
    }

    /// Takes in the next batch of the metadata log, written at this time; the answer is what it decides about leaders. An
    /// error is that of a record that does not go with those before it; then nothing of the batch is taken in.
    pub fn note(&mut self, written: Timestamp, batch: &[MetadataRecord]) -> Result<Vec<Turn>, ReplayError> {
        todo!("exercise why")
    }

    /// For how many milliseconds altogether a partition has had no leader, up to now.
    pub fn leaderless_ms(&self, topic_id: Uuid, partition: i32, now: Timestamp) -> i64 {
        todo!("exercise why")
    }
}
