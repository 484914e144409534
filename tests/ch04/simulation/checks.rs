//! What always holds.

use std::collections::BTreeSet;

use ch04_controller::controller::Controller;
use ch04_controller::image::{ClusterImage, PartitionRegistration};
use ch04_controller::messages::BrokerHeartbeatRequest;
use ch04_controller::records::NO_LEADER;

use super::world::{Key, World, has_everything, simulated};
use crate::controller_support::image;

impl World {
    /// Records that no log has any more are lost for good: nobody could have kept them.
    pub fn forget_what_nobody_has(&mut self) {
        for (&key, records) in &mut self.acknowledged {
            let logs: Vec<_> = self.brokers.values().map(|broker| broker.log(key)).collect();
            records.retain(|&record| logs.iter().any(|log| log.holds(record)));
        }
    }

    fn lacks(&self, broker: i32, key: Key) -> Vec<u64> {
        let log = self.brokers[&broker].log(key);
        let acknowledged = self.acknowledged.get(&key).into_iter().flatten();
        acknowledged.copied().filter(|&record| !log.holds(record)).collect()
    }

    /// After a decision: partitions change as they may, and who was elected among copies that may all have lost records
    /// has whatever any of those has that were asked.
    pub fn check_decision(&mut self, before: &ClusterImage) {
        let after = self.controller.image().clone();
        for partition in after.topics.partitions() {
            let key = (partition.topic_id, partition.partition_id);
            let Some(old) = before.topics.partition(key.0, key.1) else { continue };
            if old == partition {
                continue;
            }
            assert!(partition.partition_epoch > old.partition_epoch, "{old:?} -> {partition:?}");
            assert!(partition.leader_epoch >= old.leader_epoch, "{old:?} -> {partition:?}");
            assert!(partition.leader == old.leader || partition.leader_epoch > old.leader_epoch, "{partition:?}");
            self.elections += u64::from(partition.leader_epoch > old.leader_epoch);
            let nobody_had_everything = old.isr.is_empty() && old.elr().is_empty();
            if nobody_had_everything && partition.leader != old.leader {
                self.compared += 1;
                self.check_most_complete(key, old, partition);
            }
        }
    }

    fn check_most_complete(&mut self, key: Key, old: &PartitionRegistration, new: &PartitionRegistration) {
        assert_eq!(new.leader_recovery_state, 1, "{new:?}");
        let known = old.last_known_elr.clone().unwrap_or_default();
        let is_active = |&&id: &&i32| {
            self.controller.image().nodes.broker(id).is_some_and(|known| !known.fenced && !known.in_controlled_shutdown)
        };
        let asked: BTreeSet<i32> = known.iter().chain(old.replicas.iter().filter(is_active)).copied().collect();
        let winner = self.brokers[&new.leader].log(key);
        for &other in &asked {
            let theirs = self.brokers[&other].log(key);
            let better: Vec<_> = theirs.entries.iter().filter(|entry| !winner.holds(entry.record)).collect();
            let acknowledged = self.acknowledged.get(&key);
            let is_lost = |record: u64| acknowledged.is_some_and(|records| records.contains(&record));
            assert!(!better.iter().any(|entry| is_lost(entry.record)), "{new:?}: {other} has {better:?}");
        }
        // The rest was in logs that nobody knew to ask for.
        if let Some(acknowledged) = self.acknowledged.get_mut(&key) {
            acknowledged.retain(|&record| winner.holds(record));
        }
    }

    /// Who begins to lead has everything.
    pub fn check_new_leader(&mut self, id: i32, key: Key) {
        let partition = self.brokers[&id].view.topics.partition(key.0, key.1).unwrap().clone();
        let leader = self.leaders.entry((key, partition.leader_epoch)).or_insert(id);
        assert_eq!(*leader, id, "two leaders in one epoch: {partition:?}");
        let current = self.controller.image().topics.partition(key.0, key.1);
        if current.is_some_and(|current| current.leader_epoch == partition.leader_epoch) {
            assert_eq!(self.lacks(id, key), Vec::<u64>::new(), "{id} leads without them: {partition:?}");
        }
    }

    /// After each step.
    pub fn check(&mut self) {
        let image_now = self.controller.image().clone();
        for partition in image_now.topics.partitions() {
            let PartitionRegistration { replicas, isr, leader, leader_epoch, .. } = partition;
            let key = (partition.topic_id, partition.partition_id);
            assert!(isr.iter().all(|replica| replicas.contains(replica)), "{partition:?}");
            assert!(*leader == NO_LEADER || isr.contains(leader), "{partition:?}");
            assert!(*leader == NO_LEADER || image_now.nodes.is_active(*leader), "{partition:?}");
            assert!(isr.iter().all(|&replica| image_now.nodes.is_active(replica)), "{partition:?}");
            if *leader != NO_LEADER {
                let known = self.leaders.entry((key, *leader_epoch)).or_insert(*leader);
                assert_eq!(known, leader, "two leaders in one epoch: {partition:?}");
            }
            for &id in self.brokers.keys() {
                let counts = has_everything(Some(partition), id) && !self.lost.contains_key(&(id, key));
                assert!(
                    !counts || self.lacks(id, key).is_empty(),
                    "{id} lacks {:?}: {partition:?}",
                    self.lacks(id, key)
                );
            }
        }
        if self.random.below(50) == 0 {
            self.check_another_controller(&image_now);
        }
    }

    /// Who replays the log has the same image, and would decide the same.
    fn check_another_controller(&mut self, image_now: &ClusterImage) {
        let records: Vec<_> = self.log.iter().flatten().cloned().collect();
        let replayed = image(&records);
        assert_eq!(&replayed, image_now);
        let id = 1 + self.random.below(4) as i32;
        // When a broker may stop, and whose log has most, depends on what a controller has heard, too.
        let Some(broker) = image_now.nodes.broker(id).filter(|broker| !broker.in_controlled_shutdown) else { return };
        if image_now.topics.partitions().any(|partition| partition.isr.is_empty() && partition.elr().is_empty()) {
            return;
        }
        let broker_epoch = broker.broker_epoch;
        let fence = BrokerHeartbeatRequest { broker_id: id, broker_epoch, want_fence: true, ..Default::default() };
        let at = self.at();
        let another = Controller::new(simulated(), replayed, 0, self.now).heartbeat(at, &fence);
        assert_eq!(self.controller.heartbeat(at, &fence), another);
    }
}
