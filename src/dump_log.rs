//! Walks the batches of `.log` files, and of snapshots of the metadata log, which have the same format.
//!
//! A damaged batch is shown as far as it can be read. Where the next one begins follows from its length; where that is
//! damaged too, the next batch is searched for, byte by byte: a header that may be one, and a checksum that is right.

use std::io;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use ch01_log::batch::{self, BatchError, BatchHeader, HEADER_LEN, Offset, Position};

use crate::dump::base_offset;
use crate::dump_batch::{print_batch, print_hole};
use crate::dump_meaning::RecordKind;
use crate::dump_report::{Report, WindowedFile};
use crate::failure::Failure;

/// Shows a log.
pub fn dump(report: &mut Report, path: &Path) -> Result<(), Failure> {
    let unreadable = |e: io::Error| Failure::file(path, "cannot be read", &e);
    let mut log =
        Log { path, file: WindowedFile::open(path).map_err(unreadable)?, position: 0, next_offset: Offset::MIN };
    if path.extension().is_some_and(|extension| extension != "checkpoint") {
        log.next_offset = base_offset(path).unwrap_or(Offset::MIN);
    }
    report.records = RecordKind::of(path);
    report.file(path, log.file.len(), "log")?;
    while log.position < log.file.len() {
        match log.find_batch().map_err(unreadable)? {
            Found::Batch(header, bytes) => log.show_batch(report, &header, &bytes)?,
            Found::Nothing(problem) => {
                report.damage(path, log.position, log.offset(), problem)?;
                log.show_torn(report)?;
                log.search(report).map_err(unreadable)?;
            }
        }
    }
    Ok(())
}

enum Found {
    /// A batch with all its bytes; the checksum may be wrong.
    Batch(BatchHeader, Vec<u8>),
    /// No batch, or not all of it.
    Nothing(String),
}

struct Log<'a> {
    path: &'a Path,
    file: WindowedFile,
    /// Where the walk stands.
    position: Position,
    /// What the next batch's first offset must not be below.
    next_offset: Offset,
}

impl Log<'_> {
    fn offset(&self) -> Option<Offset> {
        Some(self.next_offset).filter(|&offset| offset != Offset::MIN)
    }

    fn find_batch(&mut self) -> io::Result<Found> {
        loop {
            let left = (self.file.len() - self.position) as usize;
            let error = match BatchHeader::parse(self.file.bytes(self.position, HEADER_LEN)?) {
                Ok(header) if header.size() <= left => {
                    return Ok(Found::Batch(header, self.file.bytes(self.position, header.size())?.to_vec()));
                }
                Ok(header) => BatchError::Short { needed: header.size(), left },
                Err(error) => error,
            };
            if matches!(error, BatchError::Short { .. }) {
                // A broker that is writing this batch needs a moment for the rest of it.
                sleep(Duration::from_millis(20));
                if self.file.has_grown()? {
                    continue;
                }
            }
            return Ok(Found::Nothing(match self.only_zeros_are_left()? {
                true => format!("{left} zero bytes up to the end of the file"),
                false => error.to_string(),
            }));
        }
    }

    fn only_zeros_are_left(&mut self) -> io::Result<bool> {
        let mut at = self.position;
        while at < self.file.len() {
            let bytes = self.file.bytes(at, 64 << 10)?;
            if bytes.iter().any(|&byte| byte != 0) {
                return Ok(false);
            }
            at += bytes.len() as Position;
        }
        Ok(true)
    }

    fn show_batch(&mut self, report: &mut Report, header: &BatchHeader, bytes: &[u8]) -> io::Result<()> {
        let damage = batch::check(bytes).err();
        if let Some(problem) = &damage {
            report.damage(self.path, self.position, self.offset(), problem)?;
        }
        let crc = if damage.is_some() { "wrong" } else { "right" };
        if header.base_offset < self.next_offset || header.last_offset_delta < 0 {
            let (first, last, next) = (header.base_offset, header.last_offset(), self.next_offset);
            let problem = format!("offsets {first} to {last} where {next} or later is expected");
            report.damage(self.path, self.position, self.offset(), problem)?;
        }
        if self.next_offset != Offset::MIN && report.offsets.overlaps(self.next_offset, header.base_offset - 1) {
            print_hole(report, "", self.next_offset, header.base_offset)?;
        }
        if report.offsets.overlaps(header.base_offset, header.last_offset().max(header.base_offset)) {
            print_batch(report, self.path, self.position, header, bytes, crc)?;
        }
        let end = self.position + header.size() as Position;
        if damage.is_some() && end < self.file.len() && BatchHeader::parse(self.file.bytes(end, HEADER_LEN)?).is_err() {
            // It may be the length that is wrong.
            return self.search(report);
        }
        self.next_offset = header.next_offset().max(self.next_offset);
        self.position = end;
        Ok(())
    }

    /// Shows what there is of a batch that ends too early.
    fn show_torn(&mut self, report: &mut Report) -> io::Result<()> {
        let left = (self.file.len() - self.position) as usize;
        let Ok(header) = BatchHeader::parse(self.file.bytes(self.position, HEADER_LEN)?) else { return Ok(()) };
        if header.size() <= left {
            return Ok(());
        }
        let bytes = self.file.bytes(self.position, left)?.to_vec();
        print_batch(report, self.path, self.position, &header, &bytes, "not verified")
    }

    /// Moves on to the next place where a whole batch stands, or to the end.
    fn search(&mut self, report: &mut Report) -> io::Result<()> {
        let from = self.position;
        while self.position < self.file.len() {
            self.position += 1;
            let left = (self.file.len() - self.position) as usize;
            let Ok(header) = BatchHeader::parse(self.file.bytes(self.position, HEADER_LEN)?) else { continue };
            if header.size() <= left && batch::check(self.file.bytes(self.position, header.size())?).is_ok() {
                let passed = self.position - from;
                return report.note(
                    self.path,
                    format_args!("{passed} bytes passed over; a batch begins at byte {}", self.position),
                );
            }
        }
        Ok(())
    }
}
