//! What the cluster speaks: the levels that it begins with, and how they change.
//!
//! A level counts for all nodes at once, so it can rise only to what all of them can speak.

use ch00_wire::error_code::ErrorCode;
use ch01_log::partition::PartitionError;

use super::draft::{Draft, ELR_VERSION, refusal};
use super::{At, Controller, Outcome};
use crate::image::{ClusterImage, METADATA_VERSION};
use crate::messages::{
    FeatureUpdateKey, RegistrationFeature, UpdatableFeatureResult, UpdateFeaturesRequest, UpdateFeaturesResponse,
};
use crate::records::FeatureLevelRecord;

/// `metadata.version` 4.3-IV0: the one whose records are written here.
const METADATA_VERSION_4_3_IV0: i16 = 30;

/// The features of Apache Kafka 4.3.1: name, lowest and highest level, the level of a new cluster.
const FEATURES: [(&str, i16, i16, i16); 6] = [
    (METADATA_VERSION, 7, METADATA_VERSION_4_3_IV0, METADATA_VERSION_4_3_IV0),
    (ELR_VERSION, 0, 1, 1),
    ("group.version", 0, 1, 1),
    ("share.version", 0, 1, 1),
    ("streams.version", 0, 1, 1),
    ("transaction.version", 0, 2, 2),
];

/// A feature's name, and the lowest and the highest level that a node can speak.
type Range = (&'static str, i16, i16);

/// The quorum's own feature: it stands in control records.
pub const KRAFT_VERSION: &str = "kraft.version";

/// What a node can speak, as it says when it registers.
pub fn supported_features() -> Vec<RegistrationFeature> {
    let ranges = FEATURES.iter().map(|&(name, min, max, _)| (name, min, max)).chain([(KRAFT_VERSION, 0, 1)]);
    let feature = |(name, min_supported_version, max_supported_version): Range| RegistrationFeature {
        name: name.to_owned(),
        min_supported_version,
        max_supported_version,
    };
    ranges.map(feature).collect()
}

/// A level of the cluster's that is not spoken here, if there is one. Features that are not known here count as spoken at
/// no level.
pub fn unsupported_level(image: &ClusterImage) -> Option<String> {
    let supported = supported_features();
    let highest = |name: &str| supported.iter().find(|f| f.name == name).map_or(0, |f| f.max_supported_version);
    let (name, level) = image.features.levels().find(|&(name, level)| level > highest(name))?;
    let known = highest(name);
    Some(format!("the cluster has {name} at level {level}; this broker knows levels up to {known}, Apache Kafka 4.3's"))
}

/// The levels that a new cluster begins with.
pub(super) fn first_levels() -> impl Iterator<Item = FeatureLevelRecord> {
    FEATURES.iter().map(|&(name, _, _, feature_level)| FeatureLevelRecord { name: name.to_owned(), feature_level })
}

/// `upgrade_type` of a change that must not lower a level.
const UPGRADE: i8 = 1;
/// `upgrade_type` of changes that may.
const DOWNGRADES: [i8; 2] = [2, 3];

impl Controller {
    /// Changes the levels of features; all that are asked for, or none.
    pub fn update_features(&mut self, _at: At, request: &UpdateFeaturesRequest) -> Outcome<UpdateFeaturesResponse> {
        let mut draft = self.draft();
        let decided = request.feature_updates.iter().try_for_each(|update| draft.update_feature(update));
        if let Err(e) = decided {
            let (error_code, error_message) = (e.code, e.message);
            return Outcome::nothing(UpdateFeaturesResponse { error_code, error_message, ..Default::default() });
        }
        let result = |update: &FeatureUpdateKey| {
            let feature = update.feature.clone();
            UpdatableFeatureResult { feature, ..Default::default() }
        };
        let results = request.feature_updates.iter().map(result).collect();
        draft.done_unless(request.validate_only, UpdateFeaturesResponse { results, ..Default::default() })
    }
}

impl Draft<'_> {
    fn update_feature(&mut self, update: &FeatureUpdateKey) -> Result<(), PartitionError> {
        let (name, level) = (&update.feature, update.max_version_level);
        let invalid = |why: &str| {
            let why = format!("Invalid update version {level} for feature {name}. {why}");
            Err(refusal(ErrorCode::INVALID_UPDATE_VERSION, why))
        };
        let current = self.image.features.level(name);
        let may_lower = update.allow_downgrade || DOWNGRADES.contains(&update.upgrade_type);
        if !may_lower && update.upgrade_type != UPGRADE {
            return invalid("The controller does not support the given upgrade type.");
        }
        if level < 0 {
            return invalid("A feature version cannot be less than 0.");
        }
        if let Some(who) = self.cannot_speak(name, level) {
            return invalid(&format!("{who} does not support it."));
        }
        if level < current && !may_lower {
            let why = "Can't downgrade the version of this feature without setting the upgrade type to either safe or \
                       unsafe downgrade.";
            return invalid(why);
        }
        if level < current && name == METADATA_VERSION {
            return invalid(
                "Refusing to perform the requested downgrade because it might delete metadata information.",
            );
        }
        if level > current && may_lower {
            return invalid("Can't downgrade to a newer version.");
        }
        if level != current {
            self.write(FeatureLevelRecord { name: name.clone(), feature_level: level });
        }
        Ok(())
    }

    /// Who cannot speak a level, if there is anybody.
    fn cannot_speak(&self, name: &str, level: i16) -> Option<String> {
        let can = |features: &[RegistrationFeature]| {
            let known = features.iter().find(|feature| feature.name == name);
            let range = known.map_or(0..=0, |f| f.min_supported_version..=f.max_supported_version);
            range.contains(&level)
        };
        if !FEATURES.iter().any(|&(known, ..)| known == name) || !can(&supported_features()) {
            return Some("The controller".to_owned());
        }
        let mut brokers = self.image.nodes.brokers().map(|broker| ("Broker", broker.broker_id, &broker.features));
        let mut controllers =
            self.image.nodes.controllers().map(|other| ("Controller", other.controller_id, &other.features));
        let found = brokers.find(|(_, _, features)| !can(features));
        let found = found.or_else(|| controllers.find(|(_, _, features)| !can(features)));
        found.map(|(kind, id, _)| format!("{kind} {id}"))
    }
}
