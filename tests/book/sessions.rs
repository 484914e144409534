//! The console sessions of every page, run from top to bottom in a folder of their own, and compared with what the page
//! says. `…` on a page stands for any text in a line, or, on a line of its own, for any number of lines.
//!
//! A page on which a block names a program (```` ```console,kcat ````) is run where MINI_KAFKA_BOOK_PROGRAMS is set.

use std::path::Path;

use crate::pages::{Block, blocks, pages};
use crate::shell::Shell;

/// A command of a page, and what it prints.
struct Step<'a> {
    line: usize,
    command: &'a str,
    expected: Vec<&'a str>,
}

fn steps<'a>(block: &Block<'a>) -> Vec<Step<'a>> {
    let mut steps: Vec<Step> = Vec::new();
    for (line, &text) in (block.line + 1..).zip(&block.text) {
        match (text.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { line, command, expected: Vec::new() }),
            (None, Some(step)) => step.expected.push(text),
            (None, None) => panic!("line {line}: output without a command"),
        }
    }
    steps
}

/// The programs that a page's blocks name, and the blocks that are not run.
fn needs(page: &str) -> (bool, usize) {
    let consoles: Vec<_> = blocks(page).into_iter().filter(|block| block.info.starts_with("console")).collect();
    let not_run = consoles.iter().filter(|block| block.info.contains(",not-run=")).count();
    (consoles.iter().any(|block| block.info.contains(',') && !block.info.contains(",not-run=")), not_run)
}

/// Whether lines are what a page says, wildcards included.
fn fits(expected: &[&str], actual: &[String]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((&"…", rest)) => (0..=actual.len()).any(|skipped| fits(rest, &actual[skipped..])),
        Some((line, rest)) => actual
            .split_first()
            .is_some_and(|(first, others)| line_fits(line.trim_end(), first.trim_end()) && fits(rest, others)),
    }
}

fn line_fits(expected: &str, actual: &str) -> bool {
    match expected.split_once('…') {
        None => expected == actual,
        Some((before, after)) => actual.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices().map(|(i, _)| i).chain([rest.len()]).any(|i| line_fits(after, &rest[i..]))
        }),
    }
}

fn run(path: &Path, page: &str) -> Result<usize, String> {
    let mut shell = Shell::new();
    let mut commands = 0;
    for block in blocks(page) {
        if !block.info.starts_with("console") || block.info.contains(",not-run=") {
            continue;
        }
        for step in steps(&block) {
            commands += 1;
            let actual =
                shell.run(step.command).map_err(|e| format!("book/src/{}:{}: {e}", path.display(), step.line))?;
            let mut expected = step.expected.clone();
            while expected.last().is_some_and(|line| line.is_empty()) {
                expected.pop();
            }
            if !fits(&expected, &actual) {
                let place = format!("book/src/{}:{}", path.display(), step.line);
                let (said, gave) = (expected.join("\n  "), actual.join("\n  "));
                return Err(format!("{place}: $ {}\nthe page says\n  {said}\nbut it gives\n  {gave}", step.command));
            }
        }
    }
    Ok(commands)
}

#[test]
fn sessions_give_what_the_pages_say() {
    let with_programs = std::env::var_os("MINI_KAFKA_BOOK_PROGRAMS").is_some();
    let only = std::env::var("MINI_KAFKA_BOOK_PAGE").unwrap_or_default();
    let (mut failures, mut commands, mut not_run) = (Vec::new(), 0, 0);
    for (path, page) in pages().iter().filter(|(path, _)| path.to_string_lossy().contains(&only)) {
        let (needs_programs, skipped) = needs(page);
        not_run += skipped;
        if needs_programs && !with_programs {
            println!("{}: only where MINI_KAFKA_BOOK_PROGRAMS is set", path.display());
            continue;
        }
        match run(path, page) {
            Ok(count) => commands += count,
            Err(failure) => failures.push(failure),
        }
    }
    println!("{commands} commands run; {not_run} blocks say why they are not run");
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n\n"));
}

#[test]
fn wildcards_stand_for_any_text() {
    let fits = |expected: &str, actual: &str| {
        let actual: Vec<String> = actual.lines().map(str::to_owned).collect();
        fits(&expected.lines().collect::<Vec<_>>(), &actual)
    };
    assert!(fits("a\n…\nz", "a\nz") && fits("a\n…\nz", "a\nb\nc\nz") && fits("a … z …", "a b z c"));
    assert!(
        !fits("a", "a\nb") && !fits("a\n…\nz", "a\nb") && !fits("a … z", "a b y") && fits("", "") && !fits("", "a")
    );
}
