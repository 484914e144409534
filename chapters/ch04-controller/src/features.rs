//! What ApiVersions says of features: the levels that this node knows, and those that the cluster has agreed on.

use ch00_wire::messages::{FinalizedFeatureKey, SupportedFeatureKey};
use ch00_wire::router::Features;

use crate::controller::{KRAFT_VERSION, supported_features};
use crate::quorum_node::Committed;

// ANCHOR: features
/// The features as a node knows them by what is committed.
pub fn features(committed: &Committed) -> Features {
    let supported = supported_features().into_iter().map(|feature| SupportedFeatureKey {
        name: feature.name,
        min_version: feature.min_supported_version,
        max_version: feature.max_supported_version,
    });
    let levels = committed.image.features.levels().chain([(KRAFT_VERSION, committed.kraft_version)]);
    let finalized = levels.filter(|&(_, level)| level > 0).map(|(name, level)| FinalizedFeatureKey {
        name: name.to_owned(),
        max_version_level: level,
        min_version_level: level,
    });
    Features { supported: supported.collect(), finalized: finalized.collect(), epoch: committed.offset - 1 }
}
// ANCHOR_END: features
