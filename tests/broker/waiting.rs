//! Requests that wait: a fetch for records, and what comes behind it on the same connection.

use std::time::{Duration, Instant};

use ch00_wire::error_code::ErrorCode;
use ch01_log::messages::*;

use crate::harness::*;

#[test]
fn a_fetch_waits_for_records_and_is_answered_when_they_come() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut reader = broker.client().await;
            let mut writer = broker.client().await;
            new_topic(&mut writer, "t", &[]).await;
            let request = FetchRequest { max_wait_ms: 60_000, ..fetch_request("t", 0) };
            let started = Instant::now();
            let id = reader.send(BY_NAME, &request).await.unwrap();
            produce(&mut writer, "t", batch(&["now"]).build()).await;
            let answer: FetchResponse = reader.receive::<FetchRequest>(BY_NAME, id).await.unwrap();
            assert_eq!(values_in(&answer.responses[0].partitions[0]), ["now"]);
            assert!(started.elapsed() < Duration::from_secs(30), "answered by the record, not by the clock");
        });
    }
}

#[test]
fn a_fetch_is_answered_empty_when_its_time_is_over() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[]).await;
            let request = FetchRequest { max_wait_ms: 50, ..fetch_request("t", 0) };
            let answer = client.call_version(BY_NAME, &request).await.unwrap();
            let partition = &answer.responses[0].partitions[0];
            assert_eq!((partition.error_code, records_in(partition).len()), (ErrorCode::NONE, 0));
        });
    }
}

#[test]
fn a_fetch_waits_until_there_are_min_bytes() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut reader = broker.client().await;
            let mut writer = broker.client().await;
            new_topic(&mut writer, "t", &[]).await;
            let one = batch(&["12345"]).build();
            let request =
                FetchRequest { max_wait_ms: 60_000, min_bytes: one.len() as i32 * 3, ..fetch_request("t", 0) };
            let id = reader.send(BY_NAME, &request).await.unwrap();
            for _ in 0..3 {
                produce(&mut writer, "t", batch(&["12345"]).build()).await;
            }
            let answer = reader.receive::<FetchRequest>(BY_NAME, id).await.unwrap();
            assert_eq!(values_in(&answer.responses[0].partitions[0]).len(), 3);
        });
    }
}

#[test]
fn requests_behind_a_waiting_fetch_take_effect_and_are_answered_after_it() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[]).await;
            let wait = FetchRequest { max_wait_ms: 60_000, ..fetch_request("t", 0) };
            let first = client.send(BY_NAME, &wait).await.unwrap();
            // The produce behind the fetch is what the fetch waits for.
            let second = client.send(BY_NAME, &produce_request("t", 0, -1, batch(&["x"]).build())).await.unwrap();
            let fetched = client.receive::<FetchRequest>(BY_NAME, first).await.unwrap();
            assert_eq!(values_in(&fetched.responses[0].partitions[0]), ["x"]);
            let produced = client.receive::<ProduceRequest>(BY_NAME, second).await.unwrap();
            assert_eq!(produced.responses[0].partition_responses[0].base_offset, 0);
        });
    }
}

#[test]
fn deleting_a_topic_ends_the_waits_for_it() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut reader = broker.client().await;
            let mut admin = broker.client().await;
            new_topic(&mut admin, "t", &[]).await;
            let request = FetchRequest { max_wait_ms: 60_000, ..fetch_request("t", 0) };
            let id = reader.send(BY_NAME, &request).await.unwrap();
            let delete = DeleteTopicsRequest {
                topics: vec![DeleteTopicState { name: Some("t".to_string()), ..Default::default() }],
                ..Default::default()
            };
            admin.call(&delete).await.unwrap();
            let answer = reader.receive::<FetchRequest>(BY_NAME, id).await.unwrap();
            let code = answer.responses[0].partitions[0].error_code;
            assert_eq!(code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        });
    }
}

#[test]
fn flush_messages_puts_records_on_the_disk_before_they_are_acknowledged() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[("flush.messages", "1")]).await;
            for i in 0..5 {
                assert_eq!(produce(&mut client, "t", batch(&["x"]).build()).await.base_offset, i);
            }
        });
    }
}
