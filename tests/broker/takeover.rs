//! Chapter 4 takes over what there is: folders of the chapters before, and Apache Kafka's.

use std::path::{Path, PathBuf};

use ch00_wire::error_code::ErrorCode;
use ch01_log::messages::*;

use crate::harness::cluster::Cluster;
use crate::harness::files::copy_dir;
use crate::harness::*;

const CHAPTER: u32 = 4;

async fn producer_id(broker: &Broker) -> i64 {
    let answer = broker.client().await.call(&InitProducerIdRequest::default()).await.unwrap();
    assert_eq!(answer.error_code, ErrorCode::NONE);
    answer.producer_id
}

async fn delete(broker: &Broker, topic: &str) {
    let topics = vec![DeleteTopicState { name: Some(topic.to_string()), ..Default::default() }];
    let answer = broker.client().await.call(&DeleteTopicsRequest { topics, ..Default::default() }).await.unwrap();
    assert_eq!(answer.responses[0].error_code, ErrorCode::NONE);
}

async fn topics(broker: &Broker) -> Vec<String> {
    let request = MetadataRequest { topics: None, ..Default::default() };
    let answer = broker.client().await.call(&request).await.unwrap();
    answer.topics.into_iter().filter_map(|topic| topic.name).collect()
}

#[test]
fn folders_of_earlier_chapters_are_taken_over() {
    for earlier in 1..CHAPTER {
        let dir = TempDir::new();
        run(async {
            let setup = Setup::new(earlier, &dir);
            let broker = setup.start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[("max.message.bytes", "500")]).await;
            new_topic(&mut client, "doomed", &[]).await;
            produce(&mut client, "t", batch(&["one"]).build()).await;
            let before = producer_id(&broker).await;
            broker.kill();
            let broker = Setup { chapter: CHAPTER, ..setup.clone() }.start();
            let mut client = broker.client().await;
            assert_eq!(topics(&broker).await, ["doomed", "t"]);
            assert_eq!(values_in(&fetch(&mut client, "t", 0).await), ["one"]);
            let large = produce(&mut client, "t", batch(&[&"x".repeat(600)]).build()).await;
            assert_eq!(large.error_code, ErrorCode::MESSAGE_TOO_LARGE, "the topic's settings are kept");
            assert_eq!(produce(&mut client, "t", batch(&["two"]).build()).await.base_offset, 1);
            assert!(producer_id(&broker).await > before);
            delete(&broker, "doomed").await;
            let broker = broker.kill().start();
            assert_eq!(topics(&broker).await, ["t"], "what was deleted since does not come back");
            assert_eq!(values_in(&fetch(&mut broker.client().await, "t", 0).await), ["one", "two"]);
        });
    }
}

#[test]
fn a_folder_that_no_topic_has_is_set_aside() {
    let dir = TempDir::new();
    let setup = Setup::new(CHAPTER, &dir);
    run(async {
        let broker = setup.start();
        new_topic(&mut broker.client().await, "t", &[]).await;
        produce(&mut broker.client().await, "t", batch(&["one"]).build()).await;
        broker.kill();
        copy_dir(&setup.dir.join("t-0"), &setup.dir.join("unheard-of-0"));
        let broker = setup.start();
        assert!(broker.said("unheard-of-0"), "{}", broker.said_all());
        assert_eq!(topics(&broker).await, ["t"]);
    });
    let folders = std::fs::read_dir(&setup.dir).unwrap().map(|entry| entry.unwrap().path());
    let stray: Vec<PathBuf> = folders.filter(|path| path.to_string_lossy().ends_with("-stray")).collect();
    let [stray] = &stray[..] else { panic!("{stray:?}") };
    assert!(std::fs::metadata(stray.join("00000000000000000000.log")).unwrap().len() > 0, "nothing is deleted");
}

#[test]
fn a_cluster_of_chapter_3_becomes_one_of_chapter_4() {
    for stop in [Cluster::kill as fn(&mut Cluster, i32), |cluster, id| drop(cluster.terminate(id))] {
        let mut cluster = Cluster::start(3, 3, &["num.partitions=3"]);
        cluster.create("t", &[("min.insync.replicas", "2")]);
        let leader = cluster.partition(1, "t").unwrap().leader;
        run(async {
            let mut client = cluster.client(leader).await;
            for i in 0..10 {
                let produced = produce(&mut client, "t", batch(&[&format!("{i}")]).build()).await;
                assert_eq!(produced.error_code, ErrorCode::NONE);
            }
        });
        for id in [1, 2, 3] {
            stop(&mut cluster, id);
        }
        let folders = [1, 2, 3].map(|id| cluster.setup(id).dir.clone());
        let cluster = Cluster::start_on_folders(CHAPTER, &folders);
        cluster.wait_for_isr(1, "t", &[1, 2, 3]);
        let leader = cluster.partition(1, "t").unwrap().leader;
        run(async {
            let mut client = cluster.client(leader).await;
            let expected: Vec<String> = (0..10).map(|i| i.to_string()).collect();
            assert_eq!(values_in(&fetch(&mut client, "t", 0).await), expected);
            assert_eq!(produce(&mut client, "t", batch(&["more"]).build()).await.base_offset, 10);
        });
        cluster.wait_for_same_logs(&[1, 2, 3], "t");
    }
}

#[test]
fn brokers_are_not_listed_any_more() {
    let dir = TempDir::new();
    let refused = Setup::new(CHAPTER, &dir).set("cluster.brokers=1@127.0.0.1:1").try_start();
    let (code, stderr) = refused.err().expect("it does not start");
    assert_eq!(code, Some(2));
    assert!(stderr.contains("controller.quorum.voters"), "{stderr}");
}

/// Everything that clients of Apache Kafka saw in its folder before the shutdown is there.
#[test]
fn apache_kafkas_folder_is_taken_as_it_is() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/data/single");
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(golden.join("EXPECTED.json")).unwrap()).unwrap();
    let dir = TempDir::new();
    // Nothing is cleaned or deleted while it is looked at.
    let setup = Setup::new(CHAPTER, &dir)
        .set("listeners=PLAINTEXT://127.0.0.1:0,CONTROLLER://127.0.0.1:0")
        .set("controller.listener.names=CONTROLLER")
        .set("controller.quorum.bootstrap.servers=127.0.0.1:0")
        .set("log.cleaner.enable=false")
        .set("log.retention.ms=-1");
    copy_dir(&golden.join("logs"), &setup.dir);
    run(async {
        let broker = setup.start();
        let mut client = broker.client().await;
        let mut seen = 0;
        for (name, partition) in expected["partitions"].as_object().unwrap() {
            let Some(high_watermark) = partition["clients"]["highWatermark"].as_i64() else { continue };
            let (topic, index) = name.rsplit_once('-').unwrap();
            for (timestamp, offset) in [(-1, high_watermark), (-2, partition["clients"]["logStart"].as_i64().unwrap())]
            {
                let partition =
                    ListOffsetsPartition { partition_index: index.parse().unwrap(), timestamp, ..Default::default() };
                let topics = vec![ListOffsetsTopic { name: topic.to_string(), partitions: vec![partition] }];
                let request = ListOffsetsRequest { replica_id: -1, topics, ..Default::default() };
                let answer = client.call(&request).await.unwrap().topics.remove(0).partitions.remove(0);
                assert_eq!((answer.error_code, answer.offset), (ErrorCode::NONE, offset), "{name} at {timestamp}");
            }
            seen += 1;
        }
        assert!(seen > 20, "{seen} partitions");
        let (code, stderr) = broker.terminate();
        assert_eq!(code, Some(0), "{stderr}");
    });
}
