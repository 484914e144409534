//! What a failed test says, made readable: where, what was asserted, both sides under each other; bytes as a hex dump
//! that points at the first wrong one.

use std::fmt::Write as _;

use crate::exercises::catalogue::Project;

/// A panic, as the test harness prints it.
struct Panic<'a> {
    file: &'a str,
    line: usize,
    message: String,
}

/// The first panic in a test's output, for people.
pub fn explain(project: &Project, output: &str) -> String {
    let Some(panic) = first_panic(output) else {
        return indent(if output.trim().is_empty() { "it said nothing" } else { output.trim() });
    };
    let file = clean(panic.file);
    // A file of the exercises is named from their workspace on.
    let path =
        [project.root.join("exercises").join(file), project.root.join(file)].into_iter().find(|path| path.is_file());
    let path = path.unwrap_or_else(|| project.root.join(file));
    let path = path.canonicalize().unwrap_or(path);
    if panic.message.starts_with("not yet implemented: exercise ") {
        return format!("    it came to a body that is still to be written: {}:{}\n", project.shown(&path), panic.line);
    }
    let mut text = format!("    at {}:{}\n", project.shown(&path), panic.line);
    if let Ok(source) = std::fs::read_to_string(&path) {
        for line in statement(&source, panic.line) {
            let _ = writeln!(text, "      | {line}");
        }
    }
    match sides(&panic.message) {
        Some((why, left, right)) => {
            if !why.is_empty() {
                let _ = writeln!(text, "    {why}");
            }
            match (bytes(left), bytes(right)) {
                (Some(left), Some(right)) => text += &hex_dumps(&left, &right),
                _ => text += &format!("    left:  {left}\n    right: {right}\n"),
            }
        }
        None => text += &indent(&panic.message),
    }
    text
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

/// A list of numbers below 256, as `{:?}` prints bytes.
fn bytes(text: &str) -> Option<Vec<u8>> {
    if let Some(literal) = text.strip_prefix("b\"").and_then(|rest| rest.strip_suffix('"')) {
        return unescape(literal);
    }
    let list = text.strip_prefix('[')?.strip_suffix(']')?;
    list.split(", ").map(|number| number.parse().ok()).collect()
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
    text.lines().map(|line| format!("    {line}\n")).collect()
}
