//! The cluster as the metadata log describes it: what its records add up to.
//!
//! ```text
//! record, record, record, …  --replay-->  ClusterImage  --to_records-->  a snapshot's records
//!                                              |
//!               an older image --difference----+------->  what a broker has to do
//! ```
//!
//! [`ClusterImage::replay`] is the only thing that changes an image, so whoever has replayed the same records has the same
//! image. Of a broker, a controller or a partition the image is the record that would describe it now: a registration with
//! all its changes. That is also what a snapshot writes down.
//!
//! Caveat: what a record says about something that is not there, or in an epoch that is over, cannot be replayed. Whoever
//! appends records has checked them before, so it means that a log is damaged, or that there is a fault in a controller.

#[path = "../../../../chapters/ch04-controller/src/image/configs.rs"]
mod configs;
// Yours:
mod difference;
#[path = "../../../../chapters/ch04-controller/src/image/features.rs"]
mod features;
#[path = "../../../../chapters/ch04-controller/src/image/kept.rs"]
mod kept;
#[path = "../../../../chapters/ch04-controller/src/image/nodes.rs"]
mod nodes;
#[path = "../../../../chapters/ch04-controller/src/image/replay.rs"]
mod replay;
#[path = "../../../../chapters/ch04-controller/src/image/snapshot.rs"]
mod snapshot;
// Yours:
mod topics;

pub use configs::*;
pub use difference::*;
pub use features::*;
pub use kept::*;
pub use nodes::*;
pub use replay::*;
pub use topics::*;

use std::sync::Arc;

use crate::records::MetadataRecord;

/// The cluster. A copy is cheap: each part is shared until one of the copies changes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterImage {
    /// What the cluster speaks.
    pub features: Arc<Features>,
    /// Brokers and controllers.
    pub nodes: Arc<Nodes>,
    /// Topics and their partitions.
    pub topics: Arc<Topics>,
    /// Settings.
    pub configs: Arc<Configs>,
    /// The first producer id that has not been given to anybody, from 0.
    pub next_producer_id: i64,
    /// What is kept and not acted on.
    pub kept: Arc<Kept>,
    /// Records of a transaction that has begun and not ended: they do not count yet.
    open_transaction: Option<Vec<MetadataRecord>>,
}
