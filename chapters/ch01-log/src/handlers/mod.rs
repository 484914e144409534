//! The handlers, one file per API: from a request to what the broker does about it.

pub mod create_partitions;
pub mod create_topics;
pub mod delete_topics;
pub mod describe_cluster;
pub mod describe_topic_partitions;
pub mod fetch;
pub mod init_producer_id;
pub mod list_offsets;
pub mod metadata;
pub mod produce;

/// The bits that say "every operation a topic has is allowed": there is no authorizer. Operations are numbered as in
/// Kafka's `AclOperation`: read 3, write 4, create 5, delete 6, alter 7, describe 8, describe configs 10, alter configs 11.
pub const ALL_TOPIC_OPERATIONS: i32 = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;

/// The same for a cluster: create 5, alter 7, describe 8, cluster action 9, describe configs 10, alter configs 11,
/// idempotent write 12.
pub const ALL_CLUSTER_OPERATIONS: i32 = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

/// What stands in a response where operations were not asked for.
pub const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

fn operations(asked: bool, all: i32) -> i32 {
    if asked { all } else { OPERATIONS_NOT_ASKED }
}
