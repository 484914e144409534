//! `mini-kafka broker --mine`: the finished broker, with the reader's solved chapters in place of the book's.
//!
//! A workspace in `target/mine` names, for each crate, where its source is: in `exercises/` where a chapter's exercises
//! are all solved (or skipped), else in `chapters/`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::exercises::catalogue::{Chapter, Project, read, write};
use crate::exercises::derive::{dependencies, section, third_party};
use crate::exercises::source::todo_message;
use crate::exercises::suite::cargo;
use crate::failure::Failure;

/// What a reader leaves unused is no business of the broker's.
const UNUSED: &str = "\n[lints.rust]\nunused = \"allow\"\n\n";

/// Builds the reader's broker and runs it with these arguments.
pub fn run(project: &Project, arguments: &[String]) -> Result<ExitCode, Failure> {
    let binary = build(project)?;
    let mut command = std::process::Command::new(&binary);
    command.args(arguments);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        // Only comes back if it fails: signals and the exit code are the broker's own.
        Err(Failure::file(&binary, "cannot be run", &command.exec()))
    }
    #[cfg(not(unix))]
    {
        let status = command.status().map_err(|e| Failure::file(&binary, "cannot be run", &e))?;
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

/// Builds the reader's broker and says where it is.
pub fn build(project: &Project) -> Result<PathBuf, Failure> {
    let mut mine = Vec::new();
    for chapter in &project.catalogue.chapters {
        match first_blank(project, chapter)? {
            None => {
                eprintln!("{}: yours", chapter.name);
                mine.push(chapter.name.as_str());
            }
            Some(slug) => eprintln!("{}: the book's ({slug} is not solved yet)", chapter.name),
        }
    }
    if mine.is_empty() {
        let message = "no chapter of yours is complete; `mini-kafka check` says what is next, `mini-kafka skip SLUG` \
                       takes the chapter's version of an exercise";
        return Err(Failure::Message(message.to_owned()));
    }
    let dir = project.root.join("target/mine");
    write_workspace(project, &dir, &mine)?;
    let target = dir.join("target");
    let mut command = cargo();
    command.args(["build", "--release", "--quiet", "--bin", "mini-kafka"]);
    command.arg("--manifest-path").arg(dir.join("Cargo.toml")).arg("--target-dir").arg(&target);
    let status = command.status().map_err(|e| format!("cargo cannot be run: {e}"))?;
    if !status.success() {
        return Err(Failure::Message("your broker does not compile; the compiler's words are above".to_owned()));
    }
    Ok(target.join("release").join(format!("mini-kafka{}", std::env::consts::EXE_SUFFIX)))
}

/// The first exercise of a chapter that still has a blank body. Open-ended ones are not part of the broker.
fn first_blank<'a>(project: &'a Project, chapter: &Chapter) -> Result<Option<&'a str>, Failure> {
    for exercise in project.exercises_of(chapter).into_iter().filter(|exercise| !exercise.is_open()) {
        for file in exercise.edited() {
            if read(&project.exercise_file(chapter, file))?
                .contains(&format!("todo!(\"{}\")", todo_message(&exercise.slug)))
            {
                return Ok(Some(&exercise.slug));
            }
        }
    }
    Ok(None)
}

fn write_workspace(project: &Project, dir: &Path, mine: &[&str]) -> Result<(), Failure> {
    let root = read(&project.root.join("Cargo.toml"))?;
    let mut text = dependencies_and_package(&root, "mini-kafka");
    text += &format!(
        "\n[lib]\npath = {:?}\n\n[[bin]]\nname = \"mini-kafka\"\npath = {:?}\n\n",
        project.root.join("src/lib.rs"),
        project.root.join("src/main.rs")
    );
    text += UNUSED;
    text += &section(&root, "[features]").replace("bench = [\"dep:rdkafka\"]", "bench = []");
    text += "[workspace]\nmembers = [\".\", \"chapters/*\"]\nresolver = \"3\"\n\n";
    text += &section(&root, "[workspace.package]");
    text += &third_party(&root);
    text += &section(&root, "[profile.release.package.zstd-sys]");
    write(&dir.join("Cargo.toml"), &text)?;
    for entry in std::fs::read_dir(project.root.join("chapters")).map_err(|e| format!("chapters: {e}"))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = if mine.contains(&name.as_str()) { "exercises" } else { "chapters" };
        let manifest = read(&entry.path().join("Cargo.toml"))?;
        let mut text = dependencies_and_package(&manifest, &name);
        text += &format!("\n[lib]\npath = {:?}\n", project.root.join(kind).join(&name).join("src/lib.rs"));
        text += UNUSED;
        write(&dir.join("chapters").join(&name).join("Cargo.toml"), &text)?;
    }
    let lock = read(&project.root.join("Cargo.lock"))?;
    write(&dir.join("Cargo.lock"), &lock)
}

fn dependencies_and_package(manifest: &str, name: &str) -> String {
    let package = format!(
        "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition.workspace = true\nautobins = false\n\
         autotests = false\nautobenches = false\n\n"
    );
    let optional = |line: &&str| !line.starts_with("rdkafka");
    package + &dependencies(manifest).lines().filter(optional).map(|line| format!("{line}\n")).collect::<String>()
}
