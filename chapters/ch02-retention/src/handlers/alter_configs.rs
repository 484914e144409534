//! AlterConfigs: all settings are replaced, and what the request leaves out goes back to its default.

use std::collections::BTreeMap;
use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch01_log::partition::PartitionError;

use crate::broker::State;
use crate::config_admin::{Resource, alter};
use crate::config_change::{refusal, whole};
use crate::messages::{AlterConfigsRequest, AlterConfigsResourceResponse, AlterConfigsResponse};

/// Replaces settings, those of each topic or broker as a whole or not at all.
pub async fn handle(state: Arc<State>, _context: Context, request: AlterConfigsRequest) -> Reply<AlterConfigsResponse> {
    let tasks = state.log.tasks.clone();
    tasks.blocking(move || answer(&state, request)).await.into()
}

fn answer(state: &State, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let validate_only = request.validate_only;
    let resources = request.resources.into_iter().map(|r| (r.resource_type, r.resource_name, r.configs)).collect();
    let responses = each(state, resources, |resource, configs| {
        let settings = whole(configs.into_iter().map(|config| (config.name, config.value)).collect())?;
        alter(state, resource, validate_only, |_| Ok(settings))
    });
    AlterConfigsResponse { responses, ..Default::default() }
}

/// Does something about each topic or broker that a request names, and says what became of it. One that is named twice is
/// left as it is: nobody can tell which of the two was meant.
pub fn each<T>(
    state: &State,
    resources: Vec<(i8, String, T)>,
    change: impl Fn(&Resource, T) -> Result<(), PartitionError>,
) -> Vec<AlterConfigsResourceResponse> {
    let mut times: BTreeMap<(i8, String), usize> = BTreeMap::new();
    for (kind, name, _) in &resources {
        *times.entry((*kind, name.clone())).or_default() += 1;
    }
    let answers = resources.into_iter().map(|(resource_type, resource_name, configs)| {
        let changed = match times[&(resource_type, resource_name.clone())] {
            1 => Resource::named(state, resource_type, &resource_name).and_then(|resource| change(&resource, configs)),
            _ => Err(refusal(ErrorCode::INVALID_REQUEST, "the resource is in the request more than once")),
        };
        let PartitionError { code, message } = changed.err().unwrap_or(ErrorCode::NONE.into());
        AlterConfigsResourceResponse { error_code: code, error_message: message, resource_type, resource_name }
    });
    answers.collect()
}
