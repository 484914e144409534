//! Where a partition begins, ends, and what was when.

use ch00_wire::error_code::ErrorCode;
use ch01_log::builder::BatchBuilder;

use crate::harness::*;

#[test]
fn offsets_are_found_by_name_and_by_time() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[]).await;
            assert_eq!(list_offset(&mut client, "t", -3).await.offset, -1, "no record, no largest timestamp");
            let base = now() - 10_000;
            let times = [0, 5, 3, 9, 9, 4];
            for time in times {
                produce(&mut client, "t", BatchBuilder::new(0).record(base + time, None, Some(b"x")).build()).await;
            }
            let at = async |client: &mut _, timestamp| list_offset(client, "t", timestamp).await;
            assert_eq!(at(&mut client, -2).await.offset, 0);
            assert_eq!(at(&mut client, -1).await.offset, 6);
            let largest = at(&mut client, -3).await;
            assert_eq!((largest.offset, largest.timestamp), (3, base + 9));
            for (time, offset) in [(-5, 0), (0, 0), (1, 1), (5, 1), (6, 3), (9, 3), (10, -1)] {
                assert_eq!(at(&mut client, base + time).await.offset, offset, "time {time}");
            }
            // Tiered storage, which is not there: answered as by a broker without it.
            assert_eq!(at(&mut client, -4).await.offset, 0);
            assert_eq!((at(&mut client, -5).await.offset, at(&mut client, -5).await.error_code), (-1, ErrorCode::NONE));
            assert_eq!(at(&mut client, -6).await.offset, -1);
            assert_eq!(at(&mut client, -7).await.error_code, ErrorCode::UNSUPPORTED_VERSION);
        });
    }
}

#[test]
fn append_time_is_the_brokers() {
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            new_topic(&mut client, "t", &[("message.timestamp.type", "LogAppendTime")]).await;
            let before = now();
            let answer = produce(&mut client, "t", BatchBuilder::new(0).record(5, None, Some(b"x")).build()).await;
            assert!((before..=now()).contains(&answer.log_append_time_ms), "{}", answer.log_append_time_ms);
            let bytes = records_in(&fetch(&mut client, "t", 0).await);
            let header = ch01_log::batch::check(&bytes).unwrap();
            assert!(header.attributes.is_append_time());
            assert_eq!(header.max_timestamp, answer.log_append_time_ms);
            assert_eq!(list_offset(&mut client, "t", before).await.offset, 0);
        });
    }
}

#[test]
fn a_topics_codec_replaces_the_producers() {
    use ch01_log::compression::Compression::{self, *};
    for chapter in chapters_from(1) {
        let dir = TempDir::new();
        run(async {
            let broker = Setup::new(chapter, &dir).start();
            let mut client = broker.client().await;
            for (name, stored) in
                [("gzip", Gzip), ("snappy", Snappy), ("lz4", Lz4), ("zstd", Zstd), ("uncompressed", None)]
            {
                new_topic(&mut client, name, &[("compression.type", name)]).await;
                for sent in [None, Gzip, Snappy, Lz4, Zstd] {
                    let values = ["a".repeat(500), "b".repeat(500)];
                    let batch = values
                        .iter()
                        .fold(BatchBuilder::new(0), |b, v| b.record(now(), Some(b"k"), Some(v.as_bytes())));
                    let answer = produce(&mut client, name, batch.build_compressed(sent)).await;
                    assert_eq!(answer.error_code, ErrorCode::NONE, "{sent:?} to {name}");
                    let fetched = fetch(&mut client, name, answer.base_offset).await;
                    let header = ch01_log::batch::check(&records_in(&fetched)).unwrap();
                    assert_eq!(Compression::from_codec(header.attributes.codec()), Some(stored), "{sent:?} to {name}");
                    assert_eq!(values_in(&fetched), values, "{sent:?} to {name}");
                }
            }
        });
    }
}
