//! IncrementalAlterConfigs: some settings change, the others stay as they are.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch01_log::partition::PartitionError;

use crate::broker::State;
use crate::config_admin::alter;
use crate::config_change::{Change, Operation, incremental, refusal};
use crate::handlers::alter_configs::each;
use crate::messages::{IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, IncrementalAlterableConfig};

/// Changes settings, those of each topic or broker as a whole or not at all.
pub async fn handle(
    state: Arc<State>,
    _context: Context,
    request: IncrementalAlterConfigsRequest,
) -> Reply<IncrementalAlterConfigsResponse> {
    let tasks = state.log.tasks.clone();
    tasks.blocking(move || answer(&state, request)).await.into()
}

fn answer(state: &State, request: IncrementalAlterConfigsRequest) -> IncrementalAlterConfigsResponse {
    let validate_only = request.validate_only;
    let resources = request.resources.into_iter().map(|r| (r.resource_type, r.resource_name, r.configs)).collect();
    let responses = each(state, resources, |resource, configs| {
        let changes = configs.into_iter().map(change).collect::<Result<Vec<_>, _>>()?;
        alter(state, resource, validate_only, |current| {
            incremental(&current.settings, &changes, |key| current.list(key))
        })
    });
    IncrementalAlterConfigsResponse { responses, ..Default::default() }
}

fn change(config: IncrementalAlterableConfig) -> Result<Change, PartitionError> {
    let IncrementalAlterableConfig { name, config_operation, value } = config;
    let operation = Operation::from_code(config_operation).ok_or_else(|| {
        let why = format!("{name}: operation {config_operation}: 0 sets, 1 deletes, 2 appends, 3 subtracts");
        refusal(ErrorCode::INVALID_REQUEST, why)
    })?;
    Ok(Change { name, operation, value })
}
