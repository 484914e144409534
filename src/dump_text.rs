//! The small text files: checkpoints, `partition.metadata`, `meta.properties`, and those in JSON.

use std::io;
use std::path::Path;

use ch00_wire::uuid::Uuid;
use ch01_log::batch::Position;
use mini_kafka::text::escaped;
use serde::Serialize;
use serde_json::{Value, json};

use crate::dump_report::Report;
use crate::failure::Failure;

/// A line of a file, without its end.
struct Line<'a> {
    position: Position,
    text: &'a str,
}

/// A checkpoint: its kind, how it is called, the names of a line's words, and how many of them are numbers (the last).
struct Format {
    kind: &'static str,
    title: &'static str,
    fields: &'static [&'static str],
    numbers: usize,
}

/// Shows under which leader's epoch which offsets were written.
pub fn leader_epochs(report: &mut Report, path: &Path) -> Result<(), Failure> {
    let (title, fields) = ("leader epochs and their first offsets", &["epoch", "startOffset"]);
    checkpoint(report, path, &Format { kind: "leaderEpoch", title, fields, numbers: 2 })
}

/// Shows a checkpoint of offsets.
pub fn offset_checkpoint(report: &mut Report, path: &Path) -> Result<(), Failure> {
    let (title, fields) = ("offsets of partitions", &["topic", "partition", "offset"]);
    checkpoint(report, path, &Format { kind: "offset", title, fields, numbers: 2 })
}

fn checkpoint(report: &mut Report, path: &Path, format: &Format) -> Result<(), Failure> {
    let text = read(report, path, format.title)?;
    let mut lines = lines(&text).into_iter();
    let (version, count) = (lines.next(), lines.next());
    if version.as_ref().is_none_or(|line| line.text != "0") {
        report.damage(path, 0, None, "version 0 is expected in the first line")?;
    }
    let announced = count.as_ref().and_then(|line| line.text.parse::<usize>().ok());
    if announced.is_none() {
        report.damage(path, count.as_ref().map_or(0, |line| line.position), None, "a count is expected in line 2")?;
    }
    for (line, name) in [(version, "version"), (count, "count")] {
        let Some(line) = line else { continue };
        report.row(line.position, line.text.as_bytes(), name, line.text)?;
    }
    let mut entries = 0;
    for line in lines {
        entries += 1;
        entry(report, path, format, &line)?;
    }
    if let Some(announced) = announced.filter(|&announced| announced != entries) {
        report.damage(
            path,
            text.len() as Position,
            None,
            format_args!("{announced} entries announced, {entries} there"),
        )?;
    }
    Ok(())
}

fn entry(report: &mut Report, path: &Path, format: &Format, line: &Line<'_>) -> io::Result<()> {
    // A topic's name has no blank; were there one, it would be the numbers behind it that count.
    let words: Vec<&str> = line.text.rsplitn(format.fields.len(), ' ').collect();
    let numbers: Vec<i64> = words.iter().take(format.numbers).filter_map(|word| word.parse().ok()).collect();
    if words.len() != format.fields.len() || numbers.len() != format.numbers {
        let problem = format!("`{}` is no entry of {}", escaped(line.text.as_bytes()), format.fields.join(", "));
        return report.damage(path, line.position, None, problem);
    }
    let named = || format.fields.iter().zip(words.iter().rev());
    let described: Vec<_> = named().map(|(name, word)| format!("{name} {word}")).collect();
    let described = described.join(", ");
    report.text(format_args!("  {described}"))?;
    report.row(line.position, line.text.as_bytes(), format.kind, described)?;
    let value = |word: &str| word.parse::<i64>().map_or_else(|_| Value::from(word), Value::from);
    let mut object = json!({ "kind": format.kind });
    for (i, (name, word)) in named().enumerate() {
        // A topic may be called 7: only the last words are numbers.
        let is_number = i >= format.fields.len() - format.numbers;
        object[*name] = if is_number { value(word) } else { Value::from(*word) };
    }
    report.json(&object)
}

#[derive(Serialize)]
struct JsonProperty<'a> {
    kind: &'static str,
    key: &'a str,
    value: &'a str,
}

/// Shows `partition.metadata` or `meta.properties`: keys and values.
pub fn properties(report: &mut Report, path: &Path) -> Result<(), Failure> {
    let text = read(report, path, "keys and values")?;
    let wanted = if path.ends_with("meta.properties") { "cluster.id" } else { "topic_id" };
    let mut is_there = false;
    for line in lines(&text) {
        let is_comment = line.text.starts_with('#');
        let Some((key, value)) = line.text.split_once(['=', ':']).filter(|_| !is_comment) else {
            report.row(line.position, line.text.as_bytes(), if is_comment { "comment" } else { "?" }, line.text)?;
            continue;
        };
        let (key, value) = (key.trim(), value.trim());
        is_there |= key == wanted;
        report.text(format_args!("  {key} = {value}"))?;
        report.json(&JsonProperty { kind: "property", key, value })?;
        report.row(line.position, line.text.as_bytes(), key, value)?;
        if key == "topic_id" && value.parse::<Uuid>().is_err() {
            report.damage(path, line.position, None, format_args!("`{}` is no topic id", escaped(value.as_bytes())))?;
        }
    }
    if !is_there {
        report.damage(path, 0, None, format_args!("no {wanted} in it"))?;
    }
    Ok(())
}

#[derive(Serialize)]
struct JsonContent<'a> {
    kind: &'static str,
    content: &'a Value,
}

/// Shows a file in JSON.
pub fn json(report: &mut Report, path: &Path) -> Result<(), Failure> {
    let text = read(report, path, "JSON")?;
    match serde_json::from_str::<Value>(&text) {
        Ok(value) => {
            let pretty = serde_json::to_string_pretty(&value).expect("what was read can be written");
            for line in pretty.lines() {
                report.text(format_args!("  {line}"))?;
            }
            report.json(&JsonContent { kind: "json", content: &value })?;
        }
        Err(e) => {
            let before: usize = text.split_inclusive('\n').take(e.line().saturating_sub(1)).map(str::len).sum();
            report.damage(path, (before + e.column().saturating_sub(1)) as Position, None, e)?;
        }
    }
    for (i, line) in lines(&text).iter().enumerate() {
        report.row(line.position, line.text.as_bytes(), &format!("line {}", i + 1), line.text)?;
    }
    Ok(())
}

fn read(report: &mut Report, path: &Path, title: &str) -> Result<String, Failure> {
    let bytes = std::fs::read(path).map_err(|e| Failure::file(path, "cannot be read", &e))?;
    report.file(path, bytes.len() as u64, title)?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(e) => {
            report.damage(path, e.utf8_error().valid_up_to() as Position, None, "bytes that are no text")?;
            // Each byte that is no text becomes one character, so that positions behind it stay right.
            e.as_bytes().iter().map(|&byte| if byte.is_ascii() { char::from(byte) } else { '?' }).collect()
        }
    })
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut position = 0;
    for line in text.split_inclusive('\n') {
        lines.push(Line { position, text: line.trim_end_matches(['\n', '\r']) });
        position += line.len() as Position;
    }
    lines.retain(|line| !line.text.is_empty());
    lines
}
