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

// ANCHOR: complete_swaps
/// Completes what a crash interrupted in a folder: new segments that are whole take their place, others are removed.
pub fn complete_swaps(disk: &Disk, dir: &Path) -> Result<(), LogError> {
    let cleaned = suffixed(dir, CLEANED)?;
    let first_cleaned = cleaned.iter().map(|(base, _)| *base).min().unwrap_or(Offset::MAX);
    let (mut swapped, untrusted): (Vec<_>, Vec<_>) =
        suffixed(dir, SWAP)?.into_iter().partition(|(base, _)| *base < first_cleaned);
    // The untrusted first: without a .cleaned beside it, what is left of them would be trusted.
    for (_, path) in untrusted.into_iter().chain(cleaned) {
        info!("{}: left by a crash, removed", path.display());
        disk.remove(&path)?;
    }
    let is_index = |path: &Path| path.with_extension("").extension().is_none_or(|extension| extension != "log");
    for base in swapped.iter().filter(|(_, path)| !is_index(path)).map(|(base, _)| *base) {
        let mut segment = Segment::open_suffixed(disk, dir, base, SWAP, 0, true)?;
        remove_replaced(disk, dir, base, segment.next_offset()?)?;
    }
    // The .log first: while it has the suffix, a restart takes indexes without one for those of the old segment.
    swapped.sort_by_key(|(_, path)| is_index(path));
    for (_, path) in swapped {
        info!("{}: an interrupted swap, completed", path.display());
        disk.rename(&path, &path.with_extension(""))?;
    }
    Ok(())
}
// ANCHOR_END: complete_swaps

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
