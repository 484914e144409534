//! The messages of chapter 1 against Apache Kafka's own bytes, and against bytes that nobody should send.

mod by_hand;
#[path = "../fuzz/src/lib.rs"]
mod fuzz;
#[path = "../ch00/support/mod.rs"]
mod support;

use bytes::Bytes;
use ch00_wire::codec::{Reader, Wire, Writer};
use ch00_wire::table::Message;
use ch01_log::messages::*;
use support::golden::{Subject, subjects};
use support::random::Random;

/// The messages of this chapter.
fn messages() -> Vec<Subject> {
    subjects! {
        ProduceRequest ProduceResponse
        FetchRequest FetchResponse
        ListOffsetsRequest ListOffsetsResponse
        MetadataRequest MetadataResponse
        CreateTopicsRequest CreateTopicsResponse
        DeleteTopicsRequest DeleteTopicsResponse
        InitProducerIdRequest InitProducerIdResponse
        CreatePartitionsRequest CreatePartitionsResponse
        DescribeClusterRequest DescribeClusterResponse
        DescribeTopicPartitionsRequest DescribeTopicPartitionsResponse
    }
}

#[test]
fn messages_are_kafkas() {
    let checked: usize = messages().iter().map(Subject::check).sum();
    assert_eq!(checked, 636);
}

#[test]
fn versions_are_kafkas() {
    support::apis::check::<ProduceRequest>();
    support::apis::check::<FetchRequest>();
    support::apis::check::<ListOffsetsRequest>();
    support::apis::check::<MetadataRequest>();
    support::apis::check::<CreateTopicsRequest>();
    support::apis::check::<DeleteTopicsRequest>();
    support::apis::check::<InitProducerIdRequest>();
    support::apis::check::<CreatePartitionsRequest>();
    support::apis::check::<DescribeClusterRequest>();
    support::apis::check::<DescribeTopicPartitionsRequest>();
}

#[test]
fn every_prefix_of_a_message_is_refused() {
    messages().iter().for_each(|subject| subject.refuses_every_prefix());
}

#[test]
fn huge_lengths_allocate_nothing() {
    messages().iter().for_each(|subject| subject.survives_huge_lengths());
}

#[test]
fn flipped_bits_are_survived() {
    messages().iter().for_each(|subject| subject.survives_flipped_bits());
}

#[test]
fn a_tag_a_million_times_takes_no_memory() {
    let v = FetchRequest::version(18);
    let mut w = Writer::new();
    FetchRequest::default().encode(&mut w, v);
    let whole = w.into_bytes();
    // In place of no tagged fields, a million times tag 0, the cluster's id.
    let (none, before) = whole.split_last().unwrap();
    assert_eq!(*none, 0);
    let many = Bytes::from([before, &[0xc0, 0x84, 0x3d], &[0, 2, 2, b'a'].repeat(1_000_000)].concat());
    let (cluster_id, most) =
        support::memory::peak(|| FetchRequest::decode(&mut Reader::new(many), v).unwrap().cluster_id);
    assert_eq!(cluster_id.as_deref(), Some("a"), "the last one counts");
    assert!(most < 4096, "{most} bytes");
}

/// The files of a folder of tests/fuzz.
fn inputs(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz").join(folder);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let read = |path: std::path::PathBuf| (path.display().to_string(), std::fs::read(&path).unwrap());
    files.map(|file| read(file.unwrap().path())).collect()
}

#[test]
fn what_fuzzing_found_is_survived() {
    for (name, bytes) in inputs("corpus/request").into_iter().chain(inputs("crashes/request")) {
        println!("{name}");
        let ((), most) = support::memory::peak(|| fuzz::request(&bytes));
        assert!(most < 1 << 20, "{name} takes {most} bytes");
    }
}

#[test]
fn a_little_fuzzing_finds_nothing() {
    let mut random = Random::new(1);
    let corpus = inputs("corpus/request");
    for _ in 0..20_000 {
        let (name, bytes) = &corpus[random.below(corpus.len())];
        let mut bytes = bytes.clone();
        for _ in 0..1 + random.below(4) {
            let at = 8 + random.below(bytes.len() - 8);
            bytes[at] = match random.below(4) {
                0 => 0,
                1 => 0xff,
                2 => bytes[at] ^ 1 << random.below(8),
                _ => random.number() as u8,
            };
        }
        let survived = std::panic::catch_unwind(|| fuzz::request(&bytes));
        assert!(survived.is_ok(), "{name}, changed to {}", support::to_hex(&bytes));
    }
}
