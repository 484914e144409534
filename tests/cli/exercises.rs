//! The commands about exercises that compile nothing: in a copy of the project, as a reader has it.

use std::path::Path;
use std::process::{Command, Stdio};

use super::command::Ended;
use super::harness::TempDir;

/// The part of a clone that these commands need.
struct Clone(TempDir);

impl Clone {
    fn new() -> Clone {
        let clone = Clone(TempDir::new());
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let open = ["follow", "table", "quota", "why", "lag"].map(|slug| format!("exercises/open/{slug}.rs"));
        for file in ["exercises/exercises.toml", "Cargo.toml"].into_iter().chain(open.iter().map(String::as_str)) {
            clone.put(file, &std::fs::read_to_string(root.join(file)).unwrap());
        }
        for chapter in ["ch00-wire", "ch01-log", "ch02-retention", "ch03-replication", "ch04-controller", "ch05-groups"]
        {
            let mut left = vec![root.join("chapters").join(chapter)];
            while let Some(path) = left.pop() {
                if path.is_dir() {
                    left.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
                } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "toml") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    clone.put(path.strip_prefix(root).unwrap().to_str().unwrap(), &text);
                }
            }
        }
        clone.run(&["exercises", "--derive"]).ok();
        clone
    }

    fn put(&self, file: &str, text: &str) {
        let path = self.0.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn get(&self, file: &str) -> String {
        std::fs::read_to_string(self.0.path().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
    }

    fn run(&self, args: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mini-kafka"));
        let output = command.args(args).current_dir(self.0.path()).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

const LOOKUP: &str = "exercises/ch01-log/src/offset_index.rs";
const BLANK: &str = "todo!(\"exercise index-lookup\")";

/// The chapter's file without the lines that are there for the book.
fn chapters_version(clone: &Clone) -> String {
    let text = clone.get("chapters/ch01-log/src/offset_index.rs");
    text.lines().filter(|line| !line.trim().starts_with("// ANCHOR")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_starter_is_the_chapters_file_without_the_bodies() {
    let clone = Clone::new();
    let starter = clone.get(LOOKUP);
    assert!(starter.contains(BLANK));
    assert!(starter.contains("pub fn decode") && starter.contains("base + Offset::from(offset)"), "the rest is there");
    assert!(!starter.contains("ANCHOR"));
    let library = clone.get("exercises/ch01-log/src/lib.rs");
    assert!(library.contains("// Yours:\npub mod offset_index;\n"));
    assert!(library.contains("#[path = \"../../../chapters/ch01-log/src/disk.rs\"]\npub mod disk;\n"));
}

#[test]
fn a_starter_in_a_folder_has_the_chapters_modules_beside_it() {
    let clone = Clone::new();
    assert!(clone.get("exercises/ch04-controller/src/quorum/vote.rs").contains("todo!(\"exercise vote-rule\")"));
    let library = clone.get("exercises/ch04-controller/src/lib.rs");
    assert!(library.contains("// Some of it is yours:\npub mod quorum;\n"), "{library}");
    assert!(library.contains("#[path = \"../../../chapters/ch04-controller/src/records/mod.rs\"]\npub mod records;\n"));
    let quorum = clone.get("exercises/ch04-controller/src/quorum/mod.rs");
    assert!(quorum.contains("// Yours:\npub mod vote;\n"), "{quorum}");
    let leader = "#[path = \"../../../../chapters/ch04-controller/src/quorum/leader.rs\"]\nmod leader;\n";
    assert!(
        quorum.contains(leader) && quorum.contains("pub struct Quorum {") && !quorum.contains("ANCHOR"),
        "{quorum}"
    );
}

#[test]
fn what_is_in_a_folder_is_skipped_and_saved_like_the_rest() {
    let clone = Clone::new();
    let file = "exercises/ch04-controller/src/quorum/vote.rs";
    clone.put(file, &clone.get(file).replace("todo!(\"exercise vote-rule\")", "true"));
    let said = clone.run(&["skip", "vote-rule"]).ok();
    assert!(said.contains("exercises/saved/ch04-controller/src/quorum/vote.rs.1"), "{said}");
    assert!(clone.get(file).contains("voted_for.matches(candidate)"));
    assert!(clone.run(&["diff", "vote-rule"]).ok().contains("quorum/vote.rs: yours is the chapter's, word for word"));
    clone.run(&["reset", "vote-rule"]).ok();
    assert!(clone.get(file).contains("todo!(\"exercise vote-rule\")"));
}

#[test]
fn a_starter_has_what_the_tests_need_and_no_more() {
    let clone = Clone::new();
    let manifest = clone.get("exercises/ch02-retention/Cargo.toml");
    assert!(manifest.contains("\n[dev-dependencies]\nbytes.workspace = true\n"), "{manifest}");
    assert!(!manifest.contains("proptest") && !manifest.contains("kafka-protocol"), "{manifest}");
    let library = clone.get("exercises/ch02-retention/src/lib.rs");
    assert!(library.ends_with("// Yours:\npub mod table;\n"), "{library}");
    assert_eq!(clone.get("exercises/ch02-retention/src/table.rs"), clone.get("exercises/open/table.rs"));
}

#[test]
fn what_is_skipped_is_the_chapters_and_yours_is_saved() {
    let clone = Clone::new();
    let mine = clone.get(LOOKUP).replace(BLANK, "my_own_helper(entries)") + "\nfn my_own_helper() {}\n";
    clone.put(LOOKUP, &mine);
    let said = clone.run(&["skip", "index-lookup"]).ok();
    assert!(said.contains("exercises/saved/ch01-log/src/offset_index.rs.1"), "{said}");
    assert_eq!(clone.get(LOOKUP), chapters_version(&clone) + "\nfn my_own_helper() {}\n", "what is beside it stays");
    assert_eq!(clone.get("exercises/saved/ch01-log/src/offset_index.rs.1"), mine);
    // Again: there is nothing to save.
    assert_eq!(clone.run(&["skip", "index-lookup"]).ok(), "index-lookup: the chapter's version is in place\n");
    let said = clone.run(&["reset", "index-lookup"]).ok();
    assert!(said.contains("offset_index.rs.2"), "{said}");
    assert!(clone.get(LOOKUP).contains(BLANK));
}

#[test]
fn a_difference_is_shown_function_by_function() {
    let clone = Clone::new();
    let shown = clone.run(&["diff", "index-lookup"]).ok();
    assert!(shown.contains("-    todo!(\"exercise index-lookup\")"), "{shown}");
    assert!(shown.contains("+    low.checked_sub(1).map(at)"), "{shown}");
    assert!(!shown.contains("pub fn decode"), "other functions are not shown");
    clone.run(&["skip", "index-lookup"]).ok();
    let shown = clone.run(&["diff", "index-lookup"]).ok();
    assert_eq!(shown, "offset_index.rs: yours is the chapter's, word for word\n");
}

#[test]
fn an_open_exercise_has_no_chapters_version() {
    let clone = Clone::new();
    for command in ["skip", "diff"] {
        assert!(clone.run(&[command, "follow"]).failed(1).contains("no chapter's version"));
    }
    clone.put("exercises/ch01-log/src/follow.rs", "mine");
    clone.run(&["reset", "follow"]).ok();
    assert_eq!(clone.get("exercises/ch01-log/src/follow.rs"), clone.get("exercises/open/follow.rs"));
    assert_eq!(clone.get("exercises/saved/ch01-log/src/follow.rs.1"), "mine");
}

#[test]
fn hints_come_one_by_one() {
    let clone = Clone::new();
    let first = clone.run(&["hint", "roll"]).ok();
    assert!(first.starts_with("roll, hint 1 of 3\n") && first.contains("mini-kafka hint roll 2"), "{first}");
    assert!(clone.run(&["hint", "roll", "3"]).ok().contains("mini-kafka diff roll"));
    assert!(clone.run(&["hint", "roll", "4"]).failed(2).contains("1 to 3"));
    assert!(clone.run(&["hint", "rol"]).failed(2).contains("did you mean roll?"));
}

#[test]
fn a_file_that_cannot_be_read_as_rust_is_left_alone() {
    let clone = Clone::new();
    clone.put(LOOKUP, "pub fn lookup( {");
    for command in ["skip", "reset", "diff"] {
        let said = clone.run(&[command, "index-lookup"]).failed(1);
        assert!(said.contains("exercises/ch01-log/src/offset_index.rs: line 1"), "{said}");
    }
    assert_eq!(clone.get(LOOKUP), "pub fn lookup( {");
    clone.put(LOOKUP, "pub fn search() {}");
    assert!(clone.run(&["skip", "index-lookup"]).failed(1).contains("no function `lookup` any more"));
}

#[test]
fn a_broker_of_ones_own_needs_a_chapter_of_ones_own() {
    let clone = Clone::new();
    let ended = clone.run(&["broker", "--mine"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("ch00-wire: the book's (read-varint is not solved yet)"), "{}", ended.err);
    assert!(ended.err.contains("ch02-retention: the book's (throttle is not solved yet)"), "{}", ended.err);
    assert!(ended.err.contains("`mini-kafka check` says what is next"), "{}", ended.err);
    let cluster = clone.run(&["cluster", "--mine", "--port", "0"]);
    assert_eq!((cluster.code, cluster.err), (Some(1), ended.err));
}
