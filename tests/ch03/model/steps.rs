//! What brokers and authority do: the part of a broker that lies around the crate's machines.
//!
//! Faults are here, too, wherever it says `is`. The machines have no switches for them: a fault tells a machine what is
//! not true, or leaves out what has to be done around it.

use std::collections::BTreeSet;

use ch01_log::batch::{Epoch, Offset};
use ch03_replication::epoch_end::diverging;
use ch03_replication::follower::{Answer, Move, next_move};
use ch03_replication::isr::{BrokerId, Isr, Pending};
use ch03_replication::leader::{BecomeLeader, Effect, Event, Leader};

use crate::actions::{Action, Fault, Replication};
use crate::cluster::{
    Announcement, Answered, Authority, Broker, Cluster, Fetch, Following, Late, Leadership, Proposal, REPLICAS, Role,
    Talk,
};
use crate::log::{Log, Record};

impl Replication {
    /// Broker 1 leads three empty logs, all are in sync, and all know.
    pub fn start(&self) -> Cluster {
        let announcement = Announcement { leader: 1, isr: REPLICAS.into(), version: 0 };
        let authority = Authority { announced: vec![announcement], isr: REPLICAS.into(), version: 0 };
        let broker = Broker { log: Log::default(), high_watermark: 0, role: Role::Down, late: None };
        let brokers = [broker.clone(), broker.clone(), broker];
        let mut cluster = Cluster { authority, brokers, acknowledged: vec![], read: vec![], left: self.bounds };
        for broker in REPLICAS {
            self.tell(&mut cluster, broker, 0);
        }
        cluster
    }

    /// Whether this is wrong.
    pub fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// What a step leads to.
    pub fn after(&self, cluster: &Cluster, action: Action) -> Cluster {
        let mut next = cluster.clone();
        match action {
            Action::Append(leader) => self.append(&mut next, leader),
            Action::Answer(follower) => self.answer(&mut next, follower),
            Action::Take(follower) => self.take(&mut next, follower),
            Action::Lose(follower) => ask(&mut next, follower),
            Action::Late(broker) => self.late(&mut next, broker),
            Action::Tick(leader) => self.tick(&mut next, leader),
            Action::Decide(leader) => self.decide(&mut next, leader, true),
            Action::Refuse(leader) => {
                next.left.refusals -= 1;
                self.decide(&mut next, leader, false);
            }
            Action::Hear(leader) => self.hear(&mut next, leader),
            Action::Move(leader) => {
                next.left.moves -= 1;
                next.authority.announce(leader);
            }
            Action::Tell(broker, epoch) => self.tell(&mut next, broker, epoch),
            Action::Crash(broker, checkpoint) => self.crash(&mut next, broker, checkpoint),
            Action::Restart(broker) => self.restart(&mut next, broker),
        }
        note_what_is_read(&mut next);
        next
    }

    /// With acks=1 or acks=all: what is noted as acknowledged is what acks=all would be told.
    fn append(&self, cluster: &mut Cluster, leader: BrokerId) {
        let epoch = cluster.broker(leader).epoch().expect("it leads");
        let name = (b'A' + self.bounds.records - cluster.left.records) as char;
        cluster.left.records -= 1;
        let log = &mut cluster.broker_mut(leader).log;
        log.append(Record { epoch, name });
        let log_end = log.end();
        self.step(cluster, leader, Event::Appended { log_end });
    }

    fn answer(&self, cluster: &mut Cluster, follower: BrokerId) {
        let broker = cluster.broker(follower);
        let following = broker.following().expect("a follower asks");
        let answered = self.handle_fetch(cluster, following.leader, follower, self.fetch(broker, following));
        set_talk(cluster, follower, Talk::Answered(answered));
    }

    fn fetch(&self, broker: &Broker, following: &Following) -> Fetch {
        let listed = broker.log.epochs().last().map(|&(epoch, _)| epoch).filter(|_| broker.log.end() > 0);
        let last_epoch = if self.is(Fault::AskByTheList) { listed } else { broker.log.last_epoch() };
        Fetch { epoch: following.epoch, offset: broker.log.end(), last_epoch }
    }

    /// What a leader does with a fetch.
    fn handle_fetch(&self, cluster: &mut Cluster, leader: BrokerId, replica: BrokerId, fetch: Fetch) -> Answered {
        let Fetch { epoch, offset, last_epoch } = fetch;
        let nothing = |answer| Answered { answer, offset, records: Vec::new() };
        let broker = cluster.broker(leader);
        let leadership = broker.leadership().expect("it leads");
        let fetched = Event::Fetched { replica, offset, now: leadership.clock };
        if epoch != leadership.machine.epoch() && !self.is(Fault::LeaderTakesAnyEpoch) {
            return nothing(Answer::OtherEpoch);
        }
        let log_end = broker.log.end();
        let parts = last_epoch.and_then(|last_epoch| diverging(broker.log.epochs(), log_end, offset, last_epoch));
        if let Some(end) = parts.filter(|_| !self.is(Fault::TruncateToHighWatermark)) {
            if self.is(Fault::CountDiverging) {
                self.step(cluster, leader, fetched);
            }
            return nothing(Answer::Diverging(end));
        }
        if offset > log_end {
            return nothing(Answer::OutOfRange { log_start: 0, log_end });
        }
        self.step(cluster, leader, fetched);
        let Broker { log, high_watermark, .. } = cluster.broker(leader);
        // One at a time: there can be more to read than the follower has.
        let records: Vec<Record> = log.from(offset).iter().copied().take(1).collect();
        let end = offset + records.len() as Offset;
        Answered { answer: Answer::Batches { end, high_watermark: *high_watermark, log_start: 0 }, offset, records }
    }

    fn take(&self, cluster: &mut Cluster, follower: BrokerId) {
        match &cluster.broker(follower).following().expect("a follower gets answers").talk {
            Talk::Answered(answered) => follow(cluster, follower, answered.clone()),
            talk => panic!("{talk:?}"),
        }
    }

    fn late(&self, cluster: &mut Cluster, id: BrokerId) {
        match cluster.broker_mut(id).late.take().expect("something is on its way") {
            Late::Fetch { to, fetch } => {
                if cluster.broker(to).leadership().is_some() {
                    // Nobody waits for the answer any more.
                    self.handle_fetch(cluster, to, id, fetch);
                }
            }
            Late::Answer { epoch, answered } => {
                let broker = cluster.broker(id);
                let takes = broker.epoch() == Some(epoch) || self.is(Fault::FollowerTakesAnyEpoch);
                if takes && broker.following().is_some() {
                    follow(cluster, id, answered);
                }
            }
        }
    }

    fn tick(&self, cluster: &mut Cluster, leader: BrokerId) {
        cluster.left.ticks -= 1;
        let leadership = cluster.leadership_mut(leader).expect("it leads");
        leadership.clock += 1;
        let now = leadership.clock;
        self.step(cluster, leader, Event::Tick { now });
    }

    /// A proposal counts if it comes from the leader of the newest epoch and follows on the newest version.
    fn decide(&self, cluster: &mut Cluster, id: BrokerId, willing: bool) {
        let Cluster { authority, brokers, .. } = cluster;
        let Role::Leader(leadership) = &mut brokers[id as usize - 1].role else { panic!("{id} leads") };
        let Some(Proposal::Sent { isr, version }) = leadership.proposal.take() else { panic!("{id} has proposed") };
        let is_newest = leadership.machine.epoch() == authority.epoch() && version == authority.version;
        if willing && (is_newest || self.is(Fault::AnyLeaderProposes)) {
            authority.isr = isr;
            authority.version += 1;
            leadership.proposal = Some(Proposal::Confirmed);
        } else {
            leadership.proposal = Some(Proposal::Refused);
        }
    }

    fn hear(&self, cluster: &mut Cluster, leader: BrokerId) {
        let leadership = cluster.leadership_mut(leader).expect("it leads");
        let heard = leadership.proposal.take();
        // A faulty leader has forgotten what it proposed, or has counted it already.
        if leadership.machine.isr().pending().is_some() {
            let confirmed = heard == Some(Proposal::Confirmed);
            self.step(cluster, leader, if confirmed { Event::Confirmed } else { Event::Refused });
        }
    }

    fn tell(&self, cluster: &mut Cluster, id: BrokerId, epoch: Epoch) {
        let announcement = cluster.authority.announced[epoch as usize].clone();
        self.leave_messages_behind(cluster.broker_mut(id));
        if announcement.leader == id {
            return self.lead(cluster, id, epoch, announcement);
        }
        let broker = cluster.broker_mut(id);
        if self.is(Fault::TruncateToHighWatermark) {
            broker.log.truncate(broker.high_watermark);
        }
        broker.role = Role::Follower(Following { epoch, leader: announcement.leader, talk: Talk::Asks });
    }

    fn lead(&self, cluster: &mut Cluster, id: BrokerId, epoch: Epoch, announcement: Announcement) {
        let broker = cluster.broker_mut(id);
        let log_end = broker.log.end();
        if self.is(Fault::ReadAllAtOnce) {
            broker.high_watermark = log_end;
        }
        let machine = Leader::new(BecomeLeader {
            me: id,
            replicas: REPLICAS.into(),
            isr: Isr::new(announcement.isr, announcement.version),
            epoch,
            // The guard compares with where the log ends now: with this, all pass it who have what can be read.
            log_end: if self.is(Fault::NoEpochStartGuard) { broker.high_watermark } else { log_end },
            high_watermark: broker.high_watermark,
            min_insync_replicas: if self.is(Fault::RiseBelowMinimum) { 1 } else { self.min_insync_replicas },
            // Time stands still between two ticks: at one, all lag that have not everything.
            lag_max_ms: 0,
            now: 0,
        });
        broker.role = Role::Leader(Leadership { machine, clock: 0, proposal: None });
        if self.is(Fault::NoEpochStartGuard) {
            self.step(cluster, id, Event::Appended { log_end });
        }
    }

    fn crash(&self, cluster: &mut Cluster, id: BrokerId, checkpoint: Offset) {
        cluster.left.crashes -= 1;
        let broker = cluster.broker_mut(id);
        self.leave_messages_behind(broker);
        // To one that has died nothing is delivered any more.
        broker.late.take_if(|late| matches!(late, Late::Answer { .. }));
        broker.role = Role::Down;
        broker.high_watermark = checkpoint;
    }

    /// A leader that has been away leads in an epoch of its own: who fetched before must not be taken for one who has
    /// fetched since.
    fn restart(&self, cluster: &mut Cluster, id: BrokerId) {
        if cluster.authority.leader() == id {
            cluster.authority.announce(id);
        }
        let newest = cluster.authority.epoch();
        self.tell(cluster, id, newest);
    }

    /// What a follower has sent, or is sent, goes on travelling.
    fn leave_messages_behind(&self, broker: &mut Broker) {
        let Some(following) = broker.following() else { return };
        let late = match &following.talk {
            Talk::Asks => Late::Fetch { to: following.leader, fetch: self.fetch(broker, following) },
            Talk::Answered(answered) => Late::Answer { epoch: following.epoch, answered: answered.clone() },
            Talk::Waits | Talk::Stopped(_) => return,
        };
        if self.bounds.late_messages {
            broker.late = Some(late);
        }
    }

    /// Something happens to a leader; what its machine asks for is done.
    fn step(&self, cluster: &mut Cluster, id: BrokerId, event: Event) {
        let effects = cluster.leadership_mut(id).expect("it leads").machine.step(event);
        for effect in effects {
            match effect {
                Effect::HighWatermark(_) => self.raise(cluster, id),
                Effect::Propose(isr) => self.propose(cluster, id, isr),
            }
        }
    }

    fn propose(&self, cluster: &mut Cluster, id: BrokerId, isr: BTreeSet<BrokerId>) {
        let leadership = cluster.leadership_mut(id).expect("it leads");
        let version = leadership.machine.isr().version();
        let joins = matches!(leadership.machine.isr().pending(), Some(Pending::Join(_)));
        if leadership.proposal.is_some() {
            // A faulty leader that has forgotten its first proposal makes another one.
            return self.step(cluster, id, Event::Refused);
        }
        leadership.proposal = Some(Proposal::Sent { isr, version });
        if self.is(Fault::ShrinkBeforeConfirmed) && !joins {
            self.step(cluster, id, Event::Confirmed);
        }
        if self.is(Fault::JoinDoesNotHoldBack) && joins {
            self.step(cluster, id, Event::Refused);
        }
    }

    /// Consumers may read more; producers who wait for it are answered, if enough replicas are in sync.
    fn raise(&self, cluster: &mut Cluster, id: BrokerId) {
        let broker = cluster.broker_mut(id);
        let leader = &broker.leadership().expect("it leads").machine;
        let (epoch, now) = (leader.epoch(), leader.high_watermark());
        let is_enough = leader.isr().confirmed().len() >= self.min_insync_replicas;
        let before = std::mem::replace(&mut broker.high_watermark, now);
        let passed = (before..).zip(broker.readable()[before as usize..].to_vec());
        // Who wrote to the leader of an earlier epoch waits no longer.
        cluster.acknowledged.extend(passed.filter(|(_, record)| is_enough && record.epoch == epoch));
    }
}

/// What a follower does with an answer.
fn follow(cluster: &mut Cluster, id: BrokerId, answered: Answered) {
    let broker = cluster.broker_mut(id);
    let Answered { answer, offset, records } = answered;
    if offset != broker.log.end() {
        return ask(cluster, id);
    }
    match next_move(broker.own_log(), answer) {
        Move::Append { high_watermark, next, .. } => {
            records.into_iter().for_each(|record| broker.log.append(record));
            assert_eq!(broker.log.end(), next);
            assert!(high_watermark >= broker.high_watermark, "it never falls");
            broker.high_watermark = high_watermark;
        }
        Move::Truncate(end) => broker.log.truncate(end),
        Move::BeginAnew(_) => panic!("no log here has lost its start"),
        Move::BackOff => {}
        Move::Wait => return set_talk(cluster, id, Talk::Waits),
        Move::Stop(loss) => return set_talk(cluster, id, Talk::Stopped(loss)),
    }
    ask(cluster, id);
}

fn ask(cluster: &mut Cluster, id: BrokerId) {
    set_talk(cluster, id, Talk::Asks);
}

fn set_talk(cluster: &mut Cluster, id: BrokerId, now: Talk) {
    match &mut cluster.broker_mut(id).role {
        Role::Follower(following) => following.talk = now,
        role => panic!("{role:?}"),
    }
}

fn note_what_is_read(cluster: &mut Cluster) {
    let Cluster { brokers, read, .. } = cluster;
    for readable in brokers.iter().map(Broker::readable) {
        if let Some(more) = readable.strip_prefix(&read[..]) {
            read.extend(more);
        }
    }
}
