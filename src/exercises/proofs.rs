//! `mini-kafka check --proofs`: proves that the exercises are fair. For those who change a chapter.
//!
//! - Starters are what the chapters give, and compile without a warning.
//! - With the first k exercises solved, exactly their tests pass, and those that need none; the tests of the next one
//!   fail by their own assertion or by the blank body, never because something hangs.
//! - Every test belongs to an exercise or is given.
//! - Each exercise has at least two wrong solutions, of the kind that readers write, and a test finds each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::exercises::catalogue::{Chapter, Exercise, Project, read};
use crate::exercises::check::target;
use crate::exercises::suite::{Results, Suite, cargo};
use crate::exercises::switchboard::{self, BLANK, CHOICE, FIRST_MUTANT, Mutant, Open, SOLVED, apply_patch, mutants};
use crate::failure::Failure;

/// What a test says that waited for something in vain.
const TIMEOUT: &str = "waited ";

/// Proves every chapter, or one. Whether all proofs hold; what does not is printed.
pub fn prove(project: &Project, only: Option<u32>) -> Result<bool, Failure> {
    let mut objections = fresh(project)?;
    for chapter in project.catalogue.chapters.iter().filter(|c| only.is_none_or(|number| number == c.number)) {
        let started = Instant::now();
        say!("{}", super::check::title(chapter));
        objections.extend(warnings(project, chapter)?);
        objections.extend(prove_chapter(project, chapter)?);
        say!("  {} s altogether", started.elapsed().as_secs());
    }
    for objection in &objections {
        say!("NOT PROVEN: {objection}");
    }
    Ok(objections.is_empty())
}

/// Starters are what the chapters give.
fn fresh(project: &Project) -> Result<Vec<String>, Failure> {
    let mut objections = Vec::new();
    for (path, text) in project.starters()? {
        if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
            let path = project.shown(&path);
            objections.push(format!("{path} is not what the chapter gives; `mini-kafka exercises --derive` writes it"));
        }
    }
    Ok(objections)
}

/// Starters compile, with the locked versions and without a warning.
fn warnings(project: &Project, chapter: &Chapter) -> Result<Option<String>, Failure> {
    let mut command = cargo();
    command.args(["check", "--locked", "--tests", "--message-format=short", "--quiet"]);
    command.arg("--manifest-path").arg(project.exercise_dir(chapter).join("Cargo.toml"));
    let output = command.arg("--target-dir").arg(target(project)).output();
    let output = output.map_err(|e| format!("cargo cannot be run: {e}"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let ok = output.status.success() && said.is_empty();
    Ok((!ok).then(|| format!("the starter of {} does not compile without a word:\n{said}", chapter.name)))
}

fn prove_chapter(project: &Project, chapter: &Chapter) -> Result<Vec<String>, Failure> {
    let exercises = project.exercises_of(chapter);
    let (open, closed): (Vec<&Exercise>, Vec<&Exercise>) = exercises.into_iter().partition(|e| e.is_open());
    let mut open_files = Open::new();
    for exercise in &open {
        for file in &exercise.files {
            open_files.insert(file.clone(), project.starter(chapter, file)?);
        }
    }
    let suite = switchboard::build(project, chapter, "all", &open_files)?;
    let mut objections = Vec::new();
    let (first_pass, order) = solve_one_by_one(&suite, &closed)?;
    objections.extend(order);
    objections.extend(claims(&suite, chapter, &closed, &first_pass)?);
    for (index, exercise) in closed.iter().enumerate() {
        let started = Instant::now();
        let mutants = mutants(project, exercise)?;
        // All at once: a test that finds one often does so by waiting in vain.
        let found: Vec<_> = std::thread::scope(|scope| {
            let runs = mutants.iter().enumerate().map(|(number, mutant)| {
                let choice = choices(closed.len(), |i| if i == index { FIRST_MUTANT + number } else { SOLVED });
                let suite = &suite;
                scope.spawn(move || survives(project, suite, mutant, &[(CHOICE, &choice)]))
            });
            let runs: Vec<_> = runs.collect();
            runs.into_iter().map(|run| run.join().expect("a proof does not panic")).collect()
        });
        for survived in found {
            objections.extend(survived?);
        }
        objections.extend(too_few(exercise, mutants.len()));
        row(exercise, mutants.len(), started)?;
    }
    for exercise in open {
        objections.extend(prove_open(project, chapter, exercise, &open_files)?);
    }
    Ok(objections)
}

/// Runs all tests with the first 0, 1, 2 … exercises solved. For each test, with how many it passes first.
fn solve_one_by_one(suite: &Suite, exercises: &[&Exercise]) -> Result<(BTreeMap<String, usize>, Vec<String>), Failure> {
    let mut first_pass = BTreeMap::new();
    let mut objections = Vec::new();
    for solved in 0..=exercises.len() {
        let started = Instant::now();
        let choice = choices(exercises.len(), |i| if i < solved { SOLVED } else { BLANK });
        let Results { passed, failed, hanging } = suite.run::<&str>(&[], &[(CHOICE, &choice)])?;
        say!(
            "  {solved} solved: {} tests pass, {} fail, {} s",
            passed.len(),
            failed.len(),
            started.elapsed().as_secs()
        );
        for test in passed {
            first_pass.entry(test).or_insert(solved);
        }
        for test in hanging {
            objections.push(format!("{test} hangs with {solved} solved"));
        }
        for (test, output) in failed {
            if first_pass.contains_key(&test) {
                objections.push(format!("{test} passed with fewer solved, and fails with {solved}:\n{output}"));
            } else if output.contains(TIMEOUT) {
                objections.push(format!("{test} fails by a timeout with {solved} solved:\n{output}"));
            }
        }
    }
    Ok((first_pass, objections))
}

/// Every test belongs to the exercise with which it passes first, or is given.
fn claims(
    suite: &Suite,
    chapter: &Chapter,
    exercises: &[&Exercise],
    first_pass: &BTreeMap<String, usize>,
) -> Result<Vec<String>, Failure> {
    let mut objections = Vec::new();
    let mut right = vec![BTreeSet::new(); exercises.len() + 1];
    for test in suite.tests()? {
        match first_pass.get(&test) {
            Some(&solved) => drop(right[solved].insert(test)),
            None => objections.push(format!("{test} fails with everything solved")),
        }
    }
    let given = format!("given-{}", chapter.number);
    let claimed = std::iter::once((&*given, &chapter.given)).chain(exercises.iter().map(|e| (&*e.slug, &e.tests)));
    for ((name, claimed), right) in claimed.zip(right) {
        if claimed.iter().cloned().collect::<BTreeSet<_>>() != right {
            objections.push(format!("{name}: its tests in exercises.toml should be {right:#?}"));
        }
        if right.is_empty() {
            objections.push(format!("{name}: no test is its own"));
        }
    }
    Ok(objections)
}

/// An open-ended exercise: blank, none of its tests passes; with its proof all do; and they find the mutants of that.
fn prove_open(project: &Project, chapter: &Chapter, exercise: &Exercise, blank: &Open) -> Result<Vec<String>, Failure> {
    let started = Instant::now();
    let mut objections = Vec::new();
    let suite = switchboard::build(project, chapter, exercise.suite(), blank)?;
    let results = suite.run::<&str>(&[], &[])?;
    if !results.passed.is_empty() || !results.hanging.is_empty() {
        objections.push(format!("{}: not red before it is solved: {results:?}", exercise.slug));
    }
    if suite.tests()? != exercise.tests.iter().cloned().collect() {
        objections.push(format!("{}: its tests should be {:?}", exercise.slug, suite.tests()?));
    }
    let proof = read(&project.root.join("exercises/proofs").join(format!("{}.patch", exercise.slug)))?;
    let [file] = &exercise.files[..] else { return Err(Failure::Message("an open exercise has one file".to_owned())) };
    let solved = apply_patch(&proof, &blank[file]).map_err(|e| format!("{}: {e}", exercise.slug))?;
    let with = |text: String| Open::from([(file.clone(), text)]);
    let suite = switchboard::build(project, chapter, exercise.suite(), &with(solved.clone()))?;
    let results = suite.run::<&str>(&[], &[])?;
    if !results.failed.is_empty() || !results.hanging.is_empty() {
        objections.push(format!("{}: its proof does not solve it: {results:?}", exercise.slug));
    }
    let mutants = mutants(project, exercise)?;
    for mutant in &mutants {
        let wrong = switchboard::apply(project, mutant, &solved)?;
        let suite = switchboard::build(project, chapter, exercise.suite(), &with(wrong))?;
        objections.extend(survives(project, &suite, mutant, &[])?);
    }
    objections.extend(too_few(exercise, mutants.len()));
    row(exercise, mutants.len(), started)?;
    Ok(objections)
}

/// A wrong solution that its test does not find, and the tests that do.
fn survives(
    project: &Project,
    suite: &Suite,
    mutant: &Mutant,
    environment: &[(&str, &str)],
) -> Result<Option<String>, Failure> {
    let results = suite.run(&[&mutant.caught_by], environment)?;
    if results.failed.contains_key(&mutant.caught_by) {
        return Ok(None);
    }
    let found_by: Vec<_> = suite.run::<&str>(&[], environment)?.failed.into_keys().collect();
    Ok(Some(format!("{}: {} does not find it; these do: {found_by:?}", project.shown(&mutant.path), mutant.caught_by)))
}

fn too_few(exercise: &Exercise, mutants: usize) -> Option<String> {
    (mutants < 2).then(|| format!("{}: {mutants} wrong solutions in exercises/mutants, two are needed", exercise.slug))
}

fn row(exercise: &Exercise, mutants: usize, started: Instant) -> Result<(), Failure> {
    let (slug, tests, seconds) = (&exercise.slug, exercise.tests.len(), started.elapsed().as_secs_f32());
    say!("  {slug:18} {tests:3} tests of its own, {mutants} wrong solutions found, {seconds:.1} s");
    Ok(())
}

fn choices(count: usize, choice: impl Fn(usize) -> usize) -> String {
    (0..count).map(|i| choice(i).to_string()).collect::<Vec<_>>().join(",")
}
