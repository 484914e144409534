//! Who votes. A voter is a node *and* its log directory: one that comes back with an empty disk has forgotten what its
//! predecessor promised, so it is somebody else.
//!
//! Caveat: voters that are named in the configuration (`controller.quorum.voters`) have no directory id, and any will do.

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::uuid::Uuid;

/// A node's number: `node.id`.
pub type NodeId = i32;

/// A node with its log directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaKey {
    /// The node.
    pub id: NodeId,
    /// Its directory's id, from `meta.properties`; zero: any.
    pub directory_id: Uuid,
}

impl ReplicaKey {
    /// Whether the two may be the same replica.
    pub fn matches(self, other: ReplicaKey) -> bool {
        let any = self.directory_id.is_zero() || other.directory_id.is_zero();
        self.id == other.id && (any || self.directory_id == other.directory_id)
    }
}

/// The voters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Voters(BTreeMap<NodeId, ReplicaKey>);

impl Voters {
    /// These.
    pub fn new(voters: impl IntoIterator<Item = ReplicaKey>) -> Voters {
        Voters(voters.into_iter().map(|voter| (voter.id, voter)).collect())
    }

    /// Their numbers, growing.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> {
        self.0.keys().copied()
    }

    /// All, by growing number.
    pub fn keys(&self) -> impl Iterator<Item = ReplicaKey> {
        self.0.values().copied()
    }

    /// Whether this is one of them.
    pub fn contains(&self, replica: ReplicaKey) -> bool {
        self.0.get(&replica.id).is_some_and(|voter| voter.matches(replica))
    }

    /// How many are a majority: more than half, so that any two majorities have a voter in common.
    pub fn majority(&self) -> usize {
        self.0.len() / 2 + 1
    }

    /// Whether these voters are a majority.
    pub fn is_majority(&self, of: &BTreeSet<NodeId>) -> bool {
        of.iter().filter(|id| self.0.contains_key(id)).count() >= self.majority()
    }
}
