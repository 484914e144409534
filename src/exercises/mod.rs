//! The exercises: `check`, `hint`, `skip`, `reset`, `diff`, `exercises`, and `broker --mine`.
//!
//! [`catalogue`] reads the list, [`source`] finds and replaces functions in Rust files, [`derive`] makes starters from
//! chapters, [`suite`] builds and runs tests, [`report`] explains a failure; [`check`], [`edit`] and [`mine`] are the
//! commands, [`proofs`] proves that every exercise is fair.

/// Prints a line. Whoever reads the output may have had enough of it.
macro_rules! say {
    ($($text:tt)*) => { crate::exercises::print_line(format_args!($($text)*))? };
}

mod catalogue;
mod check;
mod derive;
mod edit;
mod mine;
mod proofs;
mod report;
mod source;
mod suite;
mod switchboard;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::exercises::catalogue::Project;
use crate::exercises::check::State;
use crate::failure::Failure;

/// Arguments of `check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// The exercise; all, in order, unless one is named.
    slug: Option<String>,
    /// Checks again whenever a file changes.
    #[arg(long)]
    watch: bool,
    /// Proves that the exercises are fair: for those who change a chapter.
    #[arg(long, conflicts_with_all = ["slug", "watch"])]
    proofs: bool,
    /// With --proofs: the chapter to prove; all unless one is named.
    #[arg(long, value_name = "N", requires = "proofs")]
    chapter: Option<u32>,
}

/// Arguments of the commands that are about one exercise.
#[derive(Args, Debug)]
pub struct SlugArgs {
    /// The exercise.
    slug: String,
}

/// Arguments of `hint`.
#[derive(Args, Debug)]
pub struct HintArgs {
    /// The exercise.
    slug: String,
    /// Which hint: from a nudge (1) to nearly the answer (3).
    #[arg(default_value_t = 1)]
    number: usize,
}

/// Arguments of `exercises`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Writes the starters anew from the chapters: for those who change a chapter. What was changed is saved.
    #[arg(long)]
    derive: bool,
}

/// `mini-kafka check`.
pub fn check(args: CheckArgs) -> Result<ExitCode, Failure> {
    let project = Project::find()?;
    let ok = if args.proofs {
        proofs::prove(&project, args.chapter)?
    } else if args.watch {
        check::watch(&project, args.slug.as_deref())?
    } else {
        check::check(&project, args.slug.as_deref())?
    };
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `mini-kafka broker --mine`: with the same arguments, but this one.
pub fn mine() -> Result<ExitCode, Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--mine").collect();
    mine::run(&Project::find()?, &arguments)
}

/// The program that `broker --mine` runs, built.
pub fn mine_program() -> Result<PathBuf, Failure> {
    mine::build(&Project::find()?)
}

/// `mini-kafka hint`.
pub fn hint(args: HintArgs) -> Result<(), Failure> {
    edit::hint(&Project::find()?, &args.slug, args.number)
}

/// `mini-kafka skip`.
pub fn skip(args: SlugArgs) -> Result<(), Failure> {
    edit::skip(&Project::find()?, &args.slug)
}

/// `mini-kafka reset`.
pub fn reset(args: SlugArgs) -> Result<(), Failure> {
    edit::reset(&Project::find()?, &args.slug)
}

/// `mini-kafka diff`.
pub fn diff(args: SlugArgs) -> Result<(), Failure> {
    edit::diff(&Project::find()?, &args.slug)
}

/// `mini-kafka exercises`: all of them, with how far the reader is. That is found out, never stored.
pub fn list(args: ListArgs) -> Result<(), Failure> {
    let project = Project::find()?;
    if args.derive {
        return derive_all(&project);
    }
    let (mut solved, mut minutes) = (0, 0);
    for chapter in &project.catalogue.chapters {
        say!("{}", check::title(chapter));
        for exercise in project.exercises_of(chapter) {
            let state = match check::state(&project, exercise)? {
                State::Solved => "solved",
                State::Open(..) => "open",
                State::Broken => "broken",
            };
            if state == "solved" {
                solved += 1;
            } else {
                minutes += exercise.minutes;
            }
            let difficulty = format!("{:?}", exercise.difficulty).to_lowercase();
            say!("  {state:7} {:18} {difficulty:7} {:>4} min  {}", exercise.slug, exercise.minutes, exercise.title);
        }
    }
    let count = project.exercises().len();
    say!("\n{solved} of {count} solved; about {minutes} minutes are left. The next one: mini-kafka check");
    Ok(())
}

fn derive_all(project: &Project) -> Result<(), Failure> {
    for (path, text) in project.starters()? {
        let now = std::fs::read_to_string(&path).unwrap_or_default();
        if now != text {
            edit::save(project, &path)?;
            catalogue::write(&path, &text)?;
            say!("{}: written", project.shown(&path));
        }
    }
    Ok(())
}

fn print_line(text: std::fmt::Arguments<'_>) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_fmt(text)?;
    Ok(out.write_all(b"\n")?)
}
