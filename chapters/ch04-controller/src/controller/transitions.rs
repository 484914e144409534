//! What becomes of partitions when a broker is fenced, comes back, or has lost the end of its logs.

use ch00_wire::uuid::Uuid;
use ch01_log::batch::Offset;

use super::draft::Draft;
use crate::records::BrokerRegistrationChangeRecord;

/// In a change: it is fenced now.
const FENCED: i8 = 1;
/// In a change: it is not fenced any more.
const UNFENCED: i8 = -1;

impl Draft<'_> {
    // ANCHOR: fence
    /// A broker is fenced: it leaves every ISR, and others lead what it led.
    pub(super) fn fence(&mut self, broker_id: i32) {
        let broker_epoch = self.epoch(broker_id);
        self.write(BrokerRegistrationChangeRecord { broker_id, broker_epoch, fenced: FENCED, ..Default::default() });
        self.leave(broker_id);
    }

    /// A broker is there: it leads what nobody leads, if it has everything that was acknowledged.
    pub(super) fn unfence(&mut self, broker_id: i32) {
        let broker_epoch = self.epoch(broker_id);
        self.write(BrokerRegistrationChangeRecord { broker_id, broker_epoch, fenced: UNFENCED, ..Default::default() });
        for (topic_id, index) in self.controller.leaderless() {
            self.change(topic_id, index, |_| {});
        }
    }
    // ANCHOR_END: fence

    /// A broker that is about to stop gives its leaderships away, and leaves every ISR.
    pub(super) fn begin_shutdown(&mut self, broker_id: i32) {
        let broker_epoch = self.epoch(broker_id);
        let change = BrokerRegistrationChangeRecord { broker_id, broker_epoch, ..Default::default() };
        self.write(BrokerRegistrationChangeRecord { in_controlled_shutdown: 1, ..change });
        self.leave(broker_id);
    }

    /// A broker that is not active leads nothing and is in sync with nothing.
    pub(super) fn leave(&mut self, broker: i32) {
        assert!(!self.is_active(broker), "whoever is there stays");
        for (topic_id, index) in self.partitions_of(broker) {
            self.change(topic_id, index, |target| target.leave_isr(broker));
        }
    }

    /// A broker may have lost the ends of its logs: it is not eligible either.
    pub(super) fn lose(&mut self, broker: i32) {
        assert!(!self.is_active(broker), "whoever may have lost records does not lead");
        for (topic_id, index) in self.partitions_of(broker) {
            self.change(topic_id, index, |target| {
                target.leave_isr(broker);
                target.lost = Some(broker);
            });
        }
    }

    /// The partitions that a broker leads, is in sync with, or could lead.
    fn partitions_of(&self, broker: i32) -> Vec<(Uuid, i32)> {
        let partitions = self.controller.index.of_broker(broker);
        partitions.filter(|&(topic_id, index)| self.image.topics.partition(topic_id, index).is_some()).collect()
    }

    fn epoch(&self, broker: i32) -> Offset {
        self.image.nodes.broker(broker).expect("whoever changes a broker has looked it up").broker_epoch
    }
}
