//! A broker says that it lives; or it is known not to.
//!
//! ```text
//!  registered
//!      |         reads up to its registration
//!      v        -------------------------------->
//!   fenced                                        active ----------+
//!      ^        <--------------------------------    |  wants to    |
//!      |         silent, gone, or wants to be        v  stop        |
//!      |                                       gives leaderships    |
//!      +---------------------------------------      away           |
//!      |         all others know who leads now                      |
//!      +------------------------------------------------------------+
//!                leads nothing, and wants to stop: at once
//! ```

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;

use super::draft::Draft;
use super::{At, Controller, Outcome};
use crate::image::BrokerRegistration;
use crate::messages::{BrokerHeartbeatRequest, BrokerHeartbeatResponse};
use crate::records::BrokerRegistrationChangeRecord;

/// What becomes of a broker by its heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// It stays what it is.
    Stay,
    /// It is fenced no more.
    Unfence,
    /// It is fenced.
    Fence,
    /// Its leaderships move away, so that it can stop.
    BeginShutdown,
    /// It is fenced, and may stop.
    Stop,
}

impl Controller {
    // ANCHOR: heartbeat
    /// A broker says that it lives, how far it has read, and what it wants.
    pub fn heartbeat(&mut self, at: At, request: &BrokerHeartbeatRequest) -> Outcome<BrokerHeartbeatResponse> {
        let id = request.broker_id;
        let known = self.image.nodes.broker(id).filter(|broker| broker.broker_epoch == request.broker_epoch).cloned();
        let Some(broker) = known else {
            let error_code = ErrorCode::STALE_BROKER_EPOCH;
            return Outcome::nothing(BrokerHeartbeatResponse { error_code, ..Default::default() });
        };
        self.sessions.heard(id, request.current_metadata_offset, at.now);
        if broker.in_controlled_shutdown {
            // An earlier controller has moved its leaderships: all have to know what that one has decided.
            self.stopping.entry(id).or_insert(at.offset - 1);
        }
        let next = self.next(request, &broker);
        let mut draft = self.draft();
        match next {
            Next::Stay => {}
            Next::Unfence => draft.unfence(id),
            Next::Fence | Next::Stop if broker.fenced => {}
            Next::Fence | Next::Stop => draft.fence(id),
            Next::BeginShutdown => draft.begin_shutdown(id),
        }
        draft.note_directories(request);
        let now = draft.image.nodes.broker(id).expect("a heartbeat makes nobody forget a broker");
        let reply = BrokerHeartbeatResponse {
            is_caught_up: request.current_metadata_offset >= broker.broker_epoch,
            is_fenced: now.fenced,
            should_shut_down: next == Next::Stop,
            ..Default::default()
        };
        let outcome = draft.done(reply);
        match next {
            Next::BeginShutdown => drop(self.stopping.insert(id, at.offset + outcome.records.len() as i64 - 1)),
            // It says good-bye: its next process is welcome at once.
            Next::Stop => self.end_session(id),
            _ => {}
        }
        outcome
    }

    fn next(&self, request: &BrokerHeartbeatRequest, broker: &BrokerRegistration) -> Next {
        let leads = || self.index.of_broker(broker.broker_id).any(|key| self.is_led_by(key, broker.broker_id));
        // Whose last directory has failed has nothing to lead with, and no record could say so.
        let mut directories = broker.log_dirs.iter();
        let has_nothing = directories.len() > 0 && directories.all(|dir| request.offline_log_dirs.contains(dir));
        let (fence, stop) = (request.want_fence || has_nothing, request.want_shut_down);
        if broker.fenced {
            let has_read_it = request.current_metadata_offset >= broker.broker_epoch;
            return match (stop, fence) {
                (true, _) => Next::Stop,
                (false, false) if has_read_it => Next::Unfence,
                _ => Next::Stay,
            };
        }
        if broker.in_controlled_shutdown {
            return if !leads() && self.all_have_read(broker.broker_id) { Next::Stop } else { Next::Stay };
        }
        match (fence, stop) {
            (true, true) => Next::Stop,
            (true, false) => Next::Fence,
            (false, true) if leads() => Next::BeginShutdown,
            (false, true) => Next::Stop,
            (false, false) => Next::Stay,
        }
    }
    // ANCHOR_END: heartbeat

    // ANCHOR: gone
    /// The broker's connection has closed, and a new one was refused: its process is gone.
    pub fn broker_gone(&mut self, _at: At, broker: i32) -> Outcome<()> {
        self.end_session(broker);
        let mut draft = self.draft();
        if draft.image.nodes.is_active(broker) {
            draft.fence(broker);
        }
        draft.done(())
    }

    /// The broker's connection has closed. Whether its process is gone is not known yet.
    pub fn disconnected(&mut self, broker: i32) {
        self.sessions.disconnected(broker);
    }

    /// The controller was stopped, and could not hear anybody until now.
    pub fn woke(&mut self, at: At) {
        self.sessions.begin_anew(at.now);
    }
    // ANCHOR_END: gone

    pub(super) fn end_session(&mut self, broker: i32) {
        self.sessions.end(broker);
        self.stopping.remove(&broker);
    }

    fn is_led_by(&self, (topic_id, index): (Uuid, i32), broker: i32) -> bool {
        self.image.topics.partition(topic_id, index).is_some_and(|partition| partition.leader == broker)
    }

    // ANCHOR: all_have_read
    /// Whether all active brokers know who leads what `broker` led.
    fn all_have_read(&self, broker: i32) -> bool {
        let moved_at = self.stopping[&broker];
        let active = self.image.nodes.brokers().filter(|other| !other.fenced && !other.in_controlled_shutdown);
        active.into_iter().all(|other| self.sessions.metadata_offset(other.broker_id) >= moved_at)
    }
    // ANCHOR_END: all_have_read
}

impl Draft<'_> {
    /// Directories that have failed: the copies there are lost. Directories that get no new copies are noted.
    fn note_directories(&mut self, request: &BrokerHeartbeatRequest) {
        let BrokerHeartbeatRequest { broker_id, broker_epoch, .. } = *request;
        let broker = self.image.nodes.broker(broker_id).expect("the heartbeat's broker").clone();
        let change = BrokerRegistrationChangeRecord { broker_id, broker_epoch, ..Default::default() };
        let cordoned = request.cordoned_log_dirs.as_ref();
        if cordoned.is_some() && cordoned != broker.cordoned_log_dirs.as_ref() {
            let cordoned_log_dirs = cordoned.cloned();
            self.write(BrokerRegistrationChangeRecord { cordoned_log_dirs, ..change.clone() });
        }
        let failed = |dir: &Uuid| request.offline_log_dirs.contains(dir);
        let log_dirs: Vec<Uuid> = broker.log_dirs.iter().copied().filter(|dir| !failed(dir)).collect();
        if log_dirs.is_empty() || log_dirs.len() == broker.log_dirs.len() {
            return;
        }
        let copies = self.directories_of(broker_id);
        self.write(BrokerRegistrationChangeRecord { log_dirs, ..change });
        for ((topic_id, index), _) in copies.into_iter().filter(|(_, dir)| failed(dir)) {
            self.change(topic_id, index, |target| {
                target.leave_isr(broker_id);
                target.lost = Some(broker_id);
            });
        }
    }
}
