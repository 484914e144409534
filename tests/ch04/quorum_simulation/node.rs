//! A node: a disk, and a process that drives the machine. This is all that a driver has to do.

use std::collections::{BTreeMap, VecDeque};

use ch01_log::batch::{Offset, Timestamp};
use ch04_controller::quorum::commit::reached_by_majority;
use ch04_controller::quorum::message::{Body, Call, Fetched, Request, Response};
use ch04_controller::quorum::vote::OffsetAndEpoch;
use ch04_controller::quorum::{
    CorrelationId, Effect, ElectionState, Event, NodeId, Quorum, ReplicaKey, RequestId, Start, Timeouts, Voters,
};

use super::checks::Checked;
use super::disk::{Disk, Record};
use super::faults::Fault;
use super::words;
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
    answering: BTreeMap<RequestId, (Connection, Request)>,
    next_request: RequestId,
    /// The flush that is under way: its number, and up to where.
    flushing: Option<(u64, Offset)>,
    next_flush: u64,
    /// When the next tick comes.
    wake_at: Option<Timestamp>,
    /// What it took for committed after the last step.
    high_watermark: Offset,
    /// Its leader epoch has committed something.
    has_committed: bool,
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

    /// Something comes to a node. What was meant for an earlier process of it does not arrive.
    pub fn arrive(&mut self, to: NodeId, life: Option<u64>, arrival: Arrival) -> Checked {
        let node = self.nodes.get_mut(&to).expect("a node");
        if life.is_some_and(|life| life != node.life) {
            return Ok(());
        }
        let Some(process) = &mut node.process else {
            if let Arrival::Request { from, .. } | Arrival::SnapshotRequest { from, .. } = arrival {
                self.refuse(to, from);
            }
            return Ok(());
        };
        if let Some(kept) = &mut process.paused {
            kept.push(arrival);
            return Ok(());
        }
        match arrival {
            Arrival::Tick if process.wake_at.is_none_or(|at| at > self.now) => Ok(()),
            Arrival::Tick => {
                process.wake_at = None;
                self.step(to, Event::Tick, &[])
            }
            Arrival::Request { from, request } => {
                process.next_request += 1;
                let request_id = process.next_request;
                process.answering.insert(request_id, (from, request.clone()));
                self.step(to, Event::Request { request_id, request }, &[])
            }
            Arrival::Response { correlation_id, response, records } => {
                if process.outstanding.remove(&correlation_id).is_none() {
                    return Ok(());
                }
                self.step(to, Event::Response { correlation_id, response }, &records)
            }
            Arrival::Failed { correlation_id } => {
                if process.outstanding.remove(&correlation_id).is_none() {
                    return Ok(());
                }
                self.step(to, Event::Failed { correlation_id }, &[])
            }
            Arrival::Refused { node } => self.step(to, Event::Refused { node }, &[]),
            Arrival::Flushed { number } => self.flushed(to, number),
            Arrival::SnapshotRequest { from, snapshot } => self.send_snapshot(to, from, snapshot),
            Arrival::Snapshot { correlation_id, records } => {
                if process.outstanding.remove(&correlation_id).is_none() {
                    return Ok(());
                }
                self.step(to, Event::SnapshotPart { correlation_id }, &[])?;
                self.step(to, Event::SnapshotFetched { correlation_id }, &records)
            }
            Arrival::Append { count } => self.client_appends(to, count),
            Arrival::TakeSnapshot => self.take_snapshot(to),
            Arrival::Stop => self.step(to, Event::Stop, &[]),
        }
    }

    /// One step of the machine, everything that it wants done, and what follows from that at once.
    pub fn step(&mut self, id: NodeId, event: Event, records: &[Record]) -> Checked {
        self.seen.steps += 1;
        self.synced = 0;
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let now = self.now;
            let Some(process) = &mut self.nodes.get_mut(&id).expect("a node").process else { return Ok(()) };
            let noted = format!("{event:?}");
            let mut effects = process.quorum.step(now, event);
            self.note(format_args!("{id} {noted}"));
            if self.is(Fault::PersistLater) {
                effects.sort_by_key(|effect| matches!(effect, Effect::Persist(_)));
            }
            for effect in effects {
                if self.chance(self.weather.sudden) {
                    self.die(id);
                    return Ok(());
                }
                self.note(format_args!("{id}   -> {effect:?}"));
                self.tell(id, words::effect(&effect));
                self.perform(id, effect, records, &mut events)?;
            }
            self.check(id)?;
        }
        self.plan_tick(id);
        Ok(())
    }

    fn perform(&mut self, id: NodeId, effect: Effect, records: &[Record], events: &mut VecDeque<Event>) -> Checked {
        let lies = self.fault;
        let node = self.nodes.get_mut(&id).expect("a node");
        let life = node.life;
        match effect {
            Effect::Persist(election) => {
                node.disk.election = election;
                self.synced += self.random.below(self.weather.flush);
            }
            Effect::Send { to, correlation_id, mut request } => {
                if let Call::Vote { candidate, end, pre_vote, .. } = &mut request.call {
                    if !*pre_vote {
                        self.checks.voted(id, request.epoch, candidate.id)?;
                    }
                    if lies == Some(Fault::ShorterLogsWin) {
                        end.offset += 1_000;
                        end.epoch = request.epoch;
                    }
                }
                node.process().outstanding.insert(correlation_id, to);
                let from = Connection { node: id, life, correlation_id };
                self.send(from, to, Arrival::Request { from, request });
            }
            Effect::Answer { request_id, response } => {
                let (to, request) = node.process().answering.remove(&request_id).expect("asked, and not answered yet");
                if let (Call::Vote { candidate, pre_vote: false, .. }, Body::Vote { granted: true }) =
                    (&request.call, &response.body)
                {
                    self.checks.voted(id, request.epoch, candidate.id)?;
                }
                let (mut response, records) = self.with_records(id, &request, response);
                if let (Call::Vote { pre_vote: true, .. }, Body::Vote { granted }) = (&request.call, &mut response.body)
                {
                    *granted |= self.random.below(1000) < self.weather.rash;
                }
                self.tell(id, words::answer(to.node, &response));
                let correlation_id = to.correlation_id;
                self.respond(id, to, Arrival::Response { correlation_id, response, records });
            }
            Effect::AppendLeaderChange { epoch, .. } => self.append(id, epoch, events)?,
            Effect::Append { end } => {
                for record in records {
                    let offset = node.disk.records.len();
                    node.disk.append(record.epoch, record.value);
                    self.checks.appended(offset, &node.disk.records[offset])?;
                }
                assert_eq!(node.disk.end(), end, "the records that came are those that the machine was told of");
                match lies {
                    Some(Fault::FollowerDoesNotFlush) => events.push_back(Event::Flushed { end }),
                    _ => self.flush(id),
                }
            }
            Effect::Truncate(offset) => {
                self.seen.truncations += 1;
                node.disk.truncate(offset);
                node.process().flushing = None;
            }
            Effect::FetchSnapshot { from: leader, correlation_id, snapshot } => {
                node.process().outstanding.insert(correlation_id, leader);
                let from = Connection { node: id, life, correlation_id };
                self.send(from, leader, Arrival::SnapshotRequest { from, snapshot });
            }
            Effect::InstallSnapshot(snapshot) => {
                self.seen.snapshots += 1;
                node.disk.records = records.to_vec();
                node.disk.flushed = records.len();
                node.disk.start = snapshot;
                node.process().flushing = None;
            }
            Effect::HighWatermark(_) => {}
            Effect::CaughtUp => node.disk.may_vote = true,
            Effect::LeaderChange { leader, epoch } => {
                if leader == Some(id) {
                    self.seen.leaders += 1;
                    self.elected.push((id, self.now));
                    node.process().has_committed = false;
                    self.checks.leads(id, life, epoch, &node.disk, self.now)?;
                }
            }
        }
        Ok(())
    }

    /// Fills a fetch's answer with some of the records that the machine has for it.
    fn with_records(&mut self, id: NodeId, request: &Request, mut response: Response) -> (Response, Vec<Record>) {
        let (Call::Fetch(fetch), most, lies) = (&request.call, self.up_to(self.weather.batch), self.fault) else {
            return (response, Vec::new());
        };
        let disk = &self.nodes[&id].disk;
        let Body::Fetch { data, .. } = &mut response.body else { return (response, Vec::new()) };
        if lies == Some(Fault::NobodyTruncates) && matches!(data, Fetched::Diverging(_)) {
            *data = Fetched::Batches { end: disk.end().max(fetch.offset), epochs: Vec::new() };
        }
        let Fetched::Batches { end, epochs } = data else { return (response, Vec::new()) };
        *end = (*end).min(fetch.offset + most);
        *epochs = disk.epochs(fetch.offset, *end);
        let records = disk.records.get(fetch.offset as usize..*end as usize).unwrap_or_default().to_vec();
        (response, records)
    }

    fn append(&mut self, id: NodeId, epoch: i32, events: &mut VecDeque<Event>) -> Checked {
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

    fn client_appends(&mut self, id: NodeId, count: i64) -> Checked {
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
    fn flush(&mut self, id: NodeId) {
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

    fn flushed(&mut self, id: NodeId, number: u64) -> Checked {
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

    fn send_snapshot(&mut self, id: NodeId, to: Connection, snapshot: OffsetAndEpoch) -> Checked {
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

    fn take_snapshot(&mut self, id: NodeId) -> Checked {
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
    fn check(&mut self, id: NodeId) -> Checked {
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

    fn plan_tick(&mut self, id: NodeId) {
        let now = self.now;
        let node = self.nodes.get_mut(&id).expect("a node");
        let (life, Some(process)) = (node.life, &mut node.process) else { return };
        let Some(at) = process.quorum.deadline().map(|at| at.max(now)) else { return };
        if process.wake_at.is_none_or(|planned| planned > at) {
            process.wake_at = Some(at);
            self.plan_arrival(at - now, id, Some(life), Arrival::Tick);
        }
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
        let asked = self.nodes.iter().flat_map(|(&other, node)| {
            let outstanding = node.process.iter().flat_map(|process| &process.outstanding);
            let asked = outstanding.filter(move |(_, to)| **to == id);
            asked.map(move |(&correlation_id, _)| Connection { node: other, life: node.life, correlation_id })
        });
        for connection in asked.collect::<Vec<_>>() {
            self.refuse(id, connection);
        }
    }
}
