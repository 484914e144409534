//! What a controller writes before anything else.

use super::ControllerSettings;
use super::features::first_levels;
use crate::image::{ClusterImage, ConfigResource, METADATA_VERSION};
use crate::records::{
    AbortTransactionRecord, BeginTransactionRecord, ConfigRecord, EndTransactionRecord, MetadataRecord,
};

// ANCHOR: activation
/// The records that a controller begins with, as one batch: the end of what an earlier one has left half done, and in a
/// new cluster the first records of all. They are to be replayed before a [`Controller`](super::Controller) is made.
pub fn activation(settings: &ControllerSettings, image: &ClusterImage) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    if image.in_transaction() {
        let reason = Some("the controller that began it is gone".to_owned());
        records.push(AbortTransactionRecord { reason }.into());
    }
    if image.features.level(METADATA_VERSION) == 0 {
        records.extend(bootstrap(settings));
    }
    records
}
// ANCHOR_END: activation

// ANCHOR: bootstrap
/// The records that the log of a new cluster begins with.
pub fn bootstrap(settings: &ControllerSettings) -> Vec<MetadataRecord> {
    let all_brokers = ConfigResource::all_brokers();
    // Who is eligible depends on it, so it stands where the controller sees it change.
    let min_insync_replicas = ConfigRecord {
        resource_type: all_brokers.resource_type,
        resource_name: all_brokers.name,
        name: "min.insync.replicas".to_owned(),
        value: Some(settings.min_insync_replicas.to_string()),
    };
    let mut records = vec![BeginTransactionRecord { name: Some("Bootstrap records".to_owned()) }.into()];
    records.extend(first_levels().map(MetadataRecord::from));
    records.extend([min_insync_replicas.into(), EndTransactionRecord {}.into()]);
    records
}
// ANCHOR_END: bootstrap
