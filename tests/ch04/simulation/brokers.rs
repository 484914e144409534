//! Brokers: logs, and leaders and followers that act on the part of the metadata log that they have read.

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch04_controller::image::{ClusterImage, PartitionRegistration};
use ch04_controller::messages::*;

use super::world::{Fault, Key, World};

/// A record in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The leader epoch in which it was appended.
    pub epoch: i32,
    pub record: u64,
}

/// A broker's copy of a partition.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub entries: Vec<Entry>,
    /// How many of them survive a power failure.
    pub flushed: usize,
}

impl Log {
    pub fn holds(&self, record: u64) -> bool {
        self.entries.iter().any(|entry| entry.record == record)
    }
}

/// What a leader knows, in one epoch.
#[derive(Clone, Debug, Default)]
pub struct Leading {
    epoch: i32,
    /// Where its epoch begins: who joins has all of what was before.
    start: usize,
    /// What all that are in sync have: who joins has it, too.
    high_watermark: usize,
    /// How much each follower has, and which process of it has said so.
    ends: BTreeMap<i32, (i64, usize)>,
    /// The ISR that it has asked for, and the partition epoch that it asked about.
    asked_for: Option<(i32, Vec<i32>)>,
}

pub struct Broker {
    pub id: i32,
    pub is_up: bool,
    pub wants_to_stop: bool,
    /// Of the process that is up, or was last.
    pub incarnation: Uuid,
    /// The broker epoch of an earlier process, if that stopped cleanly.
    pub clean_epoch: Option<i64>,
    /// How many batches of the metadata log it has read.
    pub read: usize,
    /// What they add up to.
    pub view: ClusterImage,
    logs: BTreeMap<Key, Log>,
    leading: BTreeMap<Key, Leading>,
}

impl Broker {
    pub fn new(id: i32) -> Broker {
        Broker {
            id,
            is_up: false,
            wants_to_stop: false,
            incarnation: Uuid::ZERO,
            clean_epoch: None,
            read: 0,
            view: ClusterImage::default(),
            logs: BTreeMap::new(),
            leading: BTreeMap::new(),
        }
    }

    pub fn log(&self, key: Key) -> Log {
        self.logs.get(&key).cloned().unwrap_or_default()
    }

    fn partition(&self, key: Key) -> Option<&PartitionRegistration> {
        self.view.topics.partition(key.0, key.1)
    }

    /// Whether it has read that it is registered: before, what it reads is about an earlier process.
    fn knows_itself(&self) -> bool {
        self.view.nodes.broker(self.id).is_some_and(|known| known.incarnation_id == self.incarnation)
    }

    fn keys(&self) -> Vec<Key> {
        self.view.topics.partitions().map(|partition| (partition.topic_id, partition.partition_id)).collect()
    }
}

impl World {
    pub fn start(&mut self, id: i32) {
        let (high, low) = (self.random.number(), self.random.number());
        let broker = self.brokers.get_mut(&id).unwrap();
        if !broker.is_up {
            (broker.is_up, broker.wants_to_stop) = (true, false);
            broker.incarnation = Uuid(((u128::from(high) << 64) | u128::from(low)).to_be_bytes());
        }
    }

    /// The broker is killed, loses its power, or is asked to stop.
    pub fn stop(&mut self, id: i32) {
        let how = self.random.below(3);
        let epoch_of_process = self.epoch_of_process(id);
        let broker = self.brokers.get_mut(&id).unwrap();
        if !broker.is_up {
            return;
        }
        if how == 0 && epoch_of_process.is_some() {
            broker.wants_to_stop = true;
            return;
        }
        broker.is_up = false;
        broker.leading.clear();
        // What a clean stop left behind is removed when a process starts; so it is not there after a kill.
        broker.clean_epoch = None;
        if how == 1 {
            let keys: Vec<_> = broker.logs.keys().copied().collect();
            let registered = self.registered(id);
            for key in keys {
                let log = self.brokers.get_mut(&id).unwrap().logs.get_mut(&key).unwrap();
                let unflushed = log.entries.len() - log.flushed;
                let kept = log.flushed + self.random.below(unflushed + 1);
                if kept < log.entries.len() {
                    log.entries.truncate(kept);
                    self.lost.entry((id, key)).or_default().extend(registered.clone());
                }
                log.flushed = kept;
            }
            self.forget_what_nobody_has();
        }
    }

    pub fn stop_cleanly(&mut self, id: i32) {
        let epoch = self.epoch_of_process(id);
        let broker = self.brokers.get_mut(&id).unwrap();
        broker.logs.values_mut().for_each(|log| log.flushed = log.entries.len());
        (broker.is_up, broker.wants_to_stop, broker.clean_epoch) = (false, false, epoch);
        broker.leading.clear();
    }

    pub fn flush(&mut self, id: i32) {
        self.brokers.get_mut(&id).unwrap().logs.values_mut().for_each(|log| log.flushed = log.entries.len());
    }

    // ---- what a broker does with the metadata log

    /// Reads up to so many batches, and becomes what they say.
    pub fn read(&mut self, id: i32, most: usize) {
        let readable = if self.fault == Some(Fault::ReadsUncommitted) { self.log.len() } else { self.committed };
        let Broker { is_up, read, .. } = self.brokers[&id];
        if !is_up {
            return;
        }
        let end = readable.min(read.saturating_add(most));
        for batch in read..end {
            for record in self.log[batch].clone() {
                let replayed = self.brokers.get_mut(&id).unwrap().view.replay(&record);
                replayed.unwrap_or_else(|e| panic!("broker {id} has read another log: {e}"));
            }
        }
        self.brokers.get_mut(&id).unwrap().read = end.max(read);
        for key in self.brokers[&id].keys() {
            self.become_what_it_says(id, key);
        }
    }

    fn become_what_it_says(&mut self, id: i32, key: Key) {
        let broker = &self.brokers[&id];
        let partition = broker.partition(key).unwrap().clone();
        let may_lead = broker.knows_itself() || self.fault == Some(Fault::LeadsUnregistered);
        let leading = broker.leading.get(&key).map(|leading| leading.epoch);
        if partition.leader != id || !may_lead {
            self.brokers.get_mut(&id).unwrap().leading.remove(&key);
        } else if leading != Some(partition.leader_epoch) {
            self.check_new_leader(id, key);
            let broker = self.brokers.get_mut(&id).unwrap();
            let start = broker.logs.entry(key).or_default().entries.len();
            let epoch = partition.leader_epoch;
            broker.leading.insert(key, Leading { epoch, start, ..Leading::default() });
        }
        let broker = self.brokers.get_mut(&id).unwrap();
        if let Some(leading) = broker.leading.get_mut(&key) {
            leading.asked_for.take_if(|(asked_about, _)| *asked_about != partition.partition_epoch);
        }
        if !partition.replicas.contains(&id) && broker.knows_itself() {
            broker.logs.remove(&key);
            self.forget_what_nobody_has();
        }
    }

    // ---- what leaders and followers do

    pub fn append(&mut self, id: i32) {
        let Some(key) = self.any_led(id) else { return };
        let record = self.next_record;
        self.next_record += 1;
        let broker = self.brokers.get_mut(&id).unwrap();
        let epoch = broker.leading[&key].epoch;
        broker.logs.get_mut(&key).unwrap().entries.push(Entry { epoch, record });
        self.acknowledge(id, key);
    }

    fn any_led(&mut self, id: i32) -> Option<Key> {
        let led: Vec<_> = self.brokers[&id].leading.keys().copied().collect();
        let at = self.random.below(led.len().max(1));
        led.get(at).copied().filter(|_| self.brokers[&id].is_up)
    }

    /// A follower copies from whom it takes for the leader, if that agrees.
    pub fn fetch(&mut self, id: i32) {
        let broker = &self.brokers[&id];
        let Some(broker_epoch) = self.epoch_of_process(id).filter(|_| broker.is_up && broker.knows_itself()) else {
            return;
        };
        for key in broker.keys() {
            let partition = self.brokers[&id].partition(key).unwrap().clone();
            if partition.leader == id || !partition.replicas.contains(&id) || self.random.below(2) == 0 {
                continue;
            }
            let Some(leader) = self.brokers.get(&partition.leader).filter(|leader| leader.is_up) else { continue };
            let Some(leading) = leader.leading.get(&key) else { continue };
            if leading.epoch != partition.leader_epoch {
                continue;
            }
            let theirs = leader.log(key).entries;
            let most = 1 + self.random.below(3);
            let log = self.brokers.get_mut(&id).unwrap().logs.entry(key).or_default();
            let same = log.entries.iter().zip(&theirs).take_while(|(ours, theirs)| ours == theirs).count();
            log.entries.truncate(same);
            log.flushed = log.flushed.min(same);
            // It asks for what it lacks, and so says how much it has; with the answer it has more.
            let end = theirs.len().min(same + most);
            log.entries.extend(&theirs[same..end]);
            let leader = self.brokers.get_mut(&partition.leader).unwrap();
            leader.leading.get_mut(&key).unwrap().ends.insert(id, (broker_epoch, same));
            self.acknowledge(partition.leader, key);
        }
    }

    /// A leader acknowledges what all have that are, or may be, in sync.
    fn acknowledge(&mut self, id: i32, key: Key) {
        let broker = &self.brokers[&id];
        let (partition, leading, log) = (broker.partition(key).unwrap(), &broker.leading[&key], broker.log(key));
        let mut maximal: BTreeSet<i32> = partition.isr.iter().copied().collect();
        if let Some((_, asked_for)) = &leading.asked_for
            && self.fault != Some(Fault::IgnoresWhoJoins)
        {
            maximal.extend(asked_for);
        }
        let name = &broker.view.topics.get(key.0).unwrap().name;
        let min_isr = if name == "two" { 2 } else { 1 };
        if partition.isr.len() < min_isr && self.fault != Some(Fault::TooFewInSync) {
            return;
        }
        let end = |replica: &i32| match *replica == id {
            true => log.entries.len(),
            false => leading.ends.get(replica).map_or(0, |&(_, end)| end),
        };
        let (high_watermark, epoch) = (maximal.iter().map(end).min().unwrap(), leading.epoch);
        let leading = self.brokers.get_mut(&id).unwrap().leading.get_mut(&key).unwrap();
        leading.high_watermark = leading.high_watermark.max(high_watermark);
        let acknowledged = self.acknowledged.entry(key).or_default();
        for entry in &log.entries[..high_watermark] {
            // A leader answers for what it has appended itself.
            if entry.epoch == epoch && acknowledged.insert(entry.record) {
                self.acknowledged_ever += 1;
            }
        }
    }

    /// A leader asks to let a follower in or out.
    pub fn propose(&mut self, id: i32) {
        let Some(key) = self.any_led(id) else { return };
        let Some(broker_epoch) = self.epoch_of_process(id) else { return };
        let broker = &self.brokers[&id];
        let (partition, leading) = (broker.partition(key).unwrap().clone(), &broker.leading[&key]);
        let has_enough = |replica: &&i32| {
            let known = leading.ends.get(replica);
            !partition.isr.contains(replica)
                && known.is_some_and(|&(_, end)| end >= leading.start.max(leading.high_watermark))
        };
        let joins = partition.replicas.iter().find(has_enough).filter(|_| self.random.below(4) > 0);
        let leaves = partition.replicas[self.random.below(partition.replicas.len())];
        let isr = match joins {
            Some(&replica) => [&partition.isr[..], &[replica]].concat(),
            None => partition.isr.iter().copied().filter(|&member| member != leaves || member == id).collect(),
        };
        // One at a time, until it is known what became of it.
        if isr == partition.isr && partition.leader_recovery_state == 0 || leading.asked_for.is_some() {
            return;
        }
        let state = |&member: &i32| {
            let known = leading.ends.get(&member).map(|&(epoch, _)| epoch);
            let broker_epoch = if member == id { broker_epoch } else { known.unwrap_or(-1) };
            BrokerState { broker_id: member, broker_epoch }
        };
        let wanted = AlterPartitionPartition {
            partition_index: key.1,
            leader_epoch: leading.epoch,
            partition_epoch: partition.partition_epoch,
            new_isr_with_epochs: isr.iter().map(state).collect(),
            ..Default::default()
        };
        let topics = vec![AlterPartitionTopic { topic_id: key.0, partitions: vec![wanted] }];
        let request = AlterPartitionRequest { broker_id: id, broker_epoch, topics };
        let asked_for = Some((partition.partition_epoch, isr));
        self.brokers.get_mut(&id).unwrap().leading.get_mut(&key).unwrap().asked_for = asked_for;
        let reply = self.give(|controller, at| controller.alter_partition(at, &request));
        let refused = reply.error_code != ErrorCode::NONE
            || reply.topics[0].partitions[0].error_code == ErrorCode::INELIGIBLE_REPLICA;
        if refused {
            // Nothing of it has happened.
            self.brokers.get_mut(&id).unwrap().leading.get_mut(&key).unwrap().asked_for = None;
        }
    }
}
