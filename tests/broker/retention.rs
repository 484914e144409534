//! What goes from a running broker's logs: by age, by size, by request, because something newer came.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ch00_wire::client::Client;
use ch00_wire::error_code::ErrorCode;
use ch01_log::builder::BatchBuilder;
use ch02_retention::messages::*;

use crate::harness::*;
use crate::round_trip::consume_all;

/// Looks again and again, until what was waited for is there.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn earliest(client: &mut Client, topic: &str) -> i64 {
    list_offset(client, topic, -2).await.offset
}

fn busy(chapter: u32, dir: &TempDir) -> Setup {
    Setup::new(chapter, dir).set("log.retention.check.interval.ms=50").set("log.cleaner.backoff.ms=20")
}

fn keyed(records: &[(&str, Option<&str>)]) -> BatchBuilder {
    let now = now();
    records
        .iter()
        .fold(BatchBuilder::new(0), |b, (key, value)| b.record(now, Some(key.as_bytes()), value.map(str::as_bytes)))
}

async fn delete_records(client: &mut Client, topic: &str, offset: i64) -> DeleteRecordsPartitionResult {
    let partitions = vec![DeleteRecordsPartition { partition_index: 0, offset }];
    let topics = vec![DeleteRecordsTopic { name: topic.to_string(), partitions }];
    let request = DeleteRecordsRequest { topics, timeout_ms: 30_000 };
    client.call(&request).await.unwrap().topics.remove(0).partitions.remove(0)
}

fn files(setup: &Setup, partition: &str) -> Vec<PathBuf> {
    std::fs::read_dir(setup.dir.join(partition)).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn an_idle_topics_records_expire_and_their_files_go() {
    for chapter in chapters_from(2) {
        run(async {
            let dir = TempDir::new();
            let broker = busy(chapter, &dir).start();
            let mut client = broker.client().await;
            new_topic(&mut client, "short", &[("retention.ms", "200"), ("file.delete.delay.ms", "0")]).await;
            new_topic(&mut client, "long", &[]).await;
            for topic in ["short", "long"] {
                assert_eq!(produce(&mut client, topic, batch(&["a", "b"]).build()).await.error_code, ErrorCode::NONE);
            }
            until("the records to expire", async || (earliest(&mut client, "short").await == 2).then_some(())).await;
            assert_eq!(fetch(&mut client, "short", 0).await.error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
            assert_eq!(produce(&mut client, "short", batch(&["c"]).build()).await.base_offset, 2, "offsets go on");
            let gone = || {
                !files(&broker.setup, "short-0").iter().any(|f| f.to_string_lossy().contains("/00000000000000000000."))
            };
            until("the files to go", async || gone().then_some(())).await;
            assert_eq!(earliest(&mut client, "long").await, 0);
        });
    }
}

#[test]
fn a_partition_keeps_to_its_bytes() {
    for chapter in chapters_from(2) {
        run(async {
            let dir = TempDir::new();
            let broker = busy(chapter, &dir).start();
            let mut client = broker.client().await;
            let settings =
                [("retention.bytes", "20000"), ("internal.segment.bytes", "5000"), ("file.delete.delay.ms", "0")];
            new_topic(&mut client, "t", &settings).await;
            let value = "x".repeat(900);
            for _ in 0..60 {
                produce(&mut client, "t", batch(&[&value]).build()).await;
            }
            let size = || {
                files(&broker.setup, "t-0")
                    .iter()
                    .filter(|f| f.extension().is_some_and(|e| e == "log"))
                    .map(|f| f.metadata().unwrap().len())
                    .sum::<u64>()
            };
            // Room for the segment that is being written to, and what is reserved ahead of it.
            until("old segments to go", async || (earliest(&mut client, "t").await >= 35).then_some(())).await;
            assert!(size() < 20_000 + 5_000 + 70_000, "{}", size());
            assert!(earliest(&mut client, "t").await <= 40, "no more than is above the limit");
        });
    }
}

#[test]
fn what_a_client_had_deleted_stays_deleted_after_a_crash() {
    for chapter in chapters_from(2) {
        run(async {
            let dir = TempDir::new();
            let mut setup = Setup::new(chapter, &dir);
            {
                let broker = setup.start();
                let mut client = broker.client().await;
                new_topic(&mut client, "t", &[]).await;
                new_topic(&mut client, "compacted", &[("cleanup.policy", "compact")]).await;
                produce(&mut client, "t", batch(&["a", "b", "c", "d"]).build()).await;
                for (offset, expected) in [
                    (5, (ErrorCode::OFFSET_OUT_OF_RANGE, -1)),
                    (-2, (ErrorCode::OFFSET_OUT_OF_RANGE, -1)),
                    (2, (ErrorCode::NONE, 2)),
                    (1, (ErrorCode::NONE, 2)),
                ] {
                    let result = delete_records(&mut client, "t", offset).await;
                    assert_eq!((result.error_code, result.low_watermark), expected, "offset {offset}");
                }
                assert_eq!(delete_records(&mut client, "compacted", 0).await.error_code, ErrorCode::POLICY_VIOLATION);
                assert_eq!(
                    delete_records(&mut client, "none", 0).await.error_code,
                    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
                );
                assert_eq!(earliest(&mut client, "t").await, 2);
                setup = broker.kill();
            }
            let broker = setup.start();
            let mut client = broker.client().await;
            assert_eq!(earliest(&mut client, "t").await, 2);
            assert_eq!(fetch(&mut client, "t", 1).await.error_code, ErrorCode::OFFSET_OUT_OF_RANGE);
            let all = delete_records(&mut client, "t", -1).await;
            assert_eq!((all.error_code, all.low_watermark), (ErrorCode::NONE, 4));
            assert!(values_in(&fetch(&mut client, "t", 4).await).is_empty());
        });
    }
}

#[test]
fn a_compacted_topic_is_read_back_as_the_last_value_of_each_key() {
    for chapter in chapters_from(2) {
        run(async {
            let dir = TempDir::new();
            let mut broker = busy(chapter, &dir).start();
            let mut client = broker.client().await;
            let settings = [
                ("cleanup.policy", "compact"),
                ("internal.segment.bytes", "20000"),
                ("min.cleanable.dirty.ratio", "0.01"),
                ("delete.retention.ms", "100"),
                ("file.delete.delay.ms", "0"),
            ];
            new_topic(&mut client, "t", &settings).await;
            let no_key = produce(&mut client, "t", batch(&["v"]).build()).await;
            assert_eq!(no_key.error_code, ErrorCode::INVALID_RECORD);
            let mut expected: BTreeMap<String, (i64, String)> = BTreeMap::new();
            let mut end = 0;
            for round in 0..3 {
                for i in 0..200 {
                    let keys: Vec<_> =
                        (0..10).map(|k| (format!("k{}", (i * 7 + k) % 50), format!("{round} {i} {k}"))).collect();
                    let records: Vec<_> = keys.iter().map(|(k, v)| (&**k, Some(&**v))).collect();
                    let answer = produce(&mut client, "t", keyed(&records).build()).await;
                    assert_eq!((answer.error_code, answer.base_offset), (ErrorCode::NONE, end));
                    for (key, value) in keys {
                        expected.insert(key, (end, value));
                        end += 1;
                    }
                }
                let compacted = async || (consume_all(&broker.bootstrap(), "t").len() < 2000).then_some(());
                until("most of the log to go", compacted).await;
                let seen = consume_all(&broker.bootstrap(), "t");
                assert!(seen.windows(2).all(|pair| pair[0].offset < pair[1].offset));
                let mut last = BTreeMap::new();
                for record in seen {
                    last.insert(record.key.unwrap(), (record.offset, record.value));
                }
                assert_eq!(last, expected);
                broker = broker.kill().start();
                client = broker.client().await;
            }
            // A tombstone for every key, and in the end there is nothing left of them.
            let keys: Vec<_> = expected.keys().map(|key| (&**key, None)).collect();
            produce(&mut client, "t", keyed(&keys).build()).await;
            let value = "x".repeat(15_000);
            let mut i = 0;
            let gone = async || {
                i += 1;
                produce(&mut client, "t", keyed(&[("other", Some(&*format!("{i} {value}")))]).build()).await;
                consume_all(&broker.bootstrap(), "t").iter().all(|r| r.key.as_deref() == Some("other")).then_some(())
            };
            until("the tombstones to go", gone).await;
        });
    }
}

#[test]
fn topics_of_a_folder_from_elsewhere_lose_nothing() {
    for chapter in chapters_from(2) {
        run(async {
            let dir = TempDir::new();
            let setup = busy(chapter, &dir).set("log.retention.ms=1").set("log.segment.delete.delay.ms=0");
            {
                let broker = setup.start();
                let mut client = broker.client().await;
                new_topic(&mut client, "ours", &[("retention.ms", "-1")]).await;
                produce(&mut client, "ours", batch(&["a"]).build()).await;
            }
            // What Apache Kafka knows of a topic is in a log that this broker does not read, or that is gone.
            if chapter >= 4 {
                std::fs::remove_dir_all(setup.dir.join("__cluster_metadata-0")).unwrap();
            } else {
                std::fs::create_dir_all(setup.dir.join("__cluster_metadata-0")).unwrap();
                std::fs::remove_file(setup.dir.join("mini-kafka.topics.json")).unwrap();
            }
            let broker = setup.start();
            let mut client = broker.client().await;
            new_topic(&mut client, "new", &[]).await;
            produce(&mut client, "new", batch(&["b"]).build()).await;
            until("a look at old segments", async || (earliest(&mut client, "new").await == 1).then_some(())).await;
            assert_eq!(values_in(&fetch(&mut client, "ours", 0).await), ["a"]);
            if chapter >= 4 {
                // Settings say so here: they can be looked at, and changed.
                return;
            }
            assert_eq!(delete_records(&mut client, "ours", 1).await.error_code, ErrorCode::POLICY_VIOLATION);
            let (code, stderr) = broker.terminate();
            assert_eq!(code, Some(0));
            assert_eq!(stderr.matches("keep everything until their cleanup.policy is set").count(), 1, "{stderr}");
        });
    }
}
