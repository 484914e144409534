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

use std::collections::{BTreeMap, BTreeSet};

use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::Timestamp;
use ch04_controller::controller::Random;

use crate::classic::{self, ClassicGroup, Joining};
use crate::messages::{
    HeartbeatRequest, HeartbeatResponse, LeaveGroupMemberResponse, LeaveGroupRequest, LeaveGroupResponse,
    ListGroupsRequest, OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequestGroup, SyncGroupRequest,
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
    /// Offsets are to be kept. Topics have names, whatever the version.
    Commit(OffsetCommitRequest),
    /// Offsets are wanted. Topics have names, whatever the version.
    Offsets(OffsetFetchRequestGroup),
    /// Offsets are to be forgotten.
    DeleteOffsets(OffsetDeleteRequest),
    /// What is a group like?
    Describe(String),
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
            Command::Heartbeat(_) | Command::Offsets(_) | Command::Describe(_) | Command::List(_) => false,
            Command::Join(_)
            | Command::Sync(_)
            | Command::Leave(_)
            | Command::Commit(_)
            | Command::DeleteOffsets(_) => true,
            Command::Delete(_) | Command::TopicsGone(_) | Command::Tick => true,
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
    groups: BTreeMap<String, ClassicGroup>,
    offsets: Offsets,
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
            self.groups.get_mut(&id).expect("just listed").begin(now);
            self.settle(&id);
        }
    }

    /// Its groups.
    pub fn groups(&self) -> impl Iterator<Item = &ClassicGroup> {
        self.groups.values()
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
                let group = self.groups.entry(key.group.clone());
                group.or_insert_with(|| ClassicGroup::new(&key.group, value.current_state_timestamp)).replay(value);
                self.settle(&key.group);
            }
            GroupRecord::GroupMetadata(key, None) => {
                self.groups.remove(&key.group);
                self.settle(&key.group);
            }
            _ => {}
        }
    }
    // ANCHOR_END: replay

    // ANCHOR: step
    /// Does what it is told. `to` is who asked.
    pub fn step(&mut self, now: Timestamp, to: Token, command: Command) -> Outcome {
        let Shard { settings, groups, offsets, random, .. } = self;
        let mut step = Step::new(now, settings, random);
        let touched = match command {
            Command::Join(joining) => {
                let id = joining.request.group_id.clone();
                if let Err((error_code, member_id)) = admit(groups, &joining, &step) {
                    step.reply(to, classic::refused_join(error_code, member_id));
                } else {
                    let group = groups.entry(id.clone()).or_insert_with(|| ClassicGroup::new(&id, now));
                    group.join(&mut step, to, joining);
                }
                Some(id)
            }
            Command::Sync(request) => {
                let id = request.group_id.clone();
                match groups.get_mut(&id) {
                    Some(group) => group.sync(&mut step, to, request),
                    None => step.reply(to, classic::refused_sync(ErrorCode::UNKNOWN_MEMBER_ID)),
                }
                Some(id)
            }
            Command::Heartbeat(request) => {
                let group = groups.get_mut(&request.group_id);
                let error_code = group.map_or(ErrorCode::UNKNOWN_MEMBER_ID, |g| g.heartbeat(&mut step, &request));
                step.reply(to, Response::Heartbeat(HeartbeatResponse { throttle_time_ms: 0, error_code }));
                Some(request.group_id)
            }
            Command::Leave(request) => {
                let left = match groups.get_mut(&request.group_id) {
                    Some(group) => group.leave(&mut step, &request),
                    None => nobody_left(&request),
                };
                step.reply(to, Response::Leave(left));
                Some(request.group_id)
            }
            Command::Commit(request) => {
                let id = request.group_id.clone();
                let committed = commit::commit(groups.get_mut(&id), &mut step, request);
                step.reply(to, Response::Commit(committed));
                Some(id)
            }
            Command::Offsets(request) => {
                step.reply(to, Response::Offsets(commit::fetch(offsets, request)));
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
                    groups.get_mut(id).expect("deadlines are of groups").tick(&mut step);
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
        let Step { records, replies, .. } = step;
        touched.into_iter().for_each(|id| self.settle(&id));
        Outcome { records, replies }
    }
    // ANCHOR_END: step

    /// Notes when a group wants to be told that time has passed, and forgets one of which there is nothing to remember.
    fn settle(&mut self, id: &str) {
        if self.groups.get(id).is_some_and(ClassicGroup::is_blank) {
            self.groups.remove(id);
        }
        let deadline = self.groups.get(id).and_then(|group| {
            group.check();
            group.next_deadline()
        });
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

/// Whether a JoinGroup makes sense at all; else why not, and the member's id.
fn admit(groups: &BTreeMap<String, ClassicGroup>, joining: &Joining, step: &Step) -> Result<(), (ErrorCode, String)> {
    let request = &joining.request;
    let (min, max) = (step.settings.min_session_timeout_ms, step.settings.max_session_timeout_ms);
    let error_code = if request.group_id.is_empty() {
        ErrorCode::INVALID_GROUP_ID
    } else if !(min..=max).contains(&request.session_timeout_ms) {
        ErrorCode::INVALID_SESSION_TIMEOUT
    } else if !request.member_id.is_empty() && !groups.contains_key(&request.group_id) {
        ErrorCode::UNKNOWN_MEMBER_ID
    } else {
        return Ok(());
    };
    Err((error_code, request.member_id.clone()))
}

fn nobody_left(request: &LeaveGroupRequest) -> LeaveGroupResponse {
    let unknown = request.members.iter().map(|member| LeaveGroupMemberResponse {
        member_id: member.member_id.clone(),
        group_instance_id: member.group_instance_id.clone(),
        error_code: ErrorCode::UNKNOWN_MEMBER_ID,
    });
    LeaveGroupResponse { throttle_time_ms: 0, error_code: ErrorCode::NONE, members: unknown.collect() }
}
