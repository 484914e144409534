//! What a failed test says, made readable: where, what was asserted, both sides under each other; bytes as a hex dump
//! that points at the first wrong one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::exercises::catalogue::Project;

/// The longest line that is shown, in characters; of longer ones, what matters.
const LONGEST: usize = 300;
/// The most lines of a message that are shown.
const MOST_LINES: usize = 20;
/// A shorter list of numbers below 256 is more likely one of offsets than one of bytes.
const LEAST_BYTES: usize = 12;

/// A panic, as the test harness prints it.
struct Panic<'a> {
    file: &'a str,
    line: usize,
    message: String,
}

/// The first panic in a test's output, for people. `exercise` is the one that is checked.
pub fn explain(project: &Project, exercise: &str, output: &str) -> String {
    let Some(panic) = first_panic(output) else {
        return indent(if output.trim().is_empty() { "it said nothing" } else { output.trim() });
    };
    let path = place(project, panic.file);
    let shown = format!("{}:{}", project.shown(&path), panic.line);
    match blank_body(&panic) {
        Some(slug) if slug == exercise => {
            return format!("    it came to a body that is still to be written: {shown}\n");
        }
        Some(slug) => {
            return format!(
                "    it came to the blank body of {slug} ({shown}).\n    Solve or skip that one first: `mini-kafka check \
                 {slug}`. Yours may be right.\n"
            );
        }
        None => {}
    }
    let mut text = format!("    at {shown}\n");
    if !path.starts_with(&project.root)
        && let Some((file, line)) = frame_of_the_readers(output)
    {
        let path = place(project, file);
        text += &format!("    called by {}:{line}\n", project.shown(&path));
        text += &quoted(&path, line);
    } else {
        text += &quoted(&path, panic.line);
    }
    text + &what_it_says(&panic.message)
}

/// Whether a test came to the blank body of another exercise than this one.
pub fn is_of_another(exercise: &str, output: &str) -> bool {
    first_panic(output).is_some_and(|panic| blank_body(&panic).is_some_and(|slug| slug != exercise))
}

/// Whether a test panicked in a library: who called that is only in a backtrace.
pub fn is_in_a_library(project: &Project, output: &str) -> bool {
    first_panic(output).is_some_and(|panic| !place(project, panic.file).starts_with(&project.root))
}

/// The exercise whose blank body was met.
fn blank_body<'a>(panic: &'a Panic<'_>) -> Option<&'a str> {
    panic.message.strip_prefix("not yet implemented: exercise ")?.lines().next()
}

/// The file that a panic names.
fn place(project: &Project, file: &str) -> PathBuf {
    let file = clean(file);
    // A file of the exercises is named from their workspace on.
    let path =
        [project.root.join("exercises").join(file), project.root.join(file)].into_iter().find(|path| path.is_file());
    let path = path.unwrap_or_else(|| project.root.join(file));
    path.canonicalize().unwrap_or(path)
}

/// The first frame of a backtrace that is in a file of the exercises, as file and line.
fn frame_of_the_readers(output: &str) -> Option<(&str, usize)> {
    let frames = output.lines().filter_map(|line| line.trim().strip_prefix("at "));
    frames.filter(|frame| frame.contains("/exercises/")).find_map(|frame| {
        let mut parts = frame.rsplitn(3, ':');
        let (_column, line, file) = (parts.next()?, parts.next()?, parts.next()?);
        Some((file, line.parse().ok()?))
    })
}

/// The statement at a line of a file.
fn quoted(path: &Path, line: usize) -> String {
    let source = std::fs::read_to_string(path).unwrap_or_default();
    statement(&source, line).iter().map(|line| format!("      | {}\n", cut(line, 0))).collect()
}

/// A panic's message: both sides of a comparison under each other, bytes as a hex dump.
fn what_it_says(message: &str) -> String {
    let Some((why, left, right)) = sides(message) else { return indent(message) };
    let why = if why.is_empty() { String::new() } else { indent(why) };
    why + &match (bytes(left), bytes(right)) {
        (Some(left), Some(right)) => hex_dumps(&left, &right),
        _ => {
            let differs = left.chars().zip(right.chars()).take_while(|(left, right)| left == right).count();
            // Something of what is before the difference, to find one's way.
            let from = differs.saturating_sub(LONGEST / 4);
            format!("    left:  {}\n    right: {}\n", cut(left, from), cut(right, from))
        }
    }
}

/// A line, or if it is long, what is there from a character on.
fn cut(line: &str, from: usize) -> String {
    let count = line.chars().count();
    if count <= LONGEST {
        return line.to_owned();
    }
    let from = from.min(count - LONGEST);
    let shown: String = line.chars().skip(from).take(LONGEST).collect();
    let (before, after) = (if from > 0 { "… " } else { "" }, if from + LONGEST < count { " …" } else { "" });
    format!("{before}{shown}{after} ({count} characters)")
}

/// A panic's file is named from the crate's folder on: `chapters/ch01-log/../../tests/ch01/log.rs`.
fn clean(file: &str) -> &str {
    file.rsplit_once("/../../").map_or(file, |(_, file)| file).trim_start_matches("../../")
}

fn first_panic(output: &str) -> Option<Panic<'_>> {
    let mut lines = output.lines().skip_while(|line| !line.contains(" panicked at "));
    let place = lines.next()?.split_once(" panicked at ")?.1.trim_end_matches(':');
    let mut parts = place.rsplitn(3, ':');
    let (_column, line, file) = (parts.next()?, parts.next()?, parts.next()?);
    let ends = |line: &&str| !line.starts_with("note: run with") && !line.starts_with("stack backtrace:");
    let message: Vec<_> = lines.take_while(ends).take_while(|line| !line.contains(" panicked at ")).collect();
    Some(Panic { file, line: line.parse().ok()?, message: message.join("\n").trim_end().to_owned() })
}

/// The statement that begins at a line, so that a reader sees which side is which. At most six lines.
fn statement(source: &str, line: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    for line in source.lines().skip(line.saturating_sub(1)).take(6) {
        lines.push(line);
        if line.trim_end().ends_with([';', '}']) {
            break;
        }
    }
    let indent = lines.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    lines.iter().map(|line| line.get(indent..).unwrap_or(line)).collect()
}

/// What `assert_eq!` says: its own words, and both sides.
fn sides(message: &str) -> Option<(&str, &str, &str)> {
    let (head, rest) = message.split_once("\n  left: ")?;
    let (left, right) = rest.split_once("\n right: ")?;
    let why = head.strip_prefix("assertion `left == right` failed")?;
    Some((why.strip_prefix(": ").unwrap_or(why), left, right))
}

/// A list of numbers below 256, as `{:?}` prints bytes. `None` if it may be anything else.
fn bytes(text: &str) -> Option<Vec<u8>> {
    if let Some(literal) = text.strip_prefix("b\"").and_then(|rest| rest.strip_suffix('"')) {
        return unescape(literal);
    }
    let list = text.strip_prefix('[')?.strip_suffix(']')?;
    let list: Vec<u8> = list.split(", ").map(|number| number.parse().ok()).collect::<Option<_>>()?;
    let is_growing = list.is_sorted_by(|one, next| one < next);
    (list.len() >= LEAST_BYTES && !is_growing).then_some(list)
}

fn unescape(literal: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = literal.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next()? {
                b'x' => {
                    let digits = [rest.next()?, rest.next()?];
                    u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
                }
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'0' => 0,
                other => other,
            },
            other => other,
        });
    }
    Some(bytes)
}

/// Both sides, sixteen bytes a line, around the first difference.
fn hex_dumps(left: &[u8], right: &[u8]) -> String {
    let differs = (0..left.len().max(right.len())).find(|&i| left.get(i) != right.get(i)).unwrap_or(0);
    let start = (differs / 16).saturating_sub(1) * 16;
    let mut text =
        format!("    the first difference is byte {differs} (left {}, right {} bytes)\n", left.len(), right.len());
    for (name, side) in [("left", left), ("right", right)] {
        for at in (start..side.len().min(start + 48)).step_by(16) {
            let row = &side[at..side.len().min(at + 16)];
            let hex: Vec<_> = row.iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = writeln!(text, "    {name:5} {at:6}  {}", hex.join(" "));
            if (at..at + 16).contains(&differs) {
                let _ = writeln!(text, "    {:14}{}^^", "", "   ".repeat(differs - at));
            }
        }
    }
    text
}

fn indent(text: &str) -> String {
    let mut indented: String = text.lines().take(MOST_LINES).map(|line| format!("    {}\n", cut(line, 0))).collect();
    let more = text.lines().count().saturating_sub(MOST_LINES);
    if more > 0 {
        let _ = writeln!(indented, "    … and {more} lines more");
    }
    indented
}
