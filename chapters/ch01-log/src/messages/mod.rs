//! The messages of this chapter, one file per API. Each table has the lines of Kafka's published schema, in its order;
//! what may be null is so by default, unless the message's lowest version has no null for it.
//!
//! Start with [`ProduceRequest`] and [`FetchRequest`]: the others prepare or describe what these two do.

mod create_partitions;
mod create_topics;
mod delete_topics;
mod describe_cluster;
mod describe_topic_partitions;
mod fetch;
mod init_producer_id;
mod leader;
mod list_offsets;
mod metadata;
mod produce;

pub use create_partitions::*;
pub use create_topics::*;
pub use delete_topics::*;
pub use describe_cluster::*;
pub use describe_topic_partitions::*;
pub use fetch::*;
pub use init_producer_id::*;
pub use leader::*;
pub use list_offsets::*;
pub use metadata::*;
pub use produce::*;
