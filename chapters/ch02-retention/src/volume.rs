//! How large the volume is that a folder lies on, and how much room is left there.

use std::path::Path;

/// A volume's room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Bytes altogether.
    pub total_bytes: u64,
    /// Bytes that a process without privileges may still write.
    pub usable_bytes: u64,
}

impl Volume {
    /// The volume of a folder; `None` if the operating system does not say.
    #[cfg(unix)]
    pub fn of(folder: &Path) -> Option<Volume> {
        let volume = rustix::fs::statvfs(folder).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(volume.f_frsize);
        Some(Volume { total_bytes: bytes(volume.f_blocks), usable_bytes: bytes(volume.f_bavail) })
    }

    /// The volume of a folder; `None` if the operating system does not say.
    #[cfg(not(unix))]
    pub fn of(_folder: &Path) -> Option<Volume> {
        None
    }
}
