//! From chapter 3 on: clients may ask any broker to change topics, and it asks the one that decides. In chapter 3 that is
//! the first, and nobody else can decide, nor can anyone but its first replica lead a partition: the chapter's two wounds.

use std::collections::BTreeSet;

use ch00_wire::error_code::ErrorCode;
use ch01_log::messages::*;
use ch02_retention::messages::*;

use crate::harness::cluster::Cluster;
use crate::harness::*;

fn topic_id(cluster: &Cluster, id: i32, topic: &str) -> Option<ch00_wire::uuid::Uuid> {
    let answer = run(cluster.metadata(id));
    answer.topics.iter().find(|found| found.name.as_deref() == Some(topic)).map(|found| found.topic_id)
}

async fn delete(cluster: &Cluster, id: i32, topic: &str) -> ErrorCode {
    let topics = vec![DeleteTopicState { name: Some(topic.to_string()), ..Default::default() }];
    let request = DeleteTopicsRequest { topics, timeout_ms: 10_000, ..Default::default() };
    cluster.client(id).await.call(&request).await.unwrap().responses[0].error_code
}

async fn settings(cluster: &Cluster, id: i32, topic: &str, key: &str) -> Option<String> {
    let resource = DescribeConfigsResource {
        resource_type: 2,
        resource_name: topic.to_string(),
        configuration_keys: Some(vec![key.to_string()]),
    };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    let mut answer = cluster.client(id).await.call(&request).await.unwrap();
    answer.results.remove(0).configs.pop()?.value
}

#[test]
fn any_broker_takes_what_one_decides() {
    for chapter in chapters_from(3) {
        let cluster = Cluster::start(chapter, 3, &[]);
        run(async {
            let mut client = cluster.client(3).await;
            let created = create_topic(&mut client, "t", 2, &[("retention.ms", "1234000")]).await;
            assert_eq!(
                (created.error_code, created.num_partitions, created.replication_factor),
                (ErrorCode::NONE, 2, 3),
                "{:?}",
                created.error_message
            );
            // Who has sent it on knows it when the client is answered.
            assert!(cluster.metadata(3).await.topics.iter().any(|topic| topic.name.as_deref() == Some("t")));
            let again = create_topic(&mut client, "t", 2, &[]).await;
            assert_eq!(again.error_code, ErrorCode::TOPIC_ALREADY_EXISTS);
            assert_eq!(settings(&cluster, 3, "t", "retention.ms").await.unwrap(), "1234000");
            let config = IncrementalAlterableConfig {
                name: "min.insync.replicas".to_string(),
                config_operation: 0,
                value: Some("2".to_string()),
            };
            let resource = IncrementalAlterConfigsResource {
                resource_type: 2,
                resource_name: "t".to_string(),
                configs: vec![config],
            };
            let request = IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() };
            let answer = client.call(&request).await.unwrap();
            assert_eq!(answer.responses[0].error_code, ErrorCode::NONE, "{:?}", answer.responses[0].error_message);
            let topics = vec![CreatePartitionsTopic { name: "t".to_string(), count: 3, assignments: None }];
            let request = CreatePartitionsRequest { topics, timeout_ms: 10_000, ..Default::default() };
            assert_eq!(client.call(&request).await.unwrap().results[0].error_code, ErrorCode::NONE);
        });
        for id in 1..=3 {
            cluster.wait(&format!("broker {id} knows the setting and the partitions"), |cluster| {
                let value = run(settings(cluster, id, "t", "min.insync.replicas"));
                let answer = run(cluster.metadata(id));
                let leaders: Vec<_> = answer.topics[0].partitions.iter().map(|p| p.leader_id).collect();
                // Where leaders move, they begin with any broker.
                let is_led = if chapter == 3 { leaders == [1, 2, 3] } else { leaders.iter().all(|&id| id > 0) };
                value.as_deref() == Some("2") && is_led && leaders.len() == 3
            });
        }
        assert_eq!(run(delete(&cluster, 2, "t")), ErrorCode::NONE);
        for id in 1..=3 {
            cluster.wait(&format!("broker {id} has no folder of it"), |cluster| {
                topic_id(cluster, id, "t").is_none() && !cluster.setup(id).dir.join("t-0").exists()
            });
        }
    }
}

#[test]
fn asking_another_broker_about_a_topic_creates_it() {
    for chapter in chapters_from(3) {
        let cluster = Cluster::start(chapter, 3, &[]);
        run(async {
            let topics = Some(vec![MetadataRequestTopic { name: Some("t".to_string()), ..Default::default() }]);
            let request = MetadataRequest { topics, ..Default::default() };
            let answer = cluster.client(2).await.call(&request).await.unwrap();
            assert_eq!((answer.topics[0].error_code, answer.topics[0].partitions.len()), (ErrorCode::NONE, 1));
        });
    }
}

#[test]
fn without_the_first_broker_nobody_decides_and_the_rest_goes_on() {
    let mut cluster = Cluster::start(3, 3, &["replica.lag.time.max.ms=1000", "num.partitions=3"]);
    cluster.create("t", &[]);
    run(async {
        let created = create_topic(&mut cluster.client(1).await, "three", 3, &[]).await;
        assert_eq!(created.error_code, ErrorCode::NONE);
    });
    let leads_second = |cluster: &Cluster| {
        let topics = run(cluster.metadata(2)).topics;
        let three = topics.into_iter().find(|topic| topic.name.as_deref() == Some("three"));
        three.is_some_and(|topic| topic.partitions.iter().any(|p| p.partition_index == 1 && p.leader_id == 2))
    };
    cluster.wait("broker 2 leads a partition", leads_second);
    cluster.kill(1);
    run(async {
        let mut client = cluster.client(2).await;
        let refused = create_topic(&mut client, "new", 1, &[]).await;
        assert_eq!(refused.error_code, ErrorCode::NOT_CONTROLLER, "{:?}", refused.error_message);
        assert_eq!(delete(&cluster, 2, "t").await, ErrorCode::NOT_CONTROLLER);
    });
    // What broker 1 leads has no leader, and it stays so: nobody takes its place.
    cluster.wait("the partition has no leader", |cluster| cluster.partition(2, "t").is_some_and(|p| p.leader == -1));
    run(async {
        let answer = cluster.metadata(2).await;
        assert_eq!((answer.controller_id, answer.brokers.len()), (-1, 2));
        // What others lead goes on, after a restart as well.
        let mut request = produce_request("three", 1, -1, batch(&["x"]).build());
        request.timeout_ms = 30_000;
        let answer = cluster.client(2).await.call_version(BY_NAME, &request).await.unwrap();
        assert_eq!(answer.responses[0].partition_responses[0].error_code, ErrorCode::NONE);
    });
    cluster.kill(2);
    cluster.start_broker(2);
    cluster.wait("broker 2 leads its partition again", leads_second);
    cluster.start_broker(1);
    cluster
        .wait("the partition has its leader again", |cluster| cluster.partition(2, "t").is_some_and(|p| p.leader == 1));
}

#[test]
fn a_broker_that_was_down_when_a_topic_was_deleted_and_created_again_has_nothing_of_the_old_one() {
    for chapter in chapters_from(3) {
        let mut cluster = Cluster::start(chapter, 3, &["replica.lag.time.max.ms=1000"]);
        cluster.create("t", &[]);
        run(async {
            let answer = produce(&mut cluster.client(1).await, "t", batch(&["old"]).build()).await;
            assert_eq!(answer.error_code, ErrorCode::NONE);
        });
        cluster.kill(2);
        // It may have been the controller.
        cluster.wait("the topic is deleted", |cluster| run(delete(cluster, 1, "t")) == ErrorCode::NONE);
        cluster.create("t", &[]);
        run(async {
            let request = produce_request("t", 0, 1, batch(&["new"]).build());
            cluster.client(1).await.call_version(BY_NAME, &request).await.unwrap();
        });
        cluster.start_broker(2);
        cluster.wait_for_isr(1, "t", &[1, 2, 3]);
        cluster.wait_for_same_logs(&[1, 2, 3], "t");
        assert_eq!(topic_id(&cluster, 1, "t"), topic_id(&cluster, 2, "t"));
    }
}

#[test]
fn a_first_broker_that_has_lost_its_disk_makes_nobody_delete_anything() {
    let mut cluster = Cluster::start(3, 2, &[]);
    cluster.create("t", &[]);
    run(async {
        let answer = produce(&mut cluster.client(1).await, "t", batch(&["kept"]).build()).await;
        assert_eq!(answer.error_code, ErrorCode::NONE);
    });
    cluster.wait_for_same_logs(&[1, 2], "t");
    cluster.kill(1);
    std::fs::remove_dir_all(&cluster.setup(1).dir).unwrap();
    cluster.start_broker(1);
    cluster.wait("broker 2 complains", |cluster| cluster.broker(2).said("has it lost its disk?"));
    assert!(!cluster.log_bytes(2, "t").is_empty());
    assert!(topic_id(&cluster, 2, "t").is_some());
}

#[test]
fn producer_ids_of_different_brokers_never_meet() {
    for chapter in chapters_from(3) {
        let cluster = Cluster::start(chapter, 3, &[]);
        let ids: Vec<i64> = (1..=3)
            .map(|id| {
                run(async {
                    let request = InitProducerIdRequest { transaction_timeout_ms: 1000, ..Default::default() };
                    cluster.client(id).await.call(&request).await.unwrap().producer_id
                })
            })
            .collect();
        if chapter == 3 {
            assert_eq!(ids, [1 << 32, 2 << 32, 3 << 32]);
        }
        assert_eq!(BTreeSet::from_iter(&ids).len(), 3, "{ids:?}");
    }
}

#[test]
fn a_configuration_that_names_no_cluster_it_is_in_is_refused() {
    let refuse = |settings: &[&str]| {
        let dir = TempDir::new();
        let setup = settings.iter().fold(Setup::new(3, &dir), |setup, setting| setup.set(setting));
        let (code, stderr) = setup.try_start().err().expect("it does not start");
        assert_eq!(code, Some(2), "{stderr}");
        stderr
    };
    assert!(refuse(&["cluster.brokers=2@localhost:1"]).contains("this is broker 1, which is not among them"));
    assert!(refuse(&["cluster.brokers=1@a:1,1@b:1"]).contains("names broker 1 twice"));
    assert!(refuse(&["cluster.brokers=1@a"]).contains("ID@HOST:PORT"));
    assert!(refuse(&["inter.broker.listener.name=OTHER"]).contains("OTHER is not in listeners"));
}
