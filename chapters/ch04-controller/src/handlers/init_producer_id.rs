//! InitProducerId: as before, but the ids come from the controller, in blocks.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use ch01_log::messages::{InitProducerIdRequest, InitProducerIdResponse};

use crate::broker::State;

/// Gives out an id that was never given before.
pub async fn handle(state: Arc<State>, _: Context, request: InitProducerIdRequest) -> Reply<InitProducerIdResponse> {
    let refuse = |error_code| InitProducerIdResponse { error_code, producer_epoch: -1, ..Default::default() };
    if request.transactional_id.is_some() {
        return refuse(ErrorCode::INVALID_REQUEST).into();
    }
    Reply::Later(Box::pin(async move {
        match state.producer_ids.next(state.partitions.context().me, state.partitions.broker_epoch()).await {
            Ok(producer_id) => InitProducerIdResponse { producer_id, producer_epoch: 0, ..Default::default() },
            Err(error_code) => refuse(error_code),
        }
    }))
}
