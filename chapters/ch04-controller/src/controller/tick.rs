//! What happens by itself, as time goes by.

use ch00_wire::uuid::Uuid;
use ch01_log::batch::{Offset, Timestamp};

use super::draft::Draft;
use super::partition_change::had_everything;
use super::{AskLogEnd, At, Controller, Election, LogEnd, Outcome, compared};
use crate::image::PartitionRegistration;
use crate::records::{NO_LEADER, NoOpRecord};

/// The most leaders that move back at once.
const MOST_ELECTIONS: usize = 1_000;

/// When what happens now and then happened last.
pub(super) struct Clocks {
    /// When leaders were moved back to preferred replicas.
    balanced: Timestamp,
    /// Where the log ended, and since when it has ended there.
    idle_at: (Offset, Timestamp),
}

impl Clocks {
    pub(super) fn new(now: Timestamp) -> Clocks {
        Clocks { balanced: now, idle_at: (-1, now) }
    }
}

impl Controller {
    // ANCHOR: tick
    /// Time has gone by: to be called a few times a second. The reply is who is to be asked for the end of its log.
    pub fn tick(&mut self, at: At) -> Outcome<Vec<AskLogEnd>> {
        let asks = self.ask_log_ends(at);
        for broker in self.sessions.expired(at.now) {
            self.end_session(broker);
            if self.image.nodes.is_active(broker) {
                // One at a time: who is next may lead what this one led, and is judged when that has been decided.
                let mut draft = self.draft();
                draft.fence(broker);
                return draft.done(asks);
            }
        }
        let is_balancing = self.is_balancing(at.now);
        let is_idle = self.is_idle(at);
        let mut draft = self.draft();
        draft.elect_leaderless();
        let is_done = !is_balancing || draft.move_leaders_back();
        if is_idle && draft.is_empty() {
            draft.write(NoOpRecord {});
        }
        let outcome = draft.done(asks);
        if is_balancing && is_done {
            self.clocks.balanced = at.now;
        }
        outcome
    }
    // ANCHOR_END: tick

    fn is_balancing(&self, now: Timestamp) -> bool {
        let is_due = now - self.clocks.balanced >= self.settings.leader_imbalance_check_interval_ms;
        self.settings.auto_leader_rebalance_enable && is_due
    }

    /// Whether nothing has been written for so long that those who follow the log might think it dead.
    fn is_idle(&mut self, at: At) -> bool {
        let interval = self.settings.metadata_max_idle_interval_ms;
        if self.clocks.idle_at.0 != at.offset {
            self.clocks.idle_at = (at.offset, at.now);
        }
        interval > 0 && at.now - self.clocks.idle_at.1 >= interval
    }

    /// A broker has said where its copy of a partition ends.
    pub fn log_end(&mut self, _at: At, answer: LogEnd) -> Outcome<()> {
        let AskLogEnd { broker, broker_epoch, topic_id, partition } = answer.asked;
        let is_current = self.image.nodes.broker(broker).is_some_and(|known| known.broker_epoch == broker_epoch);
        let known = self.image.topics.partition(topic_id, partition);
        if !is_current || known.is_none_or(|partition| partition.leader != NO_LEADER) {
            return Outcome::nothing(());
        }
        self.log_ends.answered(answer);
        let mut draft = self.draft();
        draft.change(topic_id, partition, |_| {});
        draft.done(())
    }

    /// Who is to be asked `now` where its copies end: those of partitions of which nobody has everything for certain.
    fn ask_log_ends(&mut self, at: At) -> Vec<AskLogEnd> {
        let leaderless = self.leaderless();
        self.log_ends.retain(|topic_id, partition| leaderless.contains(&(topic_id, partition)));
        let wanted: Vec<_> = leaderless.iter().flat_map(|&(topic_id, index)| self.asks(topic_id, index)).collect();
        wanted.into_iter().filter(|&ask| self.log_ends.ask(ask, at.now)).collect()
    }

    fn asks(&self, topic_id: Uuid, index: i32) -> Vec<AskLogEnd> {
        let Some(partition) = self.image.topics.partition(topic_id, index) else { return Vec::new() };
        let PartitionRegistration { replicas, adding_replicas, isr, last_known_elr, .. } = partition;
        if !isr.is_empty() || !partition.elr().is_empty() {
            return Vec::new();
        }
        let draft = self.draft();
        let last_known = last_known_elr.as_deref().unwrap_or_default();
        let had_everything = draft.registered(&had_everything(replicas, adding_replicas, last_known));
        let is_alive = |broker| draft.can_lead(broker, partition.directory(broker));
        let compared = compared(replicas, &had_everything, is_alive);
        let ask = |broker| AskLogEnd {
            broker,
            broker_epoch: draft.image.nodes.broker(broker).expect("it is alive").broker_epoch,
            topic_id,
            partition: index,
        };
        match compared.len() {
            1 => Vec::new(),
            _ => compared.into_iter().filter(|&broker| is_alive(broker)).map(ask).collect(),
        }
    }
}

impl Draft<'_> {
    /// Leaders for partitions without one, where nothing else would bring that about: unclean elections have been allowed
    /// since, or a broker whose log was asked for has gone and is not waited for.
    fn elect_leaderless(&mut self) {
        for (topic_id, index) in self.controller.leaderless() {
            let topic = self.image.topics.get(topic_id).expect("the index knows topics that there are");
            let partition = &topic.partitions[&index];
            let nobody_has_everything = partition.isr.is_empty() && partition.elr().is_empty();
            if nobody_has_everything || self.is_unclean_allowed(&topic.name) {
                self.change(topic_id, index, |_| {});
            }
        }
    }

    /// Leaders go back to preferred replicas that are in sync; whether that was all of them.
    fn move_leaders_back(&mut self) -> bool {
        let is_elsewhere = |p: &&PartitionRegistration| p.leader != NO_LEADER && p.replicas.first() != Some(&p.leader);
        let elsewhere = self.image.topics.partitions().filter(is_elsewhere).map(|p| (p.topic_id, p.partition_id));
        for (topic_id, index) in elsewhere.collect::<Vec<_>>() {
            if self.len() >= MOST_ELECTIONS {
                return false;
            }
            self.change(topic_id, index, |target| target.election = Election::Preferred);
        }
        true
    }
}
