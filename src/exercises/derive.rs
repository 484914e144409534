//! Starters, derived from the chapters: what a reader begins with.
//!
//! A starter is a crate of the chapter's name. Its files are the chapter's with the exercises' functions blanked;
//! every other module is taken from the chapter by `#[path]`, so that there is one copy of it. What is not meant to be
//! read itself (`lib.rs`, the `mod.rs` above a file with exercises, `Cargo.toml`) is derived, too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::exercises::catalogue::{Chapter, Exercise, Project, read};
use crate::exercises::source::{self, Function};
use crate::failure::Failure;

/// The version of the starters' crates: cargo tells them from the chapters' by it.
const VERSION: &str = "0.0.0";

/// Files by their path in the project.
pub type Files = BTreeMap<PathBuf, String>;

impl Project {
    /// Every file of every starter, as it is before anything is solved.
    pub fn starters(&self) -> Result<Files, Failure> {
        let mut files = Files::new();
        let exercises = self.root.join("exercises");
        files.insert(exercises.join("Cargo.toml"), self.workspace()?);
        for chapter in &self.catalogue.chapters {
            for file in self.edited_files(chapter) {
                files.insert(self.exercise_file(chapter, &file), self.starter(chapter, &file)?);
            }
            let chapter_src = format!("../../../chapters/{}/src", chapter.name);
            for (file, text) in modules(self, chapter, &self.edited_files(chapter), &chapter_src)? {
                files.insert(self.exercise_file(chapter, &file), text);
            }
            files.insert(self.exercise_dir(chapter).join("Cargo.toml"), self.manifest(chapter)?);
        }
        Ok(files)
    }

    /// The files of a chapter that its exercises are about.
    pub fn edited_files(&self, chapter: &Chapter) -> BTreeSet<String> {
        self.exercises_of(chapter).iter().flat_map(|exercise| exercise.edited()).map(str::to_owned).collect()
    }

    /// The functions that an exercise blanks in one file, as they are in the chapter's text of it.
    pub fn blanked(&self, exercise: &Exercise, file: &str, text: &str) -> Result<Vec<Function>, Failure> {
        let mut functions = Vec::new();
        for (_, anchor) in exercise.anchors().filter(|(in_file, _)| *in_file == file) {
            let found = source::functions_in_anchor(text, anchor);
            functions.extend(found.map_err(|e| format!("{}: {file}: {e}", exercise.slug))?);
        }
        Ok(functions)
    }

    /// One file before anything in it is solved.
    pub fn starter(&self, chapter: &Chapter, file: &str) -> Result<String, Failure> {
        if self.exercises_of(chapter).iter().any(|exercise| exercise.files.iter().any(|open| open == file)) {
            return read(&self.root.join("exercises/open").join(file));
        }
        let text = read(&self.chapter_file(chapter, file))?;
        let mut bodies = Vec::new();
        for exercise in self.exercises_of(chapter) {
            for function in self.blanked(exercise, file, &text)? {
                let blank = source::blank_body(&function, &text, &exercise.slug);
                bodies.push((function, blank));
            }
        }
        Ok(source::without_anchors(&source::with_bodies(&text, bodies)))
    }

    fn manifest(&self, chapter: &Chapter) -> Result<String, Failure> {
        let name = &chapter.name;
        let mut text = format!(
            "# Derived from chapters/{name}/Cargo.toml.\n\n[package]\nname = \"{name}\"\nversion = \"{VERSION}\"\n\
             edition.workspace = true\nrust-version.workspace = true\npublish = false\nautotests = false\n\n\
             [lib]\ntest = false\ndoctest = false\n\n"
        );
        let own = read(&self.root.join("chapters").join(name).join("Cargo.toml"))?;
        text += &dependencies(&own);
        text += &test_dependencies(&own, &read(&self.root.join("Cargo.toml"))?);
        let short = name.split('-').next().unwrap_or(name);
        let mut suites = vec!["all"];
        suites.extend(self.exercises_of(chapter).iter().filter(|e| e.is_open()).map(|e| e.slug.as_str()));
        for suite in suites {
            text += &format!("\n[[test]]\nname = \"{suite}\"\npath = \"../../tests/{short}/{suite}.rs\"\n");
        }
        Ok(text + "\n[lints]\nworkspace = true\n")
    }

    fn workspace(&self) -> Result<String, Failure> {
        let root = read(&self.root.join("Cargo.toml"))?;
        let mut text = "# Derived from the Cargo.toml above this folder.\n\n[workspace]\n".to_owned();
        let members: Vec<_> = self.catalogue.chapters.iter().map(|chapter| format!("{:?}", chapter.name)).collect();
        text += &format!("members = [{}]\nresolver = \"3\"\n\n", members.join(", "));
        text += &section(&root, "[workspace.package]");
        text += &third_party(&root).replace("path = \"chapters/", "path = \"../chapters/");
        text += "# A function that is still to be written leaves much unused.\n[workspace.lints.rust]\nunused = \"allow\"\n\n";
        text += &section(&root, "[profile.dev]");
        text += "# The first check should not keep anyone waiting: not optimised, this compiles in a third of the time.\n\
                 [profile.dev.package.\"*\"]\ndebug = false\n";
        Ok(text)
    }
}

/// The files that say which modules there are: `lib.rs`, and the `mod.rs` of each folder with a file in `own`. Modules are
/// the chapter's, whose sources are in `src` as seen from `lib.rs`, but for those in `own`.
pub fn modules(
    project: &Project,
    chapter: &Chapter,
    own: &BTreeSet<String>,
    src: &str,
) -> Result<BTreeMap<String, String>, Failure> {
    // `quorum/` for `quorum/vote.rs`, and nothing for what lies beside `lib.rs`.
    let folders = |file: &str| file.match_indices('/').map(|(at, _)| file[..=at].to_owned()).collect::<Vec<_>>();
    let folders: BTreeSet<String> = own.iter().flat_map(|file| folders(file)).chain([String::new()]).collect();
    let mut files = BTreeMap::new();
    for folder in &folders {
        let file = if folder.is_empty() { "lib.rs".to_owned() } else { format!("{folder}mod.rs") };
        let up = if Path::new(src).is_absolute() { String::new() } else { "../".repeat(folder.matches('/').count()) };
        let is_here = |file: &&String| file.strip_prefix(folder).is_some_and(|rest| !rest.contains('/'));
        let mut open: BTreeSet<&str> = own.iter().filter(is_here).map(String::as_str).collect();
        let mut text = String::new();
        for line in source::without_anchors(&read(&project.chapter_file(chapter, &file))?).lines() {
            if let Some(module) = declared(line) {
                let (flat, nested) = (format!("{folder}{module}.rs"), format!("{folder}{module}/"));
                if open.remove(flat.as_str()) {
                    text += "// Yours:\n";
                } else if folders.contains(&nested) {
                    text += "// Some of it is yours:\n";
                } else if project.chapter_file(chapter, &flat).is_file() {
                    text += &format!("#[path = \"{up}{src}/{flat}\"]\n");
                } else {
                    text += &format!("#[path = \"{up}{src}/{nested}mod.rs\"]\n");
                }
            }
            text += line;
            text += "\n";
        }
        for file in open {
            text += &format!("// Yours:\npub mod {};\n", file[folder.len()..].trim_end_matches(".rs"));
        }
        files.insert(file, text);
    }
    Ok(files)
}

/// The module that a line declares, if it does.
fn declared(line: &str) -> Option<&str> {
    let line = line.strip_suffix(';')?;
    line.strip_prefix("pub ").unwrap_or(line).strip_prefix("mod ")
}

/// The part of a manifest that names what a crate is built from, not what it is tested with.
pub fn dependencies(manifest: &str) -> String {
    let mut text = section(manifest, "[dependencies]");
    for header in manifest.lines().filter(|line| line.starts_with("[target.") && line.ends_with(".dependencies]")) {
        text += &section(manifest, header);
    }
    text.trim_end().to_owned() + "\n"
}

/// What a crate's tests use of the crates that the project is built from; nothing if there is none.
pub fn test_dependencies(manifest: &str, root: &str) -> String {
    let (section, built_from) = (section(manifest, "[dev-dependencies]"), third_party(root));
    let is_built_from = |line: &&str| {
        let name = line.strip_suffix(".workspace = true");
        name.is_some() && built_from.lines().any(|dependency| dependency.split(' ').next() == name)
    };
    let lines: String = section.lines().filter(is_built_from).map(|line| format!("{line}\n")).collect();
    if lines.is_empty() { lines } else { format!("\n[dev-dependencies]\n{lines}") }
}

/// `[workspace.dependencies]` of the root's manifest without what only tests need.
pub fn third_party(root: &str) -> String {
    let section = section(root, "[workspace.dependencies]");
    section.split("# Tests only.").next().unwrap_or(&section).trim_end().to_owned() + "\n\n"
}

/// A section of a manifest, with its header and an empty line behind it; nothing if there is none.
pub fn section(manifest: &str, header: &str) -> String {
    let mut lines: Vec<&str> = manifest.lines().skip_while(|line| *line != header).collect();
    let next_header = lines.iter().skip(1).position(|line| line.starts_with('['));
    lines.truncate(next_header.map_or(lines.len(), |at| at + 1));
    // Comments above the next header belong to that one.
    while lines.last().is_some_and(|line| line.is_empty() || line.starts_with('#')) {
        lines.pop();
    }
    if lines.is_empty() { String::new() } else { lines.join("\n") + "\n\n" }
}
