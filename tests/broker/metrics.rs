//! From chapter 3 on: what an operator watches, over HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use ch00_wire::error_code::ErrorCode;

use crate::harness::cluster::Cluster;
use crate::harness::*;

/// What a broker's metrics say now.
pub fn scrape(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: metrics\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

pub fn metrics_of(broker: &Broker) -> SocketAddr {
    let said = broker.said_all();
    let (_, rest) = said.split_once("metrics are at http://").expect("the broker says where its metrics are");
    rest.split('/').next().unwrap().parse().unwrap()
}

pub fn value(text: &str, metric: &str) -> Option<f64> {
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

const ACTIVE: &str = "kafka_controller_kafkacontroller_activecontrollercount";

/// What brokers' metrics say, by broker.
fn scrape_all(cluster: &Cluster, ids: &[i32]) -> Vec<String> {
    ids.iter().map(|&id| scrape(metrics_of(cluster.broker(id)))).collect()
}

/// A metric's sum over all of them; each has it.
fn sum(texts: &[String], metric: &str) -> f64 {
    texts.iter().map(|text| value(text, metric).unwrap_or_else(|| panic!("{metric} in\n{text}"))).sum()
}

/// The sums of some of the controller's metrics.
fn controller_sums<const N: usize>(texts: &[String], names: [&str; N]) -> [f64; N] {
    names.map(|name| sum(texts, &format!("kafka_controller_kafkacontroller_{name}")))
}

#[test]
fn one_node_is_the_controller_and_counts_what_the_cluster_has() {
    let mut cluster = Cluster::start(4, 3, &["metrics.listener=127.0.0.1:0"]);
    let controller = cluster.wait_for_controller(&[1, 2, 3]);
    let others: Vec<i32> = [1, 2, 3].into_iter().filter(|&id| id != controller).collect();
    cluster.create_on(&[controller], "lonely", &[]);
    cluster.create_on(&[controller, others[0]], "pair", &[]);
    cluster.wait("the controller counts what there is", |cluster| {
        let texts = scrape_all(cluster, &[1, 2, 3]);
        let counts = ["activebrokercount", "globaltopiccount", "globalpartitioncount", "offlinepartitionscount"];
        (sum(&texts, ACTIVE), controller_sums(&texts, counts)) == (1.0, [3.0, 2.0, 2.0, 0.0])
    });
    let texts = scrape_all(&cluster, &[1, 2, 3]);
    assert_eq!(value(&texts[controller as usize - 1], ACTIVE), Some(1.0), "it is the one that the quorum names");
    assert!(texts[0].contains(
        "# HELP kafka_controller_kafkacontroller_activecontrollercount kafka.controller:type=KafkaController,name=ActiveControllerCount"
    ));
    let leader = "kafka_server_raftmetrics_current_leader";
    assert!(texts.iter().all(|text| value(text, leader) == Some(controller.into())), "all know the leader");
    let states =
        |state: &str| sum(&texts, &format!("kafka_server_raftmetrics_current_state{{current_state=\"{state}\"}}"));
    assert_eq!((states("leader"), states("follower"), states("candidate")), (1.0, 2.0, 0.0));

    cluster.kill(controller);
    cluster.wait("another is the controller, and counts what is missing", |cluster| {
        let texts = scrape_all(cluster, &others);
        let counts = ["fencedbrokercount", "offlinepartitionscount", "preferredreplicaimbalancecount"];
        (sum(&texts, ACTIVE), controller_sums(&texts, counts)) == (1.0, [1.0, 1.0, 2.0])
    });
    let texts = scrape_all(&cluster, &others);
    let epoch = sum(&texts, "kafka_server_raftmetrics_current_epoch") / 2.0;
    assert!(epoch >= 2.0, "a new leader has a new epoch: {epoch}");
    assert_eq!(sum(&texts, "kafka_controller_controllerstats_uncleanleaderelections_total"), 0.0);
    assert!(sum(&texts, "kafka_controller_controllerstats_leaderelectionrateandtimems_count") >= 1.0, "of \"pair\"");
    assert!(sum(&texts, "kafka_server_raftmetrics_election_latency_count") >= 3.0, "one at the start each, one now");
    assert!(sum(&texts, "kafka_server_raftmetrics_commit_latency_count") >= 1.0);

    cluster.start_broker(controller);
    cluster.wait("all is as it was, under another controller", |cluster| {
        let texts = scrape_all(cluster, &[1, 2, 3]);
        let counts = ["fencedbrokercount", "offlinepartitionscount"];
        (sum(&texts, ACTIVE), controller_sums(&texts, counts)) == (1.0, [0.0, 0.0])
    });
}
