//! `mini-kafka topic reassign --throttle`: while a partition moves, its copies are made no faster than told.
//!
//! ```text
//! brokers   leader.replication.throttled.rate, follower.replication.throttled.rate   bytes a second
//! topic     leader.replication.throttled.replicas                                    0:1,0:2   who has copies, and gives
//!           follower.replication.throttled.replicas                                  0:4       who gets one
//! ```
//!
//! These are the settings that Apache Kafka's tool makes, too. Caveat: they stay when this command is interrupted. Another
//! move of the topic, or giving it up, takes them away.

use std::io::{Write, stdout};

use ch00_wire::error_code::ErrorCode;
use ch02_retention::messages::{
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResource, IncrementalAlterableConfig,
};
use ch04_controller::image::{BROKER_RESOURCE, TOPIC_RESOURCE};
use ch04_controller::replication_quotas::{FOLLOWER_RATE, FOLLOWER_REPLICAS, LEADER_RATE, LEADER_REPLICAS};
use mini_kafka::cluster_client::ClusterClient;
use mini_kafka::local_cluster::table::ids;
use mini_kafka::retry::ClusterError;

use crate::failure::Failure;

/// Kafka's numbers for what to do with a key.
const SET: i8 = 0;
const DELETE: i8 = 1;

/// Throttles the copies of a partition that moves from some brokers to others.
pub async fn throttle(
    cluster: &mut ClusterClient,
    topic: &str,
    partition: i32,
    [from, to]: [&[i32]; 2],
    rate: u64,
) -> Result<(), Failure> {
    let list = |brokers: &mut dyn Iterator<Item = &i32>| {
        Some(brokers.map(|broker| format!("{partition}:{broker}")).collect::<Vec<_>>().join(","))
    };
    let gives = list(&mut from.iter());
    let gets = list(&mut to.iter().filter(|broker| !from.contains(broker)));
    let rate_of_all = Some(rate.to_string());
    change(cluster, topic, &all(from, to), SET, [gives, gets], [rate_of_all.clone(), rate_of_all]).await?;
    let brokers = ids(&all(from, to));
    Ok(writeln!(stdout(), "{topic}-{partition}: at most {rate} bytes a second, at each of brokers {brokers}")?)
}

/// Takes the throttle of a topic away, and those of brokers.
pub async fn release(cluster: &mut ClusterClient, topic: &str, [from, to]: [&[i32]; 2]) -> Result<(), Failure> {
    Ok(change(cluster, topic, &all(from, to), DELETE, [None, None], [None, None]).await?)
}

fn all(from: &[i32], to: &[i32]) -> Vec<i32> {
    let mut brokers = [from, to].concat();
    brokers.sort();
    brokers.dedup();
    brokers
}

async fn change(
    cluster: &mut ClusterClient,
    topic: &str,
    brokers: &[i32],
    config_operation: i8,
    replicas: [Option<String>; 2],
    rates: [Option<String>; 2],
) -> Result<(), ClusterError> {
    let resource = |resource_type, resource_name: String, names: [&str; 2], values: [Option<String>; 2]| {
        let configs = names.into_iter().zip(values);
        let configs =
            configs.map(|(name, value)| IncrementalAlterableConfig { name: name.to_owned(), config_operation, value });
        IncrementalAlterConfigsResource { resource_type, resource_name, configs: configs.collect() }
    };
    let of_broker =
        |broker: &i32| resource(BROKER_RESOURCE, broker.to_string(), [LEADER_RATE, FOLLOWER_RATE], rates.clone());
    let of_topic = resource(TOPIC_RESOURCE, topic.to_owned(), [LEADER_REPLICAS, FOLLOWER_REPLICAS], replicas);
    let resources = brokers.iter().map(of_broker).chain([of_topic]).collect();
    let request = IncrementalAlterConfigsRequest { resources, validate_only: false };
    let answer =
        cluster.call_controller(&request, |a| a.responses.first().map_or(ErrorCode::NONE, |r| r.error_code)).await?;
    for response in answer.responses {
        let what = || format!("the throttle of {topic}, at `{}`", response.resource_name);
        ClusterError::check(response.error_code, response.error_message, what)?;
    }
    Ok(())
}
