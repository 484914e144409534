//! A node: a disk and a process, and what becomes of them.

use std::collections::{BTreeMap, VecDeque};

use ch01_log::batch::{Offset, Timestamp};
use ch04_controller::quorum::commit::reached_by_majority;
use ch04_controller::quorum::message::Request;
use ch04_controller::quorum::vote::OffsetAndEpoch;
use ch04_controller::quorum::{
    CorrelationId, ElectionState, Event, NodeId, Quorum, ReplicaKey, RequestId, Start, Timeouts, Voters,
};

use super::checks::Checked;
use super::disk::Disk;
use super::faults::Fault;
use super::world::{Arrival, Connection, World};

/// A node.
pub struct Node {
    pub key: ReplicaKey,
    voters: Voters,
    pub disk: Disk,
    /// The process, while there is one.
    pub process: Option<Process>,
    /// Counts its processes.
    pub life: u64,
}

/// A process.
pub struct Process {
    pub quorum: Quorum,
    /// It is stopped for a while: what comes is kept for later.
    pub paused: Option<Vec<Arrival>>,
    /// Requests that were not answered yet, and whom they went to.
    pub outstanding: BTreeMap<CorrelationId, NodeId>,
    /// Requests of others that were not answered yet.
    pub answering: BTreeMap<RequestId, (Connection, Request)>,
    pub next_request: RequestId,
    /// The flush that is under way: its number, and up to where.
    pub flushing: Option<(u64, Offset)>,
    pub next_flush: u64,
    /// When the next tick comes.
    pub wake_at: Option<Timestamp>,
    /// What it took for committed after the last step.
    pub high_watermark: Offset,
    /// Its leader epoch has committed something.
    pub has_committed: bool,
}

impl Node {
    pub fn new(key: ReplicaKey, voters: Voters) -> Node {
        let disk = Disk { may_vote: true, ..Disk::default() };
        Node { key, voters, disk, process: None, life: 0 }
    }

    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it is up")
    }
}

impl World {
    /// A node starts, if it is down.
    pub fn start(&mut self, id: NodeId) -> Checked {
        let (seed, now, forgets) = (self.random.below(i64::MAX) as u64, self.now, self.is(Fault::ForgetTheVote));
        let may_vote = self.is(Fault::EmptyDisksVote);
        let node = self.nodes.get_mut(&id).expect("a node");
        if node.process.is_some() {
            return Ok(());
        }
        if forgets {
            node.disk.election = ElectionState::of_epoch(node.disk.election.epoch);
        }
        let log = node.disk.open();
        let quorum = Quorum::new(Start {
            me: node.key,
            voters: node.voters.clone(),
            may_vote: node.disk.may_vote || may_vote,
            timeouts: Timeouts::default(),
            seed,
            election: node.disk.election,
            log,
            now,
        });
        node.life += 1;
        node.process = Some(Process {
            high_watermark: quorum.log().high_watermark(),
            quorum,
            paused: None,
            outstanding: BTreeMap::new(),
            answering: BTreeMap::new(),
            next_request: 0,
            flushing: None,
            next_flush: 0,
            wake_at: None,
            has_committed: false,
        });
        self.note(format_args!("{id} starts"));
        self.step(id, Event::Tick, &[])
    }

    /// A leader appends a record of its epoch.
    pub fn append(&mut self, id: NodeId, epoch: i32, events: &mut VecDeque<Event>) -> Checked {
        self.last_value += 1;
        let disk = &mut self.nodes.get_mut(&id).expect("a node").disk;
        let (offset, value) = (disk.records.len(), self.last_value);
        disk.append(epoch, value);
        let end = disk.end();
        self.checks.appended(offset, &disk.records[offset])?;
        events.push_back(Event::Appended { end });
        match self.is(Fault::LeaderDoesNotFlush) {
            true => events.push_back(Event::Flushed { end }),
            false => self.flush(id),
        }
        Ok(())
    }

    /// A client appends records, as long as the node takes itself for the leader.
    pub fn client_appends(&mut self, id: NodeId, count: i64) -> Checked {
        for _ in 0..count {
            let Some(process) = &self.nodes[&id].process else { break };
            if process.quorum.role() != "leader" {
                break;
            }
            let (epoch, mut events) = (process.quorum.election().epoch, VecDeque::new());
            self.append(id, epoch, &mut events)?;
            events.into_iter().try_for_each(|event| self.step(id, event, &[]))?;
        }
        Ok(())
    }

    /// Begins to flush, unless that is under way: then it goes on afterwards.
    pub fn flush(&mut self, id: NodeId) {
        let takes = if self.chance(100) { 20 * self.weather.flush } else { self.weather.flush };
        let takes = self.up_to(takes);
        let node = self.nodes.get_mut(&id).expect("a node");
        let (life, end) = (node.life, node.disk.end());
        let process = node.process();
        if process.flushing.is_none() {
            process.next_flush += 1;
            let number = process.next_flush;
            process.flushing = Some((number, end));
            self.plan_arrival(takes, id, Some(life), Arrival::Flushed { number });
        }
    }

    /// A flush is done; another begins if there is more.
    pub fn flushed(&mut self, id: NodeId, number: u64) -> Checked {
        let node = self.nodes.get_mut(&id).expect("a node");
        let Some((_, end)) = node.process().flushing.take_if(|(flushing, _)| *flushing == number) else {
            return Ok(());
        };
        node.disk.flushed = node.disk.flushed.max(end as usize);
        if node.disk.end() > end {
            self.flush(id);
        }
        self.step(id, Event::Flushed { end }, &[])
    }

    /// A node is asked for its snapshot.
    pub fn send_snapshot(&mut self, id: NodeId, to: Connection, snapshot: OffsetAndEpoch) -> Checked {
        let disk = &self.nodes[&id].disk;
        let (correlation_id, has_it) = (to.correlation_id, disk.start == snapshot);
        let records: Vec<_> = disk.records.iter().take(disk.start.offset as usize).copied().collect();
        match has_it {
            true => self.respond(id, to, Arrival::Snapshot { correlation_id, records }),
            false => self.respond(id, to, Arrival::Failed { correlation_id }),
        }
        let (replica, epoch) = (self.nodes[&to.node].key, self.nodes[&id].disk.election.epoch);
        self.step(id, Event::SnapshotRead { replica, epoch }, &[])
    }

    /// A node makes a snapshot of some of what is committed.
    pub fn take_snapshot(&mut self, id: NodeId) -> Checked {
        let random = self.random.below(1 << 40);
        let committed = self.checks.committed.len() as i64;
        let node = self.nodes[&id].process.as_ref().expect("it is up");
        let (from, to) = (self.nodes[&id].disk.start.offset, node.quorum.log().high_watermark().min(committed));
        if to <= from {
            return Ok(());
        }
        let snapshot = self.nodes[&id].disk.snapshot_at(from + 1 + random % (to - from));
        self.nodes.get_mut(&id).expect("a node").disk.start = snapshot;
        self.step(id, Event::SnapshotTaken(snapshot), &[])
    }

    /// Looks at a node after a step.
    pub fn check(&mut self, id: NodeId) -> Checked {
        let commits_early = self.is(Fault::CommitEarlierEpochs);
        let node = self.nodes.get_mut(&id).expect("a node");
        let Some(process) = &mut node.process else { return Ok(()) };
        let (before, leads) = (process.high_watermark, process.quorum.role() == "leader");
        let mut high_watermark = process.quorum.log().high_watermark();
        if commits_early && leads {
            let flushed = |voter: NodeId| match process.quorum.replicas().find(|replica| replica.key.id == voter) {
                _ if voter == id => process.quorum.log().flushed(),
                replica => replica.and_then(|replica| replica.log_end).unwrap_or(0),
            };
            let flushed: Vec<_> = process.quorum.voters().ids().map(flushed).collect();
            high_watermark = high_watermark.max(reached_by_majority(&flushed));
        }
        if commits_early {
            high_watermark = high_watermark.max(before);
        }
        process.high_watermark = high_watermark;
        let epoch = process.quorum.election().epoch;
        self.checks.commits(id, epoch, &node.disk, before, high_watermark)?;
        let is_of_epoch = high_watermark > 0 && node.disk.records[high_watermark as usize - 1].epoch == epoch;
        if leads && high_watermark > before && is_of_epoch && !std::mem::replace(&mut process.has_committed, true) {
            self.first_commits.push((id, self.now));
        }
        self.seen.committed = self.checks.committed.len() as u64;
        let quorum = &self.nodes[&id].process.as_ref().expect("it is up").quorum;
        self.checks.confirmed(quorum)?;
        if leads && high_watermark > before {
            let disks = self.nodes.iter().map(|(id, node)| (*id, &node.disk));
            self.checks.is_with_majority(quorum, disks, high_watermark)?;
        }
        Ok(())
    }

    /// A process dies. Of what was not flushed some may have come to the disk, from the front.
    pub fn crash(&mut self, id: NodeId) {
        self.seen.crashes += 1;
        self.note(format_args!("{id} dies"));
        let survive = self.random.below(1 << 40) as usize;
        let node = self.nodes.get_mut(&id).expect("a node");
        let unflushed = node.disk.records.len() - node.disk.flushed;
        let keep = node.disk.flushed + survive % (unflushed + 1);
        node.disk.truncate(keep as Offset);
        node.disk.flushed = keep;
        node.process = None;
        node.life += 1;
        self.close_connections(id);
    }
}
