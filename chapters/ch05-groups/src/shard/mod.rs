//! One partition of `__consumer_offsets`: the groups whose coordinator its leader is, and all they have committed.
//!
//! ```text
//!             command                      committed
//! driver --------------> Shard::step           |
//!    ^                      |                  v
//!    |    records, replies  |               replies  -->  members
//!    +----------------------+
//!    |
//!    +-- records --> partition, and at once back:  Shard::replay
//! ```
//!
//! Which shard a group is in follows from its name ([`shard_of`]), so everybody finds the same coordinator.

mod admin;
mod commit;
mod expire;
mod group;
mod heartbeat;
mod members;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ch01_log::batch::Timestamp;
use ch04_controller::controller::Random;

pub use group::Group;

use crate::classic::{ClassicGroup, Client, Joining};
use crate::consumer::{ConsumerGroup, ConsumerSessions, GroupTopics};
use crate::messages::{
    ConsumerGroupHeartbeatRequest, HeartbeatRequest, LeaveGroupRequest, ListGroupsRequest, OffsetCommitRequest,
    OffsetDeleteRequest, OffsetFetchRequestGroup, SyncGroupRequest,
};
use crate::offsets::Offsets;
use crate::records::GroupRecord;
use crate::settings::GroupSettings;
use crate::step::{Response, Step, Token};

// ANCHOR: shard_of
/// The partition of `__consumer_offsets` that a group is in: the hash of a Java string, without its sign.
pub fn shard_of(group: &str, partitions: i32) -> i32 {
    let hash = group.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
    (hash & i32::MAX) % partitions
}
// ANCHOR_END: shard_of

/// What a shard is told to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Somebody joins a group.
    Join(Joining),
    /// A member asks for its assignment, or brings everybody's.
    Sync(SyncGroupRequest),
    /// A member is alive.
    Heartbeat(HeartbeatRequest),
    /// Members go.
    Leave(LeaveGroupRequest),
    /// A member of the consumer protocol speaks, in a version of ConsumerGroupHeartbeat.
    ConsumerHeartbeat(ConsumerGroupHeartbeatRequest, Client, i16),
    /// Offsets are to be kept, in a version of OffsetCommit. Topics have names and ids, whatever the version.
    Commit(OffsetCommitRequest, i16),
    /// Offsets are wanted. Topics have names, whatever the version.
    Offsets(OffsetFetchRequestGroup),
    /// Offsets are to be forgotten.
    DeleteOffsets(OffsetDeleteRequest),
    /// What is a group of the classic protocol like?
    Describe(String),
    /// What is a group of the consumer protocol like?
    ConsumerDescribe(String),
    /// Which groups are there?
    List(ListGroupsRequest),
    /// A group is to be forgotten.
    Delete(String),
    /// These topics are gone, and what was committed for them means nothing.
    TopicsGone(BTreeSet<String>),
    /// Time has passed.
    Tick,
}

impl Command {
    /// Whether something may have to be written for it.
    pub fn may_decide(&self) -> bool {
        match self {
            Command::Heartbeat(_) | Command::Offsets(_) | Command::List(_) => false,
            Command::Describe(_) | Command::ConsumerDescribe(_) => false,
            Command::Join(_) | Command::Sync(_) | Command::Leave(_) | Command::ConsumerHeartbeat(..) => true,
            Command::Commit(..) | Command::DeleteOffsets(_) | Command::Delete(_) | Command::TopicsGone(_) => true,
            Command::Tick => true,
        }
    }
}

/// What came of a step.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    /// To be appended, and replayed, in this order.
    pub records: Vec<GroupRecord>,
    /// To be given when the records, and all before them, are committed.
    pub replies: Vec<(Token, Response)>,
}

/// One shard.
pub struct Shard {
    settings: GroupSettings,
    groups: BTreeMap<String, Group>,
    offsets: Offsets,
    /// The cluster's topics.
    topics: Arc<GroupTopics>,
    /// When groups want to be told that time has passed, the first first; and the same by group.
    deadlines: BTreeSet<(Timestamp, String)>,
    deadline_of: BTreeMap<String, Timestamp>,
    /// When to look next for offsets that have expired.
    next_expiry: Timestamp,
    random: Random,
}

impl Shard {
    /// A shard of which nothing has been replayed yet. `seed` is what it draws members' ids from.
    pub fn new(settings: GroupSettings, seed: u64) -> Shard {
        Shard {
            settings,
            groups: BTreeMap::new(),
            offsets: Offsets::default(),
            topics: Arc::default(),
            deadlines: BTreeSet::new(),
            deadline_of: BTreeMap::new(),
            next_expiry: Timestamp::MAX,
            random: Random::new(seed),
        }
    }

    /// Everything has been replayed: from now on time counts.
    pub fn begin(&mut self, now: Timestamp) {
        self.next_expiry = now + self.settings.offsets_retention_check_interval_ms;
        for id in self.groups.keys().cloned().collect::<Vec<_>>() {
            self.groups.get_mut(&id).expect("just listed").begin(&self.settings, now);
            self.settle(&id);
        }
    }

    /// These are the cluster's topics from now on.
    pub fn set_topics(&mut self, topics: Arc<GroupTopics>) {
        self.topics = topics;
    }

    /// Its groups by name.
    pub fn groups(&self) -> &BTreeMap<String, Group> {
        &self.groups
    }

    /// What they have committed.
    pub fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// When it wants a [`Command::Tick`].
    pub fn next_deadline(&self) -> Timestamp {
        self.deadlines.first().map_or(Timestamp::MAX, |&(deadline, _)| deadline).min(self.next_expiry)
    }

    // ANCHOR: replay
    /// Takes in a record, in the log's order.
    pub fn replay(&mut self, record: &GroupRecord) {
        match record {
            GroupRecord::OffsetCommit(key, value) => self.offsets.replay(key, value.as_ref()),
            GroupRecord::GroupMetadata(key, Some(value)) => {
                let new = || Group::Classic(ClassicGroup::new(&key.group, value.current_state_timestamp));
                let group = self.groups.entry(key.group.clone()).or_insert_with(new);
                if group.classic().is_none() {
                    *group = new();
                }
                group.classic_mut().expect("made above").replay(value);
            }
            // A group of one protocol may have taken the place of one of the other.
            GroupRecord::GroupMetadata(key, None) => {
                self.groups.retain(|id, group| *id != key.group || group.classic().is_none());
            }
            GroupRecord::ConsumerGroupMetadata(key, None) => {
                self.groups.retain(|id, group| *id != key.group_id || group.consumer().is_none());
            }
            of_a_consumer_group => self.replay_consumer(of_a_consumer_group),
        }
        if !matches!(record, GroupRecord::OffsetCommit(..)) {
            self.settle(record.group_id());
        }
    }

    fn replay_consumer(&mut self, record: &GroupRecord) {
        let id = record.group_id();
        match self.groups.get_mut(id) {
            Some(Group::Consumer(group, _)) => group.replay(record),
            // A tombstone of one that is gone.
            _ if record.is_tombstone() => {}
            _ => {
                let mut group = ConsumerGroup::new(id);
                group.replay(record);
                self.groups.insert(id.to_owned(), Group::Consumer(group, ConsumerSessions::default()));
            }
        }
    }
    // ANCHOR_END: replay

    // ANCHOR: step
    /// Does what it is told. `to` is who asked.
    pub fn step(&mut self, now: Timestamp, to: Token, command: Command) -> Outcome {
        let Shard { settings, groups, offsets, topics, random, .. } = self;
        let mut step = Step::new(now, settings, topics, random);
        let touched = match command {
            Command::Join(joining) => {
                let id = joining.request.group_id.clone();
                members::join(groups, &mut step, to, joining);
                Some(id)
            }
            Command::Sync(request) => {
                let id = request.group_id.clone();
                members::sync(groups.get_mut(&id), &mut step, to, request);
                Some(id)
            }
            Command::Heartbeat(request) => {
                members::heartbeat(groups.get_mut(&request.group_id), &mut step, to, &request);
                Some(request.group_id)
            }
            Command::Leave(request) => {
                members::leave(groups.get_mut(&request.group_id), &mut step, to, &request);
                Some(request.group_id)
            }
            Command::ConsumerHeartbeat(request, client, version) => {
                let response = heartbeat::heartbeat(groups, &mut step, &request, &client, version);
                step.reply(to, Response::ConsumerHeartbeat(response));
                Some(request.group_id)
            }
            Command::Commit(request, version) => {
                let id = request.group_id.clone();
                let committed = commit::commit(groups.get_mut(&id), &mut step, request, version);
                step.reply(to, Response::Commit(committed));
                Some(id)
            }
            Command::Offsets(request) => {
                let found = commit::fetch(groups.get(&request.group_id), offsets, request);
                step.reply(to, Response::Offsets(found));
                None
            }
            Command::DeleteOffsets(request) => {
                let deleted = admin::delete_offsets(groups.get(&request.group_id), offsets, &mut step, &request);
                step.reply(to, Response::DeleteOffsets(deleted));
                None
            }
            Command::Describe(id) => {
                step.reply(to, Response::Describe(admin::describe(groups.get(&id), offsets, &id)));
                None
            }
            Command::ConsumerDescribe(id) => {
                let described = admin::consumer_describe(groups.get(&id), &step, id);
                step.reply(to, Response::ConsumerDescribe(described));
                None
            }
            Command::List(filter) => {
                step.reply(to, Response::List(admin::list(groups, offsets, &filter)));
                None
            }
            Command::Delete(id) => {
                let deleted = admin::delete(groups.get(&id), offsets, &mut step, id);
                step.reply(to, Response::Delete(deleted));
                None
            }
            Command::TopicsGone(topics) => {
                step.records.extend(expire::of_topics(offsets, &topics));
                // Nobody has asked for more than that it be done.
                step.reply(to, Response::List(Vec::new()));
                None
            }
            Command::Tick => {
                let due: Vec<_> = self.deadlines.iter().take_while(|(at, _)| *at <= now).cloned().collect();
                for (_, id) in &due {
                    let before = step.records.len();
                    groups.get_mut(id).expect("deadlines are of groups").tick(&mut step);
                    group::downgrade(groups, id, &mut step, before);
                }
                if self.next_expiry <= now {
                    self.next_expiry = now + settings.offsets_retention_check_interval_ms;
                    step.records.extend(expire::expired(groups, offsets, now, settings.offsets_retention_ms));
                }
                let Step { records, replies, .. } = step;
                due.into_iter().for_each(|(_, id)| self.settle(&id));
                return Outcome { records, replies };
            }
        };
        touched.iter().for_each(|id| group::downgrade(groups, id, &mut step, 0));
        let Step { records, replies, .. } = step;
        touched.into_iter().for_each(|id| self.settle(&id));
        Outcome { records, replies }
    }
    // ANCHOR_END: step

    /// Notes when a group wants to be told that time has passed, and forgets one of which there is nothing to remember.
    fn settle(&mut self, id: &str) {
        if self.groups.get(id).is_some_and(Group::is_blank) {
            self.groups.remove(id);
        }
        self.groups.get(id).and_then(Group::classic).into_iter().for_each(ClassicGroup::check);
        let deadline = self.groups.get(id).and_then(Group::next_deadline);
        let before = match deadline {
            Some(deadline) => self.deadline_of.insert(id.to_owned(), deadline),
            None => self.deadline_of.remove(id),
        };
        if before == deadline {
            return;
        }
        before.into_iter().for_each(|before| _ = self.deadlines.remove(&(before, id.to_owned())));
        self.deadlines.extend(deadline.map(|deadline| (deadline, id.to_owned())));
    }
}
