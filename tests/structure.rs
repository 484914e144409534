//! The rules that keep chapters apart: a chapter depends on earlier ones only, and does not speak of later ones.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The number in a chapter's name, such as 1 in `ch01-log`.
fn chapter(name: &str) -> Option<u32> {
    name.strip_prefix("ch")?.get(..2)?.parse().ok()
}

#[test]
fn a_chapter_depends_on_earlier_chapters_only() {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--no-deps", "--offline"]).current_dir(root());
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut chapters = 0;
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some(number) = chapter(name) else { continue };
        chapters += 1;
        for dependency in package["dependencies"].as_array().unwrap() {
            let other = dependency["name"].as_str().unwrap();
            assert!(chapter(other).is_none_or(|other| other < number), "{name} depends on {other}");
        }
    }
    assert!(chapters >= 2);
}

/// Words that belong to a chapter: earlier ones do not use them.
const NOUNS: &[(u32, &[&str])] = &[
    (1, &["segment", "producer_id", "recovery"]),
    (2, &["retention", "dedupe", "tombstone", "dirty ratio"]),
    (3, &["high watermark", "high_watermark", "follower"]),
    (4, &["raft", "quorum", "election", "failover", "reassign"]),
    (5, &["rebalanc", "assignor", "generation"]),
];

/// Files of formats and messages, which may say which chapter gives a field its meaning.
const POINTS_AHEAD: &[&str] =
    &["ch01-log/src/messages/", "ch01-log/src/leader_epochs.rs", "ch02-retention/src/messages/"];

/// Where Kafka's formats and messages oblige a chapter to name what a later one explains.
const OBLIGED: &[(&str, &[&str])] = &[
    // Tables of Kafka's own names, whole because every Kafka shares them.
    (
        "ch00-wire/src/error_code.rs",
        &[
            "segment",
            "producer_id",
            "recovery",
            "election",
            "generation",
            "reassign",
            "rebalanc",
            "high_watermark",
            "quorum",
            "retention",
            "follower",
            "assignor",
        ],
    ),
    ("ch00-wire/src/messages/", &["raft"]),
    ("ch00-wire/src/config/known.rs", &["quorum", "segment", "retention", "generation"]),
    ("ch00-wire/src/config/kafka_keys.txt", &[]),
    // Fields of Kafka's messages.
    (
        "ch01-log/src/messages/",
        &["high watermark", "high_watermark", "follower", "election", "generation", "quorum", "reassign", "retention"],
    ),
    ("ch01-log/src/handlers/fetch.rs", &["high_watermark"]),
    // The name of an error: NOT_LEADER_OR_FOLLOWER.
    ("ch01-log/src/handlers/produce.rs", &["follower"]),
    // A key of Kafka's: `auto.leader.rebalance.enable`, and the settings that it becomes.
    ("ch04-controller/src/config.rs", &["rebalanc"]),
    ("ch04-controller/src/node_start.rs", &["rebalanc"]),
    // What compaction leaves in a batch.
    ("ch01-log/src/batch.rs", &["tombstone"]),
    ("ch01-log/src/config.rs", &["generation"]),
    // The key `auto.leader.rebalance.enable`.
    ("ch04-controller/src/controller/", &["rebalanc"]),
];

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn a_chapter_does_not_speak_of_later_ones() {
    let chapters = root().join("chapters");
    let mut found = Vec::new();
    sources(&chapters, &mut found);
    let mut offences = Vec::new();
    for path in found.iter().filter(|path| path.components().any(|part| part.as_os_str() == "src")) {
        let name = path.strip_prefix(&chapters).unwrap().display().to_string();
        let number = chapter(&name).unwrap();
        let text = std::fs::read_to_string(path).unwrap().to_lowercase();
        let excused: Vec<_> =
            OBLIGED.iter().filter(|(file, _)| name.starts_with(file)).flat_map(|(_, nouns)| *nouns).collect();
        for (_, nouns) in NOUNS.iter().filter(|(of, _)| *of > number) {
            for noun in nouns.iter().filter(|noun| text.contains(**noun) && !excused.contains(noun)) {
                offences.push(format!("{name}: {noun}"));
            }
        }
        let points_ahead = POINTS_AHEAD.iter().any(|file| name.starts_with(file));
        for later in (number + 1..10).filter(|_| !points_ahead) {
            if text.contains(&format!("ch{later:02}")) || text.contains(&format!("chapter {later}")) {
                offences.push(format!("{name}: chapter {later}"));
            }
        }
    }
    assert!(offences.is_empty(), "a chapter speaks of what only a later one explains:\n{}", offences.join("\n"));
}
