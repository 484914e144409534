//! What is not in records: until when members have to be heard of, and until when they have to give partitions back.

use std::collections::BTreeMap;

use ch01_log::batch::Timestamp;

use super::{ConsumerGroup, ConsumerGroupSettings, ConsumerMember, GroupTopics, MemberState};

// ANCHOR: sessions
/// The clocks of a group's members.
#[derive(Debug, Clone, Default)]
pub struct ConsumerSessions {
    /// When a member is taken for dead.
    sessions: BTreeMap<String, Timestamp>,
    /// When a member has to have given partitions back, and its epoch while it has not.
    revocations: BTreeMap<String, (Timestamp, i32)>,
    /// When a member of the classic protocol has to have joined again, as it was told to, or to have asked for what it has.
    rejoins: BTreeMap<String, Timestamp>,
    /// The version of the topics that the group was last held against.
    topics_version: Option<i64>,
}
// ANCHOR_END: sessions

impl ConsumerSessions {
    /// With a new coordinator, everybody has a whole session, and all the time to give partitions back.
    pub fn new(group: &ConsumerGroup, settings: &ConsumerGroupSettings, now: Timestamp) -> ConsumerSessions {
        let mut sessions = ConsumerSessions::default();
        for (id, member) in group.members() {
            sessions.heard(id, member, settings, now);
            sessions.reconciled(id, member, now);
        }
        sessions
    }

    /// When [`ConsumerGroup::tick`] has something to do, unless a member is heard of until then.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let revocations = self.revocations.values().map(|(deadline, _)| *deadline);
        self.sessions.values().copied().chain(revocations).chain(self.rejoins.values().copied()).min()
    }

    /// A member is alive.
    pub(super) fn heard(
        &mut self,
        member_id: &str,
        member: &ConsumerMember,
        settings: &ConsumerGroupSettings,
        now: Timestamp,
    ) {
        let timeout = member.classic_session_timeout_ms().unwrap_or(settings.session_timeout_ms);
        self.sessions.insert(member_id.to_string(), now + Timestamp::from(timeout));
    }

    /// A member of the classic protocol is told to join again. It may have been told before.
    pub(super) fn told_to_join(&mut self, member_id: &str, member: &ConsumerMember, now: Timestamp) {
        let until = now + Timestamp::from(member.metadata.rebalance_timeout_ms.max(0));
        self.rejoins.entry(member_id.to_string()).or_insert(until);
    }

    /// It has joined, and is to ask for what it has.
    pub(super) fn has_joined(&mut self, member_id: &str, member: &ConsumerMember, now: Timestamp) {
        self.rejoins.remove(member_id);
        self.told_to_join(member_id, member, now);
    }

    /// It has asked.
    pub(super) fn has_synced(&mut self, member_id: &str) {
        self.rejoins.remove(member_id);
    }

    /// A member has made a step.
    pub(super) fn reconciled(&mut self, member_id: &str, member: &ConsumerMember, now: Timestamp) {
        self.cancel_revocation(member_id);
        if member.state == MemberState::UnrevokedPartitions && !member.is_classic() {
            let deadline = now + Timestamp::from(member.metadata.rebalance_timeout_ms.max(0));
            self.revocations.insert(member_id.to_string(), (deadline, member.epoch));
        }
    }

    pub(super) fn cancel_revocation(&mut self, member_id: &str) {
        self.revocations.remove(member_id);
    }

    pub(super) fn forget(&mut self, member_id: &str) {
        self.sessions.remove(member_id);
        self.revocations.remove(member_id);
        self.rejoins.remove(member_id);
    }

    /// Whether the topics are others than the last time.
    pub(super) fn are_new(&self, topics: &GroupTopics) -> bool {
        self.topics_version != Some(topics.version())
    }

    /// The group has been held against these topics.
    pub(super) fn seen(&mut self, topics: &GroupTopics) {
        self.topics_version = Some(topics.version());
    }

    /// The members whose time is over.
    pub(super) fn take_expired(&mut self, group: &ConsumerGroup, now: Timestamp) -> Vec<String> {
        let dead =
            self.sessions.iter().chain(&self.rejoins).filter(|(_, deadline)| **deadline <= now).map(|(id, _)| id);
        let slow = self.revocations.iter().filter(|(id, (deadline, epoch))| {
            *deadline <= now && group.members().get(*id).is_some_and(|member| member.epoch == *epoch)
        });
        let mut expired: Vec<_> = dead.chain(slow.map(|(id, _)| id)).cloned().collect();
        expired.sort();
        expired.dedup();
        expired.iter().for_each(|id| self.forget(id));
        self.revocations.retain(|_, (deadline, _)| *deadline > now);
        expired.retain(|id| group.members().contains_key(id));
        expired
    }
}
