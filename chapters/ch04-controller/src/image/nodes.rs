//! Brokers and controllers, each as the registration that would describe it now.

use std::collections::BTreeMap;

use super::ReplayError;
use crate::messages::{RegistrationFeature, RegistrationListener};
use crate::records::{
    BrokerRegistrationChangeRecord, MetadataRecord, RegisterBrokerRecord, RegisterControllerRecord,
    UnregisterBrokerRecord,
};

/// A broker as it is: its registration, with what has changed since.
pub type BrokerRegistration = RegisterBrokerRecord;
/// A controller as it is.
pub type ControllerRegistration = RegisterControllerRecord;

/// Brokers and controllers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nodes {
    brokers: BTreeMap<i32, BrokerRegistration>,
    controllers: BTreeMap<i32, ControllerRegistration>,
}

impl Nodes {
    /// A broker that is registered.
    pub fn broker(&self, id: i32) -> Option<&BrokerRegistration> {
        self.brokers.get(&id)
    }

    /// All brokers that are registered, sorted by id.
    pub fn brokers(&self) -> impl Iterator<Item = &BrokerRegistration> {
        self.brokers.values()
    }

    /// Whether a broker is registered and not fenced.
    pub fn is_active(&self, id: i32) -> bool {
        self.broker(id).is_some_and(|broker| !broker.fenced)
    }

    /// All controllers that have registered, sorted by id.
    pub fn controllers(&self) -> impl Iterator<Item = &ControllerRegistration> {
        self.controllers.values()
    }

    pub(super) fn register_broker(&mut self, record: &RegisterBrokerRecord) {
        let mut broker = record.clone();
        sort(&mut broker.end_points, &mut broker.features);
        self.brokers.insert(broker.broker_id, broker);
    }

    pub(super) fn unregister_broker(&mut self, record: &UnregisterBrokerRecord) -> Result<(), ReplayError> {
        self.broker_mut(record.broker_id, record.broker_epoch)?;
        self.brokers.remove(&record.broker_id);
        Ok(())
    }

    pub(super) fn register_controller(&mut self, record: &RegisterControllerRecord) {
        let mut controller = record.clone();
        sort(&mut controller.end_points, &mut controller.features);
        self.controllers.insert(controller.controller_id, controller);
    }

    pub(super) fn change_broker(&mut self, change: &BrokerRegistrationChangeRecord) -> Result<(), ReplayError> {
        let broker = self.broker_mut(change.broker_id, change.broker_epoch)?;
        match change.fenced {
            1 => broker.fenced = true,
            -1 => broker.fenced = false,
            _ => {}
        }
        // There is no way back from a controlled shutdown but a new registration.
        broker.in_controlled_shutdown |= change.in_controlled_shutdown == 1;
        if !change.log_dirs.is_empty() {
            broker.log_dirs = change.log_dirs.clone();
        }
        if change.cordoned_log_dirs.is_some() {
            broker.cordoned_log_dirs = change.cordoned_log_dirs.clone();
        }
        Ok(())
    }

    /// A broker, if this is its epoch.
    fn broker_mut(&mut self, id: i32, epoch: i64) -> Result<&mut BrokerRegistration, ReplayError> {
        let broker = self.brokers.get_mut(&id).ok_or(ReplayError::NoBroker(id))?;
        match broker.broker_epoch == epoch {
            true => Ok(broker),
            false => Err(ReplayError::BrokerEpoch { id, epoch, current: broker.broker_epoch }),
        }
    }

    pub(super) fn to_records(&self) -> impl Iterator<Item = MetadataRecord> {
        let brokers = self.brokers.values().cloned().map(MetadataRecord::from);
        brokers.chain(self.controllers.values().cloned().map(MetadataRecord::from))
    }
}

/// Kafka writes both in no order. Sorted, two images of the same cluster are equal.
fn sort(end_points: &mut [RegistrationListener], features: &mut [RegistrationFeature]) {
    end_points.sort_by(|a, b| a.name.cmp(&b.name));
    features.sort_by(|a, b| a.name.cmp(&b.name));
}
