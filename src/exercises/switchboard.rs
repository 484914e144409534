//! One crate with every variant of every exercise in it: blank, solved, and each wrong solution.
//!
//! To prove that exercises are fair, a chapter's tests are run with 0, 1, 2 … of them solved, and with each mutant in
//! place. To compile a crate for each of these would take minutes. So a body becomes a `match`, and an environment
//! variable chooses the arm when the tests run:
//!
//! ```text
//! pub fn lookup(…) -> Option<IndexEntry> {
//!     match crate::proof(0) { 0 => todo!("exercise index-lookup"), 2 => { mutant }, _ => { the chapter's } }
//! }
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::exercises::catalogue::{Chapter, Exercise, Project, read, write};
use crate::exercises::derive::{dependencies, modules, section, test_dependencies, third_party};
use crate::exercises::source::{functions, todo_message, with_bodies, without_anchors};
use crate::exercises::suite::{Built, Suite};
use crate::failure::Failure;

/// The variable that chooses: a number for each exercise, in order.
pub const CHOICE: &str = "MINI_KAFKA_PROOF";
/// The choice of an exercise that is blank.
pub const BLANK: usize = 0;
/// The choice of one that is solved.
pub const SOLVED: usize = 1;
/// The choice of an exercise's first mutant.
pub const FIRST_MUTANT: usize = 2;

/// A wrong solution.
pub struct Mutant {
    /// Its file in `exercises/mutants`.
    pub path: PathBuf,
    /// The test that finds it.
    pub caught_by: String,
    patch: String,
    /// The file of the chapter that it changes, from `src/` on.
    file: String,
}

/// The mutants of an exercise, in order.
pub fn mutants(project: &Project, exercise: &Exercise) -> Result<Vec<Mutant>, Failure> {
    let dir = project.root.join("exercises/mutants");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Some slug may begin as another does.
        let longest = project.exercises().iter().filter(|e| name.starts_with(&format!("{}-", e.slug)));
        longest.max_by_key(|e| e.slug.len()).is_some_and(|e| e.slug == exercise.slug)
    };
    paths.into_iter().filter(is_ours).map(|path| read_mutant(project, path)).collect()
}

fn read_mutant(project: &Project, path: PathBuf) -> Result<Mutant, Failure> {
    let text = read(&path)?;
    let fail = |what: &str| Failure::Message(format!("{}: {what}", project.shown(&path)));
    let caught_by = text.lines().find_map(|line| line.strip_prefix("Caught by: "));
    let caught_by = caught_by.ok_or_else(|| fail("no line `Caught by: TEST`"))?.to_owned();
    let start = text.find("--- ").ok_or_else(|| fail("no patch in it"))?;
    let file = text.lines().find_map(|line| line.strip_prefix("+++ ")).and_then(|line| line.split_once("/src/"));
    let file = file.ok_or_else(|| fail("it names no file"))?.1.trim().to_owned();
    Ok(Mutant { caught_by, patch: text[start..].to_owned(), file, path })
}

/// Compiles a chapter's crate with all variants in it; for an open-ended exercise, its file as `open` has it.
pub fn build(project: &Project, chapter: &Chapter, suite: &str, open: &Open) -> Result<Suite, Failure> {
    // Two folders below the root, as the chapters are: tests find their files from there.
    let dir = project.root.join("target").join(format!("proof-{}", chapter.name));
    let own = project.edited_files(chapter);
    for file in &own {
        let text = match open.get(file) {
            Some(text) => text.clone(),
            None => switched(project, chapter, file)?,
        };
        write_if_changed(&dir.join("src").join(file), &text)?;
    }
    let chapter_src = project.chapter_file(chapter, "");
    let chapter_src = chapter_src.to_string_lossy().trim_end_matches(['/', '\\']).replace('\\', "/");
    let mut modules = modules(project, chapter, &own, &chapter_src)?;
    *modules.entry("lib.rs".to_owned()).or_default() += &format!(
        "\n/// Which variant of an exercise runs.\npub fn proof(exercise: usize) -> usize {{\n    \
         static CHOICES: std::sync::OnceLock<Vec<usize>> = std::sync::OnceLock::new();\n    \
         let read = || std::env::var({CHOICE:?}).unwrap_or_default().split(',').filter_map(|c| c.parse().ok()).collect();\n    \
         CHOICES.get_or_init(read).get(exercise).copied().unwrap_or({SOLVED})\n}}\n"
    );
    for (file, text) in modules {
        write_if_changed(&dir.join("src").join(file), &text)?;
    }
    write_if_changed(&dir.join("Cargo.toml"), &manifest(project, chapter, suite)?)?;
    write_if_changed(&dir.join("Cargo.lock"), &read(&project.root.join("Cargo.lock"))?)?;
    match Suite::build(&dir.join("Cargo.toml"), suite, &super::check::target(project), &[])? {
        Built::Suite(suite) => Ok(suite),
        Built::Not => Err(Failure::Message(format!("{}: the crate of all variants does not compile", chapter.name))),
    }
}

/// The files of open-ended exercises, with their text.
pub type Open = BTreeMap<String, String>;

/// A chapter's file with every variant of its exercises' functions.
fn switched(project: &Project, chapter: &Chapter, file: &str) -> Result<String, Failure> {
    let text = read(&project.chapter_file(chapter, file))?;
    let mut bodies = Vec::new();
    for (index, exercise) in project.exercises_of(chapter).into_iter().enumerate() {
        if exercise.is_open() {
            continue;
        }
        let mutants = mutants(project, exercise)?;
        let blanked = project.blanked(exercise, file, &text)?;
        for function in blanked {
            let mut arms = format!("{BLANK} => todo!(\"{}\"), ", todo_message(&exercise.slug));
            for (number, mutant) in mutants.iter().enumerate().filter(|(_, mutant)| mutant.file == file) {
                let changed = apply(project, mutant, &text)?;
                let changed_functions = functions(&changed).map_err(|e| format!("{}: {e}", mutant.path.display()))?;
                if let Some(theirs) = changed_functions.iter().find(|f| f.key == function.key)
                    && theirs.body_in(&changed) != function.body_in(&text)
                {
                    arms += &format!("{} => {}, ", FIRST_MUTANT + number, theirs.body_in(&changed));
                }
            }
            let real = function.body_in(&text);
            let body = format!("{{ match crate::proof({index}) {{ {arms} _ => {real} }} }}");
            bodies.push((function, body));
        }
    }
    Ok(without_anchors(&with_bodies(&text, bodies)))
}

/// A text as a mutant changes it.
pub fn apply(project: &Project, mutant: &Mutant, text: &str) -> Result<String, Failure> {
    apply_patch(&mutant.patch, text).map_err(|e| Failure::Message(format!("{}: {e}", project.shown(&mutant.path))))
}

/// A text as a patch changes it.
pub fn apply_patch(patch: &str, text: &str) -> Result<String, String> {
    let patch = diffy::Patch::from_str(patch).map_err(|e| e.to_string())?;
    diffy::apply(text, &patch).map_err(|e| format!("the patch does not fit any more: {e}"))
}

fn manifest(project: &Project, chapter: &Chapter, suite: &str) -> Result<String, Failure> {
    let root = read(&project.root.join("Cargo.toml"))?;
    let own = read(&project.root.join("chapters").join(&chapter.name).join("Cargo.toml"))?;
    let exercises = read(&project.root.join("exercises/Cargo.toml"))?;
    let short = chapter.name.split('-').next().unwrap_or(&chapter.name);
    let test = project.root.join("tests").join(short).join(format!("{suite}.rs"));
    let chapters = format!("path = \"{}/chapters/", project.root.to_string_lossy().replace('\\', "/"));
    Ok(format!(
        "[package]\nname = {:?}\nversion = \"0.0.1\"\nedition.workspace = true\nautotests = false\n\n\
         [lib]\ntest = false\ndoctest = false\n\n{}{}\n[[test]]\nname = {suite:?}\npath = {test:?}\n\n\
         [lints.rust]\nunused = \"allow\"\n\n[workspace]\nresolver = \"3\"\n\n{}{}{}{}",
        chapter.name,
        dependencies(&own),
        test_dependencies(&own, &root),
        section(&root, "[workspace.package]"),
        third_party(&root).replace("path = \"chapters/", &chapters),
        section(&exercises, "[profile.dev]"),
        section(&exercises, "[profile.dev.package.\"*\"]"),
    ))
}

/// Cargo goes by the time of a file: one that is written again, is compiled again.
fn write_if_changed(path: &Path, text: &str) -> Result<(), Failure> {
    if std::fs::read_to_string(path).is_ok_and(|now| now == text) { Ok(()) } else { write(path, text) }
}
