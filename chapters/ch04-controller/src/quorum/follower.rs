//! Followers: they fetch from the leader, and what they have fetched they have on the disk before they fetch again.
//!
//! ```text
//! due ---> sent ---> batches: append, flush ---> due …         the next fetch says: I have it on my disk
//!            |-----> diverging: cut the log  ---> due …
//!            |-----> in a snapshot only: fetch that, install ---> due …
//!            `-----> failed: wait a little   ---> due …
//! ```
//!
//! A follower has no leader any more when it had no answer for `controller.quorum.fetch.timeout.ms`; when the leader says
//! so itself; or when its process is gone, which the operating system says at once: it refuses connections. Apache Kafka
//! waits for the timeout in this case too. Nothing rests on it being true: it is a reason to ask for votes, no more.

use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::{Epoch, Offset, Timestamp};

use super::Quorum;
use super::election_state::ElectionState;
use super::event::{CorrelationId, Effect};
use super::log::QuorumLog;
use super::message::{Body, Call, Fetch, Fetched, Response};
use super::role::Role;
use super::vote::OffsetAndEpoch;
use super::voters::NodeId;

/// How long a leader may let a fetch wait when it has nothing new, in milliseconds.
const FETCH_MAX_WAIT_MS: i64 = 500;

/// A node that fetches from a leader.
#[derive(Clone, Debug)]
pub(super) struct Follower {
    pub(super) leader: NodeId,
    /// Whether the leader has answered a fetch: until then it may be dead already.
    pub(super) has_fetched: bool,
    /// It has no leader any more if none has answered by then.
    give_up_at: Timestamp,
    /// The leader's high watermark, as it was last told.
    high_watermark: Offset,
    fetch: FetchState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FetchState {
    /// To be sent at this time.
    Due(Timestamp),
    Sent(CorrelationId),
    /// What came is on its way to the disk.
    Writing,
    /// A snapshot is being fetched.
    Snapshot(CorrelationId, OffsetAndEpoch),
}

impl Follower {
    pub(super) fn deadline(&self) -> Timestamp {
        match self.fetch {
            FetchState::Due(at) => at.min(self.give_up_at),
            _ => self.give_up_at,
        }
    }
}

impl Quorum {
    /// Follows a leader, and fetches from it at once.
    pub(super) fn become_follower(&mut self, epoch: Epoch, leader: NodeId) {
        let voted_for = self.election.voted_for.filter(|_| epoch == self.election.epoch);
        self.promise(ElectionState { epoch, voted_for, leader: Some(leader) });
        let give_up_at = self.now + self.timeouts.fetch_timeout_ms;
        // What was appended before may still be on its way to the disk.
        let is_flushed = self.log.flushed() == self.log.end().offset;
        let fetch = if is_flushed { FetchState::Due(self.now) } else { FetchState::Writing };
        self.change_role(Role::Follower(Follower { leader, has_fetched: false, give_up_at, high_watermark: 0, fetch }));
    }

    pub(super) fn tick_follower(&mut self) {
        let Role::Follower(follower) = &self.role else { return };
        if self.now >= follower.give_up_at {
            return self.lose_leader();
        }
        if matches!(follower.fetch, FetchState::Due(at) if self.now >= at) {
            let correlation_id = self.send_fetch(follower.leader, FETCH_MAX_WAIT_MS);
            self.fetching(FetchState::Sent(correlation_id));
        }
    }

    fn fetching(&mut self, fetch: FetchState) {
        let Role::Follower(follower) = &mut self.role else { return };
        follower.fetch = fetch;
    }

    /// Asks a node for what comes after what is on the disk here.
    pub(super) fn send_fetch(&mut self, to: NodeId, max_wait_ms: i64) -> CorrelationId {
        let OffsetAndEpoch { epoch, offset } = self.log.flushed_end();
        let high_watermark = self.log.high_watermark();
        let (replica, last_fetched_epoch) = (self.me, epoch);
        self.send(to, Call::Fetch(Fetch { replica, offset, last_fetched_epoch, high_watermark, max_wait_ms }))
    }

    /// What the leader has answered. Only the fetch that is under way counts.
    pub(super) fn fetched(&mut self, correlation_id: CorrelationId, response: Response) {
        let Role::Follower(follower) = &mut self.role else { return };
        if follower.fetch != FetchState::Sent(correlation_id) {
            return;
        }
        let (ErrorCode::NONE, Body::Fetch { high_watermark, data }) = (response.error, response.body) else {
            return match response.error {
                ErrorCode::NOT_LEADER_OR_FOLLOWER => self.lose_leader(),
                _ => self.retry_fetch(correlation_id),
            };
        };
        follower.has_fetched = true;
        follower.give_up_at = self.now + self.timeouts.fetch_timeout_ms;
        self.lost_elections = 0;
        match data {
            Fetched::Batches { end, .. } if end == self.log.end().offset => {
                // Only now is it known that the leader has all that we have, and its high watermark means the same here.
                follower.high_watermark = high_watermark;
                self.fetching(FetchState::Due(self.now));
            }
            Fetched::Batches { end, epochs } if self.log.fits(end, &epochs, self.election.epoch) => {
                follower.high_watermark = high_watermark;
                for (at, &(epoch, _)) in epochs.iter().enumerate() {
                    self.log.append(epoch, epochs.get(at + 1).map_or(end, |&(_, start)| start));
                }
                self.effects.push(Effect::Append { end });
                self.fetching(FetchState::Writing);
            }
            Fetched::Diverging(theirs) => {
                let offset = self.log.truncation(theirs);
                self.log.truncate(offset);
                self.effects.push(Effect::Truncate(offset));
                self.fetching(FetchState::Due(self.now));
            }
            Fetched::Snapshot(snapshot) if snapshot.offset > self.log.high_watermark() => {
                let (from, correlation_id) = (follower.leader, self.next_correlation_id());
                self.effects.push(Effect::FetchSnapshot { from, correlation_id, snapshot });
                self.fetching(FetchState::Snapshot(correlation_id, snapshot));
            }
            // Not what was asked for.
            Fetched::Batches { .. } | Fetched::Snapshot(_) => self.retry_fetch(correlation_id),
        }
        self.follow_high_watermark();
    }

    /// What was appended is on the disk.
    pub(super) fn flushed_as_follower(&mut self) {
        let is_flushed = self.log.flushed() == self.log.end().offset;
        if matches!(&self.role, Role::Follower(follower) if follower.fetch == FetchState::Writing) && is_flushed {
            self.fetching(FetchState::Due(self.now));
        }
        self.follow_high_watermark();
    }

    /// What is committed, as far as it is on the disk here.
    fn follow_high_watermark(&mut self) {
        let Role::Follower(follower) = &self.role else { return };
        let high_watermark = follower.high_watermark.min(self.log.flushed());
        let has_all = high_watermark == follower.high_watermark;
        if self.log.commit(high_watermark) {
            self.effects.push(Effect::HighWatermark(high_watermark));
        }
        if !self.may_vote && has_all && self.log.has_committed_in(self.election.epoch) {
            self.may_vote = true;
            self.effects.push(Effect::CaughtUp);
        }
    }

    /// The fetch has failed: again, after a little while.
    pub(super) fn retry_fetch(&mut self, failed: CorrelationId) {
        let Role::Follower(follower) = &mut self.role else { return };
        if matches!(follower.fetch, FetchState::Sent(id) | FetchState::Snapshot(id, _) if id == failed) {
            follower.fetch = FetchState::Due(self.now + self.timeouts.retry_backoff_ms);
        }
    }

    /// A part of the snapshot has come.
    pub(super) fn snapshot_part(&mut self, of: CorrelationId) {
        let Role::Follower(follower) = &mut self.role else { return };
        if matches!(follower.fetch, FetchState::Snapshot(id, _) if id == of) {
            follower.give_up_at = self.now + self.timeouts.fetch_timeout_ms;
        }
    }

    /// All of it has come: it takes the place of the log.
    pub(super) fn snapshot_fetched(&mut self, correlation_id: CorrelationId) {
        self.snapshot_part(correlation_id);
        let Role::Follower(follower) = &mut self.role else { return };
        match follower.fetch {
            FetchState::Snapshot(id, snapshot) if id == correlation_id => {
                follower.fetch = FetchState::Due(self.now);
                self.log = QuorumLog::from_snapshot(snapshot);
                self.effects.push(Effect::InstallSnapshot(snapshot));
                self.effects.push(Effect::HighWatermark(snapshot.offset));
            }
            _ => {}
        }
    }

    /// The leader is gone: somebody else should lead.
    pub(super) fn lose_leader(&mut self) {
        match self.may_stand() {
            true => self.become_prospective(),
            false => self.become_unattached(self.election.epoch),
        }
    }
}
