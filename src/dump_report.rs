//! What `dump` prints, in three forms. A reader of a file calls [`Report::text`], [`Report::json`] and [`Report::row`]
//! for what it finds; the report writes the one that was asked for.

use std::fmt::{Arguments, Display};
use std::fs::File;
use std::io::{self, BufWriter, StdoutLock, Write, stdout};
use std::path::Path;

use ch00_wire::transfer::read_exact_at;
use ch01_log::batch::{Offset, Position};
use mini_kafka::text::hex;
use serde::Serialize;

use crate::dump::OffsetRange;
use crate::dump_meaning::RecordKind;
use crate::failure::Failure;

/// The form of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
    /// A line for each field: position, bytes, name, value.
    Hex,
}

/// Bytes in a line of the hexadecimal form.
const BYTES_A_LINE: usize = 8;

/// Where to print, and what was damaged so far.
pub struct Report {
    out: BufWriter<StdoutLock<'static>>,
    form: Form,
    /// Which offsets to show.
    pub offsets: OffsetRange,
    /// What the records of the present file are.
    pub records: RecordKind,
    damaged: u32,
    first_damage: Option<String>,
    is_first_file: bool,
}

#[derive(Serialize)]
struct JsonFile<'a> {
    kind: &'static str,
    file: &'a str,
    bytes: u64,
}

#[derive(Serialize)]
struct JsonDamage<'a> {
    kind: &'static str,
    file: &'a str,
    position: Position,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<Offset>,
    problem: &'a str,
}

#[derive(Serialize)]
struct JsonNote<'a> {
    kind: &'static str,
    file: &'a str,
    text: String,
}

impl Report {
    /// An empty report.
    pub fn new(form: Form, offsets: OffsetRange) -> Report {
        let out = BufWriter::new(stdout().lock());
        Report { out, form, offsets, records: RecordKind::Any, damaged: 0, first_damage: None, is_first_file: true }
    }

    /// Whether the hexadecimal form is wanted.
    pub fn is_hex(&self) -> bool {
        self.form == Form::Hex
    }

    /// Begins a file.
    pub fn file(&mut self, path: &Path, bytes: u64, what: impl Display) -> io::Result<()> {
        if self.form != Form::Json {
            let blank = if self.is_first_file { "" } else { "\n" };
            writeln!(self.out, "{blank}{}: {what}, {bytes} bytes", path.display())?;
        }
        if self.is_hex() && bytes > 0 {
            writeln!(self.out, "{:>8}  {:23}  {:20}  value", "position", "bytes", "field")?;
        }
        self.is_first_file = false;
        self.json(&JsonFile { kind: "file", file: &path.to_string_lossy(), bytes })
    }

    /// A line of the form for people.
    pub fn text(&mut self, line: Arguments<'_>) -> io::Result<()> {
        if self.form == Form::Text { writeln!(self.out, "{line}") } else { Ok(()) }
    }

    /// An object of the JSON form.
    pub fn json(&mut self, object: &impl Serialize) -> io::Result<()> {
        if self.form != Form::Json {
            return Ok(());
        }
        serde_json::to_writer(&mut self.out, object).map_err(io::Error::from)?;
        writeln!(self.out)
    }

    /// A field of the hexadecimal form; what does not fit a line goes on in the next.
    pub fn row(&mut self, position: Position, bytes: &[u8], field: &str, value: impl Display) -> io::Result<()> {
        if self.form != Form::Hex {
            return Ok(());
        }
        let (first, rest) = bytes.split_at(bytes.len().min(BYTES_A_LINE));
        writeln!(self.out, "{position:8}  {:23}  {field:20}  {value}", hex(first))?;
        for (i, line) in rest.chunks(BYTES_A_LINE).enumerate() {
            writeln!(self.out, "{:8}  {}", position + ((i + 1) * BYTES_A_LINE) as Position, hex(line))?;
        }
        Ok(())
    }

    /// A line between fields in the hexadecimal form.
    pub fn caption(&mut self, line: Arguments<'_>) -> io::Result<()> {
        if self.is_hex() { writeln!(self.out, "{:8}  -- {line}", "") } else { Ok(()) }
    }

    /// Something worth a remark that is no damage.
    pub fn note(&mut self, path: &Path, text: impl Display) -> io::Result<()> {
        if self.form != Form::Json {
            return writeln!(self.out, "  ({text})");
        }
        self.json(&JsonNote { kind: "note", file: &path.to_string_lossy(), text: text.to_string() })
    }

    /// Something that should not be so. `offset`: the first that cannot be read, where the file is a log.
    pub fn damage(
        &mut self,
        path: &Path,
        position: Position,
        offset: Option<Offset>,
        problem: impl Display,
    ) -> io::Result<()> {
        let problem = problem.to_string();
        let with_offset = offset.map(|offset| format!(", offset {offset}")).unwrap_or_default();
        let place = format!("damaged at byte {position}{with_offset}: {problem}");
        if self.form != Form::Json {
            writeln!(self.out, "  !! {place}")?;
        }
        self.damaged += 1;
        self.first_damage.get_or_insert(format!("{}: {place}", path.display()));
        self.json(&JsonDamage { kind: "damage", file: &path.to_string_lossy(), position, offset, problem: &problem })
    }

    /// Ends the report: with a failure if anything was damaged.
    pub fn finish(mut self) -> Result<(), Failure> {
        self.out.flush()?;
        match (self.first_damage, self.damaged) {
            (None, _) => Ok(()),
            (Some(first), 1) => Err(Failure::Message(first)),
            (Some(first), n) => Err(Failure::Message(format!("{first} (the first of {n} damaged places)"))),
        }
    }
}

/// A file that is read through a window, since a log may be larger than the memory.
pub struct WindowedFile {
    file: File,
    len: u64,
    window: Vec<u8>,
    window_start: Position,
}

impl WindowedFile {
    const WINDOW: usize = 1 << 20;

    /// Opens a file for reading.
    pub fn open(path: &Path) -> io::Result<WindowedFile> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(WindowedFile { file, len, window: Vec::new(), window_start: 0 })
    }

    /// Its length when it was last looked at.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Looks whether the file has grown: a broker may be writing it.
    pub fn has_grown(&mut self) -> io::Result<bool> {
        let len = self.file.metadata()?.len();
        Ok(std::mem::replace(&mut self.len, len) < len)
    }

    /// The `n` bytes at a position, or those up to the end.
    pub fn bytes(&mut self, position: Position, n: usize) -> io::Result<&[u8]> {
        let n = self.len.saturating_sub(position).min(n as u64) as usize;
        let window_end = self.window_start + self.window.len() as Position;
        if position < self.window_start || position + n as Position > window_end {
            let left = (self.len - position.min(self.len)) as usize;
            self.window.resize(n.max(Self::WINDOW).min(left), 0);
            self.window_start = position;
            read_exact_at(&self.file, &mut self.window, position)?;
        }
        let from = (position - self.window_start) as usize;
        Ok(&self.window[from..from + n])
    }
}
