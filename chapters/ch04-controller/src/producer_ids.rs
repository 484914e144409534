//! Producer ids: the controller gives brokers blocks of them, and has written down that it did.

use std::ops::Range;

use ch00_wire::error_code::ErrorCode;
use tokio::sync::Mutex;

use crate::controller_channel::ControllerChannel;
use crate::messages::AllocateProducerIdsRequest;

/// The ids that this broker may give out.
pub struct ProducerIds {
    left: Mutex<(Range<i64>, ControllerChannel)>,
}

impl ProducerIds {
    /// None yet.
    pub fn new(channel: ControllerChannel) -> ProducerIds {
        ProducerIds { left: Mutex::new((0..0, channel)) }
    }

    // ANCHOR: next
    /// An id that was never given out before, anywhere in the cluster.
    pub async fn next(&self, broker_id: i32, broker_epoch: i64) -> Result<i64, ErrorCode> {
        let mut left = self.left.lock().await;
        let (ids, channel) = &mut *left;
        if ids.is_empty() {
            let request = AllocateProducerIdsRequest { broker_id, broker_epoch };
            let answer = channel.ask(&request, None).await.map_err(|_| ErrorCode::COORDINATOR_NOT_AVAILABLE)?;
            if answer.error_code.is_error() {
                return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
            }
            *ids = answer.producer_id_start..answer.producer_id_start + i64::from(answer.producer_id_len);
        }
        ids.next().ok_or(ErrorCode::COORDINATOR_NOT_AVAILABLE)
    }
    // ANCHOR_END: next
}
