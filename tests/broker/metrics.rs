//! From chapter 3 on: what an operator watches, over HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use ch00_wire::error_code::ErrorCode;

use crate::harness::cluster::Cluster;
use crate::harness::*;

/// What a broker's metrics say now.
fn scrape(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: metrics\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn metrics_of(broker: &Broker) -> SocketAddr {
    let said = broker.said_all();
    let (_, rest) = said.split_once("metrics are at http://").expect("the broker says where its metrics are");
    rest.split('/').next().unwrap().parse().unwrap()
}

fn value(text: &str, metric: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn metrics_have_kafkas_names_and_say_who_lags() {
    const UNDER_REPLICATED: &str = "kafka_server_replicamanager_underreplicatedpartitions";
    const UNDER_MIN_ISR: &str = "kafka_server_replicamanager_underminisrpartitioncount";
    let settings = ["metrics.listener=127.0.0.1:0", "replica.lag.time.max.ms=1000"];
    for chapter in chapters_from(3) {
        let cluster = Cluster::start(chapter, 3, &settings);
        cluster.create("t", &[("min.insync.replicas", "3")]);
        // Whoever says nothing is missed by the leader, not by a controller that is new.
        let lagging = if cluster.controller_at(1) == Some(2) { 3 } else { 2 };
        let (leader, follower) = (metrics_of(cluster.broker(1)), metrics_of(cluster.broker(lagging)));
        run(async {
            let answer = produce(&mut cluster.client(1).await, "t", batch(&["a", "b", "c"]).build()).await;
            assert_eq!(answer.error_code, ErrorCode::NONE);
            assert_eq!(values_in(&fetch(&mut cluster.client(1).await, "t", 0).await).len(), 3);
        });
        let text = scrape(leader);
        assert_eq!(value(&text, "kafka_server_brokertopicmetrics_messagesin_total{topic=\"t\"}"), Some(3.0), "{text}");
        let bytes = value(&text, "kafka_server_brokertopicmetrics_bytesin_total{topic=\"t\"}").unwrap();
        // One consumer has read them, and two followers.
        for (metric, times) in [("bytesout", 1.0), ("replicationbytesout", 2.0)] {
            let metric = format!("kafka_server_brokertopicmetrics_{metric}_total{{topic=\"t\"}}");
            assert_eq!(value(&text, &metric), Some(times * bytes), "{metric}");
        }
        let copied = "kafka_server_brokertopicmetrics_replicationbytesin_total{topic=\"t\"}";
        assert_eq!(value(&scrape(follower), copied), Some(bytes));
        assert!(
            value(&text, "kafka_network_requestmetrics_totaltimems_count{request=\"Produce\"}") >= Some(1.0),
            "{text}"
        );
        let idle = value(&text, "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent").unwrap();
        assert!((0.0..=1.0).contains(&idle), "{idle}");
        assert!(text.contains("# HELP kafka_server_replicamanager_underreplicatedpartitions kafka.server:type=ReplicaManager,name=UnderReplicatedPartitions"));
        assert_eq!((value(&text, UNDER_REPLICATED), value(&text, UNDER_MIN_ISR)), (Some(0.0), Some(0.0)));
        cluster.pause(lagging);
        run(async {
            let request = produce_request("t", 0, 1, batch(&["d"]).build());
            cluster.client(1).await.call_version(BY_NAME, &request).await.unwrap();
        });
        cluster.wait("the partition is under-replicated, and below the minimum", |_| {
            let text = scrape(leader);
            (value(&text, UNDER_REPLICATED), value(&text, UNDER_MIN_ISR)) == (Some(1.0), Some(1.0))
        });
        cluster.resume(lagging);
        cluster.wait("the partition is whole again", |_| value(&scrape(leader), UNDER_REPLICATED) == Some(0.0));
        let text = scrape(leader);
        assert_eq!(value(&text, "kafka_server_replicamanager_isrshrinks_total"), Some(1.0));
        assert_eq!(value(&text, "kafka_server_replicamanager_isrexpands_total"), Some(1.0));
    }
}

#[test]
fn a_wrong_address_for_metrics_is_refused() {
    let dir = TempDir::new();
    let refused =
        Setup::new(NEWEST, &dir).set("metrics.listener=nowhere").try_start().err().expect("it does not start");
    assert_eq!(refused.0, Some(2));
    assert!(refused.1.contains("metrics.listener: nowhere"), "{}", refused.1);
}
