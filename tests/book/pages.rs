//! Every page of the book: that it is in the summary, that what it includes is there, that its links lead somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page by its path below `book/src`, with its text.
pub fn pages() -> BTreeMap<PathBuf, String> {
    let src = root().join("book/src");
    let mut pages = BTreeMap::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.insert(path.strip_prefix(&src).unwrap().to_owned(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    pages
}

/// A fenced block: its info string, the line of the page at which it begins, and what is in it.
pub struct Block<'a> {
    pub info: &'a str,
    pub line: usize,
    pub text: Vec<&'a str>,
}

/// The fenced blocks of a page.
pub fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (line, text) in (1..).zip(page.lines()) {
        match (text.trim_start().strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some(Block { info: info.trim(), line, text: Vec::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text.push(text),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block that begins at line {} does not end", open.unwrap().line);
    blocks
}

/// The page without its fenced blocks and comments.
fn prose(page: &str) -> String {
    let mut inside = false;
    let lines = page.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        inside ^= is_fence;
        !inside && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Collects what is wrong, so that one run shows all of it.
#[derive(Default)]
struct Complaints(Vec<String>);

impl Complaints {
    fn add(&mut self, page: &Path, what: impl std::fmt::Display) {
        self.0.push(format!("book/src/{}: {what}", page.display()));
    }

    fn none(self) {
        assert!(self.0.is_empty(), "\n{}\n", self.0.join("\n"));
    }
}

/// Text between every pair of marks.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    text.split(start).skip(1).filter_map(|rest| rest.split_once(end)).map(|(inside, _)| inside).collect()
}

/// The targets of a page's links.
fn links(prose: &str) -> Vec<&str> {
    between(prose, "](", ")")
}

#[test]
fn every_page_is_in_the_summary() {
    let pages = pages();
    let summary = &pages[Path::new("SUMMARY.md")];
    let named: BTreeSet<PathBuf> = links(summary).into_iter().map(PathBuf::from).collect();
    let written: BTreeSet<PathBuf> = pages.keys().filter(|page| *page != Path::new("SUMMARY.md")).cloned().collect();
    assert_eq!(named, written);
}

#[test]
fn everything_included_is_there() {
    let mut complaints = Complaints::default();
    for (page, text) in pages() {
        let folder = root().join("book/src").join(&page);
        let folder = folder.parent().unwrap();
        for what in between(&text, "{{#quiz ", "}}") {
            if !folder.join(what.trim()).is_file() {
                complaints.add(&page, format!("no quiz {what}"));
            }
        }
        for what in between(&text, "{{#include ", "}}") {
            let (file, anchor) = what.trim().split_once(':').unwrap_or((what.trim(), ""));
            let Ok(source) = fs::read_to_string(folder.join(file)) else {
                complaints.add(&page, format!("no file {file}"));
                continue;
            };
            if anchor.is_empty() {
                continue;
            }
            let after = source.split_once(&format!("ANCHOR: {anchor}\n")).map(|(_, after)| after);
            let inside = after.and_then(|after| after.split_once(&format!("ANCHOR_END: {anchor}\n")));
            match inside {
                None => complaints.add(&page, format!("no anchor {anchor} in {file}")),
                Some((inside, _)) if inside.lines().filter(|line| !line.contains("ANCHOR")).count() < 2 => {
                    complaints.add(&page, format!("anchor {anchor} in {file} is empty"));
                }
                Some(_) => {}
            }
        }
    }
    complaints.none();
}

#[test]
fn code_is_included_and_its_file_is_named_above_it() {
    let mut complaints = Complaints::default();
    for (page, text) in pages() {
        let lines: Vec<_> = text.lines().collect();
        for block in blocks(&text) {
            let includes = block.text.iter().find_map(|line| line.trim().strip_prefix("{{#include "));
            if block.info.starts_with("rust") && includes.is_none() {
                complaints.add(&page, format!("line {}: code that is not included from a file", block.line));
            }
            let Some(include) = includes else { continue };
            let file = include.trim_end_matches('}').split(':').next().unwrap();
            let name = Path::new(file).file_name().unwrap().to_str().unwrap();
            let above = &lines[block.line.saturating_sub(5)..block.line - 1];
            if !above.iter().any(|line| line.contains(&format!("{name}`"))) {
                complaints.add(&page, format!("line {}: nothing above says that this is `{name}`", block.line));
            }
        }
    }
    complaints.none();
}

/// A heading's anchor, as mdBook makes it.
fn anchor_of(heading: &str) -> String {
    let mut anchor = String::new();
    for c in heading.trim().chars() {
        if c.is_alphanumeric() || c == '_' || c == '-' {
            anchor.extend(c.to_lowercase());
        } else if c.is_whitespace() {
            anchor.push('-');
        }
    }
    anchor
}

/// The anchors of a page's headings; the second of a name gets a number.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for heading in prose(page).lines().filter(|line| line.starts_with('#')) {
        let anchor = anchor_of(&heading.trim_start_matches('#').replace('`', ""));
        let count = seen.entry(anchor.clone()).or_default();
        anchors.insert(if *count == 0 { anchor.clone() } else { format!("{anchor}-{count}") });
        *count += 1;
    }
    anchors
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        if component == Component::ParentDir {
            normal.pop();
        } else {
            normal.push(component);
        }
    }
    normal
}

#[test]
fn links_lead_somewhere() {
    let pages = pages();
    let mut complaints = Complaints::default();
    for (page, text) in &pages {
        for link in links(&prose(text)) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { normal(&page.parent().unwrap().join(file)) };
            match pages.get(&target) {
                None => complaints.add(page, format!("no page {link}")),
                Some(text) if !anchor.is_empty() && !anchors(text).contains(anchor) => {
                    complaints.add(page, format!("no heading for {link}"));
                }
                Some(_) => {}
            }
        }
    }
    complaints.none();
}

#[test]
fn quizzes_explain_their_answers() {
    for entry in fs::read_dir(root().join("book/src/quizzes")).unwrap() {
        let path = entry.unwrap().path();
        let quiz: toml::Table = toml::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let questions = quiz["questions"].as_array().unwrap();
        assert!(questions.len() >= 10, "{}: {} questions", path.display(), questions.len());
        let mut ids = BTreeSet::new();
        for question in questions {
            let text = |key: &str| question.get(key).and_then(|value| value.as_str()).unwrap_or_default();
            assert!(ids.insert(text("id")) && !text("id").is_empty(), "{}: an id of its own", path.display());
            assert!(text("context").len() > 80, "{}: {}: explain", path.display(), text("id"));
            assert!(question.get("answer").is_some(), "{}: {}: an answer", path.display(), text("id"));
        }
    }
}

#[test]
fn exercises_have_a_page() {
    let pages = pages();
    let list: toml::Table =
        toml::from_str(&fs::read_to_string(root().join("exercises/exercises.toml")).unwrap()).unwrap();
    for exercise in list["exercise"].as_array().unwrap() {
        let (page, anchor) = exercise["page"].as_str().unwrap().split_once('#').unwrap();
        let text = pages.get(Path::new(page)).unwrap_or_else(|| panic!("no page {page}"));
        assert!(anchors(text).contains(anchor), "{page} has no heading {anchor}");
        assert_eq!(exercise["hints"].as_array().unwrap().len(), 3, "{anchor}: three hints");
    }
}

/// `chapters/ch01-log/src/log.rs`, or with a function's name after `::`.
fn code_exists(code: &str) -> bool {
    root().join(code.split("::").next().unwrap()).exists()
}

/// `ch01 log::a_test`: a test function in the suite of a chapter, of real brokers, or of the command.
fn test_exists(test: &str) -> bool {
    let Some((suite, path)) = test.split_once(' ') else { return false };
    let mut parts: Vec<_> = path.split("::").collect();
    let name = parts.pop().unwrap();
    let folder = root().join("tests").join(suite);
    let file = match parts.first() {
        Some(module) => folder.join(format!("{module}.rs")),
        None => root().join("tests").join(format!("{suite}.rs")),
    };
    fs::read_to_string(file).is_ok_and(|source| source.contains(&format!("fn {name}(")))
}

/// Each row says where a concept is taught, where it is in the code, and which test holds it.
#[test]
fn the_syllabus_is_true() {
    let pages = pages();
    let syllabus = &pages[Path::new("syllabus.md")];
    let mut complaints = Complaints::default();
    let (mut rows, mut written) = (0, 0);
    for (number, line) in (1..).zip(syllabus.lines()) {
        let cells: Vec<_> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
        if !line.starts_with('|') || line.contains("---") || cells.get(1) == Some(&"page") {
            continue;
        }
        rows += 1;
        let mut complain = |what: String| complaints.add(Path::new("syllabus.md"), format!("line {number}: {what}"));
        if line.contains("not written yet") {
            continue;
        }
        written += 1;
        let [_, page, code, test] = cells[..] else {
            complain(format!("four columns are needed, not {}", cells.len()));
            continue;
        };
        if links(page).is_empty() {
            complain("no page".to_owned());
        }
        for path in between(&code.replace('`', "\u{1}"), "\u{1}", "\u{1}").into_iter().step_by(2) {
            if !code_exists(path) {
                complain(format!("no {path}"));
            }
        }
        let tests: Vec<_> = test.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        if tests.is_empty() {
            complain("no test".to_owned());
        }
        for test in tests.iter().filter(|test| !test_exists(test)) {
            complain(format!("no test {test}"));
        }
    }
    assert!(rows > 60 && written > 25, "{rows} rows, {written} of chapters that are written");
    complaints.none();
}
