//! Completing what a crash interrupted while segments were replaced, before a log is opened.
//!
//! ```text
//! what the folder shows                      what had happened                       what is done
//! 00.log 10.log 00.log.cleaned               the new segment was being written       .cleaned goes
//! 00.log 10.log 00.log.swap 00.index.cleaned its files were being renamed            .cleaned and .swap go
//! 00.log 10.log 00.log.swap 00.index.swap    all were renamed: the new one is whole  00 and 10 go, .swap loses its suffix
//! 00.log.deleted 10.log 00.log.swap …        the old ones were being renamed         the same
//! 00.log 00.index.swap                       .swap was losing its suffix             the index follows its log
//! ```
//!
//! A `.cleaned` says that the old segments still count, whatever else there is; without one, a `.swap` is whole. (The
//! steps are in `ch01_log::segment_swap`. Names and order are Kafka's.)
//!
//! Caveat: several groups are cleaned in one pass, one after the other, each at a higher offset. So a `.cleaned` speaks
//! only for its own offset and those above it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ch01_log::batch::Offset;
use ch01_log::disk::Disk;
use ch01_log::scan::LogError;
use ch01_log::segment::{EXTENSIONS, Segment, base_offset_of};
use ch01_log::segment_swap::{CLEANED, SWAP};
use tracing::info;

/// Completes what a crash interrupted in a folder: new segments that are whole take their place, others are removed.
pub fn complete_swaps(disk: &Disk, dir: &Path) -> Result<(), LogError> {
    todo!("exercise swap-recovery")
}

fn suffixed(dir: &Path, suffix: &str) -> io::Result<Vec<(Offset, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        found.extend(base_offset_of_suffixed(&path, suffix).map(|base| (base, path)));
    }
    Ok(found)
}

/// Removes the files of the segments that a new one of offsets `[base, end)` has taken the place of.
fn remove_replaced(disk: &Disk, dir: &Path, base: Offset, end: Offset) -> io::Result<()> {
    for (replaced, path) in suffixed(dir, "")? {
        let is_own = path.extension().is_some_and(|extension| EXTENSIONS.iter().any(|own| extension == *own));
        if is_own && (replaced == base || base < replaced && replaced < end) {
            info!("{}: replaced by a compacted segment, removed", path.display());
            disk.remove(&path)?;
        }
    }
    Ok(())
}

/// The base offset of a file that has a suffix, such as `00000000000000000010.log.swap`.
fn base_offset_of_suffixed(path: &Path, suffix: &str) -> Option<Offset> {
    let name = path.file_name()?.to_str()?.strip_suffix(suffix)?;
    base_offset_of(Path::new(name))
}
