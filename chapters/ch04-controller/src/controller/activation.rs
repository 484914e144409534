//! What a controller writes before anything else.

use super::features::first_levels;
use super::{ControllerSettings, EarlierTopics, taken_over};
use crate::image::{ClusterImage, ConfigResource, METADATA_VERSION};
use crate::records::{
    AbortTransactionRecord, BeginTransactionRecord, ConfigRecord, EndTransactionRecord, MetadataRecord,
};

// ANCHOR: activation
/// The records that a controller begins with, as one batch: the end of what an earlier one has left half done; in a new
/// cluster the first records of all; and what brokers of earlier chapters have left. They are to be replayed before a
/// [`Controller`](super::Controller) is made.
pub fn activation(
    settings: &ControllerSettings,
    image: &ClusterImage,
    earlier: Option<&EarlierTopics>,
) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    if image.in_transaction() {
        let reason = Some("the controller that began it is gone".to_owned());
        records.push(AbortTransactionRecord { reason }.into());
    }
    if image.features.level(METADATA_VERSION) == 0 {
        records.extend(bootstrap(settings));
    }
    records.extend(earlier.into_iter().flat_map(|earlier| taken_over(earlier, image)));
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
    match settings.bootstrap.as_slice() {
        [] => records.extend(first_levels().map(MetadataRecord::from)),
        formatted => records.extend_from_slice(formatted),
    }
    records.extend([min_insync_replicas.into(), EndTransactionRecord {}.into()]);
    records
}
// ANCHOR_END: bootstrap
