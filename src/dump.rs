//! `mini-kafka dump`: shows what is in the files of a broker.
//!
//! ```text
//! $ mini-kafka dump data/hello-0                                      every file of a partition
//! $ mini-kafka dump --hex data/hello-0/00000000000000000000.log       each field beside its bytes
//! ```
//!
//! The files may be Apache Kafka's, and a broker may be writing them: nothing is locked and nothing is changed. Where a
//! file is damaged, that is said, with the byte at which it begins, and reading goes on behind it if there is a way;
//! the exit code is then 1.
//!
//! What kind a file is follows from its name. `dump_log` reads batches (and `dump_batch` and `dump_hex` print them, with the
//! help of `dump_meaning` for the records of Kafka's own logs), `dump_index` the binary files around them, `dump_text` the small text files; all write to a [`Report`], which knows
//! the three forms of output.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ch01_log::batch::Offset;
use clap::Args;

use crate::dump_report::{Form, Report};
use crate::failure::Failure;
use crate::{dump_index, dump_log, dump_text};

/// Arguments of `dump`.
#[derive(Args, Debug)]
pub struct DumpArgs {
    /// Files, or folders of partitions, whose files are all shown.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Prints a JSON object a line.
    #[arg(long)]
    json: bool,
    /// Prints each field beside its bytes.
    #[arg(long, conflicts_with = "json")]
    hex: bool,
    /// Leaves out what lies outside these offsets: `A..B` (without B), `A..`, `..B`, or one offset.
    #[arg(long, value_name = "A..B", default_value = "..", hide_default_value = true)]
    offsets: OffsetRange,
}

/// Offsets from `start` up to `end`, exclusive.
#[derive(Clone, Copy, Debug)]
pub struct OffsetRange {
    start: Offset,
    end: Offset,
}

impl OffsetRange {
    /// Whether some of the offsets from `first` to `last`, inclusive, are in it.
    pub fn overlaps(self, first: Offset, last: Offset) -> bool {
        first < self.end && last >= self.start
    }

    /// Whether an offset is in it.
    pub fn contains(self, offset: Offset) -> bool {
        self.overlaps(offset, offset)
    }
}

impl FromStr for OffsetRange {
    type Err = String;

    fn from_str(text: &str) -> Result<OffsetRange, String> {
        let number = |text: &str, otherwise| match text.trim() {
            "" => Ok(otherwise),
            text => text.parse().map_err(|_| format!("`{text}` is no offset; expected A..B, A.., ..B or one offset")),
        };
        match text.split_once("..") {
            Some((start, end)) => {
                Ok(OffsetRange { start: number(start, Offset::MIN)?, end: number(end, Offset::MAX)? })
            }
            None => number(text, 0).map(|offset| OffsetRange { start: offset, end: offset.saturating_add(1) }),
        }
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Log,
    OffsetIndex,
    TimeIndex,
    TransactionIndex,
    ProducerSnapshot,
    LeaderEpochs,
    OffsetCheckpoint,
    Properties,
    Json,
}

fn kind_of(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_str()?;
    match name {
        "leader-epoch-checkpoint" => return Some(Kind::LeaderEpochs),
        "partition.metadata" | "meta.properties" => return Some(Kind::Properties),
        "quorum-state" | ".kafka_cleanshutdown" => return Some(Kind::Json),
        _ if name.ends_with("-offset-checkpoint") => return Some(Kind::OffsetCheckpoint),
        _ => {}
    }
    // Files on their way in or out have another word behind their name.
    let name = [".deleted", ".cleaned", ".swap"].iter().find_map(|word| name.strip_suffix(word)).unwrap_or(name);
    match name.rsplit_once('.')?.1 {
        // A snapshot of the metadata log has the format of a log.
        "log" | "checkpoint" => Some(Kind::Log),
        "index" => Some(Kind::OffsetIndex),
        "timeindex" => Some(Kind::TimeIndex),
        "txnindex" => Some(Kind::TransactionIndex),
        "snapshot" => Some(Kind::ProducerSnapshot),
        "json" => Some(Kind::Json),
        _ => None,
    }
}

/// Runs `dump`.
pub fn run(args: DumpArgs) -> Result<(), Failure> {
    let form = if args.json {
        Form::Json
    } else if args.hex {
        Form::Hex
    } else {
        Form::Text
    };
    let mut report = Report::new(form, args.offsets);
    for path in &args.files {
        if path.is_dir() {
            for (_, kind, file) in files_of(path)? {
                dump(&mut report, kind, &file)?;
            }
        } else {
            let unknown = || {
                let kinds = ".log, .index, .timeindex, .txnindex, .snapshot, .checkpoint, partition.metadata, \
                    meta.properties, leader-epoch-checkpoint or a checkpoint of offsets";
                format!("{}: by its name this is no file of a broker: expected {kinds}", path.display())
            };
            dump(&mut report, kind_of(path).ok_or_else(unknown)?, path)?;
        }
    }
    report.finish()
}

fn dump(report: &mut Report, kind: Kind, path: &Path) -> Result<(), Failure> {
    match kind {
        Kind::Log => dump_log::dump(report, path),
        Kind::OffsetIndex => dump_index::offset_index(report, path),
        Kind::TimeIndex => dump_index::time_index(report, path),
        Kind::TransactionIndex => dump_index::transaction_index(report, path),
        Kind::ProducerSnapshot => dump_index::producer_snapshot(report, path),
        Kind::LeaderEpochs => dump_text::leader_epochs(report, path),
        Kind::OffsetCheckpoint => dump_text::offset_checkpoint(report, path),
        Kind::Properties => dump_text::properties(report, path),
        Kind::Json => dump_text::json(report, path),
    }
}

/// The files of a folder whose kind is known: segment by segment, the log before its indexes.
fn files_of(folder: &Path) -> Result<Vec<(String, Kind, PathBuf)>, Failure> {
    let unreadable = |e: std::io::Error| Failure::file(folder, "cannot be read", &e);
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(kind) = kind_of(&path).filter(|_| path.is_file()) {
            files.push((stem, kind, path));
        }
    }
    if files.is_empty() {
        return Err(Failure::Message(format!("{}: no file of a broker is in this folder", folder.display())));
    }
    files.sort();
    Ok(files)
}

/// The first offset of a segment: its file's name.
pub fn base_offset(path: &Path) -> Option<Offset> {
    path.file_name()?.to_str()?.split(['.', '-']).next()?.parse().ok()
}
