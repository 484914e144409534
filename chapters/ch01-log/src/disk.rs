//! The file seam: every change that this broker makes to a disk goes through here.
//!
//! That gives one place for what differs between systems, and one place where tests put faults: a disk that is full, a
//! write that stops half way, an fsync that fails.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ch00_wire::transfer::read_exact_at;

/// A change about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A file or folder is created.
    Create(PathBuf),
    /// Bytes are written.
    Write {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        position: u64,
        /// How many.
        len: usize,
    },
    /// A file is cut or grown to a length.
    SetLen(PathBuf, u64),
    /// A file's or folder's changes are made durable.
    Sync(PathBuf),
    /// A file or folder is renamed.
    Rename(PathBuf, PathBuf),
    /// A file or folder is removed.
    Remove(PathBuf),
}

/// A fault: so many bytes of a write are still made, then the error comes.
#[derive(Debug)]
pub struct Fault {
    /// Bytes of a write that reach the file all the same.
    pub bytes: usize,
    /// The error.
    pub error: io::Error,
}

/// Decides which changes fail. Only tests have one.
pub trait Faults: Send + Sync {
    /// Called before each change; `Some` makes it fail.
    fn before(&self, change: &Change) -> Option<Fault>;
}

/// A disk, with or without faults.
#[derive(Clone, Default)]
pub struct Disk {
    faults: Option<Arc<dyn Faults>>,
}

impl Disk {
    /// A disk on which some changes fail.
    pub fn with_faults(faults: Arc<dyn Faults>) -> Disk {
        Disk { faults: Some(faults) }
    }

    fn before(&self, change: impl FnOnce() -> Change) -> Result<(), Fault> {
        match &self.faults {
            None => Ok(()),
            Some(faults) => faults.before(&change()).map_or(Ok(()), Err),
        }
    }

    fn check(&self, change: impl FnOnce() -> Change) -> io::Result<()> {
        self.before(change).map_err(|fault| fault.error)
    }

    /// Opens a file for reading and writing, creating it if need be.
    pub fn open(&self, path: &Path) -> io::Result<DiskFile> {
        if !path.exists() {
            self.check(|| Change::Create(path.to_owned()))?;
        }
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        Ok(DiskFile { file: Arc::new(file), path: path.to_owned(), disk: self.clone() })
    }

    /// Makes a folder and those above it.
    pub fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.check(|| Change::Create(path.to_owned()))?;
        fs::create_dir_all(path)
    }

    /// Renames a file or folder, durably.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check(|| Change::Rename(from.to_owned(), to.to_owned()))?;
        fs::rename(from, to)?;
        self.sync_dir(to.parent().unwrap_or(Path::new(".")))
    }

    /// Removes a file, which may be missing.
    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.check(|| Change::Remove(path.to_owned()))?;
        missing_is_fine(fs::remove_file(path))
    }

    /// Removes a folder with all that is in it; it may be missing.
    pub fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.check(|| Change::Remove(path.to_owned()))?;
        missing_is_fine(fs::remove_dir_all(path))
    }

    /// Makes a folder's entries durable.
    pub fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.check(|| Change::Sync(path.to_owned()))?;
        #[cfg(unix)]
        File::open(path)?.sync_all()?;
        Ok(())
    }

    // ANCHOR: replace
    /// Replaces a small file as a whole: whoever reads it after a crash sees the old contents or the new, never a mix.
    /// With `durable` the new contents are there for good when this returns.
    pub fn replace(&self, path: &Path, contents: &[u8], durable: bool) -> io::Result<()> {
        let temporary = path.with_added_extension("tmp");
        if let Err(Fault { bytes, error }) =
            self.before(|| Change::Write { path: path.to_owned(), position: 0, len: contents.len() })
        {
            fs::write(&temporary, &contents[..bytes.min(contents.len())])?;
            return Err(error);
        }
        let mut file = File::create(&temporary)?;
        file.write_all(contents)?;
        if durable {
            self.check(|| Change::Sync(path.to_owned()))?;
            file.sync_all()?;
        }
        self.check(|| Change::Rename(temporary.clone(), path.to_owned()))?;
        fs::rename(&temporary, path)?;
        if durable { self.sync_dir(path.parent().unwrap_or(Path::new("."))) } else { Ok(()) }
    }
    // ANCHOR_END: replace
}

fn missing_is_fine(result: io::Result<()>) -> io::Result<()> {
    result.or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
}

/// An open file. Clones share it.
#[derive(Clone)]
pub struct DiskFile {
    file: Arc<File>,
    path: PathBuf,
    disk: Disk,
}

impl DiskFile {
    /// The file, to be sent from.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes.
    pub fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `buffer` from a position.
    pub fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        read_exact_at(&self.file, buffer, position)
    }

    // ANCHOR: write_at
    /// Writes two pieces one after the other at a position: a header made here and a body that came as it is. When it
    /// fails, part of it may be in the file.
    pub fn write_at(&self, head: &[u8], body: &[u8], position: u64) -> io::Result<()> {
        let len = head.len() + body.len();
        match self.disk.before(|| Change::Write { path: self.path.clone(), position, len }) {
            Ok(()) => write_all_at(&self.file, head, body, position),
            Err(Fault { bytes, error }) => {
                let (head, rest) = head.split_at(bytes.min(head.len()));
                let body = if rest.is_empty() { &body[..(bytes - head.len()).min(body.len())] } else { &[] };
                write_all_at(&self.file, head, body, position)?;
                Err(error)
            }
        }
    }
    // ANCHOR_END: write_at

    /// Cuts the file, or grows it with zeros.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.check(|| Change::SetLen(self.path.clone(), len))?;
        self.file.set_len(len)
    }

    /// Makes what was written durable. After an error nothing is known of what was written before (fsyncgate): the
    /// caller must not try again and hope.
    pub fn sync(&self) -> io::Result<()> {
        self.disk.check(|| Change::Sync(self.path.clone()))?;
        self.file.sync_data()
    }

    /// Sets the time of the file's last change: a copy that takes the place of another keeps its age.
    pub fn set_modified(&self, time: std::time::SystemTime) -> io::Result<()> {
        self.file.set_modified(time)
    }

    /// Asks for disk space from `from` on without changing the file's length, so that later writes find it ready. Only a
    /// wish: where it cannot be had, writes find their own.
    pub fn reserve(&self, from: u64, len: u64) {
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fallocate(&self.file, rustix::fs::FallocateFlags::KEEP_SIZE, from, len);
        #[cfg(not(target_os = "linux"))]
        let _ = (from, len);
    }
}

#[cfg(unix)]
fn write_all_at(file: &File, head: &[u8], body: &[u8], position: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    #[cfg(target_os = "linux")]
    {
        let written = rustix::io::pwritev(file, &[io::IoSlice::new(head), io::IoSlice::new(body)], position)?;
        if written == head.len() + body.len() {
            return Ok(());
        }
        // A short write: the rest, or the reason why there is none.
        let head_left = &head[written.min(head.len())..];
        let body_left = &body[written.saturating_sub(head.len())..];
        file.write_all_at(head_left, position + written as u64)?;
        file.write_all_at(body_left, position + (written + head_left.len()) as u64)
    }
    #[cfg(not(target_os = "linux"))]
    {
        file.write_all_at(head, position)?;
        file.write_all_at(body, position + head.len() as u64)
    }
}

#[cfg(windows)]
fn write_all_at(file: &File, head: &[u8], body: &[u8], mut position: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    for mut piece in [head, body] {
        while !piece.is_empty() {
            let n = file.seek_write(piece, position)?;
            piece = &piece[n..];
            position += n as u64;
        }
    }
    Ok(())
}
