//! What happens by itself, as time goes by.

use ch00_wire::uuid::Uuid;

use super::partition_change::asked;
use super::{AskLogEnd, At, Controller, LogEnd, Outcome};
use crate::image::PartitionRegistration;
use crate::records::NO_LEADER;

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
        Outcome::nothing(asks)
    }
    // ANCHOR_END: tick

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
        let asked = draft.registered(&asked(replicas, adding_replicas, last_known_elr.as_deref().unwrap_or_default()));
        let is_alone = asked.len() == 1;
        let there = asked.into_iter().filter(|&broker| !is_alone && draft.is_active(broker));
        let broker_epoch = |broker| draft.image.nodes.broker(broker).expect("it is registered").broker_epoch;
        there
            .map(|broker| AskLogEnd { broker, broker_epoch: broker_epoch(broker), topic_id, partition: index })
            .collect()
    }
}
