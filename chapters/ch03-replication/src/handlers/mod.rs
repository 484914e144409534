//! The handlers that this chapter adds or puts in the place of earlier ones.

pub mod decided;
pub mod metadata;
pub mod offset_for_leader_epoch;
pub mod replica_requests;
