//! Taking segments out of a log, or putting one in the place of several, so that a crash at any moment leaves the log as
//! it was or as it is to be. Nothing in this chapter does either; the next one does.
//!
//! ```text
//! 1  ….log.cleaned    the new segment is written and synced       a crash: it is removed
//! 2  ….log.swap       renamed                                     once all its files are, a restart completes the rest
//! 3  ….log.deleted    the old segments, renamed                   removed later, or at the next start
//! 4  ….log            the new one loses its suffix
//! ```
//!
//! Names and order are Kafka's. Files are renamed one by one, the `.log` first, so a folder may show a step half done: a
//! `.cleaned` beside a `.swap` says that the old segments still count; a `.swap` of an index without one of the `.log`
//! that only the index is left to rename.
//!
//! Caveat: an error half way, other than a crash, leaves files and memory apart. Such an error is never one that passes:
//! whoever gets it takes the disk offline.

use std::io;
use std::path::{Path, PathBuf};

use tracing::info;

use crate::batch::Offset;
use crate::log::Log;
use crate::segment::{EXTENSIONS, Segment, file_name};

/// What the files of a segment end with that is still being written.
pub const CLEANED: &str = ".cleaned";
/// What they end with once it is complete.
pub const SWAP: &str = ".swap";
/// What the files of a segment end with that is to be removed.
pub const DELETED: &str = ".deleted";

impl Log {
    /// A new segment at `base` that is not part of the log yet.
    pub fn create_cleaned_segment(&self, base: Offset) -> io::Result<Segment> {
        self.check_not_retired()?;
        for extension in EXTENSIONS {
            self.disk.remove(&self.dir.join(file_name(base, extension) + CLEANED))?;
        }
        let interval = self.config.segment.index_interval_bytes;
        Segment::open_suffixed(&self.disk, &self.dir, base, CLEANED, interval, true)
    }

    /// From now on offsets may have holes. Whoever calls it has seen to it that the next start knows.
    pub fn allow_holes(&mut self) {
        self.is_lenient = true;
        self.segments.values_mut().for_each(|segment| segment.may_skip = true);
    }

    // ANCHOR: replace_segments
    /// Puts `new`, written and synced, in the place of the segments at `old`, which it begins with. Returns the files that
    /// are to be removed when no reader needs them any more.
    pub fn replace_segments(&mut self, mut new: Segment, old: &[Offset]) -> io::Result<Vec<PathBuf>> {
        self.check_not_retired()?;
        assert_eq!(old.first(), Some(&new.base_offset), "the new segment begins where the old ones do");
        if let Some(gone) = old.iter().find(|base| !self.segments.contains_key(base)) {
            return Err(io::Error::other(format!("{}: segment {gone} is gone meanwhile", self.name)));
        }
        let (_, active) = self.segments.last_key_value().expect("a log has a segment");
        assert!(old.iter().all(|&base| base < active.base_offset), "the active segment is never replaced");
        let mut doomed = Vec::new();
        let swapped = new.change_suffix(SWAP).and_then(|()| {
            for base in old {
                doomed.extend(self.segments.remove(base).expect("looked at above").doom()?);
            }
            new.change_suffix("")
        });
        swapped.map_err(half_done)?;
        self.segments.insert(new.base_offset, new);
        Ok(doomed)
    }
    // ANCHOR_END: replace_segments

    // ANCHOR: delete_segments
    /// Takes the first segments out of the log, those before the one at `first_kept`, oldest first so that a crash leaves
    /// no hole. Returns the files that are to be removed when no reader needs them any more.
    pub fn delete_segments_before(&mut self, first_kept: Offset) -> io::Result<Vec<PathBuf>> {
        self.check_not_retired()?;
        assert!(self.segments.contains_key(&first_kept), "a log has a segment");
        self.increment_log_start_offset(first_kept);
        let kept = self.segments.split_off(&first_kept);
        let mut doomed = Vec::new();
        for segment in std::mem::replace(&mut self.segments, kept).into_values() {
            let snapshot = self.dir.join(file_name(segment.base_offset, "snapshot"));
            doomed.extend(segment.doom().map_err(half_done)?);
            self.disk.remove(&snapshot).map_err(half_done)?;
        }
        // Not before: recovery takes a batch of an epoch that the list does not know for damage.
        self.epochs.truncate_from_start(first_kept).map_err(half_done)?;
        Ok(doomed)
    }
    // ANCHOR_END: delete_segments

    /// Moves the log's start up to an offset, if it is not there yet: readers see nothing below it any more. A restart
    /// knows of it only from a checkpoint.
    pub fn increment_log_start_offset(&mut self, offset: Offset) {
        assert!(offset <= self.log_end_offset, "a log does not begin after its end");
        if offset > self.log_start_offset {
            info!("{}: the log starts at {offset} now, it was {}", self.name, self.log_start_offset);
            self.log_start_offset = offset;
            self.recovery_point = self.recovery_point.max(offset);
        }
    }
}

impl Segment {
    /// Makes what cannot be had from elsewhere durable: batches, and aborted transactions.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file()?.sync()?;
        if self.has_txn_index { self.disk.open(&self.file_path("txnindex"))?.sync() } else { Ok(()) }
    }

    /// Removes its files: it is not to become part of its log.
    pub fn discard(self) -> io::Result<()> {
        self.files().iter().try_for_each(|file| self.disk.remove(file))
    }

    /// Renames its files, the `.log` first.
    fn change_suffix(&mut self, suffix: &'static str) -> io::Result<()> {
        self.file = None;
        for extension in EXTENSIONS {
            let (from, name) = (self.file_path(extension), file_name(self.base_offset, extension));
            if from.exists() {
                self.disk.rename(&from, &from.with_file_name(name + suffix))?;
            }
        }
        let dir = self.path.parent().unwrap_or(Path::new("."));
        *self = Segment::open_suffixed(
            &self.disk,
            dir,
            self.base_offset,
            suffix,
            self.index_interval_bytes,
            self.may_skip,
        )?;
        Ok(())
    }

    /// Renames its files, the `.log` first: without it the others are orphans. Returns those there are.
    fn doom(self) -> io::Result<Vec<PathBuf>> {
        let mut doomed = Vec::new();
        for path in self.files().into_iter().filter(|path| path.exists()) {
            let mut name = path.clone().into_os_string();
            name.push(DELETED);
            self.disk.rename(&path, Path::new(&name))?;
            doomed.push(name.into());
        }
        Ok(doomed)
    }
}

/// An error that does not pass, whatever its cause: what is in memory is not what is on the disk.
fn half_done(e: io::Error) -> io::Error {
    io::Error::other(format!("segments were renamed in part: {e}"))
}
