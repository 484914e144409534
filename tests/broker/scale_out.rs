//! Chapter 4: a cluster grows by a broker, and another one leaves, while clients write; copies are made no faster than told.

use std::time::Instant;

use ch00_wire::error_code::ErrorCode;
use ch02_retention::messages::{
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResource, IncrementalAlterableConfig,
};
use ch04_controller::messages::*;

use crate::harness::cluster::Cluster;
use crate::harness::*;
use crate::metrics::{metrics_of, scrape, value};
use crate::replication::{LAG, Load};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// The two keys of brokers, and the two of topics.
const RATES: [&str; 2] = ["leader.replication.throttled.rate", "follower.replication.throttled.rate"];
const REPLICAS: [&str; 2] = ["leader.replication.throttled.replicas", "follower.replication.throttled.replicas"];

/// Changes settings; `None` goes back to the default.
fn change(cluster: &Cluster, resource_type: i8, name: &str, keys: [&str; 2], value: Option<&str>) {
    let config = |key: &str| IncrementalAlterableConfig {
        name: key.to_owned(),
        config_operation: if value.is_some() { 0 } else { 1 },
        value: value.map(str::to_owned),
    };
    let configs = keys.map(config).to_vec();
    let resource = IncrementalAlterConfigsResource { resource_type, resource_name: name.to_owned(), configs };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    let answer = run(async { cluster.client(2).await.call(&request).await.unwrap() });
    assert_eq!(answer.responses[0].error_code, ErrorCode::NONE, "{:?}", answer.responses[0].error_message);
}

/// Has partition 0 of a topic move; it may take a while.
fn reassign(cluster: &Cluster, topic: &str, replicas: &[i32]) {
    let partitions = vec![ReassignablePartition { partition_index: 0, replicas: Some(replicas.to_vec()) }];
    let topics = vec![ReassignableTopic { name: topic.to_owned(), partitions }];
    let request = AlterPartitionReassignmentsRequest { timeout_ms: 10_000, topics, ..Default::default() };
    let answer = run(async { cluster.client(2).await.call(&request).await.unwrap() });
    assert_eq!(answer.responses[0].partitions[0].error_code, ErrorCode::NONE);
}

/// Whether partition 0 of a topic is on these brokers, all in sync, and on no others.
fn is_on(cluster: &Cluster, topic: &str, replicas: &[i32]) -> bool {
    cluster.partition(2, topic).is_some_and(|partition| {
        let mut isr = partition.isr;
        isr.sort();
        partition.replicas == replicas && isr == replicas
    })
}

#[test]
fn a_fourth_broker_takes_over_what_the_first_had_no_faster_than_told() {
    const RATE: u64 = 1 << 20;
    const FETCH: u64 = 1 << 18;
    let settings =
        [LAG, "metrics.listener=127.0.0.1:0", "replica.fetch.max.bytes=262144", "log.segment.delete.delay.ms=100"];
    let mut cluster = Cluster::start_to_grow(4, 3, 4, &settings);
    cluster.create("busy", &[("min.insync.replicas", "2")]);
    cluster.create("large", &[]);
    let load = Load::start(&cluster, "busy");
    let value_of_10_kb = "x".repeat(10_000);
    let ten = batch(&[value_of_10_kb.as_str(); 10]).build();
    for _ in 0..50 {
        let leader = cluster.leader("large");
        let answer = run(async { produce(&mut cluster.client(leader).await, "large", ten.clone()).await });
        assert_eq!(answer.error_code, ErrorCode::NONE);
    }
    let size = cluster.log_bytes(1, "large").len() as u64;
    assert!(size > 4 * RATE, "it takes four seconds at least");
    cluster.join(4, &settings);
    for broker in ["1", "2", "3", "4"] {
        change(&cluster, BROKER, broker, RATES, Some(&RATE.to_string()));
    }
    change(&cluster, TOPIC, "large", REPLICAS, Some("*"));
    let metrics = metrics_of(cluster.broker(4));
    let copied = || {
        let text = scrape(metrics);
        let of_large = "kafka_server_brokertopicmetrics_replicationbytesin_total{topic=\"large\"}";
        (value(&text, of_large).unwrap_or(0.0) as u64, value(&text, UNDER_REPLICATED))
    };
    let started = Instant::now();
    reassign(&cluster, "large", &[2, 3, 4]);
    reassign(&cluster, "busy", &[2, 3, 4]);
    cluster.wait("the large one has moved", |cluster| {
        let (bytes, _) = copied();
        // At first there is a second's worth; and a fetch that begins just below the rate brings what it brings.
        let most = RATE as f64 * started.elapsed().as_secs_f64().max(1.0) + FETCH as f64;
        assert!(bytes as f64 <= most, "{bytes} bytes after {:?}, at most {most}", started.elapsed());
        is_on(cluster, "large", &[2, 3, 4])
    });
    assert!(copied().0 >= size, "all of it was copied");
    cluster.wait("the busy one has moved, too", |cluster| is_on(cluster, "busy", &[2, 3, 4]));
    cluster.wait("the first broker has nothing any more", |cluster| {
        partition_folders(&cluster.setup(1).dir) == 0 && copied().1 == Some(0.0)
    });
    change(&cluster, TOPIC, "large", REPLICAS, None);
    for broker in ["1", "2", "3", "4"] {
        change(&cluster, BROKER, broker, RATES, None);
    }
    load.wait_for_more(200);
    cluster.terminate(1);
    cluster.wait("the others are without it", |cluster| {
        let request = UnregisterBrokerRequest { broker_id: 1 };
        run(async { cluster.client(2).await.call(&request).await.unwrap() });
        let mut left: Vec<i32> = run(cluster.metadata(2)).brokers.iter().map(|broker| broker.node_id).collect();
        left.sort();
        left == [2, 3, 4]
    });
    load.wait_for_more(200);
    load.finish();
    assert_eq!(cluster.log_bytes(4, "large").len() as u64, size);
    for topic in ["busy", "large"] {
        cluster.wait_for_same_logs(&[2, 3, 4], topic);
    }
}

const UNDER_REPLICATED: &str = "kafka_server_replicamanager_underreplicatedpartitions";

#[test]
fn who_keeps_up_is_never_slowed_down_and_who_comes_back_is() {
    let mut cluster = Cluster::start(4, 3, &[LAG]);
    cluster.create("t", &[("min.insync.replicas", "2")]);
    for broker in ["1", "2", "3"] {
        change(&cluster, BROKER, broker, RATES, Some("1"));
    }
    change(&cluster, TOPIC, "t", REPLICAS, Some("*"));
    let load = Load::start(&cluster, "t");
    load.wait_for_more(2000);
    assert!(is_on(&cluster, "t", &[1, 2, 3]), "at a byte a second, all are in sync");
    let leader = cluster.leader("t");
    let other = if leader == 3 { 1 } else { 3 };
    cluster.kill(other);
    load.wait_for_more(2000);
    cluster.start_broker(other);
    load.wait_for_more(2000);
    let rest: Vec<i32> = [1, 2, 3].into_iter().filter(|&id| id != other).collect();
    cluster.wait_for_isr(leader, "t", &rest);
    change(&cluster, TOPIC, "t", REPLICAS, None);
    cluster.wait_for_isr(leader, "t", &[1, 2, 3]);
    load.finish();
    cluster.wait_for_same_logs(&[1, 2, 3], "t");
}
