//! Producer ids are given to brokers in blocks, so that a broker need not ask for each of its producers.

use ch00_wire::error_code::ErrorCode;

use super::{At, Controller, Outcome};
use crate::messages::{AllocateProducerIdsRequest, AllocateProducerIdsResponse};
use crate::records::ProducerIdsRecord;

/// How many ids are in a block.
const BLOCK: i32 = 1_000;

impl Controller {
    // ANCHOR: producer_ids
    /// Gives a broker the next block. A block that nobody uses is lost, which does not matter.
    pub fn allocate_producer_ids(
        &mut self,
        _at: At,
        request: &AllocateProducerIdsRequest,
    ) -> Outcome<AllocateProducerIdsResponse> {
        let AllocateProducerIdsRequest { broker_id, broker_epoch } = *request;
        let mut draft = self.draft();
        let producer_id_start = draft.image.next_producer_id;
        let error_code = match (draft.image.nodes.broker(broker_id), producer_id_start.checked_add(BLOCK.into())) {
            (Some(broker), Some(next_producer_id)) if broker.broker_epoch == broker_epoch => {
                draft.write(ProducerIdsRecord { broker_id, broker_epoch, next_producer_id });
                let reply =
                    AllocateProducerIdsResponse { producer_id_start, producer_id_len: BLOCK, ..Default::default() };
                return draft.done(reply);
            }
            (Some(broker), None) if broker.broker_epoch == broker_epoch => ErrorCode::UNKNOWN_SERVER_ERROR,
            _ => ErrorCode::STALE_BROKER_EPOCH,
        };
        Outcome::nothing(AllocateProducerIdsResponse { error_code, ..Default::default() })
    }
    // ANCHOR_END: producer_ids
}
