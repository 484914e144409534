//! A group of either protocol, as its shard sees it.

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::Timestamp;

use crate::classic::ClassicGroup;
use crate::consumer::{ConsumerGroup, ConsumerSessions};
use crate::messages::{ListedGroup, OffsetFetchRequestGroup};
use crate::offsets::Committed;
use crate::records::GroupRecord;
use crate::settings::GroupSettings;
use crate::step::Step;

/// A group.
#[derive(Clone, Debug)]
pub enum Group {
    /// Its members assign.
    Classic(ClassicGroup),
    /// The coordinator assigns (KIP-848).
    Consumer(ConsumerGroup, ConsumerSessions),
}

impl Group {
    /// Its classic form, if it has that.
    pub fn classic(&self) -> Option<&ClassicGroup> {
        match self {
            Group::Classic(group) => Some(group),
            Group::Consumer(..) => None,
        }
    }

    /// The same, to change it.
    pub(super) fn classic_mut(&mut self) -> Option<&mut ClassicGroup> {
        match self {
            Group::Classic(group) => Some(group),
            Group::Consumer(..) => None,
        }
    }

    /// Its form in the consumer protocol, if it has that.
    pub fn consumer(&self) -> Option<&ConsumerGroup> {
        match self {
            Group::Classic(_) => None,
            Group::Consumer(group, _) => Some(group),
        }
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        match self {
            Group::Classic(group) => group.is_empty(),
            Group::Consumer(group, _) => group.members().is_empty(),
        }
    }

    /// Whether there is nothing to remember of it.
    pub(super) fn is_blank(&self) -> bool {
        self.classic().is_some_and(ClassicGroup::is_blank)
    }

    /// When it wants to be told that time has passed.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        match self {
            Group::Classic(group) => group.next_deadline(),
            Group::Consumer(_, sessions) => sessions.next_deadline(),
        }
    }

    /// A coordinator begins: everybody has a whole session to be heard of.
    pub(super) fn begin(&mut self, settings: &GroupSettings, now: Timestamp) {
        match self {
            Group::Classic(group) => group.begin(now),
            Group::Consumer(group, sessions) => *sessions = ConsumerSessions::new(group, &settings.consumer, now),
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, step: &mut Step) {
        match self {
            Group::Classic(group) => group.tick(step),
            Group::Consumer(group, sessions) => step.records.extend(group.tick(sessions, step.topics, step.now)),
        }
    }

    /// What makes it be forgotten. Nobody is in it.
    pub(super) fn forget(&self) -> Vec<GroupRecord> {
        match self {
            Group::Classic(group) => group.forget(),
            Group::Consumer(group, _) => group.delete(),
        }
    }

    /// One line of a list.
    pub(super) fn list(&self, id: &str) -> ListedGroup {
        match self {
            Group::Classic(group) => group.list(),
            Group::Consumer(group, _) => ListedGroup {
                group_id: id.to_owned(),
                protocol_type: "consumer".to_owned(),
                group_state: group.state().to_string(),
                group_type: "consumer".to_owned(),
            },
        }
    }

    /// The topics that members want, if that is known.
    pub(super) fn subscribed_topics(&self) -> Option<BTreeSet<String>> {
        match self {
            Group::Classic(group) => group.subscribed_topics(),
            Group::Consumer(group, _) => Some(group.subscribed_topics().into_iter().map(str::to_owned).collect()),
        }
    }

    /// Since when a topic is not used; `None`: it is, or may be.
    pub(super) fn unused_since(
        &self,
        subscribed: Option<&BTreeSet<String>>,
        topic: &str,
        committed: &Committed,
    ) -> Option<Timestamp> {
        match self {
            Group::Classic(group) if group.is_empty() => Some(group.since().max(committed.at)),
            _ => subscribed.filter(|subscribed| !subscribed.contains(topic)).map(|_| committed.at),
        }
    }

    /// Whether somebody may fetch the group's offsets.
    pub(super) fn check_fetch(&self, request: &OffsetFetchRequestGroup) -> Result<(), ErrorCode> {
        match self {
            Group::Classic(_) => Ok(()),
            Group::Consumer(group, _) => group.may_fetch(request.member_id.as_deref(), request.member_epoch),
        }
    }
}

// ANCHOR: downgrade
/// The last member of the consumer protocol may have gone with the records from `since` on, and others are still there: then
/// the group becomes a classic one, and those records are not written.
pub(super) fn downgrade(groups: &mut BTreeMap<String, Group>, id: &str, step: &mut Step, since: usize) {
    let is_departure = |record: &GroupRecord| matches!(record, GroupRecord::ConsumerGroupMemberMetadata(_, None));
    let decided = &step.records[since..];
    let (true, Some(group)) = (decided.iter().any(is_departure), groups.get_mut(id)) else { return };
    let (Some(before), true) = (group.consumer(), step.settings.consumer.migration_policy.downgrades()) else { return };
    let mut after = before.clone();
    decided.iter().for_each(|record| after.replay(record));
    let Some((mut classic, is_stable)) = after.to_classic(step.topics, step.settings.max_size, step.now) else {
        return;
    };
    let forgotten = before.forget();
    step.records.truncate(since);
    step.records.extend(forgotten);
    step.records.push(classic.as_record());
    if !is_stable {
        classic.rebalance(step);
    }
    *group = Group::Classic(classic);
}
// ANCHOR_END: downgrade
