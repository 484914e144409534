//! Commands about one exercise: a hint, the chapter's solution, a fresh start, the difference.
//!
//! Nothing overwrites what a reader wrote without saving it: the file as it was goes to `exercises/saved/`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use diffy::{DiffOptions, PatchFormatter};

use crate::exercises::catalogue::{Exercise, Project, read, write};
use crate::exercises::source::{self, Function, functions};
use crate::failure::Failure;

/// Prints one of an exercise's hints.
pub fn hint(project: &Project, slug: &str, number: usize) -> Result<(), Failure> {
    let exercise = project.exercise(slug)?;
    let count = exercise.hints.len();
    let Some(hint) = number.checked_sub(1).and_then(|index| exercise.hints.get(index)) else {
        return Err(Failure::Usage(format!("{slug} has {count} hints: 1 to {count}")));
    };
    say!("{slug}, hint {number} of {count}\n\n{}", hint.trim());
    if number < count {
        say!("\nThe next one: mini-kafka hint {slug} {}", number + 1);
    } else if !exercise.is_open() {
        say!("\nThe chapter's own version: mini-kafka diff {slug}");
    }
    Ok(())
}

/// Puts the chapter's bodies in place of the reader's.
pub fn skip(project: &Project, slug: &str) -> Result<(), Failure> {
    let exercise = closed(project, slug)?;
    replace(project, exercise, |function, text, _| Ok(function.body_in(text).to_owned()))?;
    say!("{slug}: the chapter's version is in place");
    Ok(())
}

/// Blanks an exercise again.
pub fn reset(project: &Project, slug: &str) -> Result<(), Failure> {
    let exercise = project.exercise(slug)?;
    let chapter = project.chapter_of(exercise);
    if exercise.is_open() {
        for file in &exercise.files {
            let path = project.exercise_file(chapter, file);
            save(project, &path)?;
            write(&path, &project.starter(chapter, file)?)?;
        }
    } else {
        replace(project, exercise, |function, text, slug| Ok(source::blank_body(function, text, slug)))?;
    }
    say!("{slug}: as it was at the beginning");
    Ok(())
}

/// Shows the reader's version beside the chapter's.
pub fn diff(project: &Project, slug: &str) -> Result<(), Failure> {
    let exercise = closed(project, slug)?;
    let chapter = project.chapter_of(exercise);
    for file in exercise.edited() {
        let path = project.exercise_file(chapter, file);
        let (theirs, ours) = (read(&path)?, read(&project.chapter_file(chapter, file))?);
        let pairs = pairs(project, exercise, file, &ours, &theirs, &path)?;
        for (chapters, readers) in pairs {
            let chapters = format!("{}\n", source::without_anchors(chapters.text_in(&ours)));
            let readers = format!("{}\n", readers.text_in(&theirs));
            let mut options = DiffOptions::new();
            options
                .set_original_filename(format!("{file}, yours"))
                .set_modified_filename(format!("{file}, the chapter's"));
            let patch = options.create_patch(&readers, &chapters);
            if patch.hunks().is_empty() {
                say!("{file}: yours is the chapter's, word for word");
                continue;
            }
            let formatter = PatchFormatter::new();
            let formatter = if std::io::stdout().is_terminal() { formatter.with_color() } else { formatter };
            print!("{}", formatter.fmt_patch(&patch));
        }
    }
    Ok(())
}

/// An exercise that has a chapter's version.
fn closed<'a>(project: &'a Project, slug: &str) -> Result<&'a Exercise, Failure> {
    let exercise = project.exercise(slug)?;
    if exercise.is_open() {
        let message =
            format!("{slug} is open-ended: there is no chapter's version of it; its tests say when it is done");
        return Err(Failure::Message(message));
    }
    Ok(exercise)
}

/// The functions of an exercise in one file: as in the chapter, and as the reader has them.
fn pairs(
    project: &Project,
    exercise: &Exercise,
    file: &str,
    ours: &str,
    theirs: &str,
    path: &Path,
) -> Result<Vec<(Function, Function)>, Failure> {
    let fail = |what: String| Failure::Message(format!("{}: {what}", project.shown(path)));
    let found = functions(theirs).map_err(|e| fail(format!("{e}; nothing was changed")))?;
    let mut pairs = Vec::new();
    for function in project.blanked(exercise, file, ours)? {
        let Some(readers) = found.iter().find(|f| f.key == function.key) else {
            return Err(fail(format!("there is no function `{}` any more; nothing was changed", function.key)));
        };
        pairs.push((function, readers.clone()));
    }
    Ok(pairs)
}

/// Gives the functions of an exercise other bodies, made from the chapter's functions and text.
fn replace(
    project: &Project,
    exercise: &Exercise,
    body: impl Fn(&Function, &str, &str) -> Result<String, Failure>,
) -> Result<(), Failure> {
    let chapter = project.chapter_of(exercise);
    let mut changes = Vec::new();
    for file in exercise.edited() {
        let path = project.exercise_file(chapter, file);
        let (theirs, ours) = (read(&path)?, read(&project.chapter_file(chapter, file))?);
        let mut bodies = Vec::new();
        for (chapters, readers) in pairs(project, exercise, file, &ours, &theirs, &path)? {
            bodies.push((readers, body(&chapters, &ours, &exercise.slug)?));
        }
        changes.push((path, source::with_bodies(&theirs, bodies), theirs));
    }
    // Only now, when everything is known to fit, is anything written.
    for (path, new, old) in changes {
        if new != old {
            save(project, &path)?;
            write(&path, &new)?;
        }
    }
    Ok(())
}

/// Copies a file to `exercises/saved/`, under a name that is not taken.
pub fn save(project: &Project, path: &Path) -> Result<(), Failure> {
    let Ok(inside) = path.strip_prefix(project.root.join("exercises")) else { return Ok(()) };
    if !path.exists() {
        return Ok(());
    }
    let text = read(path)?;
    let name = |number: usize| -> PathBuf {
        project.root.join("exercises/saved").join(format!("{}.{number}", inside.display()))
    };
    let free = (1..).map(name).find(|path| !path.exists()).expect("some number is free");
    write(&free, &text)?;
    say!("{} is saved as {}", project.shown(path), project.shown(&free));
    Ok(())
}
