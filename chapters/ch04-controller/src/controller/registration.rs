//! A broker makes itself known, or is forgotten.
//!
//! A registration is fenced: the broker has still to read what it has missed. Its *broker epoch* is the offset of the
//! registration in the log, and tells this process from all that had the id before.

use std::collections::BTreeSet;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::uuid::Uuid;
use ch01_log::partition::PartitionError;

use super::draft::{Draft, refusal};
use super::{At, Controller, Outcome};
use crate::image::{BrokerRegistration, METADATA_VERSION};
use crate::messages::{
    BrokerRegistrationRequest, BrokerRegistrationResponse, ControllerRegistrationRequest,
    ControllerRegistrationResponse, RegistrationFeature, UnregisterBrokerRequest, UnregisterBrokerResponse,
};
use crate::records::{RegisterBrokerRecord, RegisterControllerRecord, UnregisterBrokerRecord};

/// Ids of directories up to here have meanings of their own.
const LAST_RESERVED_DIRECTORY: u128 = 99;

impl Controller {
    // ANCHOR: register
    /// A broker that starts gets its broker epoch.
    pub fn register_broker(
        &mut self,
        at: At,
        request: &BrokerRegistrationRequest,
    ) -> Outcome<BrokerRegistrationResponse> {
        let id = request.broker_id;
        if let Err(e) = self.check_registration(at, request) {
            return Outcome::nothing(BrokerRegistrationResponse { error_code: e.code, ..Default::default() });
        }
        let mut draft = self.draft();
        let known = draft.image.nodes.broker(id).cloned();
        let known = known.as_ref();
        let same_process = known.filter(|known| known.incarnation_id == request.incarnation_id);
        let broker_epoch = same_process.map_or(at.offset, |known| known.broker_epoch);
        draft.write(RegisterBrokerRecord {
            broker_id: id,
            incarnation_id: request.incarnation_id,
            broker_epoch,
            end_points: request.listeners.clone(),
            features: request.features.clone(),
            rack: request.rack.clone(),
            fenced: same_process.is_none_or(|known| known.fenced),
            in_controlled_shutdown: same_process.is_some_and(|known| known.in_controlled_shutdown),
            log_dirs: request.log_dirs.clone(),
            ..Default::default()
        });
        if same_process.is_none() {
            let stopped_cleanly = known.is_some_and(|known| known.broker_epoch == request.previous_broker_epoch);
            // Without eligible replicas nobody asks whether the end of a log may be lost.
            match stopped_cleanly || !draft.is_elr_enabled() {
                true => draft.leave(id),
                false => draft.lose(id),
            }
        }
        let outcome = draft.done(BrokerRegistrationResponse { broker_epoch, ..Default::default() });
        if same_process.is_none() {
            self.stopping.remove(&id);
        }
        self.sessions.heard(id, -1, at.now);
        outcome
    }
    // ANCHOR_END: register

    fn check_registration(&self, at: At, request: &BrokerRegistrationRequest) -> Result<(), PartitionError> {
        let id = request.broker_id;
        if request.cluster_id != self.settings.cluster_id {
            return Err(ErrorCode::INCONSISTENT_CLUSTER_ID.into());
        }
        let known = self.image.nodes.broker(id);
        if known.is_some_and(|known| known.incarnation_id != request.incarnation_id)
            && self.sessions.is_valid(id, at.now)
            && !known.is_some_and(|known| self.is_successor(known, request))
        {
            return Err(refusal(ErrorCode::DUPLICATE_BROKER_REGISTRATION, "the broker's other process is still there"));
        }
        if request.is_migrating_zk_broker {
            return Err(refusal(ErrorCode::BROKER_ID_NOT_REGISTERED, "there is no ZooKeeper to come from"));
        }
        self.check_directories(id, &request.log_dirs)?;
        self.image.features.levels().try_for_each(|(name, level)| check_feature(&request.features, name, level))
    }

    /// Whether a process takes the place of one that is not connected any more: it has that one's address, and an address
    /// has one owner.
    fn is_successor(&self, known: &BrokerRegistration, request: &BrokerRegistrationRequest) -> bool {
        let listens = |host: &str, port| request.listeners.iter().any(|new| new.host == host && new.port == port);
        let has_address = known.end_points.iter().any(|old| listens(&old.host, old.port));
        has_address && self.sessions.unheard().any(|broker| broker == known.broker_id)
    }

    fn check_directories(&self, id: i32, log_dirs: &[Uuid]) -> Result<(), PartitionError> {
        let invalid = |why: &str| Err(refusal(ErrorCode::INVALID_REGISTRATION, why));
        let others = || self.image.nodes.brokers().filter(|other| other.broker_id != id);
        if log_dirs.is_empty() {
            return invalid("a broker has a log directory");
        }
        if log_dirs.iter().any(|dir| u128::from_be_bytes(dir.0) <= LAST_RESERVED_DIRECTORY) {
            return invalid("a directory's id is a reserved one");
        }
        if log_dirs.iter().collect::<BTreeSet<_>>().len() < log_dirs.len() {
            return invalid("two directories have one id");
        }
        if log_dirs.iter().any(|dir| others().any(|other| other.log_dirs.contains(dir))) {
            return invalid("a directory is another broker's");
        }
        Ok(())
    }

    /// A broker is forgotten; to come back, it has to register.
    pub fn unregister_broker(
        &mut self,
        _at: At,
        request: &UnregisterBrokerRequest,
    ) -> Outcome<UnregisterBrokerResponse> {
        let broker_id = request.broker_id;
        let mut draft = self.draft();
        let Some(broker_epoch) = draft.image.nodes.broker(broker_id).map(|broker| broker.broker_epoch) else {
            return Outcome::nothing(UnregisterBrokerResponse {
                error_code: ErrorCode::BROKER_ID_NOT_REGISTERED,
                error_message: Some(format!("Broker ID {broker_id} is not currently registered")),
                ..Default::default()
            });
        };
        draft.write(UnregisterBrokerRecord { broker_id, broker_epoch });
        draft.lose(broker_id);
        draft.done(UnregisterBrokerResponse::default())
    }

    /// A node of the quorum makes itself known.
    pub fn register_controller(
        &mut self,
        _at: At,
        request: &ControllerRegistrationRequest,
    ) -> Outcome<ControllerRegistrationResponse> {
        let mut draft: Draft<'_> = self.draft();
        draft.write(RegisterControllerRecord {
            controller_id: request.controller_id,
            incarnation_id: request.incarnation_id,
            zk_migration_ready: false,
            end_points: request.listeners.clone(),
            features: request.features.clone(),
        });
        draft.done(ControllerRegistrationResponse::default())
    }
}

/// Whether a broker that can speak `features` can speak a level. One that does not name a feature knows nothing of it.
fn check_feature(features: &[RegistrationFeature], name: &str, level: i16) -> Result<(), PartitionError> {
    let known = features.iter().find(|feature| feature.name == name);
    let unnamed = if name == METADATA_VERSION { 1 } else { 0 };
    let (min, max) = known.map_or((unnamed, unnamed), |f| (f.min_supported_version, f.max_supported_version));
    match (min..=max).contains(&level) {
        true => Ok(()),
        false => Err(refusal(
            ErrorCode::UNSUPPORTED_VERSION,
            format!("the cluster speaks level {level} of {name}, the broker {min} to {max}"),
        )),
    }
}
