//! What clients learn of the cluster, and what makes them find it.

use ch00_wire::error_code::ErrorCode;
use ch00_wire::messages::ApiVersionsRequest;
use ch01_log::messages::*;

use crate::harness::companions::in_a_cluster;
use crate::harness::*;

async fn metadata(
    client: &mut ch00_wire::client::Client,
    topics: Option<&[&str]>,
    may_create: bool,
) -> MetadataResponse {
    let topic = |name: &&str| MetadataRequestTopic { name: Some(name.to_string()), ..Default::default() };
    let topics = topics.map(|names| names.iter().map(topic).collect());
    let request = MetadataRequest { topics, allow_auto_topic_creation: may_create, ..Default::default() };
    client.call(&request).await.unwrap()
}

#[test]
fn asking_for_a_topic_creates_it_where_that_is_allowed() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).set("num.partitions=3").start();
            let mut client = broker.client().await;
            let answer = metadata(&mut client, Some(&["t"]), false).await;
            assert_eq!(answer.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
            let answer = metadata(&mut client, Some(&["t"]), true).await;
            assert_eq!((answer.topics[0].error_code, answer.topics[0].partitions.len()), (ErrorCode::NONE, 3));
            assert!(
                in_a_cluster() || answer.topics[0].partitions.iter().all(|p| p.leader_id == 1 && p.isr_nodes == [1])
            );
            let setup = broker.kill();
            let broker = Setup { port: 0, ..setup }.set("auto.create.topics.enable=false").start();
            let mut client = broker.client().await;
            let answer = metadata(&mut client, Some(&["other"]), true).await;
            assert_eq!(answer.topics[0].error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
            let all = metadata(&mut client, None, true).await;
            assert_eq!(all.topics.iter().map(|t| t.name.clone().unwrap()).collect::<Vec<_>>(), ["t"]);
        });
    }
}

#[test]
fn clients_are_told_the_advertised_address_of_the_listener_they_used() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let setup = Setup::new(chapter, &dir)
                .set("listeners=INSIDE://127.0.0.1:0,OUTSIDE://127.0.0.1:0,CONTROLLER://127.0.0.1:0")
                .set("listener.security.protocol.map=INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT")
                .set("advertised.listeners=INSIDE://kafka.example:1234")
                .set("controller.listener.names=CONTROLLER");
            let broker = setup.start();
            let answer = metadata(&mut broker.client().await, None, false).await;
            assert_eq!((answer.brokers[0].host.as_str(), answer.brokers[0].port), ("kafka.example", 1234));
            assert_eq!(answer.controller_id, answer.brokers[0].node_id);
        });
    }
}

#[test]
fn a_big_topic_is_described_in_pages() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            for (name, partitions) in [("a", 3), ("b", 5), ("c", 1)] {
                assert_eq!(create_topic(&mut client, name, partitions, &[]).await.error_code, ErrorCode::NONE);
            }
            let mut seen = Vec::new();
            let mut cursor = None;
            loop {
                let request =
                    DescribeTopicPartitionsRequest { response_partition_limit: 2, cursor, ..Default::default() };
                let page = client.call(&request).await.unwrap();
                let partitions = page
                    .topics
                    .iter()
                    .flat_map(|t| t.partitions.iter().map(|p| (t.name.clone().unwrap(), p.partition_index)));
                let partitions: Vec<_> = partitions.collect();
                assert!(partitions.len() <= 2);
                seen.extend(partitions);
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
            }
            let expected: Vec<_> =
                [("a", 3), ("b", 5), ("c", 1)].iter().flat_map(|(n, c)| (0..*c).map(|i| (n.to_string(), i))).collect();
            assert_eq!(seen, expected);
        });
    }
}

#[test]
fn topics_are_found_and_deleted_by_id() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            let id = create_topic(&mut client, "t", 1, &[]).await.topic_id;
            let mut request = produce_request("", 0, -1, batch(&["x"]).build());
            request.topic_data[0].topic_id = id;
            let answer = client.call(&request).await.unwrap();
            assert_eq!(answer.responses[0].partition_responses[0].error_code, ErrorCode::NONE);
            let mut request = fetch_request("", 0);
            request.topics[0].topic_id = id;
            let answer = client.call(&request).await.unwrap();
            assert_eq!(values_in(&answer.responses[0].partitions[0]), ["x"]);
            let delete = DeleteTopicsRequest {
                topics: vec![DeleteTopicState { name: None, topic_id: id }],
                ..Default::default()
            };
            assert_eq!(client.call(&delete).await.unwrap().responses[0].name.as_deref(), Some("t"));
            let answer = client.call(&request).await.unwrap();
            assert_eq!(answer.responses[0].partitions[0].error_code, ErrorCode::UNKNOWN_TOPIC_ID);
        });
    }
}

/// What a later chapter brings is not announced before: a client would use it.
#[test]
fn chapter_1_announces_what_it_serves_and_no_more() {
    let dir = TempDir::new();
    run(async {
        let broker = Setup::new(1, &dir).start();
        let request = ApiVersionsRequest { client_software_name: "t".into(), client_software_version: "1".into() };
        let answer = broker.client().await.call(&request).await.unwrap();
        let keys: Vec<_> = answer.api_keys.iter().map(|api| api.api_key).collect();
        // Produce, Fetch, ListOffsets, Metadata, ApiVersions, CreateTopics, DeleteTopics, InitProducerId,
        // CreatePartitions, DescribeCluster, DescribeTopicPartitions.
        assert_eq!(keys, [0, 1, 2, 3, 18, 19, 20, 22, 37, 60, 75]);
    });
}

#[test]
fn copies_that_there_can_not_be_are_refused_by_the_name_of_the_setting() {
    if in_a_cluster() {
        return;
    }
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).set("default.replication.factor=3").start();
            let mut client = broker.client().await;
            let created = create_topic(&mut client, "t", 1, &[]).await;
            assert_eq!(created.error_code, ErrorCode::INVALID_REPLICATION_FACTOR);
            let why = created.error_message.unwrap_or_default();
            assert_eq!(
                why,
                match chapter {
                    ..4 => "default.replication.factor 3: there is one broker, so there is one copy",
                    _ =>
                        "Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be \
                      reached because only 1 broker(s) are registered.",
                }
            );
            let answer = metadata(&mut client, Some(&["t"]), true).await;
            assert_eq!(answer.topics[0].error_code, ErrorCode::INVALID_REPLICATION_FACTOR);
            assert_eq!(metadata(&mut client, None, true).await.topics, [], "nothing was made");
        });
    }
}
