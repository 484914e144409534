//! The messages that this chapter adds, one file per API, written as those of chapter 1.
//!
//! Three groups: [`VoteRequest`] and what follows it are how the nodes of the quorum agree; [`BrokerRegistrationRequest`],
//! [`BrokerHeartbeatRequest`] and [`AlterPartitionRequest`] are how brokers and the controller talk; the rest is for
//! administrators. How a node copies the metadata log is chapter 1's Fetch.

mod allocate_producer_ids;
mod alter_partition;
mod alter_partition_reassignments;
mod assign_replicas_to_dirs;
mod begin_quorum_epoch;
mod broker_heartbeat;
mod broker_registration;
mod controller_registration;
mod describe_quorum;
mod elect_leaders;
mod end_quorum_epoch;
mod envelope;
mod fetch_snapshot;
mod list_config_resources;
mod list_partition_reassignments;
mod quorum_endpoint;
mod unregister_broker;
mod update_features;
mod vote;

pub use allocate_producer_ids::*;
pub use alter_partition::*;
pub use alter_partition_reassignments::*;
pub use assign_replicas_to_dirs::*;
pub use begin_quorum_epoch::*;
pub use broker_heartbeat::*;
pub use broker_registration::*;
pub use controller_registration::*;
pub use describe_quorum::*;
pub use elect_leaders::*;
pub use end_quorum_epoch::*;
pub use envelope::*;
pub use fetch_snapshot::*;
pub use list_config_resources::*;
pub use list_partition_reassignments::*;
pub use quorum_endpoint::*;
pub use unregister_broker::*;
pub use update_features::*;
pub use vote::*;
