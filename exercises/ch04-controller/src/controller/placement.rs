//! Which brokers get the copies of new partitions.
//!
//! Leaders go around all brokers, so that each leads as many partitions as any other. The other copies go around the
//! racks, beginning after the leader's: copies are in as many racks as possible, and take turns among a rack's brokers.
//!
//! ```text
//! rack a: 1 2    rack b: 3    rack c: 4       three copies of six partitions
//!
//! leaders          1  3  4  2  1  3           a broker of each rack in turn, then the second of each, …
//! second copies    3  4  2  3  3  4
//! third copies     4  1  3  4  4  2
//! ```
//!
//! A broker that is fenced gets a copy only where its rack has no other left, and never leads: it may come back, or not.

use std::collections::BTreeMap;

use ch00_wire::error_code::ErrorCode;
use ch01_log::partition::PartitionError;

/// A broker that can get copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsableBroker {
    /// Its id.
    pub id: i32,
    /// Its rack; those without are in one of their own.
    pub rack: Option<String>,
    /// Whether it is fenced.
    pub fenced: bool,
}

/// The brokers of a rack that take turns.
#[derive(Default)]
struct Rack {
    unfenced: Vec<i32>,
    fenced: Vec<i32>,
    /// Whose turn it is.
    turn: usize,
}

impl Rack {
    /// The brokers in the order of their turns, those that are fenced last.
    fn in_turn(&self) -> Vec<i32> {
        let rotated = |brokers: &[i32]| {
            let mut brokers = brokers.to_vec();
            let turn = self.turn % brokers.len().max(1);
            brokers.rotate_left(turn);
            brokers
        };
        [rotated(&self.unfenced), rotated(&self.fenced)].concat()
    }
}

/// The replicas of `partitions` new partitions with `copies` copies each, the preferred leader first. `start` says where
/// to begin; a number at random, so that topics do not all begin with the same broker.
pub fn place(
    brokers: &[UsableBroker],
    partitions: usize,
    copies: usize,
    start: usize,
) -> Result<Vec<Vec<i32>>, PartitionError> {
    todo!("exercise placement")
}

/// The brokers by rack, racks and brokers sorted.
fn racks(brokers: &[UsableBroker], start: usize) -> Vec<Rack> {
    let mut racks: BTreeMap<Option<&str>, Rack> = BTreeMap::new();
    let mut brokers: Vec<_> = brokers.iter().collect();
    brokers.sort_by_key(|broker| broker.id);
    for broker in brokers {
        let rack = racks.entry(broker.rack.as_deref()).or_insert_with(|| Rack { turn: start, ..Rack::default() });
        if broker.fenced { rack.fenced.push(broker.id) } else { rack.unfenced.push(broker.id) }
    }
    racks.into_values().collect()
}

/// Who leads, in turn, each with its rack: the first of each rack, then the second of each, …
fn leaders(racks: &[Rack]) -> Vec<(usize, i32)> {
    let longest = racks.iter().map(|rack| rack.unfenced.len()).max().unwrap_or(0);
    let in_place = |place: usize| {
        racks.iter().enumerate().filter_map(move |(rack, brokers)| Some((rack, *brokers.unfenced.get(place)?)))
    };
    (0..longest).flat_map(in_place).collect()
}

fn check(brokers: usize, unfenced: usize, copies: usize) -> Result<(), PartitionError> {
    let why = match () {
        _ if copies == 0 => "Invalid replication factor 0: the replication factor must be positive.".to_owned(),
        _ if unfenced == 0 => "All brokers are currently fenced.".to_owned(),
        _ if copies > brokers => format!(
            "The target replication factor of {copies} cannot be reached because only {brokers} broker(s) are registered."
        ),
        _ => return Ok(()),
    };
    let message = Some(format!("Unable to replicate the partition {copies} time(s): {why}"));
    Err(PartitionError { code: ErrorCode::INVALID_REPLICATION_FACTOR, message })
}
