//! The messages of chapter 3 against Apache Kafka's own bytes, and against bytes that nobody should send; and those of all
//! chapters against what fuzzing found.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;
#[path = "../ch00/support/mod.rs"]
mod support;

use ch03_replication::messages::*;
use support::golden::{Subject, subjects};
use support::random::Random;

/// The messages of this chapter.
fn messages() -> Vec<Subject> {
    subjects! { OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse }
}

#[test]
fn messages_are_kafkas() {
    let checked: usize = messages().iter().map(Subject::check).sum();
    assert_eq!(checked, 26);
}

#[test]
fn versions_are_kafkas() {
    support::apis::check::<OffsetForLeaderEpochRequest>();
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
