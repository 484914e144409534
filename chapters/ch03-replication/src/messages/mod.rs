//! The messages that this chapter adds: one file per API.

mod offset_for_leader_epoch;

pub use offset_for_leader_epoch::*;
