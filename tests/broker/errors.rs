//! The errors that a good broker gives: each with raw requests, and with a look whether anything was changed by them.

use ch00_wire::client::ClientError;
use ch00_wire::error_code::ErrorCode;
use ch01_log::batch::BatchHeader;
use ch01_log::builder::BatchBuilder;
use ch01_log::compression::Compression;
use ch01_log::messages::*;

use crate::harness::companions::in_a_cluster;
use crate::harness::*;

async fn broker_with_topic(chapter: u32, dir: &TempDir) -> (Broker, ch00_wire::client::Client) {
    let broker = Setup::new(chapter, dir).start();
    let mut client = broker.client().await;
    new_topic(&mut client, "t", &[]).await;
    (broker, client)
}

#[test]
fn illegal_topic_names_are_refused_and_nothing_is_created() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            let long = "x".repeat(250);
            for name in ["../x", ".", "..", "", "a/b", "a b", "nul\0", "ä", &long] {
                let created = create_topic(&mut client, name, 1, &[]).await;
                assert_eq!(created.error_code, ErrorCode::INVALID_TOPIC_EXCEPTION, "{name:?}");
                let topic = MetadataRequestTopic { name: Some(name.to_string()), ..Default::default() };
                let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
                let answer = client.call(&request).await.unwrap();
                assert_eq!(answer.topics[0].error_code, ErrorCode::INVALID_TOPIC_EXCEPTION, "{name:?}");
            }
            let all = client.call(&MetadataRequest { topics: None, ..Default::default() }).await.unwrap();
            assert_eq!(all.topics, []);
            assert_eq!(partition_folders(&broker.setup.dir), 0);
            let longest = "x".repeat(249);
            assert_eq!(create_topic(&mut client, &longest, 1, &[]).await.error_code, ErrorCode::NONE);
        });
    }
}

#[test]
fn bad_batches_are_refused_and_the_log_end_stays() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let (_broker, mut client) = broker_with_topic(chapter, &dir).await;
            let good = batch(&["a", "b", "c"]).build();
            let changed = |at: usize, to: &[u8]| {
                let mut bytes = good.to_vec();
                bytes[at..at + to.len()].copy_from_slice(to);
                bytes
            };
            // Changes under the checksum come with the right one: only what they say is wrong.
            let sealed = |change: fn(&mut BatchHeader)| {
                let mut header = BatchHeader::parse(&good).unwrap();
                change(&mut header);
                let header = header.sealed(&good[61..]);
                [&header.encode()[..], &good[61..]].concat()
            };
            let cases: Vec<(&str, Vec<u8>, ErrorCode)> = vec![
                ("checksum", changed(18, &[good[18] ^ 1]), ErrorCode::CORRUPT_MESSAGE),
                ("a flipped payload bit", changed(70, &[good[70] ^ 1]), ErrorCode::CORRUPT_MESSAGE),
                ("magic 3", changed(16, &[3]), ErrorCode::CORRUPT_MESSAGE),
                ("magic 1", changed(16, &[1]), ErrorCode::INVALID_RECORD),
                ("length too small", changed(8, &5i32.to_be_bytes()), ErrorCode::CORRUPT_MESSAGE),
                ("length too large", changed(8, &i32::MAX.to_be_bytes()), ErrorCode::CORRUPT_MESSAGE),
                ("cut", good[..40].to_vec(), ErrorCode::CORRUPT_MESSAGE),
                ("nothing", Vec::new(), ErrorCode::INVALID_RECORD),
                ("two batches", [&good[..], &good[..]].concat(), ErrorCode::INVALID_RECORD),
                ("count too big", sealed(|h| h.record_count = 4), ErrorCode::INVALID_RECORD),
                ("count negative", sealed(|h| h.record_count = -1), ErrorCode::INVALID_RECORD),
                ("last delta", sealed(|h| h.last_offset_delta = 7), ErrorCode::INVALID_RECORD),
                ("control batch", sealed(|h| h.attributes.0 |= 0x20), ErrorCode::INVALID_RECORD),
                (
                    "transactional",
                    sealed(|h| {
                        h.attributes.0 |= 0x10;
                        h.producer_id = 1;
                        h.producer_epoch = 0;
                        h.base_sequence = 0
                    }),
                    ErrorCode::INVALID_REQUEST,
                ),
                ("codec 5", sealed(|h| h.attributes.0 |= 5), ErrorCode::UNSUPPORTED_COMPRESSION_TYPE),
                ("gzip that is none", sealed(|h| h.attributes.0 |= 1), ErrorCode::INVALID_RECORD),
                ("zstd that is none", sealed(|h| h.attributes.0 |= 4), ErrorCode::INVALID_RECORD),
                ("base offset", sealed(|h| h.base_offset = 5), ErrorCode::INVALID_RECORD),
                (
                    "tomorrow",
                    BatchBuilder::new(0).record(now() + 86_400_000, None, None).build().to_vec(),
                    ErrorCode::INVALID_TIMESTAMP,
                ),
                (
                    "large",
                    BatchBuilder::new(0).record(now(), None, Some(&vec![b'x'; 1_048_600])).build().to_vec(),
                    ErrorCode::MESSAGE_TOO_LARGE,
                ),
            ];
            for (what, bytes, expected) in cases {
                let answer = produce(&mut client, "t", bytes).await;
                assert_eq!(answer.error_code, expected, "{what}: {:?}", answer.error_message);
                assert_eq!(answer.base_offset, -1, "{what}");
                assert_eq!(log_end(&mut client, "t").await, 0, "{what}");
            }
            assert_eq!(produce(&mut client, "t", good.clone()).await.base_offset, 0);
            assert_eq!(fetch(&mut client, "t", 0).await.records.map(|r| r.len()), Some(good.len()));
        });
    }
}

#[test]
fn clients_do_not_write_to_internal_topics() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let (_broker, mut client) = broker_with_topic(chapter, &dir).await;
            assert_eq!(create_topic(&mut client, "__consumer_offsets", 1, &[]).await.error_code, ErrorCode::NONE);
            let answer = produce(&mut client, "__consumer_offsets", batch(&["a"]).build()).await;
            assert_eq!(answer.error_code, ErrorCode::INVALID_TOPIC_EXCEPTION);
            assert_eq!(log_end(&mut client, "__consumer_offsets").await, 0);
        });
    }
}

#[test]
fn a_small_batch_that_unpacks_to_gigabytes_is_refused() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let (_broker, mut client) = broker_with_topic(chapter, &dir).await;
            let bomb =
                BatchBuilder::new(0).record(now(), None, Some(&vec![0; 200 << 20])).build_compressed(Compression::Zstd);
            assert!(bomb.len() < 1 << 20);
            let answer = produce(&mut client, "t", bomb).await;
            assert_eq!(answer.error_code, ErrorCode::INVALID_RECORD, "{:?}", answer.error_message);
        });
    }
}

#[test]
fn wrong_acks_are_refused() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let (_broker, mut client) = broker_with_topic(chapter, &dir).await;
            for acks in [2, -2, 100] {
                let request = produce_request("t", 0, acks, batch(&["x"]).build());
                let answer = client.call_version(BY_NAME, &request).await.unwrap();
                let code = answer.responses[0].partition_responses[0].error_code;
                assert_eq!(code, ErrorCode::INVALID_REQUIRED_ACKS, "acks={acks}");
            }
            assert_eq!(log_end(&mut client, "t").await, 0);
        });
    }
}

#[test]
fn without_acks_an_error_closes_the_connection_and_success_says_nothing() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let (broker, mut client) = broker_with_topic(chapter, &dir).await;
            client.send(BY_NAME, &produce_request("t", 0, 0, batch(&["quiet"]).build())).await.unwrap();
            // The next answer on the connection is the next request's: the first had none.
            if in_a_cluster() {
                // Consumers see a record when the others have it, too.
                while log_end(&mut client, "t").await == 0 {}
            }
            assert_eq!(log_end(&mut client, "t").await, 1);
            client.send(BY_NAME, &produce_request("unknown", 0, 0, batch(&["x"]).build())).await.unwrap();
            assert!(matches!(
                client.receive_frame().await,
                Err(ClientError::Closed | ClientError::Io(_) | ClientError::Frame(_))
            ));
            assert_eq!(log_end(&mut broker.client().await, "t").await, 1);
        });
    }
}

#[test]
fn transactions_are_refused_whole() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let (_broker, mut client) = broker_with_topic(chapter, &dir).await;
            let mut request = produce_request("t", 0, -1, batch(&["x"]).build());
            request.transactional_id = Some("tx".to_string());
            let answer = client.call_version(BY_NAME, &request).await.unwrap();
            assert_eq!(answer.responses[0].partition_responses[0].error_code, ErrorCode::INVALID_REQUEST);
            let init = InitProducerIdRequest { transactional_id: Some("tx".to_string()), ..Default::default() };
            assert_eq!(client.call(&init).await.unwrap().error_code, ErrorCode::INVALID_REQUEST);
            assert_eq!(log_end(&mut client, "t").await, 0);
        });
    }
}

#[test]
fn reading_where_nothing_is_names_the_reason() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let (_broker, mut client) = broker_with_topic(chapter, &dir).await;
            produce(&mut client, "t", batch(&["x"]).build()).await;
            assert_eq!(fetch(&mut client, "t", 1).await.error_code, ErrorCode::NONE);
            for offset in [2, -1, i64::MAX] {
                assert_eq!(
                    fetch(&mut client, "t", offset).await.error_code,
                    ErrorCode::OFFSET_OUT_OF_RANGE,
                    "{offset}"
                );
            }
            assert_eq!(fetch(&mut client, "unknown", 0).await.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
            let mut by_id = fetch_request("", 0);
            by_id.topics[0].topic_id = ch00_wire::uuid::Uuid([7; 16]);
            let answer = client.call(&by_id).await.unwrap();
            assert_eq!(answer.responses[0].partitions[0].error_code, ErrorCode::UNKNOWN_TOPIC_ID);
            let session = FetchRequest { session_id: 9, ..fetch_request("t", 0) };
            let answer = client.call_version(BY_NAME, &session).await.unwrap();
            assert_eq!(answer.error_code, ErrorCode::FETCH_SESSION_ID_NOT_FOUND);
        });
    }
}

#[test]
fn an_epoch_that_is_not_the_leaders_is_refused() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let (_broker, mut client) = broker_with_topic(chapter, &dir).await;
            for (known, expected) in [(-1, ErrorCode::NONE), (1000, ErrorCode::UNKNOWN_LEADER_EPOCH)] {
                let mut request = fetch_request("t", 0);
                request.topics[0].partitions[0].current_leader_epoch = known;
                let answer = client.call_version(BY_NAME, &request).await.unwrap();
                assert_eq!(answer.responses[0].partitions[0].error_code, expected, "epoch {known}");
            }
        });
    }
}

#[test]
fn sequences_are_checked() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let (_broker, mut client) = broker_with_topic(chapter, &dir).await;
            let id = client.call(&InitProducerIdRequest::default()).await.unwrap().producer_id;
            let send = |epoch, sequence, values: &[&str]| batch(values).producer(id, epoch, sequence).build();
            assert_eq!(produce(&mut client, "t", send(0, 0, &["a", "b"])).await.base_offset, 0);
            assert_eq!(produce(&mut client, "t", send(0, 2, &["c"])).await.base_offset, 2);
            // A repeat gets the first offset again, and is not stored again.
            assert_eq!(produce(&mut client, "t", send(0, 0, &["a", "b"])).await.base_offset, 0);
            let gap = produce(&mut client, "t", send(0, 4, &["e"])).await;
            assert_eq!(gap.error_code, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
            assert_eq!(produce(&mut client, "t", send(1, 0, &["new epoch"])).await.base_offset, 3);
            let old = produce(&mut client, "t", send(0, 3, &["old epoch"])).await;
            assert_eq!(old.error_code, ErrorCode::INVALID_PRODUCER_EPOCH);
            assert_eq!(log_end(&mut client, "t").await, 4);
        });
    }
}

#[test]
fn no_batch_is_taken_before_one_that_was_refused_for_now() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            let id = client.call(&InitProducerIdRequest::default()).await.unwrap().producer_id;
            let send = |sequence, value: &str| batch(&[value]).producer(id, 0, sequence).build();
            let first = produce(&mut client, "t", send(0, "a")).await;
            assert_eq!(first.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
            new_topic(&mut client, "t", &[]).await;
            // It was sent when the first was not answered yet. The log knows nothing of its producer.
            let second = produce(&mut client, "t", send(1, "b")).await;
            assert_eq!(second.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
            for (sequence, value) in [(0, "a"), (1, "b")] {
                assert_eq!(produce(&mut client, "t", send(sequence, value)).await.base_offset, i64::from(sequence));
            }
        });
    }
}

#[test]
fn a_full_disk_refuses_appends_and_loses_nothing() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            // Files of at most 256 KiB: a full disk, as far as one log is concerned. Or a disk that really is small.
            let mut setup = Setup::new(chapter, &dir);
            let small_disk = std::env::var_os("MINI_KAFKA_SMALL_DISK");
            match &small_disk {
                Some(disk) => {
                    let disk = std::path::Path::new(disk);
                    std::fs::write(disk.join("ballast"), vec![0; 1 << 20]).unwrap();
                    setup.dir = disk.join("data");
                }
                None => setup.before = Some("ulimit -f 512".to_string()),
            }
            let broker = setup.start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[]).await;
            new_topic(&mut client, "other", &[]).await;
            let value = "x".repeat(10_000);
            let mut acknowledged = 0;
            let refused = loop {
                let answer = produce(&mut client, "t", batch(&[&value]).build()).await;
                if answer.error_code.is_error() {
                    break answer.error_code;
                }
                acknowledged += 1;
            };
            assert_eq!(refused, ErrorCode::KAFKA_STORAGE_ERROR);
            assert!(acknowledged > 10, "{acknowledged}");
            for _ in 0..3 {
                let again = produce(&mut client, "t", batch(&[&value]).build()).await;
                assert_eq!(again.error_code, ErrorCode::KAFKA_STORAGE_ERROR);
            }
            assert_eq!(log_end(&mut client, "t").await, acknowledged);
            if small_disk.is_some() {
                // Room is made, and the same broker goes on: a full disk is not a broken one.
                std::fs::remove_file(setup.dir.join("../ballast")).unwrap();
            } else {
                // A batch that still fits is taken, and other logs go on.
                assert_eq!(produce(&mut client, "other", batch(&["goes on"]).build()).await.base_offset, 0);
            }
            assert_eq!(produce(&mut client, "t", batch(&["small"]).build()).await.base_offset, acknowledged);
            // After a crash and with room again: everything acknowledged is there, and appends go on.
            let mut setup = broker.kill();
            setup.before = None;
            let broker = setup.start();
            let mut client = broker.client().await;
            assert_eq!(log_end(&mut client, "t").await, acknowledged + 1);
            assert_eq!(produce(&mut client, "t", batch(&[&value]).build()).await.base_offset, acknowledged + 1);
            drop(broker);
            std::fs::remove_dir_all(&setup.dir).unwrap();
        });
    }
}

#[test]
fn topics_are_refused_with_the_error_that_fits() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let (_broker, mut client) = broker_with_topic(chapter, &dir).await;
            let code = |r: CreatableTopicResult| r.error_code;
            assert_eq!(code(create_topic(&mut client, "t", 1, &[]).await), ErrorCode::TOPIC_ALREADY_EXISTS);
            assert_eq!(code(create_topic(&mut client, "zero", 0, &[]).await), ErrorCode::INVALID_PARTITIONS);
            assert_eq!(code(create_topic(&mut client, "many", i32::MAX, &[]).await), ErrorCode::POLICY_VIOLATION);
            assert_eq!(
                code(create_topic(&mut client, "c", 1, &[("segment.byte", "1")]).await),
                ErrorCode::INVALID_CONFIG
            );
            assert_eq!(
                code(create_topic(&mut client, "c", 1, &[("segment.bytes", "1")]).await),
                ErrorCode::INVALID_CONFIG
            );
            assert_eq!(code(create_topic(&mut client, "a.b", 1, &[]).await), ErrorCode::NONE);
            assert_eq!(code(create_topic(&mut client, "a_b", 1, &[]).await), ErrorCode::INVALID_TOPIC_EXCEPTION);
            let topic = CreatableTopic {
                name: "copies".to_string(),
                num_partitions: 1,
                replication_factor: 4,
                ..Default::default()
            };
            let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
            let answer = client.call(&request).await.unwrap();
            assert_eq!(answer.topics[0].error_code, ErrorCode::INVALID_REPLICATION_FACTOR);
            let grow = |count| CreatePartitionsRequest {
                topics: vec![CreatePartitionsTopic { name: "t".to_string(), count, assignments: None }],
                ..Default::default()
            };
            assert_eq!(client.call(&grow(1)).await.unwrap().results[0].error_code, ErrorCode::INVALID_PARTITIONS);
            assert_eq!(client.call(&grow(3)).await.unwrap().results[0].error_code, ErrorCode::NONE);
        });
    }
}

#[test]
fn the_broker_lives_through_garbage_on_its_port() {
    for chapter in chapters_from(0) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let garbage: [&[u8]; 5] = [
                b"GET / HTTP/1.1\r\n\r\n",
                &[0xff; 64],
                &[0x7f, 0xff, 0xff, 0xff, 0, 0],
                &[0, 0, 0, 4, 0, 3, 0, 1],
                &[0, 0, 0, 10, 0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff],
            ];
            for bytes in garbage {
                let mut client = broker.client().await;
                client.send_raw(bytes).await.unwrap();
                assert!(client.receive_frame().await.is_err(), "{bytes:?} closes the connection");
            }
            broker.client().await;
        });
    }
}
