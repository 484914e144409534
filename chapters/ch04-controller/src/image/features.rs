//! The features of the cluster: which levels of what everybody has agreed to speak.

use std::collections::BTreeMap;

use crate::records::{FeatureLevelRecord, MetadataRecord};

/// The feature that says which records may stand in the metadata log.
pub const METADATA_VERSION: &str = "metadata.version";

/// Levels by feature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    levels: BTreeMap<String, i16>,
}

impl Features {
    /// A feature's level; 0 if it is switched off.
    pub fn level(&self, name: &str) -> i16 {
        self.levels.get(name).copied().unwrap_or(0)
    }

    /// All features that are switched on, with their levels, sorted by name.
    pub fn levels(&self) -> impl Iterator<Item = (&str, i16)> {
        self.levels.iter().map(|(name, &level)| (name.as_str(), level))
    }

    pub(super) fn set(&mut self, record: &FeatureLevelRecord) {
        match record.feature_level {
            0 => self.levels.remove(&record.name),
            level => self.levels.insert(record.name.clone(), level),
        };
    }

    /// The records of these levels: `metadata.version` first, for it says how to read the others.
    pub(super) fn to_records(&self) -> impl Iterator<Item = MetadataRecord> {
        let record = |(name, feature_level): (&str, i16)| FeatureLevelRecord { name: name.to_owned(), feature_level };
        let (first, rest): (Vec<_>, Vec<_>) = self.levels().partition(|&(name, _)| name == METADATA_VERSION);
        first.into_iter().chain(rest).map(move |level| record(level).into())
    }
}
