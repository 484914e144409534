//! What always holds, looked at after every step of every node.

use std::collections::{BTreeMap, HashMap};

use ch01_log::batch::{Epoch, Offset, Timestamp};
use ch04_controller::quorum::{NodeId, Quorum};

use super::disk::{Disk, Record};

pub const ONE_VOTE: &str = "a node votes once in an epoch";
pub const ONE_LEADER: &str = "an epoch has at most one leader, and that once";
pub const COMMITTED_STAYS: &str = "what is committed never changes";
pub const LEADER_HAS_ALL: &str = "a leader has everything that is committed";
pub const MAJORITY: &str = "what is committed is on the disks of a majority";
pub const NEVER_FALLS: &str = "a high watermark never falls";
pub const ONE_HISTORY: &str = "logs that agree on offset and epoch of a record agree on all before";
pub const CONFIRMED: &str = "at a confirmed moment nobody leads a later epoch";
pub const CONVERGES: &str = "when all is healed, all agree on one leader and one log";

/// Something does not hold.
#[derive(Debug)]
pub struct Violation {
    pub invariant: &'static str,
    pub detail: String,
}

pub type Checked = Result<(), Violation>;

pub fn ensure(holds: bool, invariant: &'static str, detail: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Violation { invariant, detail: detail() }) }
}

/// What has been seen so far.
#[derive(Default)]
pub struct Checks {
    votes: BTreeMap<(NodeId, Epoch), NodeId>,
    /// Who led, in which of its lives, and since when.
    leaders: BTreeMap<Epoch, (NodeId, u64, Timestamp)>,
    /// What is committed, as the first node that said so had it, and the epoch in which it did.
    pub committed: Vec<(Record, Epoch)>,
    /// The prefix of the record with this name.
    names: HashMap<(usize, Epoch), u64>,
}

impl Checks {
    pub fn voted(&mut self, voter: NodeId, epoch: Epoch, candidate: NodeId) -> Checked {
        let first = *self.votes.entry((voter, epoch)).or_insert(candidate);
        ensure(first == candidate, ONE_VOTE, || format!("{voter} voted for {first} and {candidate} in epoch {epoch}"))
    }

    pub fn leads(&mut self, node: NodeId, life: u64, epoch: Epoch, disk: &Disk, now: Timestamp) -> Checked {
        let (first, first_life, _) = *self.leaders.entry(epoch).or_insert((node, life, now));
        ensure((first, first_life) == (node, life), ONE_LEADER, || {
            format!("{first} in its life {first_life}, and {node} in its life {life}, lead epoch {epoch}")
        })?;
        // A candidate that slept over its election may be told late: what later epochs committed it need not have.
        let earlier = self.committed.iter().take_while(|(_, committed_in)| *committed_in < epoch).enumerate();
        let mut earlier = earlier.map(|(offset, (record, _))| (offset, record));
        let missing = earlier.find(|&(offset, record)| disk.records.get(offset) != Some(record));
        ensure(missing.is_none(), LEADER_HAS_ALL, || format!("{node} leads {epoch} without record {missing:?}"))
    }

    pub fn appended(&mut self, offset: usize, record: &Record) -> Checked {
        let prefix = *self.names.entry((offset, record.epoch)).or_insert(record.prefix);
        ensure(prefix == record.prefix, ONE_HISTORY, || format!("two records are {offset} of epoch {}", record.epoch))
    }

    /// A node takes everything below `to` for committed, and took everything below `from` for it.
    pub fn commits(&mut self, node: NodeId, epoch: Epoch, disk: &Disk, from: Offset, to: Offset) -> Checked {
        ensure(to >= from, NEVER_FALLS, || format!("{node}: from {from} to {to}"))?;
        for offset in from as usize..to as usize {
            let record = disk.records[offset];
            if offset == self.committed.len() {
                self.committed.push((record, epoch));
            }
            let (first, _) = self.committed[offset];
            ensure(first == record, COMMITTED_STAYS, || format!("{node} at {offset}: {record:?}, not {first:?}"))?;
        }
        Ok(())
    }

    /// A leader says that everything below `to` is committed.
    pub fn is_with_majority<'a>(
        &self,
        quorum: &Quorum,
        disks: impl Iterator<Item = (NodeId, &'a Disk)>,
        to: Offset,
    ) -> Checked {
        let last = to as usize - 1;
        let (record, _) = self.committed[last];
        let voters: Vec<_> = quorum.voters().ids().collect();
        // One whose disk was replaced had the record, or has no vote to elect somebody without it.
        let has = |disk: &Disk| disk.has_flushed(last, &record) || !disk.may_vote;
        let have = disks.filter(|(id, disk)| voters.contains(id) && has(disk)).count();
        ensure(have >= quorum.voters().majority(), MAJORITY, || format!("record {last} is with {have} voters"))
    }

    pub fn confirmed(&self, quorum: &Quorum) -> Checked {
        let (Some(confirmed_at), epoch) = (quorum.confirmed_at(), quorum.election().epoch) else { return Ok(()) };
        let later = self.leaders.range(epoch + 1..).find(|(_, (_, _, since))| *since < confirmed_at);
        ensure(later.is_none(), CONFIRMED, || format!("epoch {epoch} confirmed at {confirmed_at}, but {later:?}"))
    }
}
