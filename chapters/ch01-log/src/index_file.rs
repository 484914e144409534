//! The file behind an index: entries of one length, appended while the segment is active, memory-mapped for searches.
//!
//! Caveat: Apache Kafka creates an index at its full size (10 MiB) and maps that. Touching a mapped hole on a full disk
//! kills the process with SIGBUS. Here entries are appended with plain writes, which fail politely, and only what has
//! been written is mapped.

use std::io;
use std::path::{Path, PathBuf};

use memmap2::{Mmap, MmapOptions};

use crate::disk::{Disk, DiskFile};

/// An index file.
pub struct IndexFile {
    disk: Disk,
    path: PathBuf,
    entry_len: usize,
    /// Bytes of whole entries in the file.
    len: usize,
    /// Opened by the first append: most partitions' indexes are never written to.
    file: Option<DiskFile>,
    /// The first `map.len()` bytes; shorter than `len` when entries came since.
    map: Option<Mmap>,
}

impl IndexFile {
    /// The index at `path`, which need not exist: then it is empty. Bytes after the last whole entry are left out.
    pub fn open(disk: &Disk, path: PathBuf, entry_len: usize) -> io::Result<IndexFile> {
        let len = match path.metadata() {
            Ok(metadata) => usize::try_from(metadata.len()).unwrap_or(0) / entry_len * entry_len,
            Err(e) if e.kind() == io::ErrorKind::NotFound => 0,
            Err(e) => return Err(e),
        };
        Ok(IndexFile { disk: disk.clone(), path, entry_len, len, file: None, map: None })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no entry.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an entry.
    pub fn append(&mut self, entry: &[u8]) -> io::Result<()> {
        debug_assert_eq!(entry.len(), self.entry_len);
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(self.disk.open(&self.path)?),
        };
        file.write_at(entry, &[], self.len as u64)?;
        self.len += self.entry_len;
        Ok(())
    }

    /// All entries, as bytes.
    pub fn entries(&mut self) -> io::Result<&[u8]> {
        if self.len == 0 {
            return Ok(&[]);
        }
        if self.map.as_ref().is_none_or(|map| map.len() < self.len) {
            let file = self.disk.open(&self.path)?;
            // SAFETY: the bytes mapped were written and are never cut off while the map is kept (`truncate` drops it).
            // A person who cuts the file under a running broker takes it down, as they would Apache Kafka.
            self.map = Some(unsafe { MmapOptions::new().len(self.len).map(&**file.file())? });
        }
        Ok(&self.map.as_ref().expect("mapped above")[..self.len])
    }

    /// The last entry.
    pub fn last(&mut self) -> io::Result<Option<&[u8]>> {
        let entry_len = self.entry_len;
        Ok(self.entries()?.rchunks_exact(entry_len).next())
    }

    /// Keeps the first `len` bytes of entries.
    pub fn truncate(&mut self, len: usize) -> io::Result<()> {
        self.map = None;
        self.len = self.len.min(len);
        if self.path.exists() {
            self.disk.open(&self.path)?.set_len(self.len as u64)?;
        }
        Ok(())
    }

    /// Closes the file; it is opened again when needed.
    pub fn close(&mut self) {
        self.file = None;
        self.map = None;
    }

    /// Makes sure that the file exists, as the index of a segment with records should, and has nothing after its entries.
    pub fn seal(&mut self) -> io::Result<()> {
        let file = self.disk.open(&self.path)?;
        if file.len()? != self.len as u64 {
            file.set_len(self.len as u64)?;
        }
        self.file = None;
        Ok(())
    }
}
