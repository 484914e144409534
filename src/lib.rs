//! What the `mini-kafka` command is made of, as a library, so that tests and later chapters have its client, too.
//!
//! Reading order for the client's half of Kafka: [`cluster_client`] (from one address to every leader), [`retry`] (what
//! to do when that fails), [`partitioner`] (which partition a record goes to), [`producer`], [`consumer`], [`group_client`].
//! [`local_cluster`] is what `mini-kafka cluster` decides and shows.

pub mod cluster_client;
pub mod consumer;
pub mod group_client;
pub mod group_member;
pub mod local_cluster;
pub mod partitioner;
pub mod producer;
pub mod retry;
pub mod text;
pub mod time;
