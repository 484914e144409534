//! Drives the machine: turns what comes to a node into events, and does the effects, in order.

use std::collections::VecDeque;

use ch04_controller::quorum::message::{Body, Call, Fetched, Request, Response};
use ch04_controller::quorum::{Effect, Event, NodeId};

use super::checks::Checked;
use super::disk::Record;
use super::faults::Fault;
use super::words;
use super::world::{Arrival, Connection, World};

impl World {
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
}
