//! A group of the classic protocol: its members agree on who reads what, and the coordinator is their meeting place.
//!
//! ```text
//!              a member joins                     all have joined, or time is up
//!   Empty  ------------------->  Preparing  -------------------------------->  Completing
//!     ^                          Rebalance   <---------------------------------  Rebalance
//!     |   nobody has joined       |     ^          a member joins or goes             |
//!     +---------------------------+     |                                             | the leader's assignments
//!                                       |     a member joins, changes or goes         v
//!                                       +----------------------------------------  Stable
//! ```
//!
//! A rebalance is two barriers. At the first (JoinGroup) everybody waits until everybody is there; one member, the leader,
//! is told who all the others are and what they want. At the second (SyncGroup) everybody waits for the leader, who has
//! assigned the partitions. What is assigned to whom is opaque here: bytes that the members understand.
//!
//! Each rebalance begins a *generation*. Who speaks of an earlier one is refused ([`ClassicGroup::check_member`]): a member
//! that has slept through a rebalance cannot commit for partitions that are somebody else's now.
//!
//! Durable is what the last finished rebalance has brought, one record (`durable`). The rest is soft: after a failover the
//! next coordinator takes all members for alive, for one session, and a rebalance that was under way begins again.

// Yours:
mod barrier;
#[path = "../../../../chapters/ch05-groups/src/classic/describe.rs"]
mod describe;
// Yours:
mod durable;
// Yours:
mod fence;
// Yours:
mod heartbeat;
#[path = "../../../../chapters/ch05-groups/src/classic/join.rs"]
mod join;
#[path = "../../../../chapters/ch05-groups/src/classic/leave.rs"]
mod leave;
#[path = "../../../../chapters/ch05-groups/src/classic/member.rs"]
mod member;
#[path = "../../../../chapters/ch05-groups/src/classic/sync.rs"]
mod sync;

use std::collections::{BTreeMap, BTreeSet};

use ch01_log::batch::Timestamp;

pub use barrier::vote;
pub use join::{Joining, refused as refused_join};
pub use member::{Client, Member, Waiting};
pub use sync::refused as refused_sync;

/// How long a member that has never been in a generation may wait for its first: its client cannot say that it is alive.
const NEW_MEMBER_JOIN_TIMEOUT_MS: i64 = 5 * 60_000;

/// What a group is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing: there are no members, at most committed offsets.
    Empty,
    /// All members have to join; those that have wait.
    PreparingRebalance {
        /// Until then: who has not joined is out.
        until: Timestamp,
        /// Set if the group was empty: the first members wait a while for more, so that ten that start together make one
        /// rebalance and not ten.
        gathering: Option<Gathering>,
    },
    /// All have joined; the leader assigns, the others wait.
    CompletingRebalance {
        /// Until then: who has not asked for its assignment is out.
        until: Timestamp,
        /// Those who have not.
        missing: BTreeSet<String>,
    },
    /// All have their assignments.
    Stable,
}

/// The wait for more members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gathering {
    /// Milliseconds that it may still be prolonged by.
    pub left_ms: i64,
    /// Whether somebody has come since it was last prolonged.
    pub newcomers: bool,
}

/// One group.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassicGroup {
    id: String,
    phase: Phase,
    /// Rebalances so far.
    generation: i32,
    /// What the members' bytes are about: "consumer", or "connect". `None`: no member yet, or only offsets.
    protocol_type: Option<String>,
    /// The protocol that the present generation has chosen; for consumers the name of an assignor.
    protocol: Option<String>,
    /// The id of the member that assigns.
    leader: Option<String>,
    members: BTreeMap<String, Member>,
    /// Static members: from `group.instance.id` to the member's id.
    instances: BTreeMap<String, String>,
    /// Ids that were given out, and until when they may be used to join.
    pending: BTreeMap<String, Timestamp>,
    /// When it last became empty or stable, as its record says.
    since: Timestamp,
}

impl ClassicGroup {
    /// A group without members.
    pub fn new(id: &str, now: Timestamp) -> ClassicGroup {
        ClassicGroup {
            id: id.to_owned(),
            phase: Phase::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            pending: BTreeMap::new(),
            since: now,
        }
    }

    /// A stable group with these members, each with its assignment.
    pub fn with_members(
        id: &str,
        protocol_type: &str,
        generation: i32,
        members: Vec<Member>,
        now: Timestamp,
    ) -> ClassicGroup {
        let mut group = ClassicGroup::new(id, now);
        let instance = |member: &Member| Some((member.instance_id.clone()?, member.id.clone()));
        group.instances = members.iter().filter_map(instance).collect();
        group.leader = members.first().map(|member| member.id.clone());
        group.members = members.into_iter().map(|member| (member.id.clone(), member)).collect();
        (group.phase, group.generation) = (Phase::Stable, generation);
        (group.protocol_type, group.protocol) = (Some(protocol_type.to_owned()), Some(vote(&group.known())));
        group
    }

    /// Its name, `group.id`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is doing.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Rebalances so far.
    pub fn generation(&self) -> i32 {
        self.generation
    }

    /// What the members' bytes are about.
    pub fn protocol_type(&self) -> Option<&str> {
        self.protocol_type.as_deref()
    }

    /// When it last became empty or stable.
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Its members.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.phase == Phase::Empty
    }

    /// Whether there is nothing to remember of it: nobody is in it, or has been, or is about to come.
    pub fn is_blank(&self) -> bool {
        self.is_empty() && self.generation == 0 && self.pending.is_empty()
    }

    /// When it next wants to be told that time has passed.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let phase = match self.phase {
            Phase::PreparingRebalance { until, .. } | Phase::CompletingRebalance { until, .. } => Some(until),
            Phase::Empty | Phase::Stable => None,
        };
        let sessions = self.members.values().filter_map(Member::deadline);
        phase.into_iter().chain(sessions).chain(self.pending.values().copied()).min()
    }

    /// The longest time that a member may take to join: all that a rebalance waits.
    fn rebalance_timeout_ms(&self) -> i64 {
        self.members.values().map(|member| member.rebalance_timeout_ms.into()).max().unwrap_or(0)
    }

    /// The protocols that each member knows, the best first.
    fn known(&self) -> Vec<Vec<String>> {
        self.members.values().map(Member::known).collect()
    }

    /// Members that wait for everybody to have joined.
    fn joining(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| matches!(member.waiting, Waiting::Join(_)))
    }

    /// What always holds between two steps.
    pub fn check(&self) {
        assert!(!self.is_empty() || self.members.is_empty(), "{}: empty is without members", self.id);
        assert!(self.leader.as_ref().is_none_or(|leader| self.members.contains_key(leader)), "the leader is a member");
        for (instance, id) in &self.instances {
            assert_eq!(self.members[id].instance_id.as_ref(), Some(instance));
        }
        for member in self.members.values() {
            match member.waiting {
                Waiting::Join(_) => assert!(matches!(self.phase, Phase::PreparingRebalance { .. })),
                Waiting::Sync(_) => assert!(matches!(self.phase, Phase::CompletingRebalance { .. })),
                Waiting::Nothing => {}
            }
        }
    }
}
