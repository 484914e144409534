//! Who gets which partitions: the assignors that a coordinator has itself (KIP-848).
//!
//! Each is a pure function of the members and the topics, and says the same whenever it is asked the same. What comes out is
//! a target: what members have follows it step by step.

// Yours:
mod range;
// Yours:
mod uniform;

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::uuid::Uuid;

/// Partitions by topic. No set is empty.
pub type Partitions = BTreeMap<Uuid, BTreeSet<i32>>;

/// A member, as an assignor sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssignorMember {
    /// The id of a static member.
    pub instance_id: Option<String>,
    /// The topics that it wants.
    pub topics: BTreeSet<Uuid>,
    /// What it was to have until now.
    pub target: Partitions,
}

/// The members of a group, by id.
pub type AssignorMembers = BTreeMap<String, AssignorMember>;

/// The topics that there are: how many partitions each has. What members want besides is left out.
pub type TopicSizes = BTreeMap<Uuid, i32>;

/// An assignor of this broker's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Assignor {
    /// Everybody gets as many partitions as the others, and keeps as many as possible of those it had.
    #[default]
    Uniform,
    /// Of each topic, everybody gets a range; of topics of equal size that the same members want, the same.
    Range,
}

impl Assignor {
    /// All of them, the one that is used unless a member asks for another first.
    pub const ALL: [Assignor; 2] = [Assignor::Uniform, Assignor::Range];

    /// Its name in Kafka.
    pub fn name(self) -> &'static str {
        match self {
            Assignor::Uniform => "uniform",
            Assignor::Range => "range",
        }
    }

    /// The one of a name, if there is.
    pub fn from_name(name: &str) -> Option<Assignor> {
        Assignor::ALL.into_iter().find(|assignor| assignor.name() == name)
    }

    /// What each member is to have. Every partition of every topic that somebody wants goes to one who wants it.
    pub fn assign(self, members: &AssignorMembers, topics: &TopicSizes) -> BTreeMap<String, Partitions> {
        match self {
            Assignor::Uniform => uniform::assign(members, topics),
            Assignor::Range => range::assign(members, topics),
        }
    }
}
