//! Frames: four bytes of length, then that many bytes. Everything on a Kafka connection is one.
//!
//! ```text
//! 00 00 00 0a | 00 12 00 00 00 00 00 01 ff ff
//! length = 10 | ApiVersions, version 0, correlation id 1, no client id
//! ```
//!
//! Caveat: the length comes from a stranger. It is checked against a limit before anything is allocated, and memory
//! grows with the bytes that have arrived, not with those that were announced.

use std::io;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A length that no frame may have.
    #[error("frame of {length} bytes: legal are 0 to {limit} (socket.request.max.bytes)")]
    Length {
        /// The length as sent.
        length: i32,
        /// The most that is allowed.
        limit: usize,
    },
    /// The peer went away in the middle of a frame.
    #[error("connection closed inside a frame: {got} of {length} bytes came")]
    Torn {
        /// Bytes of the frame that came.
        got: usize,
        /// Bytes that were announced.
        length: usize,
    },
    /// The peer began a frame and stopped sending.
    #[error("a frame was begun, and for {0:?} nothing more came")]
    Stopped(Duration),
    /// The peer began a frame and did not end it in time.
    #[error("a frame was begun and not completed within {0:?}")]
    Slow(Duration),
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads frames from a stream through one buffer, which is used again as soon as the frames cut from it are dropped.
pub struct FrameReader {
    buffer: BytesMut,
    limit: usize,
    deadline: Duration,
}

/// What is read ahead, in the hope of several small frames.
const READ_AHEAD: usize = 4 << 10;
/// What is allocated on a length's word alone.
const TRUSTED: usize = 1 << 20;
/// Slower than this, in bytes a second, is not a client but an attack.
const SLOWEST: u64 = 16 << 10;

impl FrameReader {
    /// A reader of frames of up to `limit` bytes. Once a frame has begun, some of it must come within each `deadline`,
    /// and all of it within `deadline` and a second more for each 16 KiB.
    pub fn new(limit: usize, deadline: Duration) -> FrameReader {
        FrameReader { buffer: BytesMut::new(), limit, deadline }
    }

    // ANCHOR: begin
    /// Waits for the first bytes of a frame. `false` if the peer closed the connection instead: between two frames that
    /// is no error. Safe to cancel.
    pub async fn begin(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<bool, FrameError> {
        if self.buffer.is_empty() {
            self.buffer.reserve(READ_AHEAD);
            return Ok(read_up_to(stream, &mut self.buffer, READ_AHEAD).await? > 0);
        }
        Ok(true)
    }
    // ANCHOR_END: begin

    // ANCHOR: read_frame
    /// The frame whose first bytes are here, without its length.
    pub async fn frame(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<Bytes, FrameError> {
        self.fill(stream, 4, self.deadline).await?;
        let length = i32::from_be_bytes(*self.buffer.first_chunk().expect("four bytes were read"));
        let whole = match usize::try_from(length) {
            Ok(n) if n <= self.limit => n + 4,
            _ => return Err(FrameError::Length { length, limit: self.limit }),
        };
        self.fill(stream, whole, self.deadline + Duration::from_secs(whole as u64 / SLOWEST)).await?;
        Ok(self.buffer.split_to(whole).freeze().slice(4..))
    }
    // ANCHOR_END: read_frame

    // ANCHOR: fill
    /// Reads until the buffer holds `target` bytes, and no further: what follows a large frame stays in the socket,
    /// so that the buffer can be used again as a whole.
    async fn fill(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        target: usize,
        limit: Duration,
    ) -> Result<(), FrameError> {
        if self.buffer.len() >= target {
            return Ok(());
        }
        let read = async {
            while self.buffer.len() < target {
                let missing = target - self.buffer.len();
                let step = missing.min(TRUSTED.max(self.buffer.len()));
                self.buffer.reserve(step);
                let read = timeout(self.deadline, read_up_to(stream, &mut self.buffer, step));
                if read.await.map_err(|_| FrameError::Stopped(self.deadline))?? == 0 {
                    return Err(FrameError::Torn { got: self.buffer.len(), length: target });
                }
            }
            Ok(())
        };
        timeout(limit, read).await.map_err(|_| FrameError::Slow(limit))?
    }
    // ANCHOR_END: fill

    /// Gives memory back that only large frames needed. For a connection that has gone quiet.
    pub fn release(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
    }
}

async fn read_up_to(stream: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut, most: usize) -> io::Result<usize> {
    use bytes::BufMut;
    stream.read_buf(&mut buffer.limit(most)).await
}
