//! InitProducerId: an id for an idempotent producer, in epoch 0.
//!
//! A producer that asks again gets a new id. Transactional ids, which keep theirs across restarts, are not served here.

use std::sync::Arc;

use ch00_wire::error_code::ErrorCode;
use ch00_wire::router::{Context, Reply};
use tracing::error;

use crate::broker::State;
use crate::messages::{InitProducerIdRequest, InitProducerIdResponse};

/// Gives out an id that was never given before.
pub async fn handle(
    state: Arc<State>,
    _context: Context,
    request: InitProducerIdRequest,
) -> Reply<InitProducerIdResponse> {
    let refuse = |error_code| InitProducerIdResponse { error_code, producer_epoch: -1, ..Default::default() };
    if request.transactional_id.is_some() {
        return refuse(ErrorCode::INVALID_REQUEST).into();
    }
    let topics = state.topics.clone();
    let id = state.tasks.blocking(move || topics.lock().unwrap().next_producer_id()).await;
    match id {
        Ok(producer_id) => InitProducerIdResponse { producer_id, producer_epoch: 0, ..Default::default() }.into(),
        Err(e) => {
            error!("no producer id given out: {e}");
            refuse(ErrorCode::COORDINATOR_NOT_AVAILABLE).into()
        }
    }
}
