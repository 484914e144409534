//! Sending a message's chunks: bytes with a plain write, stretches of a file without copying them through this process.
//!
//! On Linux a file region goes from the page cache to the socket by `sendfile`, and the bytes before it are sent with
//! `MSG_MORE`, which tells the kernel not to send a short packet for them. Elsewhere the region is read and written.
//!
//! Caveat: a region is a promise about a file that others may shorten (a truncated log). A file that ends too early is
//! an error that closes the connection: the length in front of the region has been sent already.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::codec::Chunk;

// ANCHOR: region
/// A stretch of a file, to be sent as it is. Holding it keeps the file readable even when it is deleted meanwhile.
#[derive(Clone)]
pub struct FileRegion {
    /// The file.
    pub file: Arc<File>,
    /// Position of the first byte in the file.
    pub offset: u64,
    /// Bytes to send.
    pub len: usize,
}
// ANCHOR_END: region

impl FileRegion {
    /// The region's bytes, read into memory.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.len];
        read_exact_at(&self.file, &mut bytes, self.offset)?;
        Ok(bytes)
    }
}

impl PartialEq for FileRegion {
    fn eq(&self, other: &FileRegion) -> bool {
        Arc::ptr_eq(&self.file, &other.file) && (self.offset, self.len) == (other.offset, other.len)
    }
}

impl fmt::Debug for FileRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of a file from {}", self.len, self.offset)
    }
}

/// Reads at a position without moving the file's cursor, which other readers of the same file share.
pub fn read_exact_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, buffer, position);
    #[cfg(windows)]
    {
        let mut done = 0;
        while done < buffer.len() {
            match std::os::windows::fs::FileExt::seek_read(file, &mut buffer[done..], position + done as u64)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => done += n,
            }
        }
        Ok(())
    }
}

// ANCHOR: send
/// Sends every chunk in order. `None` if the peer takes nothing for as long as `stalled`.
pub async fn send(stream: &TcpStream, chunks: Vec<Chunk>, stalled: Duration) -> io::Result<Option<()>> {
    let mut chunks = chunks.into_iter().peekable();
    while let Some(mut chunk) = chunks.next() {
        let more = chunks.peek().is_some();
        while !chunk.is_empty() {
            let attempt = || match &chunk {
                Chunk::Bytes(bytes) => send_bytes(stream, bytes, more),
                Chunk::File(region) => send_file(stream, region),
            };
            let Some(sent) = when_writable(stream, attempt, stalled).await? else { return Ok(None) };
            match &mut chunk {
                Chunk::Bytes(bytes) => bytes.advance(sent),
                Chunk::File(region) if sent == 0 => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("file ends before {region:?}")));
                }
                Chunk::File(region) => {
                    region.offset += sent as u64;
                    region.len -= sent;
                }
            }
        }
    }
    Ok(Some(()))
}
// ANCHOR_END: send

/// Runs `attempt` until it does not have to wait, each time the socket takes bytes again.
async fn when_writable(
    stream: &TcpStream,
    mut attempt: impl FnMut() -> io::Result<usize>,
    stalled: Duration,
) -> io::Result<Option<usize>> {
    loop {
        match stream.try_io(Interest::WRITABLE, &mut attempt) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => match timeout(stalled, stream.writable()).await {
                Ok(writable) => writable?,
                Err(_) => return Ok(None),
            },
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            result => return result.map(Some),
        }
    }
}

#[cfg(target_os = "linux")]
fn send_bytes(stream: &TcpStream, bytes: &[u8], more: bool) -> io::Result<usize> {
    use rustix::net::SendFlags;
    let flags = if more { SendFlags::MORE | SendFlags::NOSIGNAL } else { SendFlags::NOSIGNAL };
    Ok(rustix::net::send(stream, bytes, flags)?)
}

// ANCHOR: send_file
#[cfg(target_os = "linux")]
fn send_file(stream: &TcpStream, region: &FileRegion) -> io::Result<usize> {
    let mut position = region.offset;
    Ok(rustix::fs::sendfile(stream, &*region.file, Some(&mut position), region.len)?)
}
// ANCHOR_END: send_file

#[cfg(not(target_os = "linux"))]
fn send_bytes(stream: &TcpStream, bytes: &[u8], _more: bool) -> io::Result<usize> {
    use std::io::Write;
    socket2::SockRef::from(stream).write(bytes)
}

#[cfg(not(target_os = "linux"))]
fn send_file(stream: &TcpStream, region: &FileRegion) -> io::Result<usize> {
    let step = FileRegion { len: region.len.min(256 << 10), ..region.clone() };
    send_bytes(stream, &step.read()?, true)
}
