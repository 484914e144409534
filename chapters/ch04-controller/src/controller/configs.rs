//! Settings of topics and brokers are changed.
//!
//! The controller keeps them, and knows only whose they are: what they mean is asked of [`ConfigRules`](super::ConfigRules).

use std::collections::BTreeSet;

use ch00_wire::error_code::ErrorCode;
use ch01_log::metadata::check_topic_name;
use ch01_log::partition::PartitionError;
use ch02_retention::config_change::{Change, Operation, incremental, whole};
use ch02_retention::messages::{
    AlterConfigsRequest, AlterConfigsResourceResponse, AlterConfigsResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResource, IncrementalAlterConfigsResponse,
};

use super::draft::{Draft, refusal};
use super::{At, Controller, Outcome};
use crate::image::{BROKER_RESOURCE, ConfigResource, Settings, TOPIC_RESOURCE};
use crate::records::{ClearElrRecord, ConfigRecord};

/// The types of client metrics and of groups: kept, and not acted on here.
const KEPT_RESOURCES: [i8; 2] = [16, 32];
/// The setting by which eligible leader replicas are chosen.
const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";

impl Controller {
    /// Changes some settings, and leaves the others as they are.
    pub fn incremental_alter_configs(
        &mut self,
        _at: At,
        request: &IncrementalAlterConfigsRequest,
    ) -> Outcome<IncrementalAlterConfigsResponse> {
        let resources =
            request.resources.iter().map(|wanted| (resource(wanted.resource_type, &wanted.resource_name), wanted));
        let rules = &self.settings.rules;
        let (draft, responses) = self.alter(resources.collect(), |resource, before, wanted| {
            incremental(before, &changes(wanted)?, |key| rules.list(resource, key))
        });
        draft.done_unless(request.validate_only, IncrementalAlterConfigsResponse { responses, ..Default::default() })
    }

    /// Replaces all settings.
    pub fn alter_configs(&mut self, _at: At, request: &AlterConfigsRequest) -> Outcome<AlterConfigsResponse> {
        let resources =
            request.resources.iter().map(|wanted| (resource(wanted.resource_type, &wanted.resource_name), wanted));
        let (draft, responses) = self.alter(resources.collect(), |_, _, wanted| {
            whole(wanted.configs.iter().map(|config| (config.name.clone(), config.value.clone())).collect())
        });
        draft.done_unless(request.validate_only, AlterConfigsResponse { responses, ..Default::default() })
    }

    // ANCHOR: alter
    /// Gives resources the settings that `change` makes of those they have; each for itself.
    fn alter<W>(
        &self,
        wanted: Vec<(ConfigResource, W)>,
        change: impl Fn(&ConfigResource, &Settings, &W) -> Result<Settings, PartitionError>,
    ) -> (Draft<'_>, Vec<AlterConfigsResourceResponse>) {
        let mut seen = BTreeSet::new();
        let repeated: BTreeSet<_> = wanted.iter().map(|(resource, _)| resource).filter(|r| !seen.insert(*r)).collect();
        let mut draft = self.draft();
        let mut responses = Vec::new();
        for (resource, wanted) in &wanted {
            let before = draft.image.configs.of(resource).cloned().unwrap_or_default();
            let altered = match repeated.contains(resource) {
                true => Err(refusal(ErrorCode::INVALID_REQUEST, "Each resource must appear at most once.")),
                false => draft.check_resource(resource).and_then(|()| change(resource, &before, wanted)),
            };
            let written = altered.and_then(|after| {
                self.settings.rules.check(resource, &before, &after)?;
                draft.check_min_insync_replicas(resource, &before, &after)?;
                draft.check_room(before.len() + after.len() + 1)?;
                draft.write_settings(resource, &before, &after);
                Ok(())
            });
            let e = written.err().unwrap_or(ErrorCode::NONE.into());
            responses.push(AlterConfigsResourceResponse {
                error_code: e.code,
                error_message: e.message,
                resource_type: resource.resource_type,
                resource_name: resource.name.clone(),
            });
        }
        (draft, responses)
    }
    // ANCHOR_END: alter
}

fn resource(resource_type: i8, name: &str) -> ConfigResource {
    ConfigResource { resource_type, name: name.to_owned() }
}

fn changes(wanted: &IncrementalAlterConfigsResource) -> Result<Vec<Change>, PartitionError> {
    let change = |config: &ch02_retention::messages::IncrementalAlterableConfig| {
        let unknown = || refusal(ErrorCode::INVALID_REQUEST, format!("no operation {}", config.config_operation));
        let operation = Operation::from_code(config.config_operation).ok_or_else(unknown)?;
        Ok(Change { name: config.name.clone(), operation, value: config.value.clone() })
    };
    wanted.configs.iter().map(change).collect()
}

impl Draft<'_> {
    /// Whether there is what is to get settings.
    fn check_resource(&self, resource: &ConfigResource) -> Result<(), PartitionError> {
        let name = &resource.name;
        match resource.resource_type {
            TOPIC_RESOURCE => match self.image.topics.by_name(name) {
                Some(_) => Ok(()),
                None => Err(match check_topic_name(name) {
                    Ok(()) => refusal(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, format!("there is no topic `{name}`")),
                    Err(why) => refusal(ErrorCode::INVALID_TOPIC_EXCEPTION, why),
                }),
            },
            BROKER_RESOURCE if name.is_empty() => Ok(()),
            BROKER_RESOURCE => {
                let id = name.parse();
                let id = id.map_err(|_| {
                    refusal(ErrorCode::INVALID_REQUEST, format!("broker `{name}`: a broker's name is its number"))
                })?;
                let unknown = || refusal(ErrorCode::BROKER_ID_NOT_REGISTERED, format!("there is no broker `{name}`"));
                self.image.nodes.broker(id).map(|_| ()).ok_or_else(unknown)
            }
            kept if KEPT_RESOURCES.contains(&kept) && !name.is_empty() => Ok(()),
            other => {
                let why = format!("the settings of resource type {other} are not kept by the controller");
                Err(refusal(ErrorCode::INVALID_REQUEST, why))
            }
        }
    }

    /// With eligible replicas, all brokers go by one value, and the controller has to know it.
    fn check_min_insync_replicas(
        &self,
        resource: &ConfigResource,
        before: &Settings,
        after: &Settings,
    ) -> Result<(), PartitionError> {
        let (before, after) = (before.get(MIN_INSYNC_REPLICAS), after.get(MIN_INSYNC_REPLICAS));
        if resource.resource_type != BROKER_RESOURCE || !self.is_elr_enabled() || before == after {
            return Ok(());
        }
        let invalid = |why| Err(refusal(ErrorCode::INVALID_CONFIG, why));
        match (resource.name.is_empty(), after) {
            (false, _) => invalid("Broker-level min.insync.replicas cannot be altered while ELR is enabled."),
            (true, None) => invalid("Cluster-level min.insync.replicas cannot be removed while ELR is enabled."),
            (true, Some(_)) => Ok(()),
        }
    }

    /// Gives a resource other settings: those that are different are written.
    pub(super) fn write_settings(&mut self, resource: &ConfigResource, before: &Settings, after: &Settings) {
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let changed: Vec<_> = names.into_iter().filter(|name| before.get(*name) != after.get(*name)).collect();
        for &name in &changed {
            self.write(ConfigRecord {
                resource_type: resource.resource_type,
                resource_name: resource.name.clone(),
                name: name.clone(),
                value: after.get(name).cloned(),
            });
        }
        let is_chosen_by = matches!(resource.resource_type, TOPIC_RESOURCE | BROKER_RESOURCE);
        if is_chosen_by && self.is_elr_enabled() && changed.iter().any(|name| *name == MIN_INSYNC_REPLICAS) {
            let topic_name =
                if resource.resource_type == TOPIC_RESOURCE { resource.name.clone() } else { String::new() };
            self.write(ClearElrRecord { topic_name });
        }
    }
}
