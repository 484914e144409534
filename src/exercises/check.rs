//! `mini-kafka check`: runs the exercises' tests in order and stops at the first exercise that is not solved.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::exercises::catalogue::{Chapter, Exercise, Project};
use crate::exercises::report::{explain, is_in_a_library, is_of_another};
use crate::exercises::suite::{Built, Results, Suite};
use crate::failure::Failure;

/// How an exercise stands.
pub enum State {
    /// All of its tests pass.
    Solved,
    /// Some do not. The suite is there to run one of them again.
    Open(Results, Suite),
    /// The chapter's crate does not compile.
    Broken,
}

/// Where the exercises are compiled: a folder of their own, or the starters' crates would take the chapters' place.
pub fn target(project: &Project) -> PathBuf {
    project.root.join("exercises/target")
}

/// The state of an exercise.
pub fn state(project: &Project, exercise: &Exercise) -> Result<State, Failure> {
    let manifest = project.exercise_dir(project.chapter_of(exercise)).join("Cargo.toml");
    let Built::Suite(suite) = Suite::build(&manifest, exercise.suite(), &target(project), &[])? else {
        return Ok(State::Broken);
    };
    let results = suite.run(&exercise.tests, &[])?;
    Ok(if results.failed.is_empty() && results.hanging.is_empty() {
        State::Solved
    } else {
        State::Open(results, suite)
    })
}

/// Checks one exercise, or all in order. Whether everything that was looked at is solved.
pub fn check(project: &Project, slug: Option<&str>) -> Result<bool, Failure> {
    if let Some(slug) = slug {
        let exercise = project.exercise(slug)?;
        return check_one(project, exercise);
    }
    for chapter in &project.catalogue.chapters {
        say!("{}", title(chapter));
        let exercises = project.exercises_of(chapter);
        for (index, exercise) in exercises.iter().enumerate() {
            if !check_one(project, exercise)? {
                let left = exercises.len() - index - 1;
                if left > 0 {
                    say!("\n{left} more in this chapter: `mini-kafka exercises` lists them.");
                }
                return Ok(false);
            }
        }
    }
    say!("\nEverything is solved. Run it: mini-kafka broker --mine");
    Ok(true)
}

/// A chapter's heading.
pub fn title(chapter: &Chapter) -> String {
    format!("chapter {} ({})", chapter.number, chapter.name)
}

fn check_one(project: &Project, exercise: &Exercise) -> Result<bool, Failure> {
    let state = state(project, exercise)?;
    let count = exercise.tests.len();
    match state {
        State::Solved => {
            say!("  solved  {:18} {count} {}", exercise.slug, tests(count));
            return Ok(true);
        }
        State::Broken => {
            say!("  broken  {:18} it does not compile; the compiler's words are above", exercise.slug);
        }
        State::Open(results, suite) => {
            say!("  open    {:18} {} of {count} {} pass", exercise.slug, results.passed.len(), tests(count));
            say!("\n{}: {}", exercise.slug, exercise.title);
            show_first_failure(project, exercise, &results, &suite)?;
        }
    }
    let files: Vec<_> = exercise.edited().into_iter().collect();
    say!("\n  edit  exercises/{}/src/{}", project.chapter_of(exercise).name, files.join(", "));
    say!("  read  book/src/{}", exercise.page);
    say!("  hint  mini-kafka hint {}", exercise.slug);
    Ok(false)
}

fn show_first_failure(project: &Project, exercise: &Exercise, results: &Results, suite: &Suite) -> Result<(), Failure> {
    // The simplest test comes first in the list. But a test that came to somebody else's blank body says little.
    let failed = || exercise.tests.iter().filter(|test| results.failed.contains_key(*test));
    let telling = failed().find(|test| !is_of_another(&exercise.slug, &results.failed[*test]));
    if let Some(test) = telling.or_else(|| failed().next()) {
        let output = output_of(project, test, results, suite)?;
        say!("\n  {} fails:\n", sentence(test));
        say!("{}", explain(project, &exercise.slug, &output).trim_end());
        let others = results.failed.len() - 1;
        if others > 0 {
            say!("\n  and {others} more {}", tests(others));
        }
    }
    if let Some(test) = results.hanging.first() {
        say!("\n  {} does not end: is there a loop that never does?", sentence(test));
    }
    Ok(())
}

/// What a failed test printed. It is run again if that was lost, with a run that was given up, or says too little.
fn output_of(project: &Project, test: &str, results: &Results, suite: &Suite) -> Result<String, Failure> {
    let mut output = results.failed[test].clone();
    let backtrace = is_in_a_library(project, &output);
    if backtrace || output.trim().is_empty() {
        let environment: &[_] = if backtrace { &[("RUST_BACKTRACE", "full")] } else { &[] };
        output = suite.run(&[test], environment)?.failed.remove(test).unwrap_or(output);
    }
    Ok(output)
}

fn tests(count: usize) -> &'static str {
    if count == 1 { "test" } else { "tests" }
}

/// A test's name as a sentence, with the name itself for whoever wants to run it.
fn sentence(test: &str) -> String {
    let words = test.rsplit("::").next().unwrap_or(test).replace('_', " ");
    format!("\"{words}\" ({test})")
}

/// Checks again whenever a file of the exercises changes, until it is ended.
pub fn watch(project: &Project, slug: Option<&str>) -> Result<bool, Failure> {
    loop {
        let seen = newest_change(project);
        check(project, slug)?;
        say!("\nwaiting for a change in exercises/ (Ctrl-C ends this)");
        while newest_change(project) == seen {
            std::thread::sleep(Duration::from_millis(200));
        }
        say!("");
    }
}

/// What changes when a reader saves a file: how many there are, and the newest time.
fn newest_change(project: &Project) -> (usize, Option<SystemTime>) {
    let edited = project.catalogue.chapters.iter().flat_map(|chapter| {
        project.edited_files(chapter).into_iter().map(|file| project.exercise_file(chapter, &file))
    });
    let folders: BTreeSet<PathBuf> = edited.filter_map(|file| Some(file.parent()?.to_owned())).collect();
    let files = folders.iter().filter_map(|dir| std::fs::read_dir(dir).ok()).flatten().flatten();
    let times: Vec<_> = files.filter_map(|file| file.metadata().ok()?.modified().ok()).collect();
    (times.len(), times.iter().max().copied())
}
