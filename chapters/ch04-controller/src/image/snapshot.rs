//! An image as records: what a snapshot of the log says.

use super::ClusterImage;
use crate::records::{MetadataRecord, ProducerIdsRecord};

impl ClusterImage {
    // ANCHOR: to_records
    /// The records that give this image when they are replayed into an empty one.
    pub fn to_records(&self) -> impl Iterator<Item = MetadataRecord> {
        assert!(!self.in_transaction(), "a snapshot within a transaction would lose its first half");
        let producer_ids = (self.next_producer_id > 0).then(|| {
            ProducerIdsRecord { broker_id: -1, broker_epoch: -1, next_producer_id: self.next_producer_id }.into()
        });
        let cluster = self.features.to_records().chain(self.nodes.to_records());
        let topics = self.topics.to_records().chain(self.configs.to_records());
        cluster.chain(topics).chain(producer_ids).chain(self.kept.to_records())
    }
    // ANCHOR_END: to_records
}
